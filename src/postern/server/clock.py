"""The time that a node goes by: the database's where nodes share one, so that clocks which differ do no harm.

A retry within the window, an expiry and an idle time are then judged alike on every node, and a step of one machine's
clock is not felt at all.
"""

import time
from collections.abc import Callable

from postern.core.store import Store

_FIRST_READINGS = 5
_LONGEST_READING = 1.0  # seconds; what took longer says little about the time


class NodeClock:
    """Unix seconds. By the machine's own clock until `follow` has heard of a better one, from then on by the steady
    clock of the machine, set by the better one.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead: float | None = None  # how far the shared clock is ahead of the steady one

    def __call__(self) -> float:
        return self._wall() if self._ahead is None else self._steady() + self._ahead

    async def follow(self, store: Store) -> None:
        """Set the clock by the store's, if it has one. What a reading may be wrong by is half the time it took.

        Raises:
            StoreUnavailable: the store cannot be asked.
        """
        # The first reading may have connected, and brought a schema up to date.
        for remaining in reversed(range(_FIRST_READINGS if self._ahead is None else 1)):
            asked = self._steady()
            shared = await store.read_clock()
            took = self._steady() - asked
            if shared is None:
                return
            if took <= _LONGEST_READING or (self._ahead is None and not remaining):
                self._ahead = shared + took / 2 - self._steady()
                return
