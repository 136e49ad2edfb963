"""Bytes to a server and back, for requests that no HTTP library would send."""

import socket

import msgspec


class RawResponse(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for found, value in self.headers if found == name), None)


class RawConnection:
    def __init__(self, port: int, timeout: float = 10, receive_buffer: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(timeout)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_for(self, data: bytes, *, seconds: float) -> None:
        """Send it again and again, until the server takes no more for so long.

        Raises:
            TimeoutError: that is the case.
        """
        self._socket.settimeout(seconds)
        while True:
            self._socket.sendall(data)

    def receive(self, *, head: bool = False) -> RawResponse:
        """The next response; ``head`` if it answers a HEAD request and so has no body.

        Raises:
            EOFError: the server closed the connection instead.
        """
        line = self._stream.readline()
        if not line:
            raise EOFError
        headers: list[tuple[str, str]] = []
        while (header := self._stream.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = header.partition(":")
            headers.append((name.lower(), value.strip()))
        length = int(dict(headers).get("content-length", "0"))
        return RawResponse(int(line.split()[1]), headers, b"" if head else self._stream.read(length))

    def is_closed(self) -> bool:
        """Waits until the server closes (then there is nothing more to read) or the time-out is over."""
        try:
            return self._stream.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: postern.test", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(port: int, data: bytes) -> RawResponse:
    with RawConnection(port) as connection:
        connection.send(data)
        return connection.receive()
