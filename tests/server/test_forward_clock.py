"""The server's clock follows the machine's, or the store's, forwards only."""

import logging

import pytest

from postern.server.forward_clock import ForwardClock


class Machine:
    """A wall clock that can be set, and a monotonic one."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.monotonic = 50.0

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> ForwardClock:
    return ForwardClock(lambda: machine.wall, lambda: machine.monotonic)


def test_it_is_the_machine_s_clock_and_follows_it_forwards(machine: Machine, clock: ForwardClock) -> None:
    assert clock() == machine.wall
    machine.wall += 86_400
    assert clock() == machine.wall


def test_a_step_back_is_not_followed_and_time_goes_on(
    machine: Machine, clock: ForwardClock, caplog: pytest.LogCaptureFixture
) -> None:
    before = clock()
    machine.wall -= 86_400
    with caplog.at_level(logging.WARNING):
        assert clock() == before
    assert [record.getMessage() for record in caplog.records] == [
        "the clock was set back and is not followed: restart if it is right now"
    ]
    machine.pass_time(10)
    assert clock() == before + 10
    machine.wall -= 5
    machine.pass_time(1)
    assert clock() == before + 11
    assert len(caplog.records) == 1


def test_it_is_the_machine_s_again_when_that_has_caught_up(machine: Machine, clock: ForwardClock) -> None:
    before = clock()
    machine.wall -= 60
    assert clock() == before
    machine.pass_time(5)
    machine.wall += 60
    assert clock() == machine.wall == before + 5
    machine.pass_time(1)
    machine.monotonic -= 0.5
    assert clock() == machine.wall


def test_a_small_step_back_is_made_up_for(machine: Machine, clock: ForwardClock) -> None:
    before = clock()
    machine.wall -= 20
    assert clock() == before
    machine.pass_time(10)
    assert clock() == before + 5
    machine.pass_time(30)
    assert clock() == machine.wall == before + 20


def test_a_small_correction_says_nothing(
    machine: Machine, clock: ForwardClock, caplog: pytest.LogCaptureFixture
) -> None:
    before = clock()
    machine.wall -= 0.4
    assert clock() == before
    assert caplog.records == []
