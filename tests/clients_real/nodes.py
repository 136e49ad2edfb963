"""Two nodes on one PostgreSQL store behind a balancer that hands each connection to the next node."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

from postern.testing.processes import free_port
from tests.clients_real.servers import NO_LIMITS, Server, started


class Balancer:
    """A TCP proxy in a thread of its own. ``served`` counts the connections that each port got."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.served = dict.fromkeys(ports, 0)
        self.port = free_port()
        self._next = cycle(ports)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._listening.wait(10)

    def close(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with await asyncio.start_server(self._carry, "127.0.0.1", self.port):
            self._listening.set()
            await self._stopped.wait()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = next(self._next)
        self.served[port] += 1
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))
        finally:
            writer.close()
            to_writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
        target.write_eof()


class Nodes(Server):
    """What a client sees of them: one endpoint."""

    def __init__(self, balancer: Balancer, first: Server) -> None:
        super().__init__(f"http://127.0.0.1:{balancer.port}", first.data, first.process, ())
        self.balancer = balancer


@contextlib.contextmanager
def two_nodes(folder: Path, store_url: str) -> Iterator[Nodes]:
    """The demo on the first node and a server beside it, with one public address, one store and one master key."""
    ports = (free_port(), free_port())
    balancer = Balancer(ports)
    settings = NO_LIMITS | {
        "POSTERN_STORE__URL": store_url,
        "POSTERN_MASTER_KEY__FILE": str(folder / "master.key"),
        "POSTERN_SERVER__PUBLIC_URL": f"http://127.0.0.1:{balancer.port}",
    }
    public = settings["POSTERN_SERVER__PUBLIC_URL"]
    try:
        with (
            started(folder / "first", settings=settings, port=ports[0], ready=public) as first,
            started(folder / "second", settings=settings, port=ports[1], command="serve", ready=public),
        ):
            yield Nodes(balancer, first)
    finally:
        balancer.close()
