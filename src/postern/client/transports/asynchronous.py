"""The asyncio transport: connections that the tasks of a loop share through a pool."""

import asyncio
import sys
from collections.abc import AsyncGenerator

from postern.client.errors import ConfigurationError, ConnectionBroken
from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports import failures, tls
from postern.client.transports.async_connection import Connection, open_connection
from postern.client.transports.exchange import MAX_REPEATED, ResponseReader, encode
from postern.client.transports.options import TransportOptions
from postern.client.transports.routes import Route, Routes
from postern.client.transports.shelf import Shelf


class AsyncConnectionPool:
    """An `AsyncTransport`. Its connections belong to the loop that it is used on: on another loop it gets others, and
    what is idle is closed when the loop shuts down.

    A connection that the server closed while it was idle is replaced, and the request sent once more, if nothing of an
    answer had come and the request is not large.

    Raises:
        ConfigurationError: the proxy cannot be used.
    """

    def __init__(self, options: TransportOptions | None = None) -> None:
        self._options = options or TransportOptions()
        self._routes = Routes(self._options)
        self._trust = tls.Trust(self._options)
        self._is_closed = False
        self._home: _Home | None = None
        self._tenancy: AsyncGenerator[None] | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send it, and wait for the whole answer. When cancelled, the connection is closed.

        Raises:
            ConfigurationError: the request or an option cannot be used, or the pool is closed.
            TransportError: no complete answer came.
        """
        if self._is_closed:
            raise ConfigurationError("the client is closed")
        home = self._home
        if home is None or home.loop is not asyncio.get_running_loop():
            home = await self._move_in()
        route, target = self._routes.find(request)
        message = encode(request, route, target)
        async with home.slots:
            return await home.send(request, route, message)

    async def close(self) -> None:
        """Close all connections: idle ones now, others after their request. Nothing can be sent any more."""
        self._is_closed = True
        home, self._home = self._home, None
        if home is None or home.loop.is_closed():
            return
        home.is_closed = True
        if home.loop is asyncio.get_running_loop():
            await asyncio.gather(*home.clear())
        else:
            home.loop.call_soon_threadsafe(home.clear)

    async def _move_in(self) -> "_Home":
        home = self._home = _Home(asyncio.get_running_loop(), self._options, self._trust)
        # A loop that shuts down closes its generators, and nothing else that it could be asked to.
        self._tenancy = _clear_in_the_end(home)
        await anext(self._tenancy)
        return home


class _Home:
    """The connections of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, options: TransportOptions, trust: tls.Trust) -> None:
        self.loop = loop
        self.slots = asyncio.Semaphore(options.max_connections or sys.maxsize)
        self.is_closed = False
        self._options = options
        self._trust = trust
        self._shelf: Shelf[Connection] = Shelf(options)

    async def send(self, request: HttpRequest, route: Route, message: bytes) -> HttpResponse:
        connection = self._take(route)
        if connection is not None:
            reader = self._reader(request, route)
            try:
                return await self._exchange(connection, request, message, reader)
            except ConnectionBroken:
                if reader.has_begun or len(message) > MAX_REPEATED:
                    raise
        connection = await self._open(request, route)
        return await self._exchange(connection, request, message, self._reader(request, route))

    def clear(self) -> "list[asyncio.Future[None]]":
        """Close what is idle; when that is done."""
        idle = self._shelf.clear()
        for connection in idle:
            connection.close()
        return [connection.lost for connection in idle]

    def _reader(self, request: HttpRequest, route: Route) -> ResponseReader:
        return ResponseReader(
            place=route.place, max_body=self._options.max_response, is_bodiless=request.method == "HEAD"
        )

    async def _exchange(
        self, connection: Connection, request: HttpRequest, message: bytes, reader: ResponseReader
    ) -> HttpResponse:
        limit = self._options.timeout if request.timeout is None else request.timeout
        try:
            response = await connection.exchange(message, reader, limit, is_total=request.timeout is not None)
            connection.route.check(response)
        except BaseException:
            connection.close()
            raise
        if reader.can_reuse and not self.is_closed:
            self._keep(connection)
        else:
            connection.close()
        return response

    def _take(self, route: Route) -> Connection | None:
        for old in self._shelf.expired(self.loop.time()):
            old.close()
        while True:
            connection = self._shelf.take(route)
            if connection is None or connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, connection: Connection) -> None:
        surplus = self._shelf.put(connection, self.loop.time())
        if surplus is not None:
            surplus.close()

    async def _open(self, request: HttpRequest, route: Route) -> Connection:
        limit = self._options.connect_timeout if request.timeout is None else request.timeout
        deadline = self.loop.time() + limit if limit else None
        try:
            async with asyncio.timeout_at(deadline):
                return await open_connection(self.loop, route, self._trust, deadline)
        except TimeoutError as error:
            raise failures.connect_failure(error, route.hop_place) from error


async def _clear_in_the_end(home: _Home) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        home.is_closed = True
        home.clear()
