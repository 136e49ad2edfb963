"""HTTP messages as flows see them, and the port through which they are sent.

A transport opens, reuses and closes connections. It does not retry, does not follow redirects and does not look at a
status: that is for flows to decide.
"""

import re
from typing import Any, Protocol

import msgspec

_SHOWN = re.compile(
    r"([^:/?#@]*://)?(?:[^/?#]*@)?((?:\[[^\]@/?#]*\]|[^:@/?#]*)(?::[0-9]+)?(?:/[^?#]*)?)(?:[?#].*)?", re.DOTALL
)


class HttpRequest(msgspec.Struct, kw_only=True):
    """A request on its way out. Listeners of a `Request` may still change it.

    ``url`` is absolute. ``headers`` has names as they are sent; ``host`` and ``content-length`` are added by the
    transport when absent. ``timeout`` in seconds overrides the transport's own time-outs for this request;
    ``direct`` goes past any proxy (instance and container metadata).
    """

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""
    timeout: float | None = None
    direct: bool = False

    def __repr__(self) -> str:
        """No header, no body, and of the URL no user, query and fragment: they carry secrets."""
        return f"HttpRequest({self.method} {_shown(self.url)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method), ("url", _shown(self.url))]


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A complete response. Header names are in lower case; repeated headers are joined with a comma and a space."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status)]


class Transport(Protocol):
    """Sends requests, one per call, from any number of threads.

    Raises:
        TransportError: no complete answer came. Its class says what happened, ``retryable`` whether to try again.
    """

    def send(self, request: HttpRequest) -> HttpResponse: ...

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """The same for one event loop. A cancelled ``send`` closes its connection and leaves nothing behind."""

    async def send(self, request: HttpRequest) -> HttpResponse: ...

    async def close(self) -> None: ...


def _shown(url: str) -> str:
    """What is no URL may be a password with a slash in it, and is not shown at all."""
    found = _SHOWN.fullmatch(url)
    return "…" if found is None else f"{found[1] or ''}{found[2]}"
