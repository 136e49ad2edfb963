"""Connections that wait while the server is busy."""

import asyncio
import contextlib
import socket
import time

import pytest

from postern.server.backlog import Backlog

uvloop = pytest.importorskip("uvloop")
WAITING = 100


class Greeter(asyncio.Protocol):
    """Says one byte to whoever is taken up."""

    def __init__(self, backlog: Backlog, met: list[float]) -> None:
        self._backlog = backlog
        self._met = met

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._backlog.take_up(lambda: Greeter(self._backlog, self._met), None)
        self._met.append(time.monotonic())
        transport.write(b"!")


async def turns_until_all_are_met(backlog: Backlog, listener: socket.socket) -> int:
    met: list[float] = []
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        for _ in range(WAITING):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        server = await loop.create_server(lambda: Greeter(backlog, met), sock=listener)
        turns = 0
        while len(met) < WAITING:
            await asyncio.sleep(0)
            turns += 1
        server.close()
        return turns


def test_all_who_wait_are_taken_up_within_a_few_turns_of_the_loop() -> None:
    """Each turn may take a tenth of a second where there is much to do."""
    with socket.create_server(("127.0.0.1", 0), backlog=WAITING) as listener:
        assert uvloop.run(turns_until_all_are_met(Backlog(listener), listener)) < WAITING / 4


def test_a_listener_that_is_closed_meanwhile_is_left_alone() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    backlog = Backlog(listener)

    async def take_up() -> None:
        backlog.take_up(lambda: Greeter(backlog, []), None)
        listener.close()
        await asyncio.sleep(0.01)

    uvloop.run(take_up())
