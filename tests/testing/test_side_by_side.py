"""A test marked ``alone`` has the machine to itself."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.side_by_side import Turns

SOON, PATIENCE = 0.1, 20


class Visitor(threading.Thread):
    """Takes a turn as a worker of its own would, and stays until it is sent away."""

    def __init__(self, folder: Path, *, alone: bool) -> None:
        super().__init__(daemon=True)
        self.is_in, self._sent_away = threading.Event(), threading.Event()
        self._turns, self._alone = Turns(folder), alone

    def run(self) -> None:
        with self._turns.taken(alone=self._alone):
            self.is_in.set()
            self._sent_away.wait(PATIENCE)

    def send_away(self) -> None:
        self._sent_away.set()

    def close(self) -> None:
        self.join(PATIENCE)
        self._turns.close()


class Room:
    """Into which visitors come, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._visitors: list[Visitor] = []

    def visit(self, *, alone: bool = False) -> Visitor:
        visitor = Visitor(self._folder, alone=alone)
        self._visitors.append(visitor)
        visitor.start()
        return visitor

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.send_away()
        for visitor in self._visitors:
            visitor.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with closing(Room(tmp_path)) as room:
        yield room


def test_many_share_the_machine(room: Room) -> None:
    visitors = [room.visit() for _ in range(3)]
    assert all(visitor.is_in.wait(PATIENCE) for visitor in visitors)


@pytest.mark.parametrize("alone", [False, True])
def test_who_is_alone_has_no_company(room: Room, alone: bool) -> None:
    hermit = room.visit(alone=True)
    assert hermit.is_in.wait(PATIENCE)
    other = room.visit(alone=alone)
    assert not other.is_in.wait(SOON)
    hermit.send_away()
    assert other.is_in.wait(PATIENCE)


def test_who_waits_to_be_alone_is_not_overtaken(room: Room) -> None:
    first = room.visit()
    assert first.is_in.wait(PATIENCE)
    hermit = room.visit(alone=True)
    assert not hermit.is_in.wait(SOON)
    later = room.visit()
    assert not later.is_in.wait(SOON)
    first.send_away()
    assert hermit.is_in.wait(PATIENCE)
    assert not later.is_in.wait(SOON)
    hermit.send_away()
    assert later.is_in.wait(PATIENCE)
