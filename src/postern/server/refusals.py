"""What a request is told that the server does not take on: written once, but for the date and the request's id.

PERF: of the requests that come at four times the server's capacity three in four are refused, and what that costs is
lost to those that are not. Such an answer takes 1 µs; one that the application gives takes 25 with all that it needs
around it.
"""

from collections.abc import Callable
from functools import cached_property

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from postern.api.response import Headers, Response, lines
from postern.server import sts
from postern.server.health import LIVE, READY
from postern.server.operations import ENDPOINTS
from postern.server.request_ids import ANY_ID, new_request_id
from postern.server.responses import CLOSE
from postern.server.wires import STS, Wire, wire_of

_ID = ANY_ID.encode()


class Refusal:
    """An answer, made of one in which `ANY_ID` is the request's id."""

    def __init__(self, response: Response) -> None:
        self._status_line = STATUS_LINE[response.status]
        self._fields = response.fields
        self._body = response.body
        self._dated_by: Headers = []
        self._dated: list[bytes] = []

    def write(self, default_headers: Headers) -> bytes:
        """The bytes of it, with a new request id. ``default_headers``, the date, is another list each second."""
        if default_headers is not self._dated_by:
            whole = self._status_line + lines(default_headers) + self._fields + b"\r\n" + self._body
            self._dated_by, self._dated = default_headers, whole.split(_ID)
        return new_request_id().encode().join(self._dated)

    def write_in_full(self, default_headers: Headers, *, closes: bool, bodiless: bool) -> bytes:
        """The same, with the word that the connection ends if it ``closes``; ``bodiless`` if it answers a HEAD."""
        head = self._status_line + lines(default_headers) + self._fields + (CLOSE if closes else b"") + b"\r\n"
        return (head if bodiless else head + self._body).replace(_ID, new_request_id().encode())


class Refusals:
    """One for each service, and what ``page`` returns for the rest. Whoever asks after the server's health is always
    answered.
    """

    def __init__(self, page: Callable[[], Response]) -> None:
        self._make_page = page
        self._sts = _busy(STS)
        self._by_path: dict[bytes, Refusal | None] = {LIVE.encode(): None, READY.encode(): None}
        for operation in (endpoint.operation for endpoint in ENDPOINTS):
            self._by_path[operation.path.encode()] = _busy(wire_of(operation))

    def find(self, method: bytes, target: bytes) -> Refusal | None:
        """The refusal of a request, by its request line; ``None`` if it is to be served whatever there is to do."""
        path, _, query = target.partition(b"?")
        if path == b"/" and sts.is_called("/", method.decode("ascii"), query):
            return self._sts
        if path not in self._by_path:
            return self._page
        return self._by_path[path]

    @cached_property
    def _page(self) -> Refusal:
        return Refusal(self._make_page())


def _busy(wire: Wire) -> Refusal:
    return Refusal(wire.write_error(wire.busy(), ANY_ID))
