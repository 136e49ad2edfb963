"""What the connections of one worker share, and what they are held to.

A protocol notes when it began to wait; two passes a second over all of them look for those that wait too long. That
costs a request two assignments, where a timer per request would cost some microseconds.
"""

import asyncio
from typing import TYPE_CHECKING

from postern.server.admission import Admission
from postern.server.backlog import Backlog
from postern.server.direct import Direct
from postern.server.glance import Glance
from postern.server.refusals import Refusals

if TYPE_CHECKING:
    from postern.server.connections import TimedProtocol

_PASS_INTERVAL = 0.5
_AT_A_TIME = 200


class Limits:
    """What the protocols of one worker share."""

    def __init__(
        self,
        *,
        request_timeout: float,
        max_connections: int,
        max_body: int,
        admission: Admission,
        refusals: Refusals,
        backlog: Backlog,
        glance: Glance,
        direct: Direct | None = None,
    ) -> None:
        self.request_timeout = request_timeout
        self.max_connections = max_connections
        self.max_body = max_body
        self.admission = admission
        self.refusals = refusals
        self.backlog = backlog
        self.glance = glance
        self.direct = direct
        self.open: set[TimedProtocol] = set()
        self._to_look_at: list[TimedProtocol] = []
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
        """PERF: a look at ten thousand connections takes 10 ms, in which nobody would be answered; so it is taken at
        two hundred at a time, all along the interval.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._to_look_at = self._to_look_at or list(self.open)
        for protocol in self._to_look_at[-_AT_A_TIME:]:
            if protocol.stuck_since(now) < now - self.request_timeout:
                protocol.abort()
            elif protocol.is_left_idle(now):
                protocol.transport.close()
        del self._to_look_at[-_AT_A_TIME:]
        pause = _PASS_INTERVAL * _AT_A_TIME / max(len(self.open), _AT_A_TIME)
        self._pass = loop.call_later(pause, self._close_overdue) if self.open else None
