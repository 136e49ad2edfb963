"""How long a counter makes the next guess wait."""

import pytest

from postern.core import attempts
from postern.core.attempts import DAY, HOUR, MINUTE, Schedule
from postern.core.records import Attempts

COUNTER = bytes(32)
START = 1_790_000_000


def fail(schedule: Schedule, times: list[int]) -> list[int]:
    """The seconds that guesses at these times have to wait; 0 for one that was counted."""
    current: Attempts | None = None
    waits = []
    for time in times:
        counted, wait = attempts.reserve(COUNTER, current, schedule, START + time)
        assert (counted is None) == (wait > 0)
        current = counted or current
        waits.append(wait)
    return waits


def delays(schedule: Schedule, failures: int) -> list[int]:
    """The wait after each of so many failures, when every one waits as it should."""
    current: Attempts | None = None
    now = START
    waits = []
    for _ in range(failures):
        counted, wait = attempts.reserve(COUNTER, current, schedule, now)
        assert wait == 0
        assert counted is not None
        waits.append(counted.blocked_until - now)
        current, now = counted, max(now, counted.blocked_until)
    return waits


def test_a_password_guessed_from_one_source_waits_longer_and_longer() -> None:
    waits = delays(attempts.password_by_source(), 101)
    assert waits[:2] == [0, 1]
    assert waits[2:8] == [3] * 6
    assert waits[8:24] == [5] * 16
    assert waits[24:99] == [10] * 75
    assert waits[99:] == [MINUTE, MINUTE]


def test_the_cap_of_a_person_for_a_day() -> None:
    waits = delays(attempts.password_by_user(100), 101)
    assert waits == [0] * 99 + [HOUR, HOUR]


def test_the_user_codes_of_a_person_double_their_wait() -> None:
    """RFC 8628 5.1: five tries, then back-off."""
    waits = delays(attempts.user_code_by_user(5), 12)
    assert waits == [0] * 4 + [60, 120, 240, 480, 960, HOUR, HOUR, HOUR]


def test_the_user_codes_of_an_address() -> None:
    waits = delays(attempts.user_code_by_address(30), 31)
    assert waits[:29] == [0] * 29
    assert waits[29] == 10 * MINUTE


def test_a_blocked_guess_is_told_to_wait_and_not_counted() -> None:
    assert fail(attempts.user_code_by_user(5), [0] * 7) == [0] * 5 + [60, 60]
    assert fail(attempts.user_code_by_user(5), [0] * 5 + [59, 60]) == [0] * 5 + [1, 0]


def test_a_node_whose_clock_is_behind_is_not_made_to_wait_where_nobody_is() -> None:
    assert fail(attempts.user_code_by_user(5), [1, 0, 1, 0]) == [0, 0, 0, 0]


def test_a_counter_starts_anew_when_nothing_failed_for_its_window() -> None:
    schedule = attempts.password_by_user(3)
    assert fail(schedule, [0, 0, DAY]) == [0, 0, 0]
    (before, after) = (
        delays_after(schedule, [0, 0], DAY - 1),
        delays_after(schedule, [0, 0], DAY),
    )
    assert (before, after) == (HOUR, 0)


def delays_after(schedule: Schedule, times: list[int], then: int) -> int:
    current: Attempts | None = None
    for time in times:
        current, _ = attempts.reserve(COUNTER, current, schedule, START + time)
    counted, _ = attempts.reserve(COUNTER, current, schedule, START + then)
    assert counted is not None
    return counted.blocked_until - (START + then)


def test_a_counter_is_kept_while_it_blocks() -> None:
    counted, _ = attempts.reserve(COUNTER, None, Schedule((), HOUR, MINUTE), START)
    assert counted is not None
    assert counted.expires_at == START + HOUR


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_schedules_hold_for_every_setting(tries: int) -> None:
    assert delays(attempts.user_code_by_user(tries), tries)[-1] == MINUTE
    assert delays(attempts.user_code_by_address(tries), tries)[-1] == 10 * MINUTE
    assert delays(attempts.password_by_user(tries), tries)[-1] == HOUR
