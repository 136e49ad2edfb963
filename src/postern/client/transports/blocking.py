"""The blocking transport: sockets that threads share through a pool."""

import os
import select
import socket
import threading
import time

from postern.client.errors import ConfigurationError, ConnectionBroken, ProxyError
from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports import failures, tls
from postern.client.transports.exchange import MAX_REPEATED, ResponseReader, encode
from postern.client.transports.options import TransportOptions
from postern.client.transports.routes import Address, Route, Routes
from postern.client.transports.shelf import Shelf

_CHUNK = 64 * 1024


class ConnectionPool:
    """A `Transport` for any number of threads. A forked child gets connections of its own.

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
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._shelf: Shelf[_Connection] = Shelf(self._options)
        self._process = os.getpid()

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send it, and wait for the whole answer.

        Raises:
            ConfigurationError: the request or an option cannot be used, or the pool is closed.
            TransportError: no complete answer came.
        """
        if self._is_closed:
            raise ConfigurationError("the client is closed")
        if self._process != os.getpid():
            self._leave_parent()
        route, target = self._routes.find(request)
        message = encode(request, route, target)
        connection = self._take(route)
        if connection is not None:
            reader = self._reader(request, route)
            try:
                return self._exchange(connection, request, message, reader)
            except ConnectionBroken:
                if reader.has_begun or len(message) > MAX_REPEATED:
                    raise
        return self._exchange(self._open(route, request.timeout), request, message, self._reader(request, route))

    def close(self) -> None:
        """Close all connections: idle ones now, others after their request. Nothing can be sent any more."""
        self._is_closed = True
        if self._process != os.getpid():
            self._leave_parent()
        with self._lock:
            idle = self._shelf.clear()
        for connection in idle:
            connection.close()

    def _leave_parent(self) -> None:
        """The parent goes on using its connections, and one of its threads may have held the lock."""
        inherited = self._shelf.clear()
        self._start()
        for connection in inherited:
            connection.close()

    def _reader(self, request: HttpRequest, route: Route) -> ResponseReader:
        return ResponseReader(
            place=route.place, max_body=self._options.max_response, is_bodiless=request.method == "HEAD"
        )

    def _exchange(
        self, connection: "_Connection", request: HttpRequest, message: bytes, reader: ResponseReader
    ) -> HttpResponse:
        limit = self._options.timeout if request.timeout is None else request.timeout
        try:
            response = connection.exchange(message, reader, limit, is_total=request.timeout is not None)
            connection.route.check(response)
        except BaseException:
            connection.close()
            raise
        if reader.can_reuse:
            self._keep(connection)
        else:
            connection.close()
        return response

    def _take(self, route: Route) -> "_Connection | None":
        now = time.monotonic()
        while True:
            with self._lock:
                expired = self._shelf.expired(now)
                connection = self._shelf.take(route)
            for old in expired:
                old.close()
            if connection is None or connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, connection: "_Connection") -> None:
        with self._lock:
            surplus = connection if self._is_closed else self._shelf.put(connection, time.monotonic())
        if surplus is not None:
            surplus.close()

    def _open(self, route: Route, timeout: float | None) -> "_Connection":
        limit = self._options.connect_timeout if timeout is None else timeout
        deadline = time.monotonic() + limit if limit else None
        connection = _Connection(_connect(route, deadline), route)
        try:
            if route.tunnel is not None:
                connection.open_tunnel(route.tunnel, deadline)
            if route.is_tls:
                connection.secure(self._trust, deadline)
        except BaseException:
            connection.close()
            raise
        return connection


class _Connection:
    __slots__ = ("_is_unheard", "_poll", "_socket", "_timeout", "idle_since", "route")

    def __init__(self, connected: socket.socket, route: Route) -> None:
        self._socket = connected
        self._timeout = connected.gettimeout()
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)
        self._is_unheard = True
        self.route = route
        self.idle_since = 0.0

    def close(self) -> None:
        self._socket.close()

    def is_quiet(self) -> bool:
        """Whether nothing came while it was idle: an end, or an answer to nothing."""
        return not self._poll.poll(0)

    def exchange(self, message: bytes, reader: ResponseReader, limit: float, *, is_total: bool) -> HttpResponse:
        """``limit`` is for the whole answer if ``is_total``, else for silence; in seconds, 0 for none."""
        deadline = time.monotonic() + limit if limit and is_total else None
        self._set_timeout(limit or None)
        try:
            return self._converse(message, reader, deadline)
        except TimeoutError as error:
            raise failures.read_timeout(self.route.place, limit) from error
        except OSError as error:
            described = tls.read_failure if self.route.is_tls else failures.broken
            raise described(error, self.route.place) from error

    def _converse(self, message: bytes, reader: ResponseReader, deadline: float | None) -> HttpResponse:
        if self._is_unheard:
            # What is there already answers nothing: with it, each answer would be taken for that to the next request.
            self._is_unheard = False
            reader.has_excess = not self.is_quiet()
        try:
            self._socket.sendall(message)
        except TimeoutError:
            raise
        except OSError as error:
            return self._refusal(reader, deadline, error)
        return self._read(reader, deadline)

    def _refusal(self, reader: ResponseReader, deadline: float | None, error: OSError) -> HttpResponse:
        """What a server said before it hung up on a request, which it did not want to hear to its end.

        Raises:
            OSError: it said nothing that can be understood: ``error``.
        """
        reader.has_excess = True
        try:
            return self._read(reader, deadline)
        except (OSError, ConnectionBroken):
            raise error from None

    def _read(self, reader: ResponseReader, deadline: float | None) -> HttpResponse:
        while True:
            if deadline is not None:
                self._set_timeout(_remaining(deadline))
            data = self._socket.recv(_CHUNK)
            if not data or reader.feed(data):
                return reader.finish()

    def open_tunnel(self, request: HttpRequest, deadline: float | None) -> None:
        """Have the proxy connect to the server.

        Raises:
            ProxyError: it does not.
        """
        reader = ResponseReader(place=self.route.hop_place, max_body=0, is_bodiless=True)
        message = encode(request, self.route, self.route.place)
        self._set_timeout(_remaining(deadline))
        try:
            response = self._converse(message, reader, deadline)
        except OSError as error:
            raise failures.connect_failure(error, self.route.hop_place) from error
        except ConnectionBroken as error:
            raise ProxyError(f"{self.route.hop_place} closed the connection instead of connecting on") from error
        self.route.check_tunnel(response, is_clean=not reader.has_excess)

    def secure(self, trust: tls.Trust, deadline: float | None) -> None:
        """Speak TLS from now on.

        Raises:
            TlsError: one side does not like the other.
        """
        place = self.route.place
        context = trust.context()
        self._is_unheard = False  # after the handshake there may be more of TLS, such as tickets
        try:
            self._set_timeout(_remaining(deadline))
            self._socket = context.wrap_socket(self._socket, server_hostname=self.route.host)
        except TimeoutError as error:
            raise failures.connect_failure(error, place) from error
        except OSError as error:
            raise tls.handshake_failure(error, place) from error

    def _set_timeout(self, seconds: float | None) -> None:
        # PERF: each setting costs a call to the system.
        if seconds != self._timeout:
            self._socket.settimeout(seconds)
            self._timeout = seconds


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _connect(route: Route, deadline: float | None) -> socket.socket:
    """Try the addresses of the host in turn. Each gets its share of the time, so that one which is silent does not take
    all of it.
    """
    host, port = route.hop
    failure = OSError("the name has no address")
    try:
        # PERF: as bytes, since for text Python loads its tables for international names: 3 ms.
        addresses = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM)
        for tried, address in enumerate(addresses):
            remaining = _remaining(deadline)
            try:
                return _connect_to(address, remaining and remaining / (len(addresses) - tried))
            except OSError as error:
                failure = error
        raise failure
    except OSError as error:
        raise failures.connect_failure(error, route.hop_place) from error


def _connect_to(address: Address, timeout: float | None) -> socket.socket:
    family, kind, protocol, _, location = address
    connected = socket.socket(family, kind, protocol)
    try:
        connected.settimeout(timeout)
        connected.connect(location)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connected.close()
        raise
    return connected
