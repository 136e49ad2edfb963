"""The transports behind one face, so that a test runs against each."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import uvloop

from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports.asynchronous import AsyncConnectionPool
from postern.client.transports.blocking import ConnectionPool
from postern.client.transports.options import TransportOptions


class Pool(Protocol):
    def send(self, request: HttpRequest) -> HttpResponse: ...

    def close(self) -> None: ...

    def leave(self) -> None:
        """Give back what the test borrowed to use the pool."""


class OpenPool(Protocol):
    def __call__(self, options: TransportOptions | None = None) -> Pool: ...


class BlockingPool(ConnectionPool):
    def leave(self) -> None:
        self.close()


class AsyncPool:
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop

    def __init__(self, options: TransportOptions | None = None) -> None:
        self._runner = asyncio.Runner(loop_factory=type(self).loop_factory)
        self._pool = AsyncConnectionPool(options)

    def send(self, request: HttpRequest) -> HttpResponse:
        return self._runner.run(self._pool.send(request))

    def close(self) -> None:
        self._runner.run(self._pool.close())

    def leave(self) -> None:
        self.close()
        self._runner.close()


class UvloopPool(AsyncPool):
    loop_factory = uvloop.new_event_loop


def get(url: str, *, timeout: float | None = None, direct: bool = False) -> HttpRequest:
    return HttpRequest(method="GET", url=url, timeout=timeout, direct=direct)


def post(url: str, body: bytes = b"{}", **headers: str) -> HttpRequest:
    return HttpRequest(method="POST", url=url, headers=headers, body=body)
