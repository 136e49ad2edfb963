"""One GET that nobody can turn against us: to an address that was checked, without redirects or proxies, of bounded
size. The caller bounds the time.

Imported when it is first needed: httpcore takes 50 ms to load.
"""

import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import SplitResult, urlsplit

import anyio
import httpcore

from postern.core.issuer_keys import IssuerUnavailable
from postern.remote.addresses import Destinations

MAX_BODY = 1024 * 1024
_URL = re.compile(r"https?://[!-~]{1,2000}")
_MAX_ADDRESSES = 4
_CONNECT_SECONDS = 1.0
_HEADERS = (("Accept", "application/json"), ("User-Agent", "postern"), ("Connection", "close"))
_FAILURES = (
    OSError,
    ValueError,  # a host name that is none, a header that is none
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
Connect = Callable[[str, int, float | None], Awaitable[httpcore.AsyncNetworkStream]]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, best first."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(entry[4][0] for entry in found))


async def connect(address: str, port: int, timeout: float | None) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109
    return await httpcore.AnyIOBackend().connect_tcp(address, port, timeout)


class Fetcher:
    """GETs from the ``destinations``; ``resolve`` and ``connect`` are how names and addresses are reached."""

    def __init__(
        self,
        destinations: Destinations,
        *,
        resolve: Resolve = resolve,
        connect: Connect = connect,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._destinations = destinations
        self._resolve = resolve
        self._connect = connect
        self._tls = tls or ssl.create_default_context()

    async def get(self, url: str) -> bytes:
        """The body of a 200 answer.

        Raises:
            IssuerUnavailable: the URL may not be asked, or does not answer as it should.
        """
        parts = _split(url)
        backend = _CheckedBackend(self._destinations, self._resolve, self._connect, secure=parts.scheme == "https")
        try:
            async with httpcore.AsyncConnectionPool(
                ssl_context=self._tls, network_backend=backend, max_connections=1
            ) as pool:
                return await _get(pool, parts)
        except _FAILURES as failure:
            raise IssuerUnavailable(f"{parts.netloc}: {type(failure).__name__}: {failure}") from failure


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once and connects to an address of the answer, so that there is no second answer to be
    different.
    """

    def __init__(self, destinations: Destinations, resolve: Resolve, connect: Connect, *, secure: bool) -> None:
        self._may_reach = destinations.may_reach if secure else destinations.is_listed
        self._resolve = resolve
        self._connect = connect

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        allowed = [address for address in await self._resolve(host, port) if self._may_reach(address)]
        if not allowed:
            raise IssuerUnavailable(
                f"{host}: its addresses are not public, or it is http: see trusted_issuers.allowed_networks"
            )
        failure: Exception | None = None
        for address in allowed[:_MAX_ADDRESSES]:
            try:
                return await self._connect(address, port, _CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")


def _split(url: str) -> SplitResult:
    """
    Raises:
        IssuerUnavailable: not an http or https URL, or one with a user or a fragment.
    """
    if not _URL.fullmatch(url):
        raise IssuerUnavailable("the URL is not an https URL of printable ASCII")
    try:
        parts = urlsplit(url)
        well_formed = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise IssuerUnavailable("the URL has no host, or no port that is one") from None
    if not well_formed or "@" in parts.netloc or "#" in url:
        raise IssuerUnavailable("the URL has a user, a fragment, or no host")
    return parts


async def _get(pool: httpcore.AsyncConnectionPool, parts: SplitResult) -> bytes:
    query = f"?{parts.query}" if parts.query else ""
    url = httpcore.URL(
        scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=f"{parts.path or '/'}{query}"
    )
    async with pool.stream("GET", url, headers=[("Host", parts.netloc), *_HEADERS]) as response:
        if response.status != 200:
            raise IssuerUnavailable(f"{parts.netloc} answers with status {response.status}; redirects are not followed")
        body = bytearray()
        async for piece in response.aiter_stream():
            body += piece
            if len(body) > MAX_BODY:
                raise IssuerUnavailable(f"{parts.netloc} answers with more than {MAX_BODY} bytes")
        return bytes(body)
