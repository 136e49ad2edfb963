"""Nodes that share a store go by one clock."""

import pytest

from postern.core.store import Store
from postern.server.clock import NodeClock
from postern.stores import open_store
from tests.core.world import VirtualClock


class StoreWithClock:
    """It answers after a while, with the time in the middle of it."""

    def __init__(self, steady: VirtualClock, ahead: float) -> None:
        self.steady = steady
        self.ahead = ahead
        self.takes = 0.0

    async def read_clock(self) -> float:
        self.steady.now += self.takes / 2
        shared = self.steady.now + self.ahead
        self.steady.now += self.takes / 2
        return shared


def _node(ahead: float) -> tuple[NodeClock, StoreWithClock, VirtualClock]:
    wall, steady = VirtualClock(), VirtualClock()
    steady.now = 1000
    return NodeClock(wall, steady), StoreWithClock(steady, ahead), wall


async def test_a_machine_of_its_own_goes_by_its_own_clock() -> None:
    clock, _, wall = _node(0)
    await clock.follow(open_store("memory:"))
    assert clock() == wall.now
    wall.now -= 3600
    assert clock() == wall.now


async def test_the_time_of_the_store_counts_whatever_the_machine_says() -> None:
    clock, store, wall = _node(ahead=1_700_000_000)
    store.takes = 0.5
    await clock.follow(_as_store(store))
    assert clock() == 1_700_001_000.5
    wall.now += 2 * 86_400
    store.steady.now += 10
    assert clock() == 1_700_001_010.5


async def test_a_first_reading_that_took_long_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It connected, and brought the schema up to date."""
    clock, store, _ = _node(ahead=1_700_000_000)
    durations = iter([50.0, 0.5])

    async def read_clock() -> float:
        store.takes = next(durations)
        return await StoreWithClock.read_clock(store)

    monkeypatch.setattr(store, "read_clock", read_clock)
    await clock.follow(_as_store(store))
    assert clock() == store.steady.now + store.ahead


async def test_a_slow_reading_changes_nothing_but_is_better_than_none() -> None:
    clock, store, _ = _node(ahead=1_700_000_000)
    store.takes = 3
    await clock.follow(_as_store(store))
    assert clock() == 1_700_001_015
    store.ahead += 30
    await clock.follow(_as_store(store))
    assert clock() == 1_700_001_018
    store.takes = 0
    await clock.follow(_as_store(store))
    assert clock() == 1_700_001_048


def _as_store(store: StoreWithClock) -> Store:
    return store  # type: ignore[return-value]  # only its clock is asked for
