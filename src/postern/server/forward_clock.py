"""Time that never goes back, whatever the clock does that tells it.

Everything that ends, ends by this clock. If it followed a step back, tokens that had expired and secrets whose replay
window was over would be good once more; and what was issued before the step would outlive its end. So time goes on from
where it was until the clock has caught up. A server whose clock was far ahead keeps that time until it is restarted.
"""

import logging
import time
from collections.abc import Callable

_WORTH_A_WARNING = 1.0
# A small step is made up for by time that passes at half its pace, until the clock has caught up: servers that saw the
# step and such that were started later agree again soon.
_SMALL_STEP = 30.0
_UNHURRIED = 0.5

_log = logging.getLogger(__name__)


class ForwardClock:
    """Unix time by ``wall``, but forwards only."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._latest = self._wall()
        self._stepped_at: float | None = None
        self._pace = 1.0

    def __call__(self) -> float:
        now = self._wall()
        if now < self._latest or self._stepped_at is not None:
            return self._since_step(now)
        self._latest = now
        return now

    def _since_step(self, wall: float) -> float:
        """``_latest`` is the time at the step, ``_stepped_at`` the monotonic time of then."""
        monotonic = self._monotonic()
        if self._stepped_at is None:
            self._stepped_at = monotonic
            self._pace = _UNHURRIED if self._latest - wall <= _SMALL_STEP else 1.0
            if self._latest - wall > _WORTH_A_WARNING:
                fields = {"seconds": round(self._latest - wall, 1)}
                _log.warning(
                    "the clock was set back and is not followed: restart if it is right now", extra={"fields": fields}
                )
        now = self._latest + (monotonic - self._stepped_at) * self._pace
        if wall < now:
            return now
        self._stepped_at, self._latest = None, wall
        return wall
