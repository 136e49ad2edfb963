"""Connections with a clock: one whose request does not arrive whole in time is closed (slow loris), and one too many
is closed at once.

A protocol notes when it began to wait; one pass per second over all of them looks for those that wait too long. That
costs a request two assignments, where a timer per request would cost some microseconds.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

STATE_KEY = "connection_limits"
_PASS_INTERVAL = 1.0
_NOT_WAITING = float("inf")


class Limits:
    """What the protocols of one worker share."""

    def __init__(self, *, request_timeout: float, max_connections: int) -> None:
        self.request_timeout = request_timeout
        self.max_connections = max_connections
        self.open: set[TimedProtocol] = set()
        self._pass: asyncio.TimerHandle | None = None

    def enter(self, protocol: "TimedProtocol") -> bool:
        """Whether there is room for one more connection."""
        if len(self.open) >= self.max_connections:
            return False
        self.open.add(protocol)
        if self._pass is None:
            self._pass = asyncio.get_running_loop().call_later(_PASS_INTERVAL, self._close_overdue)
        return True

    def _close_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        overdue = loop.time() - self.request_timeout
        for protocol in [protocol for protocol in self.open if protocol.waits_since < overdue]:
            protocol.transport.abort()
        self._pass = loop.call_later(_PASS_INTERVAL, self._close_overdue) if self.open else None


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which notes since when it waits for the rest of a request. Its limits come from the
    application's state.
    """

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **arguments: Any) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state, **arguments)
        self.waits_since = _NOT_WAITING
        self._limits: Limits = app_state[STATE_KEY]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if not self._limits.enter(self):
            transport.abort()
            return
        self.waits_since = self.loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.open.discard(self)
        if self.transport is not None:
            super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.waits_since = self.loop.time()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self.waits_since = _NOT_WAITING
        super().on_message_complete()
