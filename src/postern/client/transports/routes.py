"""Where a request goes: to which server, and by way of which proxy. The environment's proxies count as they do for
botocore: lower-case names go first, and an empty one switches the other off.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from postern.client.errors import ConfigurationError, ProxyError
from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports.options import TransportOptions

# What getaddrinfo gives.
Address: TypeAlias = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

_URL = re.compile(r"(https?)://([^/?#]*)([!-\"$-~]*)(?:#.*)?", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.%]{2,63})\]|([^:@\[\]\\\x00-\x20\x7f]+))(?::([0-9]{1,5}))?")
_NAME = re.compile(r"(?=.{1,254}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_PORTS = {"http": 80, "https": 443}
_MAX_KNOWN = 256


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """``authorization`` is the value of Proxy-Authorization, or empty."""

    host: str
    port: int
    authorization: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"

    def __rich_repr__(self) -> list[tuple[str, str | int]]:
        return [("host", self.host), ("port", self.port)]


class Route(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``authority`` is the Host header. Connections of equal routes can stand in for one another."""

    scheme: str
    host: str
    port: int
    authority: str
    proxy: Proxy | None = None

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def hop(self) -> tuple[str, int]:
        """Host and port to connect to."""
        return (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)

    @property
    def place(self) -> str:
        """The server, for people."""
        return _place(self.host, self.port)

    @property
    def hop_place(self) -> str:
        """What is connected to, for people."""
        return self.place if self.proxy is None else f"proxy {_place(*self.hop)}"

    @property
    def tunnel(self) -> HttpRequest | None:
        """What to ask of the proxy before anything is sent to the server."""
        if self.proxy is None or not self.is_tls:
            return None
        headers = {"proxy-authorization": self.proxy.authorization} if self.proxy.authorization else {}
        return HttpRequest(method="CONNECT", url="", headers={"host": self.place, **headers})

    def check_tunnel(self, response: HttpResponse, *, is_clean: bool) -> None:
        """
        Raises:
            ProxyError: the proxy did not agree, or said more than it may.
        """
        if not 200 <= response.status < 300:
            raise ProxyError(f"{self.hop_place} refused to connect to {self.place}: {_reason(response.status)}")
        if not is_clean:
            raise ProxyError(f"{self.hop_place} sent bytes of its own after connecting to {self.place}")

    def check(self, response: HttpResponse) -> HttpResponse:
        """
        Raises:
            ProxyError: the answer is the proxy's and not the server's, which through a tunnel it cannot be.
        """
        if response.status == 407 and self.proxy is not None and not self.is_tls:
            raise ProxyError(f"{self.hop_place} refused to pass a request to {self.place}: {_reason(407)}")
        return response


class Routes:
    """The routes that ``options`` lead to.

    Raises:
        ConfigurationError: the proxy among them cannot be used.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._environment = options.environment
        self._proxy = _proxy(options.proxy) if options.proxy else None
        self._known: dict[tuple[str, str, bool], Route] = {}

    def find(self, request: HttpRequest) -> tuple[Route, str]:
        """The route and the target in origin form.

        Raises:
            ConfigurationError: the URL, or the proxy for it, cannot be used.
        """
        match = _URL.fullmatch(request.url)
        if match is None:
            raise ConfigurationError(f"{request!r}: that is no http or https URL, or it has unquoted characters")
        scheme, authority, target = match.groups()
        key = (scheme, authority, request.direct)
        route = self._known.get(key) or self._learn(key)
        return route, target if target[:1] == "/" else f"/{target}"

    def _learn(self, key: tuple[str, str, bool]) -> Route:
        scheme, authority, direct = key
        scheme = scheme.lower()
        host, port = _host_and_port(authority, _PORTS[scheme])
        place = _place(host, port)
        named = place if port != _PORTS[scheme] else place.rpartition(":")[0]
        proxy = None if direct else self._proxy or _environment_proxy(self._environment, scheme, host, port)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        route = Route(scheme=scheme, host=host, port=port, authority=named, proxy=proxy)
        self._known[key] = route
        return route


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(authority)
    port = int(match[3] or default_port) if match is not None else 0
    if match is None or not 0 < port < 65536:
        raise ConfigurationError("a URL needs a host, a port within reach, and neither user nor password")
    return _address(match[1]) if match[1] else _name(match[2]), port


def _address(host: str) -> str:
    import socket

    try:
        socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except OSError:
        raise ConfigurationError(f"{host!r} is no IPv6 address") from None
    return host.lower()


def _name(host: str) -> str:
    """In the form that name servers and certificates know. What is beyond ASCII may turn into anything on the way, even
    into a slash, so it is looked at afterwards.
    """
    try:
        name = (host if host.isascii() else host.encode("idna").decode("ascii")).lower()
    except UnicodeError:
        name = ""
    if _NAME.fullmatch(name) is None:
        raise ConfigurationError(f"{host!r} is no host name")
    return name


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(status: int) -> str:
    if status == 407:
        return "it wants a user and password it knows (407)"
    return f"status {status}"


def _environment_proxy(environment: Mapping[str, str], scheme: str, host: str, port: int) -> Proxy | None:
    # A web server passes a request's own "Proxy" header to CGI programs as HTTP_PROXY: CVE-2016-1000110.
    is_cgi = scheme == "http" and "REQUEST_METHOD" in environment
    url = _variable(environment, f"{scheme}_proxy", "" if is_cgi else f"{scheme}_proxy".upper())
    if not url or _is_exempt(_variable(environment, "no_proxy", "NO_PROXY"), host, port):
        return None
    return _proxy(url)


def _variable(environment: Mapping[str, str], lower: str, upper: str) -> str:
    value = environment.get(lower)
    return environment.get(upper, "") if value is None else value


def _is_exempt(no_proxy: str, host: str, port: int) -> bool:
    if no_proxy.strip() == "*":
        return True
    names = (name.strip().lstrip(".").lower() for name in no_proxy.split(","))
    place = _place(host, port)
    spellings = (host, place, place.rpartition(":")[0])
    return any(name and any(f".{given}".endswith(f".{name}") for given in spellings) for name in names)


def _proxy(url: str) -> Proxy:
    scheme, _, rest = url.rpartition("://") if "://" in url.partition("@")[0] else ("http", "", url)
    if scheme.lower() != "http":
        raise ConfigurationError("a proxy is reached by http: only, not by https: or socks:")
    credentials, _, authority = rest.removeprefix("//").partition("/")[0].rpartition("@")
    try:
        host, port = _host_and_port(authority, 80)
    except ConfigurationError:
        raise ConfigurationError("the URL of the proxy cannot be used: http://user:password@host:port") from None
    return Proxy(host=host, port=port, authorization=_authorization(credentials))


def _authorization(credentials: str) -> str:
    user, mark, password = credentials.partition(":")
    if not mark:
        return ""
    from binascii import b2a_base64
    from urllib.parse import unquote

    plain = f"{unquote(user)}:{unquote(password)}".encode()
    return f"Basic {b2a_base64(plain, newline=False).decode()}"
