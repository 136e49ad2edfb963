"""Guesses: how long a counter makes the next guess wait. Counters live in the store, so all workers and nodes count
together.

An attempt is counted before it is checked and given back when it was right; so guesses sent side by side cannot
outrun the counter.
"""

import msgspec

from postern.core.records import Attempts

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Schedule(msgspec.Struct, frozen=True):
    """After ``n`` failures the next guess waits the delay (seconds) of the first step whose bound is not below ``n``.

    The counter starts anew when nothing failed for ``window`` seconds.
    """

    steps: tuple[tuple[int, int], ...]
    last_delay: int
    window: int

    def delay(self, failures: int) -> int:
        return next((delay for bound, delay in self.steps if failures <= bound), self.last_delay)


def password_by_source() -> Schedule:
    """A soft lock: noticed by a machine, hardly by a person."""
    return Schedule(((1, 0), (2, 1), (8, 3), (24, 5), (99, 10)), MINUTE, DAY)


def password_by_user(failures_per_day: int) -> Schedule:
    return Schedule(((failures_per_day - 1, 0),), HOUR, DAY)


def user_code_by_user(tries: int) -> Schedule:
    doubling = tuple((tries + step, MINUTE << step) for step in range(5))
    return Schedule(((tries - 1, 0), *doubling), HOUR, DAY)


def user_code_by_address(tries: int) -> Schedule:
    return Schedule(((tries - 1, 0),), 10 * MINUTE, 10 * MINUTE)


def user_code_everywhere() -> Schedule:
    return Schedule((), 0, 10 * MINUTE)


def reserve(
    counter_digest: bytes, current: Attempts | None, schedule: Schedule, now: int
) -> tuple[Attempts | None, int]:
    """Count one attempt.

    Returns:
        The counter to save and 0, or ``None`` and the seconds to wait when the counter blocks.
    """
    if current is not None and current.expires_at <= now:
        current = None
    # A counter that makes nobody wait blocks nobody either: another node's clock may be a second ahead.
    if current is not None and now < current.blocked_until and schedule.delay(current.failures):
        return None, current.blocked_until - now
    failures = current.failures + 1 if current else 1
    blocked_until = now + schedule.delay(failures)
    expires_at = max(now + schedule.window, blocked_until)
    return Attempts(
        counter_digest=counter_digest,
        failures=failures,
        last_failure_at=now,
        blocked_until=blocked_until,
        expires_at=expires_at,
    ), 0
