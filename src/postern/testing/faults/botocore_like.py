"""A connection that behaves as botocore behind a balancer does: it tries again after connection errors, 5xx answers
and SlowDown, and leaves a node alone that did not answer.
"""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from postern.testing.wire import Answer, Connection

ATTEMPTS = 5
_LEFT_ALONE = 1.0
_SERVER_ERROR = 500
SLOW_DOWN = "SlowDownException"


class Interrupted(Exception):
    """The answer to a request is not known: the server may have done what it asked for, or not."""


class GaveUp(Interrupted):
    """All attempts failed; the text says how the last one did."""


class Stopped(Interrupted):
    """The load is over, or its server was killed."""


@dataclass
class Traffic:
    """What clients saw of the servers, together."""

    requests: int = 0
    gave_up: list[str] = field(default_factory=list)
    failures: "Counter[str]" = field(default_factory=Counter)
    affected: int = 0
    outages: list[tuple[float, float]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    last_success: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def failed(self, how: str) -> None:
        with self._lock:
            self.failures[how] += 1

    def succeeded(self, began: float, failed_first: float | None) -> None:
        now = time.monotonic()
        with self._lock:
            self.requests += 1
            self.last_success = now
            self.latencies.append(now - began)
            if failed_first is not None:
                self.affected += 1
                self.outages.append((failed_first, now - failed_first))

    def was_given_up(self, how: str) -> None:
        with self._lock:
            self.requests += 1
            self.affected += 1
            self.gave_up.append(how)

    @property
    def server_errors(self) -> int:
        return sum(number for how, number in self.failures.items() if how.startswith("5"))

    def percentile(self, of_hundred: int) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[len(ordered) * of_hundred // 100] if ordered else 0.0

    def longest_outage(self, since: float = 0.0) -> float:
        """The longest that one client went without an answer, of those outages that began ``since`` then."""
        return max((seconds for began, seconds in self.outages if began >= since), default=0.0)


class BotocoreLike(Connection):
    """A kept-alive connection to each node. Not for several threads."""

    def __init__(
        self,
        ports: Sequence[int],
        traffic: Traffic,
        *,
        interval: float = 0.0,
        stop: threading.Event | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._nodes = [Connection(port) for port in ports]
        self._alone_until = [0.0] * len(ports)
        self._traffic = traffic
        self._interval = interval
        self._next = time.monotonic()
        self._failed_first: float | None = None
        self._stop = stop or threading.Event()
        self._attempts = attempts
        self._turn = random.randrange(len(ports))  # noqa: S311

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """
        Raises:
            Interrupted: one of its kinds.
        """
        self._keep_pace()
        began, how = time.monotonic(), ""
        self._failed_first = None
        for attempt in range(self._attempts):
            if attempt and self._stop.wait(random.random() * 2 ** (attempt - 1)):  # noqa: S311
                raise Stopped
            answer, how = self._attempt(method, path, body, headers)
            if answer is not None and not how:
                self._traffic.succeeded(began, self._failed_first)
                return answer
        if self._stop.is_set():
            raise Stopped
        self._traffic.was_given_up(how)
        raise GaveUp(f"{method} {path}: {how}")

    def close(self) -> None:
        for node in self._nodes:
            node.close()

    def _keep_pace(self) -> None:
        """Requests leave at a steady rate, whatever the answers take; who fell behind does not hurry."""
        now = time.monotonic()
        if self._stop.wait(max(0.0, self._next - now)):
            raise Stopped
        self._next = max(self._next, now - 1.0) + self._interval

    def _attempt(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> tuple[Answer | None, str]:
        """The first answer of any node, and what is wrong with it if it is to be tried again."""
        how = "no node"
        for number in self._order():
            try:
                answer = self._nodes[number].send(method, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                if self._stop.is_set():
                    raise Stopped from None
                how = type(error).__name__
                self._failed(f"connection: {how}")
                self._alone_until[number] = time.monotonic() + _LEFT_ALONE
                continue
            how = _complaint(answer)
            if how:
                self._failed(how)
            return answer, how
        return None, how

    def _failed(self, how: str) -> None:
        self._failed_first = self._failed_first or time.monotonic()
        self._traffic.failed(how)

    def _order(self) -> list[int]:
        """Nodes in turn; those that did not answer lately come last."""
        self._turn += 1
        count, now = len(self._nodes), time.monotonic()
        turn = [(self._turn + number) % count for number in range(count)]
        return sorted(turn, key=lambda number: self._alone_until[number] > now)


def _complaint(answer: Answer) -> str:
    if answer.status >= _SERVER_ERROR:
        return f"{answer.status} {answer.error}".strip()
    return f"{answer.status} {SLOW_DOWN}" if answer.error == SLOW_DOWN else ""
