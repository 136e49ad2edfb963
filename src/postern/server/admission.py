"""How much work a worker takes on at a time, so that what it takes on is answered soon and the rest is refused at once.

The limit on requests in work follows their delay. By Little's law the mean delay of a stretch of time is the sum of the
time that requests spent in work divided by how many were answered, so nothing has to be remembered of a single request;
and the number in work at which the delay is just the target is the rate of answers times the target.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FLOOR = 128  # even a slow server works on so many at a time: it is no overload when few ask
STRETCH = 0.25
_GROWTH = 1.1
_SHRINKING = 0.5
_NEWS_INTERVAL = 1.0

_log = logging.getLogger(__name__)


class Admission:
    """The count of requests in work, and the limit on it.

    ``target`` is the mean delay, in seconds, above which the limit falls; ``most`` is the limit of a server that has
    nothing to do, and its patience with a burst.
    """

    def __init__(self, *, target: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.in_work = 0
        self.limit = float(most)
        self._target = target
        self._most = float(most)
        self._floor = float(min(FLOOR, most))
        self._clock = clock
        self._changed_at = self._since = self._news_at = clock()
        self._spent = 0.0  # the sum, over all requests, of their time in work since the stretch began
        self._answered = 0
        self._refused = 0

    def has_room(self) -> bool:
        """Whether one more may be taken on."""
        return self.in_work < self.limit

    def refuse(self) -> None:
        """One more was not taken on. Where nothing begins or ends, it is these that see time pass."""
        self._refused += 1
        self._pass_time()

    def begin(self) -> None:
        """One more is in work."""
        self._pass_time()
        self.in_work += 1

    def end(self) -> None:
        """One of them is answered, or given up."""
        self._pass_time()
        self.in_work -= 1
        self._answered += 1

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """While a request waits for somebody else's server, or for a thread of its own, it is no work of ours."""
        self._pass_time()
        self.in_work -= 1
        try:
            yield
        finally:
            self._pass_time()
            self.in_work += 1

    def _pass_time(self) -> None:
        now = self._clock()
        self._spent += self.in_work * (now - self._changed_at)
        self._changed_at = now
        if now >= self._since + STRETCH:
            self._look_back(now)

    def _look_back(self, now: float) -> None:
        """Set the limit by the stretch that is over. Halving at most: one stall is not yet a slow server."""
        if self._spent > self._target * max(self._answered, 1):
            fitting = self._answered / (now - self._since) * self._target
            self.limit = min(self.limit, max(self._floor, fitting, self.limit * _SHRINKING))
        else:
            self.limit = min(self._most, self.limit * _GROWTH)
        self._since, self._spent, self._answered = now, 0.0, 0
        if self._refused and now >= self._news_at + _NEWS_INTERVAL:
            self._tell(now)

    def _tell(self, now: float) -> None:
        """One line a second at most: a line for each would be work as well."""
        fields = {"refused": self._refused, "in_work": self.in_work, "limit": round(self.limit)}
        _log.warning("more work than can be done in time", extra={"fields": fields})
        self._refused, self._news_at = 0, now
