"""The start URL, as the AWS CLI looks at it: from 2.35.13 on it takes https URLs of hosts that AWS owns, or such as
redirect to one.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.cli.output import printable

_SUFFIXES = (
    ".app.aws",
    ".portal.amazonaws.com",
    ".portal.amazonaws.com.cn",
    ".app.amazonwebservices.com.cn",
    ".portal.amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".awsapps.com",
    ".awsapps.cn",
)
_HOSTS = frozenset(
    {
        "identitycenter.amazonaws.com",
        "identitycenter.amazonaws.com.cn",
        "identitycenter.amazonaws.eu",
        "identitycenter.us-gov.amazonaws.com",
    }
)


def examine(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    url = case.session.start_url
    if not _is_url(url):
        yield problem(
            "start URL",
            f"{printable(url)!r} is no http(s) URL",
            "correct sso_start_url; a comment must stand on a line of its own",
        )
    elif is_accepted(url):
        yield ok("start URL", f"{url} is one that every AWS CLI accepts; it is compared, and not contacted")
    elif urlsplit(url).scheme == "https":
        yield warn(
            "start URL",
            f"{url} is not of a host that AWS owns: the AWS CLI from 2.35.13 on accepts it only if it redirects to one",
            "use a start URL such as https://NAME.awsapps.com/start, if the service knows it",
        )
    else:
        yield warn(
            "start URL",
            f"{url} is not https: the AWS CLI from 2.35.13 on refuses it",
            "use a start URL such as https://NAME.awsapps.com/start, if the service knows it",
        )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(map(str.isspace, url))


def is_accepted(url: str) -> bool:
    """Whether the AWS CLI takes this start URL as it is."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" and (host in _HOSTS or any(f".{host}".endswith(suffix) for suffix in _SUFFIXES))
