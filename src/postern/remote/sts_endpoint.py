"""One STS over HTTP: kept connections, a bound on time and on those who wait, tries, and a breaker. No redirects, no
proxies.

Imported when it is first needed: httpcore takes 50 ms to load.
"""

import asyncio
import itertools
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import urlsplit

import httpcore
import msgspec

from postern.core.policy import RoleCredentialPolicy
from postern.core.role_credentials.port import StsRefused, StsUnavailable
from postern.remote.breaker import Breaker
from postern.remote.sts_answers import MAX_ANSWER, Answer, UnusableAnswer

_CONNECT_SECONDS = 3.0
_IDLE_SECONDS = 20.0
_KEPT_CONNECTIONS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_FAILURES = (OSError, ValueError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)

T = TypeVar("T")
Connect = Callable[[str, int, float | None], Awaitable[httpcore.AsyncNetworkStream]]
Sleep = Callable[[float], Awaitable[None]]


async def connect(host: str, port: int, timeout: float | None) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109
    return await httpcore.AnyIOBackend().connect_tcp(host, port, timeout)


class Post(msgspec.Struct, frozen=True):
    """What is posted. It holds secrets."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __repr__(self) -> str:
        return f"Post({len(self.body)} bytes)"


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """How the world is reached, and what time it is there. ``clock`` counts seconds from any moment."""

    connect: Connect = connect
    tls: ssl.SSLContext
    clock: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep


class StsEndpoint:
    """The STS at ``url``."""

    def __init__(self, url: str, policy: RoleCredentialPolicy, network: Network) -> None:
        parts = urlsplit(url)
        self._name = parts.netloc
        self._url = httpcore.URL(
            scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=parts.path or "/"
        )
        self._policy = policy
        self._sleep = network.sleep
        self._waiting = 0
        self._breaker = Breaker(failures=policy.breaker_failures, pause=policy.breaker_pause, clock=network.clock)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=network.tls,
            network_backend=_Backend(network.connect),
            max_connections=policy.max_waiting,
            max_keepalive_connections=_KEPT_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
        )

    @property
    def is_idle(self) -> bool:
        return self._waiting == 0

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def ask(self, post: Callable[[], Post], read: Callable[[Answer], T]) -> T:
        """What ``read`` makes of the answer. ``post`` is made anew for each try, as a signature has a date.

        Raises:
            StsUnavailable, StsRefused: see `postern.core.role_credentials.port.Sts`; the reason begins with the host.
        """
        try:
            if self._waiting >= self._policy.max_waiting:
                raise StsUnavailable("too many calls are waiting for it")
            with self._breaker.watch():
                return await self._ask_in_time(post, read)
        except StsRefused as refusal:
            raise StsRefused(refusal.code, f"{self._name}: {refusal.reason}") from None
        except StsUnavailable as failure:
            raise StsUnavailable(f"{self._name}: {failure.reason}") from None

    async def _ask_in_time(self, post: Callable[[], Post], read: Callable[[Answer], T]) -> T:
        self._waiting += 1
        try:
            async with asyncio.timeout(self._policy.timeout):
                return await self._try(post, read)
        except TimeoutError:
            raise StsUnavailable(f"no answer within {self._policy.timeout} seconds") from None
        finally:
            self._waiting -= 1

    async def _try(self, post: Callable[[], Post], read: Callable[[Answer], T]) -> T:
        """Until there is an answer, or a verdict, or no try left; with pauses of a random length, so that those who
        failed together do not come again together.
        """
        for tries in itertools.count():
            try:
                return read(await self._exchange(post()))
            except StsUnavailable as failure:
                if isinstance(failure, UnusableAnswer) or tries >= self._policy.retries:
                    raise
            longest = min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE)
            await self._sleep(random.uniform(0, longest))  # noqa: S311  # no secret
        raise AssertionError  # mypy: the count has no end

    async def _exchange(self, post: Post) -> Answer:
        try:
            return await self._send(post)
        except httpcore.ConnectError as failure:  # whose text is the system's, or that of TLS
            raise StsUnavailable(f"ConnectError: {failure}") from None
        except _FAILURES as failure:  # whose texts may repeat what was sent
            raise StsUnavailable(type(failure).__name__) from None

    async def _send(self, post: Post) -> Answer:
        async with self._pool.stream(
            "POST",
            self._url,
            headers=list(post.headers),
            content=post.body,
            extensions={"timeout": {"connect": _CONNECT_SECONDS}},
        ) as response:
            body = bytearray()
            async for piece in response.aiter_stream():
                body += piece
                if len(body) > MAX_ANSWER:
                    raise UnusableAnswer(f"the answer has more than {MAX_ANSWER} bytes")
            return Answer(response.status, bytes(body))


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self._connect(host, port, timeout)
