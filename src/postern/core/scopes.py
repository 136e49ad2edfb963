"""Scopes: their grammar (sso-admin's ``ScopeName``), which of them a client may register, and what they mean in plain
words.
"""

import re

from postern.api.errors import InvalidScopeException

MAX_SCOPES = 25
ACCOUNT_ACCESS = "sso:account:access"
LEGACY_PORTAL = "sso-portal:*"
_SCOPE = re.compile(r"[A-Za-z0-9_]{1,50}(:[A-Za-z0-9_]{1,50}){0,2}")
_SEPARATORS = re.compile(r"[ ,]+")

_PLAIN_WORDS = {
    ACCOUNT_ACCESS: "Use the accounts and roles that are assigned to you",
    LEGACY_PORTAL: "Use the accounts and roles that are assigned to you",
    "openid": "Know who you are",
    "aws": "Act as you towards AWS services",
    "sts:identity_context": "Pass on to AWS services who you are",
    "codewhisperer:completions": "Get inline code suggestions",
    "codewhisperer:analysis": "Run code reviews and security scans",
    "codewhisperer:conversations": "Chat with the coding assistant",
    "codewhisperer:transformations": "Transform and upgrade code",
    "codewhisperer:taskassist": "Let the coding assistant work on tasks",
    "codecatalyst:read_write": "Read and change your CodeCatalyst projects",
    "redshift:connect": "Connect to Amazon Redshift",
    "s3:access_grants": "Use your Amazon S3 access grants",
}


def validate(scopes: tuple[str, ...] | None, admitted: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes to register, without repetitions.

    Raises:
        InvalidScopeException: a scope is malformed or not admitted by the settings, or there are more than
            `MAX_SCOPES`.
    """
    unique = distinct(scopes)
    if len(unique) > MAX_SCOPES:
        raise InvalidScopeException(reason=f"more than {MAX_SCOPES} scopes")
    for scope in unique:
        if not _is_admitted(scope, admitted):
            raise InvalidScopeException(reason="scope is malformed or not admitted by clients.scopes")
    return unique


def is_scope(text: str) -> bool:
    """Whether it has the form of a scope; the portal's old one is the exception."""
    return text == LEGACY_PORTAL or _SCOPE.fullmatch(text) is not None


def distinct(scopes: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scopes or ()))


def within(requested: tuple[str, ...] | None, granted: tuple[str, ...]) -> bool:
    """Whether nothing beyond ``granted`` is requested; to request nothing is to request all."""
    return set(requested or ()) <= set(granted)


def mask(requested: tuple[str, ...] | None, granted: tuple[str, ...]) -> int:
    """The requested scopes as bits over ``granted``, in its order. Nothing requested means all of them."""
    wanted = set(requested or granted)
    return sum(1 << position for position, scope in enumerate(granted) if scope in wanted)


def unmask(bits: int, granted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(scope for position, scope in enumerate(granted) if bits >> position & 1)


def parse(text: str) -> tuple[str, ...]:
    """Scopes of a query parameter. Some clients separate them with spaces, some with commas."""
    return distinct(tuple(scope for scope in _SEPARATORS.split(text) if scope))


def is_legacy(scopes: tuple[str, ...]) -> bool:
    """Whether a client registered as those older than scopes do: none at all, or only the portal's."""
    return set(scopes) <= {LEGACY_PORTAL}


def plain_words(scope: str) -> str:
    """What a person agrees to when granting ``scope``."""
    return _PLAIN_WORDS.get(scope, f"Use the permission “{scope}”")


def _is_admitted(scope: str, admitted: tuple[str, ...]) -> bool:
    if scope == LEGACY_PORTAL:
        return LEGACY_PORTAL in admitted
    if not _SCOPE.fullmatch(scope):
        return False
    return any(scope == pattern or (pattern.endswith(":*") and scope.startswith(pattern[:-1])) for pattern in admitted)
