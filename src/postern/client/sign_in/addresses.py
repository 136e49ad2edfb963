"""Web addresses that a service, a file or a browser names: whether they are any, and whether two mean the same."""

from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def parsed(url: str) -> SplitResult | None:
    """The parts of an http or https URL; None if it is none, or if not all of it can be seen."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable else None


def normalised(url: str) -> str:
    """The URL in the form that can be compared: host in lower case, no default port, no fragment, no slash at the end.
    What is no web address stays as it is.
    """
    parts = parsed(url)
    if parts is None:
        return url
    return parts._replace(netloc=_authority(parts), fragment="").geturl().rstrip("/")


def origin(url: str) -> str:
    """Scheme and authority of a web address; what is none stays as it is."""
    parts = parsed(url)
    return url if parts is None else f"{parts.scheme}://{_authority(parts)}"


def _authority(parts: SplitResult) -> str:
    return parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])
