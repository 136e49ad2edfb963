"""Time that runs out although machines sleep and clocks jump."""

import math
from collections.abc import Callable
from typing import Self


class Countdown:
    """What is left of ``lifetime`` seconds: by the clock or by what was waited, whichever is less. So it ends in time
    when the machine slept, and it ends at all when the clock is set back. It ends with the one it is ``within``, which
    may go by another clock.
    """

    def __init__(self, lifetime: float | None, now: Callable[[], float], within: Self | None = None) -> None:
        self.lifetime = math.inf if lifetime is None else lifetime
        self._now = now
        self._within = within
        self._started_at = now()
        self._waited = 0.0

    def waited(self, seconds: float) -> None:
        """Count what was waited."""
        self._waited += seconds
        if self._within is not None:
            self._within.waited(seconds)

    @property
    def left(self) -> float:
        own = self.lifetime - max(self._now() - self._started_at, self._waited)
        return own if self._within is None else min(own, self._within.left)

    @property
    def left_to_wait(self) -> float:
        """By what was waited alone, for who has better evidence than a clock that may have been set forward; but no
        more than there is of the one it is within.
        """
        own = self.lifetime - self._waited
        return own if self._within is None else min(own, self._within.left)
