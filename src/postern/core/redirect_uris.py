"""Redirect URIs: what may be registered (RFC 6749 3.1.2, RFC 9700 2.1) and when one that is presented matches (RFC
8252 7.3).

Matching is comparison of strings. Only for loopback addresses is the port left out, and there by a strict grammar,
never by a URL library that might normalise.
"""

import re

from postern.api.errors import InvalidRedirectUriException

MAX_REDIRECT_URIS = 10
MAX_LENGTH = 512

_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|localhost|\[::1\])(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>/[A-Za-z0-9\-._~!$&'()+,;=:@%/]*)?"
)
_HTTPS = re.compile(
    r"https://[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?)*(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?:/[A-Za-z0-9\-._~!$&'()+,;=:@%/]*)?(?:\?[A-Za-z0-9\-._~!$&'()+,;=:@%/?]*)?"
)
_DOT_SEGMENT = re.compile(r"/(\.|%2e){1,2}(/|;|\?|$)", re.IGNORECASE)


def validate(uris: tuple[str, ...] | None) -> tuple[str, ...]:
    """The redirect URIs to register.

    Raises:
        InvalidRedirectUriException: one is neither https nor http on a loopback address, or has a fragment, user
            info, a wildcard, …
    """
    unique = tuple(dict.fromkeys(uris or ()))
    if len(unique) > MAX_REDIRECT_URIS:
        raise InvalidRedirectUriException(reason=f"more than {MAX_REDIRECT_URIS} redirect URIs")
    for uri in unique:
        if len(uri) > MAX_LENGTH or not is_acceptable(uri):
            raise InvalidRedirectUriException(reason="redirect URI is not https and not http on a loopback address")
    return unique


def is_acceptable(uri: str) -> bool:
    if _DOT_SEGMENT.search(uri):
        return False
    return _is_https(uri) or _loopback(uri) is not None


def matches(registered: str, presented: str) -> bool:
    """Whether a client that registered one URI may be sent to the other."""
    if registered == presented:
        return True
    ours, theirs = _loopback(registered), _loopback(presented)
    return ours is not None and ours == theirs and not _DOT_SEGMENT.search(presented)


def origin(uri: str) -> str:
    """Scheme, host and port of an acceptable URI, as content security policies name it."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"


def _is_https(uri: str) -> bool:
    found = _HTTPS.fullmatch(uri)
    return found is not None and int(found["port"] or 1) <= 65535


def _loopback(uri: str) -> tuple[str, str] | None:
    """Host and path of a loopback URI; no path and ``/`` are the same."""
    found = _LOOPBACK.fullmatch(uri)
    if found is None or int(found["port"] or 1) > 65535:
        return None
    return found["host"], found["path"] or "/"
