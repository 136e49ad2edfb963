"""A connection under asyncio: a protocol, without streams in between."""

import asyncio
import math
import select
import socket
from collections.abc import Sequence
from typing import cast

from postern.client.errors import ConnectionBroken, ProxyError, TransportError
from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports import failures, tls
from postern.client.transports.exchange import ResponseReader, encode
from postern.client.transports.routes import Address, Route

_NO_LIMIT = 86_400.0  # to asyncio, which wants one: the pool's own is around it


class Connection(asyncio.Protocol):
    """``lost`` is done when its socket is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket, route: Route) -> None:
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)
        self.route = route
        self.idle_since = 0.0
        self.lost: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._transport: asyncio.Transport
        self._reader: ResponseReader | None = None
        self._answer: asyncio.Future[None] | None = None
        self._is_fresh = True
        self._early = b""
        self._paused: asyncio.Transport | None = None
        self._limit = 0.0
        self._is_total = False
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def is_quiet(self) -> bool:
        """Whether nothing came while it was idle, not even something that the loop has yet to see."""
        return not self._transport.is_closing() and not self._poll.poll(0)

    def close(self) -> None:
        """At once, without waiting for the other side."""
        self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def exchange(self, message: bytes, reader: ResponseReader, limit: float, *, is_total: bool) -> HttpResponse:
        """``limit`` is for the whole answer if ``is_total``, else for silence; in seconds, 0 for none."""
        self._limit, self._is_total = limit, is_total
        self._watch()
        return await self._converse(message, reader)

    async def _converse(self, message: bytes, reader: ResponseReader) -> HttpResponse:
        self._reader = reader
        answer = self._answer = self._loop.create_future()
        if self._is_fresh:
            self._take_up(reader)
        if self._transport.is_closing():
            self._end(None)
        else:
            self._transport.write(message)
        try:
            await answer
        finally:
            self._reader = self._answer = None
        if self._transport.get_write_buffer_size():
            reader.has_excess = True  # it did not want to hear all
        return reader.finish()

    def _take_up(self, reader: ResponseReader) -> None:
        """What a server says before it is asked is part of its answer to the first request: it tells what is wrong.
        That it answers nothing is known, or each answer would be taken for that to the next request.
        """
        self._is_fresh = False
        is_plain = self._transport.get_extra_info("ssl_object") is None
        reader.has_excess = bool(self._early) or (is_plain and not self.is_quiet())
        if self._paused is not None:
            self._paused.resume_reading()
            self._paused = None
        if self._early:
            self.data_received(self._early)

    async def open_tunnel(self, request: HttpRequest) -> None:
        """Have the proxy connect to the server.

        Raises:
            ProxyError: it does not.
        """
        reader = ResponseReader(place=self.route.hop_place, max_body=0, is_bodiless=True)
        try:
            response = await self._converse(encode(request, self.route, self.route.place), reader)
        except ConnectionBroken as error:
            raise ProxyError(f"{self.route.hop_place} closed the connection instead of connecting on") from error
        self.route.check_tunnel(response, is_clean=not reader.has_excess)

    async def secure(self, trust: tls.Trust) -> None:
        """Speak TLS from now on.

        Raises:
            TlsError: one side does not like the other.
        """
        context = trust.context()
        if self._early:
            raise tls.no_tls(self.route.place)
        if self._transport.is_closing():
            raise tls.handshake_failure(ConnectionResetError(), self.route.place)
        self._is_fresh = True  # also behind a tunnel: the server itself was not asked for anything
        try:
            transport = await self._loop.start_tls(
                self._transport, self, context, server_hostname=self.route.host, ssl_handshake_timeout=_NO_LIMIT
            )
        except OSError as error:
            raise tls.handshake_failure(error, self.route.place) from error
        self._transport = cast(asyncio.Transport, transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        reader, answer = self._reader, self._answer
        if self._is_fresh:
            self._early += data
            if self._paused is None:
                # In the handshake it is the transport below TLS, which may not be the one that is read from later.
                self._paused = self._transport
                self._paused.pause_reading()
            return
        if reader is None or answer is None:
            self.close()  # nothing was asked
            return
        try:
            is_complete = reader.feed(data)
        except TransportError as error:
            self._end(error)
            return
        if is_complete:
            self._end(None)
        elif not self._is_total:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError):
            described = tls.read_failure if self.route.is_tls else failures.broken
            self._end(described(exc, self.route.place))
        else:
            self._end(None)
        self.close()
        if not self.lost.done():
            self.lost.set_result(None)

    def _end(self, error: Exception | None) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)

    def _watch(self) -> None:
        """Count the time from now.

        PERF: one timer for many requests. It looks whether it is too early, instead of being replaced each time.
        """
        if not self._limit:
            self._deadline = math.inf
            return
        self._deadline = deadline = self._loop.time() + self._limit
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._check_time)

    def _check_time(self) -> None:
        self._timer = None
        if self._answer is None or self._deadline == math.inf:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check_time)
        else:
            self._end(failures.read_timeout(self.route.place, self._limit))


async def open_connection(
    loop: asyncio.AbstractEventLoop, route: Route, trust: tls.Trust, deadline: float | None
) -> Connection:
    """A connection that is ready for a request. ``deadline`` (on the loop's clock) is kept by the caller; here it is
    only divided among addresses.

    Raises:
        TransportError: there is none.
    """
    connected = await _connect(loop, route, deadline)
    connection = Connection(loop, connected, route)
    try:
        await loop.create_connection(lambda: connection, sock=connected)
    except BaseException:
        connected.close()
        raise
    try:
        if route.tunnel is not None:
            await connection.open_tunnel(route.tunnel)
        if route.is_tls:
            await connection.secure(trust)
    except BaseException:
        connection.close()
        raise
    return connection


async def _connect(loop: asyncio.AbstractEventLoop, route: Route, deadline: float | None) -> socket.socket:
    """Try the addresses of the host in turn. Each gets its share of the time, so that one which is silent does not take
    all of it.
    """
    host, port = route.hop
    failure = OSError("the name has no address")
    try:
        addresses = await _resolve(loop, host.encode(), port)
        for tried, (family, kind, protocol, _, location) in enumerate(addresses):
            connecting = socket.socket(family, kind, protocol)
            share = deadline and (deadline - loop.time()) / (len(addresses) - tried)
            try:
                connecting.setblocking(False)
                async with asyncio.timeout(share):
                    await loop.sock_connect(connecting, location)
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                connecting.close()
                failure = error
            except BaseException:
                connecting.close()
                raise
            else:
                return connecting
        raise failure
    except OSError as error:
        raise failures.connect_failure(error, route.hop_place) from error


async def _resolve(loop: asyncio.AbstractEventLoop, host: bytes, port: int) -> Sequence[Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
