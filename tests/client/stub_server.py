"""A server that answers what a test tells it to, byte by byte, and remembers what it was asked.

with StubServer([json_answer(400, {"error": "slow_down"}), json_answer(200, {"accessToken": "…"})]) as server:
    ...  # server.url
assert [request.target for request in server.requests] == ["/token", "/token"]
"""

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec

_PATIENCE = 10.0


class Received(msgspec.Struct, frozen=True):
    """A request. Header names are in lower case; ``connection`` counts connections from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)


class Pause(msgspec.Struct, frozen=True):
    """Say nothing for so many seconds, or until the client leaves or the server stops."""

    seconds: float


class Close(msgspec.Struct, frozen=True):
    """Close the connection; with ``is_reset`` without the usual good-bye."""

    is_reset: bool = False


Step: TypeAlias = bytes | Pause | Close | Callable[[socket.socket], object]
"""Bytes are sent; a function gets the socket to do as it likes."""
Answer: TypeAlias = bytes | Iterable[Step]
"""What follows a request. After it the next request is read, unless a step closed the connection."""
Script: TypeAlias = Sequence[Answer] | Callable[[Received], Answer]
"""Answers in turn, the last one again and again (without any, the server hangs up); or a function of the request."""


def raw_answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A complete answer; header names with underscores for hyphens. A header given as "" is left out."""
    named = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} As Told", *(f"{name}: {value}" for name, value in named.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def json_answer(status: int = 200, body: object = None, **headers: str) -> bytes:
    """The same with a body of JSON; an object without members by default."""
    text = json.dumps({} if body is None else body).encode()
    return raw_answer(status, text, **{"content_type": "application/json", **headers})


class StubServer:
    """Listens on a free port of ``host``, in TLS if there is a context for it; ``url`` has no slash at its end.
    ``greeting`` is what a client gets before it asks for anything; ``given`` counts the answers that are over.
    """

    def __init__(
        self, script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", greeting: Answer = b""
    ) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.given = 0
        self._script = script
        self._greeting = greeting
        self._tls = tls
        self._open: dict[int, socket.socket] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port: int = self._listener.getsockname()[1]
        self.place = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.place}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        # A blocked accept does not notice that its socket is closed, but it does notice a shutdown.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            for connection in self._open.values():
                _hang_up(connection)
        for thread in self._threads:
            thread.join(_PATIENCE)

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def wait_for(self, condition: Callable[["StubServer"], bool]) -> None:
        """
        Raises:
            AssertionError: it does not come true in time.
        """
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), _PATIENCE)

    def wait_until_left(self) -> None:
        """Wait until no connection is open any more."""
        self.wait_for(lambda server: server.open_connections == 0)

    def drop_connections(self) -> None:
        """Close all connections, as a server does that has been idle for too long."""
        with self._changed:
            for connection in self._open.values():
                _hang_up(connection)
        self.wait_until_left()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                number = self.connections
                self._open[number] = connection
            self._start(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError, ssl.SSLError, EOFError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                with self._changed:
                    self._open[number] = connection
                _shake_hands(connection)
            self._converse(connection, number)
        connection.close()
        with self._changed:
            del self._open[number]
            self._changed.notify_all()

    def _converse(self, connection: socket.socket, number: int) -> None:
        goes_on = self._give(self._greeting, connection)
        with connection.makefile("rb") as stream:
            while goes_on and not self._stopping.is_set():
                request = _receive(stream.readline, stream.read, number)
                with self._changed:
                    self.requests.append(request)
                    count = len(self.requests)
                    self._changed.notify_all()
                goes_on = self._give(self._answer(request, count), connection)
                with self._changed:
                    self.given += 1
                    self._changed.notify_all()

    def _answer(self, request: Received, count: int) -> Answer:
        if callable(self._script):
            return self._script(request)
        return self._script[min(count, len(self._script)) - 1] if self._script else [Close()]

    def _give(self, answer: Answer, connection: socket.socket) -> bool:
        """Whether the connection goes on."""
        steps = [answer] if isinstance(answer, bytes) else answer
        return all(self._take(step, connection) for step in steps)

    def _take(self, step: Step, connection: socket.socket) -> bool:
        match step:
            case bytes():
                connection.sendall(step)
            case Pause():
                return self._pause(step.seconds, connection)
            case Close():
                if step.is_reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            case _:
                step(connection)
        return True

    def _pause(self, seconds: float, connection: socket.socket) -> bool:
        readable, _, _ = select.select([connection], [], [], seconds)
        if not readable:
            return True
        if isinstance(connection, ssl.SSLSocket) or not connection.recv(1, socket.MSG_PEEK):
            return False
        return not self._stopping.wait(seconds)


def _shake_hands(connection: ssl.SSLSocket) -> None:
    """
    Raises:
        ssl.SSLError: no.
    """
    try:
        connection.do_handshake()
    except ssl.SSLError:
        # A close with something unread would be a reset, which may overtake the alert that says what is wrong.
        socket.socket.shutdown(connection, socket.SHUT_WR)
        while socket.socket.recv(connection, 65536):
            pass
        raise


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _receive(readline: Callable[[], bytes], read: Callable[[int], bytes], connection: int) -> Received:
    """
    Raises:
        EOFError: the other side is done.
    """
    method, _, rest = readline().decode("latin-1").partition(" ")
    if not rest:
        raise EOFError
    headers: dict[str, str] = {}
    while line := readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Received(method, rest.split(" ")[0], headers, read(int(headers.get("content-length", "0"))), connection)
