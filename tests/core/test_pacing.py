"""Pacing: RFC 8628 3.5 for polls, and the budgets of addresses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.core import pacing
from postern.core.pacing import Pacer

START = 1_790_000_000.0


def polls() -> Pacer:
    """As the service makes it: interval 1 s, burst 2, slow_down adds 5 s."""
    return Pacer(1, 2, penalty=5)


def outcomes(pacer: Pacer, times: list[float]) -> list[bool]:
    return [pacer.take("code", START + time) for time in times]


def test_the_aws_cli_is_never_slowed_down() -> None:
    """It polls twice within 50 ms at the start and then every interval, and one slow_down costs it 5 s for good."""
    assert all(outcomes(polls(), [0.0, 0.05, *(0.05 + second for second in range(1, 600))]))


@pytest.mark.parametrize("period", [0.999, 1.0, 1.001, 1.2, 2, 5])
def test_a_client_that_keeps_to_the_interval_is_never_slowed_down(period: float) -> None:
    assert all(outcomes(polls(), [period * poll for poll in range(600)]))


def test_jitter_around_the_interval_is_forgiven() -> None:
    times = [poll + (0.09 if poll % 2 else -0.09) for poll in range(1, 300)]
    assert all(outcomes(polls(), times))


def test_jitter_is_forgiven_after_the_burst_too() -> None:
    times = [poll + (0.05 if poll % 2 else -0.05) for poll in range(1, 300)]
    assert all(outcomes(polls(), [0.0, 0.01, *times]))


def test_a_third_poll_at_once_is_slowed_down() -> None:
    assert outcomes(polls(), [0, 0.05, 0.1]) == [True, True, False]


def test_slow_down_raises_the_interval_by_five_seconds() -> None:
    """RFC 8628 3.5: the interval MUST be increased by 5 seconds for this and all subsequent requests."""
    pacer = polls()
    assert outcomes(pacer, [0, 0.05, 0.1]) == [True, True, False]
    assert outcomes(pacer, [2.0]) == [False]
    assert all(outcomes(pacer, [2.0 + 11 * poll for poll in range(1, 20)]))


def test_a_client_that_heeds_slow_down_goes_on() -> None:
    pacer = polls()
    assert outcomes(pacer, [0, 0.05, 0.1]) == [True, True, False]
    assert all(outcomes(pacer, [0.1 + 6 * poll for poll in range(1, 20)]))


def test_each_refusal_adds_to_the_interval() -> None:
    pacer = polls()
    outcomes(pacer, [0, 0.05, 0.1, 0.15, 0.2])
    assert outcomes(pacer, [6.2]) == [False]


def test_hammering_never_gets_through_more_often_than_the_interval() -> None:
    allowed = sum(outcomes(polls(), [step / 100 for step in range(6000)]))
    assert allowed <= 2 + 60


def test_a_clock_that_steps_back_never_slows_anyone_down() -> None:
    assert all(outcomes(polls(), [100, 101, 102, -3600, -3599, -3598, 102, 103, 50, 40, 30, 20, 10]))


def test_codes_are_paced_apart_from_each_other() -> None:
    pacer = polls()
    outcomes(pacer, [0, 0, 0, 0])
    assert pacer.take("another code", START)


def test_a_forgotten_key_begins_anew() -> None:
    pacer = polls()
    outcomes(pacer, [0, 0, 0, 0])
    pacer.forget("code")
    assert outcomes(pacer, [0]) == [True]
    pacer.forget("a code that nobody knows")


def test_without_penalty_a_refusal_costs_nothing() -> None:
    """The budget of an address: 600 in a minute, 300 at once."""
    pacer = Pacer(60 / 600, 300)
    assert all(outcomes(pacer, [0.0] * 300))
    assert not any(outcomes(pacer, [0.01] * 50))
    assert outcomes(pacer, [0.2] * 3) == [True, True, False]


def test_buckets_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_MAX_BUCKETS", 100)
    pacer = polls()
    for number in range(1000):
        assert pacer.take(number, START)
        assert pacer.remembered <= 100
    assert [pacer.take(999, START) for _ in range(2)] == [True, False], "the latest is remembered"


def test_what_is_full_again_is_forgotten() -> None:
    """Each sign-in has a key of its own: a server that runs for months must not remember them all."""
    pacer = Pacer(60 / 600, 300)
    for second in range(1000):
        assert pacer.take(second, START + second)
    assert pacer.remembered <= 2 * 31 + 1


def told(pacer: Pacer, calls: list[tuple[str, float]]) -> list[bool]:
    """What each of several callers is told."""
    return [pacer.take(key, START + time) for key, time in calls]


@pytest.mark.parametrize("seconds, expected", [(5, [True, False, False]), (10, [True, True, False])])
def test_a_bucket_is_not_forgotten_before_it_is_full(seconds: int, expected: list[bool]) -> None:
    """It is emptied just before so many seconds are over; when as many more are, little of it has come back."""
    calls = [("b", 0.0), *[("a", seconds - 0.1)] * 3, ("b", seconds), ("b", 2 * seconds), *[("a", 2 * seconds)] * 3]
    assert told(Pacer(5, 3), calls)[-3:] == expected


def test_a_debt_is_not_forgotten() -> None:
    """Four fifths of a call are enough for one, and what is missing is paid later."""
    calls = [("b", 0), *[("a", 10.9)] * 3, ("a", 14.9), ("b", 15), ("b", 30), *[("a", 30)] * 3, ("a", 34)]
    assert told(Pacer(5, 3), calls)[-4:] == [True, True, True, False]


def test_a_bucket_in_both_generations_is_as_it_was_last() -> None:
    pacer = polls()
    calls = [
        ("a", 0),
        ("a", 0),
        ("a", 0),
        ("b", 3),
        ("a", 4),
        ("a", 4.1),
        ("a", 4.2),
        ("b", 6.1),
        ("a", 6.2),
        ("a", 6.3),
    ]
    assert told(pacer, calls)[-2:] == [False, False]


def test_what_is_forgotten_is_in_no_generation() -> None:
    pacer = Pacer(5, 3)
    assert outcomes(pacer, [0, 0, 0, 0]) == [True, True, True, False]
    pacer.take("another code", START + 1)
    pacer.take("another code", START + 21)
    pacer.forget("code")
    assert outcomes(pacer, [0]) == [True]


BLOCKS = st.tuples(
    st.integers(1, 4),
    st.lists(st.sampled_from([4, 5, 14.5, 15, 15.5, 20]), max_size=3),
)


@settings(max_examples=500)
@given(st.sampled_from([0, 5]), st.lists(BLOCKS, max_size=6))
def test_forgetting_changes_nothing(penalty: int, blocks: list[tuple[int, list[float]]]) -> None:
    """One caller asks so often at once, then another one at these pauses, then the first again: what each is told is
    what one tells who never forgets.
    """
    forgetting, remembering = Pacer(5, 3, penalty), Pacer(5, 3, penalty)
    remembering._generation = float("inf")
    now = START

    def agree(key: str) -> bool:
        return forgetting.take(key, now) == remembering.take(key, now)

    for calls, pauses in blocks:
        assert all(agree("a") for _ in range(calls))
        for pause in pauses:
            now += pause
            assert agree("b")


def test_a_slowed_client_stays_slowed_for_as_long_as_its_code_lives() -> None:
    pacer = polls()
    assert outcomes(pacer, [0, 0.05, 0.1]) == [True, True, False]
    for second in range(600):
        pacer.take("another code", START + second)
    assert outcomes(pacer, [600, 601, 602]) == [True, True, False], "two calls, each 6 s apart"
    assert outcomes(pacer, [603]) == [False]


def test_codes_that_nobody_polls_too_fast_for_are_forgotten_soon() -> None:
    pacer = polls()
    for second in range(1000):
        assert pacer.take(second, START + second)
    assert pacer.remembered <= 2 * 3 + 1


def test_slowed_clients_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_MAX_BUCKETS", 100)
    pacer = polls()
    for number in range(1000):
        for _ in range(3):
            pacer.take(number, START + number / 100)
        assert pacer.remembered <= 100


def test_a_slowed_client_is_forgotten_in_the_end() -> None:
    pacer = polls()
    outcomes(pacer, [0, 0, 0, 0])
    for second in range(0, 2000, 10):
        pacer.take("another code", START + second)
    assert outcomes(pacer, [2000, 2000.1, 2001.1, 2002.1]) == [True] * 4, "the interval is one second again"
