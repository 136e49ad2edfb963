"""URLs that credential sources have: those that may be asked for credentials, and those of consoles."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 512
MAX_ADDRESS = 2048
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?:/[A-Za-z0-9\-._~!$&'()+,;=:@%/]*)?"
)
_HOST = re.compile(r"[a-z0-9.-]+")
_UNSAFE = re.compile(r"[^!-~]|[\\\"<>]")


def is_endpoint(url: str, *, allow_http: bool) -> bool:
    """Whether ``url`` is https, or http on loopback or if ``allow_http``, without user, query and fragment."""
    found = _URL.fullmatch(url)
    if found is None or len(url) > MAX_LENGTH or int(found["port"] or 1) > 65535:
        return False
    try:
        host = urlsplit(url).hostname
    except ValueError:  # brackets around what is no address
        return False
    return host is not None and (found["scheme"] == "https" or allow_http or is_loopback(host))


def is_loopback(host: str) -> bool:
    """By what it is called: a name but ``localhost`` may lead anywhere."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_address(url: str) -> SplitResult | None:
    """The parts of an address that a browser may be sent to: http(s), of plain characters, with a host by name or IPv4
    address and without a user. ``None`` if it is none.
    """
    if len(url) > MAX_ADDRESS or _UNSAFE.search(url) or not url.startswith(("https://", "http://")):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        return None
    return parts if "@" not in parts.netloc and _HOST.fullmatch(parts.hostname or "") else None
