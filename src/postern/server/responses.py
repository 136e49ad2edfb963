"""How responses leave: head and body in one write."""

import asyncio

CLOSE = b"connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class OneWrite:
    """What a request writes to: head and body of its response leave together.

    PERF: uvicorn writes them one after the other, and each write is a system call that delivers a packet.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._holds = True

    def write(self, data: bytes) -> None:
        if self._holds and not self._head and data != CONTINUE:
            self._head = data
            return
        self._transport.write(self._head + data)
        if self._head:
            self._head, self._holds = b"", False

    def flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head, self._holds = b"", False

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()
