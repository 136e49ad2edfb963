"""Lanes: kept-alive connections on which calls travel, one at a time on each.

A call is bytes that were prepared beforehand, and an answer is looked at no further than it takes to know what it is:
what sends four times as much as a server can do must itself be quick.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from postern.testing.hostile.samples import Samples

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_PATIENCE = 10.0
_UNAVAILABLE, _TOO_MANY, _SERVER_ERROR = 503, 429, 500


class Call(NamedTuple):
    """``status`` and ``error`` are those of a good answer; ``heard`` is told whether it was one, and the answer."""

    kind: str
    data: bytes
    status: int = 200
    error: bytes = b""
    heard: Callable[[bool, bytes], None] | None = None


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


_FIRST = Call("first", request("GET", "/healthz/live"))


class Outcomes:
    """What became of calls: how long the good and the refused ones took, and how the others were answered.

    A server that has too much to do refuses with SlowDownException, with 429 at the portal, with 503 for pages.
    """

    def __init__(self) -> None:
        self.good = Samples()
        self.refused = Samples()
        self.server_errors: Counter[str] = Counter()
        self.unexpected: Counter[str] = Counter()
        self.broken = 0
        self.unanswered = 0

    @property
    def answered(self) -> int:
        return len(self.good) + len(self.refused) + sum(self.server_errors.values()) + sum(self.unexpected.values())

    def note(self, call: Call, answer: bytes, began: float) -> bool:
        """Whether it was a good one."""
        now = time.monotonic()
        status = int(answer[9:12])
        if status == call.status and call.error in answer:
            self.good.add(now, now - began)
            return True
        if is_refusal(status, answer):
            self.refused.add(now, now - began)
        elif status >= _SERVER_ERROR:
            self.server_errors[f"{call.kind}: {status}"] += 1
        else:
            self.unexpected[f"{call.kind}: {_described(status, answer)}"] += 1
        return False


def is_refusal(status: int, answer: bytes) -> bool:
    if status in (_TOO_MANY, _UNAVAILABLE):
        return status == _TOO_MANY or b"retry-after" in answer.lower()
    return b"SlowDownException" in answer


class Lanes:
    """All lanes to one server. ``outcomes`` is where answers are noted; it may be replaced between two phases."""

    def __init__(self, port: int, most: int) -> None:
        self.outcomes = Outcomes()
        self.on_free: Callable[[], None] | None = None
        self._port = port
        self.most = most
        self._idle: list[_Lane] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._open = 0
        self._waiting: deque[tuple[Call, float]] = deque()
        self.is_closed = False

    async def open(self, count: int) -> None:
        """Have so many more ready. Each carries a first call: a server has no patience with those that carry none."""
        for _ in range(count):
            await self._open_one()
        for _ in range(len(self._idle)):
            self.send(_FIRST)
        await self.drain(_PATIENCE)

    def send(self, call: Call) -> None:
        """Now, if there is a lane; otherwise on the next that is free, or on a new one."""
        if self._idle:
            self._idle.pop().send(call, time.monotonic())
            return
        self._waiting.append((call, time.monotonic()))
        if self._open + len(self._opening) < self.most:
            task = asyncio.get_running_loop().create_task(self._open_one())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    @property
    def waiting(self) -> int:
        """Calls that found no lane yet."""
        return len(self._waiting)

    async def drain(self, patience: float) -> None:
        """Wait until everything is answered; what is not by then counts as unanswered."""
        deadline = time.monotonic() + patience
        while (self._waiting or len(self._idle) < self._open) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        self.outcomes.unanswered += len(self._waiting) + self._open - len(self._idle)
        self._waiting.clear()

    def close(self) -> None:
        self.is_closed = True
        for lane in self._idle:
            lane.close()
        for task in self._opening:
            task.cancel()

    async def _open_one(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: _Lane(self), "127.0.0.1", self._port)
        except OSError:
            self.outcomes.broken += 1

    # What lanes tell

    def opened(self, lane: "_Lane") -> None:
        self._open += 1
        self.free(lane)

    def free(self, lane: "_Lane") -> None:
        if self._waiting:
            lane.send(*self._waiting.popleft())
            return
        self._idle.append(lane)
        if self.on_free is not None:
            self.on_free()

    def heard(self, lane: "_Lane", call: Call, answer: bytes, began: float) -> None:
        is_good = self.outcomes.note(call, answer, began)
        if call.heard is not None:
            call.heard(is_good, answer)
        if lane.is_kept:
            self.free(lane)

    def lost(self, lane: "_Lane", call: Call | None) -> None:
        self._open -= 1
        if lane in self._idle:
            self._idle.remove(lane)
        if call is not None and not self.is_closed:
            self.outcomes.broken += 1
            if call.heard is not None:
                call.heard(False, b"")


class _Lane(asyncio.Protocol):
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._call: Call | None = None
        self._began = 0.0
        self._received = b""
        self.is_kept = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._lanes.opened(self)

    def send(self, call: Call, due: float) -> None:
        self._call, self._began = call, due
        self._transport.write(call.data)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        answer = self._received + data if self._received else data
        head = answer.find(_HEAD_END)
        length = _content_length(answer, head) if head >= 0 else None
        if length is None or len(answer) < head + len(_HEAD_END) + length:
            self._received = answer
            return
        call, self._call, self._received = self._call, None, b""
        self.is_kept = b"connection: close" not in answer[:head]
        if call is not None:
            self._lanes.heard(self, call, answer, self._began)

    def connection_lost(self, error: Exception | None) -> None:
        call, self._call = self._call, None
        self._lanes.lost(self, call)


def _content_length(answer: bytes, head: int) -> int | None:
    begin = answer.find(_LENGTH, 0, head)
    if begin < 0:
        return 0
    begin += len(_LENGTH)
    return int(answer[begin : answer.find(b"\r", begin)])


def _described(status: int, answer: bytes) -> str:
    name = answer.partition(b"x-amzn-errortype: ")[2].partition(b"\r\n")[0].decode("latin-1")
    return f"{status} {name}".strip()
