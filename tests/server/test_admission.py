"""The limit on requests in work, with a clock that tests move."""

import logging

import pytest

from postern.server.admission import FLOOR, STRETCH, Admission
from tests.core.world import VirtualClock

TARGET = 0.1


@pytest.fixture
def admission(clock: VirtualClock) -> Admission:
    return Admission(target=TARGET, most=400, clock=clock)


def serve(admission: Admission, clock: VirtualClock, *, at_a_time: int, delay: float, stretches: int) -> None:
    """So many requests at a time, or as many as there is room for, each answered after that delay."""
    for _ in range(max(1, round(stretches * STRETCH / delay)) + 1):
        begun = 0
        while begun < at_a_time and admission.has_room():
            admission.begin()
            begun += 1
        for _ in range(at_a_time - begun):
            admission.refuse()
        clock.advance(delay)
        for _ in range(begun):
            admission.end()


def test_what_is_answered_in_time_has_room_for_more(admission: Admission, clock: VirtualClock) -> None:
    serve(admission, clock, at_a_time=300, delay=TARGET * 0.9, stretches=20)
    assert admission.limit == 400


def test_by_littles_law_the_limit_is_the_rate_of_answers_times_the_target(
    admission: Admission, clock: VirtualClock
) -> None:
    """A server that answers 2,000 a second has a delay of 0.1 s with 200 in work."""
    admission.limit = 400
    serve(admission, clock, at_a_time=400, delay=0.2, stretches=2)
    assert admission.limit == pytest.approx(200, rel=0.15)


def test_a_single_stall_halves_the_limit_at_most(admission: Admission, clock: VirtualClock) -> None:
    for _ in range(100):
        admission.begin()
    clock.advance(2)
    for _ in range(100):
        admission.end()
    assert admission.limit == 200


def test_it_falls_where_nothing_is_answered_at_all(admission: Admission, clock: VirtualClock) -> None:
    for _ in range(400):
        admission.begin()
    for _ in range(20):
        assert not admission.has_room()
        admission.refuse()
        clock.advance(STRETCH)
    assert admission.limit == FLOOR


def test_a_slow_server_still_works_for_a_few_at_a_time(admission: Admission, clock: VirtualClock) -> None:
    serve(admission, clock, at_a_time=400, delay=5, stretches=100)
    assert admission.limit == FLOOR
    assert admission.has_room()


def test_it_comes_back_when_answers_are_in_time_again(admission: Admission, clock: VirtualClock) -> None:
    admission.limit = FLOOR
    serve(admission, clock, at_a_time=50, delay=0.01, stretches=30)
    assert admission.limit == 400


def test_one_slow_request_is_no_overload(admission: Admission, clock: VirtualClock) -> None:
    serve(admission, clock, at_a_time=1, delay=TARGET * 0.9, stretches=10)
    assert admission.limit == 400


def test_who_waits_for_others_is_not_in_work(admission: Admission, clock: VirtualClock) -> None:
    """An STS that takes ten seconds is no reason to refuse what this server can do."""
    waits = []
    for _ in range(300):
        admission.begin()
        wait = admission.elsewhere()
        wait.__enter__()
        waits.append(wait)
    clock.advance(10)
    assert (admission.in_work, admission.limit) == (0, 400)
    for wait in waits:
        wait.__exit__(None, None, None)
        admission.end()
    assert (admission.in_work, admission.limit) == (0, 400)


def test_refusals_are_told_once_a_second_and_counted(
    admission: Admission, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(400):
        admission.begin()
    for _ in range(30):
        for _ in range(100):
            admission.refuse()
        clock.advance(0.1)
    admission.refuse()
    told = [getattr(record, "fields", {})["refused"] for record in caplog.records]
    assert 2 <= len(told) <= 3
    assert sum(told) > 1900


def test_the_limit_is_never_above_the_setting(clock: VirtualClock) -> None:
    admission = Admission(target=TARGET, most=3, clock=clock)
    serve(admission, clock, at_a_time=5, delay=1, stretches=40)
    assert admission.limit == 3
