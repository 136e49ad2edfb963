"""How calls are sent: at a rate whatever becomes of them (open loop), as people do who do not know of each other; or so
many at a time (closed loop), which is how a server's capacity is found.
"""

import asyncio
import time
from collections.abc import Callable

from postern.testing.hostile.lanes import Call, Lanes

_STEP = 0.002
_LATE = 0.05
Next = Callable[[], Call]
Rate = Callable[[], float]


async def at_rate(lanes: Lanes, next_call: Next, rate: Rate, seconds: float) -> int:
    """Send ``rate()`` calls a second; how many were sent. They are fewer where the sender itself was held up: what is
    long due is left out, since a burst would be another load.
    """
    begun = last = time.monotonic()
    owed = 0.0
    sent = 0
    while (now := time.monotonic()) < begun + seconds:
        owed += min(now - last, _LATE) * rate()
        last = now
        for _ in range(int(owed)):
            lanes.send(next_call())
            sent += 1
        owed -= int(owed)
        await asyncio.sleep(_STEP)
    return sent


def steadily(rate: float) -> Rate:
    return lambda: rate


async def in_flight(lanes: Lanes, next_call: Next, count: int, seconds: float) -> None:
    """Keep ``count`` calls in flight."""
    is_over = asyncio.Event()

    def send_another() -> None:
        if not is_over.is_set():
            lanes.send(next_call())

    lanes.on_free = send_another
    for _ in range(count):
        send_another()
    await asyncio.sleep(seconds)
    is_over.set()
    lanes.on_free = None
