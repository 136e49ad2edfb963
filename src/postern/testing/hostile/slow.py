"""F12: clients that send a byte now and then, in the head or in the body of a request, and clients that do not read
what they asked for. Each is replaced when the server closes it.
"""

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass

from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.trial import Trial
from postern.testing.hostile import mix
from postern.testing.hostile.bystanders import Bystanders, require_hardly_slower
from postern.testing.hostile.lanes import request
from postern.testing.hostile.loops import run

CLOSED_WITHIN = 15.0
_TRICKLE, _TRICKLE_OF_A_BRIEF_RUN = 10.0, 0.5
_LOOK = 0.25
_AT_ONCE = 50
_ESTABLISHED = 1
_HEAD = b"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
_BODY = b"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
_LARGE = request("GET", "/static/postern.css") * 40
_READER_OF = 50  # one in so many does not read: what it asks for is work, and takes memory of the machine


@dataclass
class _Slow:
    connection: socket.socket
    sends: bool
    since: float
    next_byte: float

    def is_open(self) -> bool:
        return self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


def slow_clients(trial: Trial) -> None:
    """The dose's ``items`` is how many. Within a minute nothing would be seen of the server's usual patience, so it has
    less of it then.
    """
    is_brief = trial.dose.seconds < 4 * CLOSED_WITHIN
    settings = {"POSTERN_SERVER__REQUEST_TIMEOUT": "2"} if is_brief else {}
    nodes = Nodes(trial, settings=mix.SETTINGS | settings)
    with running(nodes):
        run(_slow(trial, nodes, mix.Mix(nodes, 10, trial.random), _TRICKLE_OF_A_BRIEF_RUN if is_brief else _TRICKLE))


async def _slow(trial: Trial, nodes: Nodes, calls: mix.Mix, trickle: float) -> None:
    dose, findings = trial.dose, trial.findings
    others, crowd = Bystanders(trial, calls, nodes.ports[0]), _Crowd(nodes.ports[0], trickle)
    await others.arrive()
    before = await others.go_on(dose.seconds / 2)
    crowding = asyncio.create_task(crowd.keep_up(dose.items, dose.seconds))
    during = await others.go_on(dose.seconds)
    await crowding
    crowd.leave()
    after = await others.go_on(dose.seconds / 2)
    others.leave()
    findings.require(crowd.closed > 0, "no slow client was closed")
    findings.recovered(crowd.longest, CLOSED_WITHIN, "a slow client was closed only after")
    findings.notes.append(f"{crowd.closed:,} slow clients closed")
    require_hardly_slower(findings, before, during, after)


class _Crowd:
    def __init__(self, port: int, trickle: float) -> None:
        self.closed = 0
        self.longest = 0.0
        self._port = port
        self._trickle = trickle
        self._members: list[_Slow] = []
        self._number = 0

    async def keep_up(self, count: int, seconds: float) -> None:
        """Be so many for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._look_around()
            for _ in range(min(_AT_ONCE, count - len(self._members))):
                self._add()
            await asyncio.sleep(_LOOK if len(self._members) >= count else _LOOK / 25)

    def leave(self) -> None:
        """Who is still connected counts as well: a server that closes nobody is no better than a slow one."""
        self._look_around()
        for member in self._members:
            self.longest = max(self.longest, time.monotonic() - member.since)
            member.connection.close()

    def _add(self) -> None:
        self._number += 1
        is_reader = self._number % _READER_OF == 0
        connection = socket.socket()
        if is_reader:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(("127.0.0.1", self._port))
        connection.setblocking(True)
        connection.sendall(_LARGE if is_reader else _HEAD if self._number % 2 else _BODY)
        now = time.monotonic()
        self._members.append(_Slow(connection, not is_reader, now, now + self._trickle))

    def _look_around(self) -> None:
        now, members = time.monotonic(), self._members
        self._members = []
        for member in members:
            if not member.is_open():
                self.closed += 1
                self.longest = max(self.longest, now - member.since)
                member.connection.close()
                continue
            self._members.append(member)
            if member.sends and now >= member.next_byte:
                member.next_byte = now + self._trickle
                with contextlib.suppress(OSError):
                    member.connection.send(b"a")
