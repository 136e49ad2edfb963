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


@settings(max_examples=500)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=200))
def test_forgetting_changes_nothing(calls: list[tuple[str, int]]) -> None:
    """Callers and the seconds between calls: the outcomes are those of one that never forgets."""
    forgetting, remembering = Pacer(5, 3), Pacer(5, 3)
    remembering._generation = float("inf")
    now = START
    for key, pause in calls:
        now += pause
        assert forgetting.take(key, now) == remembering.take(key, now)


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
