"""A request for an operation, by whichever way it came: from an application server, or from a connection itself."""

from functools import lru_cache

from postern.api.errors import InvalidRequestException
from postern.api.response import Headers
from postern.core.caller import Caller
from postern.server.asgi import Receive, Scope
from postern.server.callers import MAX_USER_AGENT, address_of, caller_at

_remembered_caller_at = lru_cache(maxsize=1024)(caller_at)


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class BodyTooLarge(InvalidRequestException):
    """The body is over the cap; the connection is closed rather than read on."""

    shape = "InvalidRequestException"
    default_description = "The request body is too large"


class Call:
    """``path`` is decoded, ``raw_path`` as it came; ``address`` is the client's. The body is here, or
    ``receive`` brings it.
    """

    __slots__ = ("_body", "_receive", "address", "headers", "method", "path", "query", "raw_path")

    def __init__(
        self,
        *,
        method: str,
        path: str,
        raw_path: bytes,
        query: bytes,
        headers: Headers,
        address: str,
        body: bytes | None = None,
        receive: Receive | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.raw_path = raw_path
        self.query = query
        self.headers = headers
        self.address = address
        self._body = body
        self._receive = receive

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> "Call":
        """The call in an ASGI scope."""
        return cls(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope.get("raw_path") or scope["path"].encode(),
            query=scope["query_string"],
            headers=scope["headers"],
            address=address_of(scope),
            receive=receive,
        )

    @property
    def caller(self) -> Caller:
        """PERF: a client that polls is the same each time; what it is called is made presentable once (2 µs). To look
        for it by a generator would make a poll 3 % slower.
        """
        agent = b""
        for name, value in self.headers:
            if name == b"user-agent":
                agent = value
                break
        make = _remembered_caller_at if len(agent) <= MAX_USER_AGENT else caller_at
        return make(self.address, agent)

    def require_at_most(self, most: int) -> None:
        """
        Raises:
            BodyTooLarge: the body is said to have more bytes. What is here has no more: see `Limits.max_body`.
        """
        if self._body is None and any(name == b"content-length" and int(value) > most for name, value in self.headers):
            raise BodyTooLarge

    async def read_body(self, most: int) -> bytes:
        """
        Raises:
            BodyTooLarge: it has more than ``most`` bytes, or is said to have.
            ClientGone: it ended before it was whole.
        """
        if self._body is not None:
            return self._body
        self.require_at_most(most)
        return await self._receive_body(most)

    async def _receive_body(self, most: int) -> bytes:
        assert self._receive is not None
        message = await self._receive()
        body: bytes = message.get("body", b"")
        while len(body) <= most and message.get("more_body"):
            message = await self._receive()
            body += message.get("body", b"")
        if len(body) > most:
            raise BodyTooLarge
        if message["type"] == "http.disconnect":
            raise ClientGone
        return body
