"""A connection to the callback listener: anybody on this machine may have opened it."""

import socket

from postern.client.sign_in import callback, page
from postern.client.sign_in.callback import Verdict

_MAX_HEAD = 16 * 1024
_ANSWER_TIMEOUT = 1.0  # seconds; an answer fits into the buffers of a connection
_REQUEST_LINE_PARTS = 3


class Peer:
    """``ends_at`` is when it will be cut off, by the monotonic clock."""

    def __init__(self, connection: socket.socket, ends_at: float) -> None:
        self.connection = connection
        self.ends_at = ends_at
        self._head = b""

    def receive(self) -> bytes | None:
        """The request's head once it is complete or too large; empty if the peer is gone, None if more must come."""
        try:
            received = self.connection.recv(4096)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        self._head += received
        is_complete = b"\r\n\r\n" in self._head or len(self._head) > _MAX_HEAD
        return self._head if is_complete else (None if received else b"")

    def answer(self, verdict: Verdict) -> None:
        """Send the page for a verdict."""
        try:
            self.connection.settimeout(_ANSWER_TIMEOUT)
            self.connection.sendall(page.answer(verdict.status, verdict.heading, verdict.text))
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.setblocking(False)
            self.connection.recv(4 * _MAX_HEAD)  # what is left unread would make the kernel reset, and lose the answer
        except OSError:
            return


def query_in(head: bytes) -> str | Verdict:
    """The query of a callback, or what to answer to anything else."""
    if len(head) > _MAX_HEAD:
        return _verdict(431, "Too much", "The request is too large.")
    words = head.partition(b"\r\n")[0].decode("ascii", "replace").split(" ")
    if len(words) != _REQUEST_LINE_PARTS or not words[2].startswith("HTTP/1."):
        return _verdict(400, "Not understood", "This is no HTTP request.")
    path, _, query = words[1].partition("?")
    if path != callback.PATH:
        return _verdict(404, "Nothing here", "Finish the sign-in that your terminal shows.")
    if words[0] != "GET":
        return _verdict(405, "Not like this", "Only GET is answered here.")
    return query


def _verdict(status: int, heading: str, text: str) -> Verdict:
    return Verdict(status=status, heading=heading, text=text)
