"""The progress bar: for people at a terminal, and for what takes a while."""

import io
from types import SimpleNamespace

import pytest

from postern.cli.progress import Progress, Watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One number: the seconds."""
    seconds = [100.0]
    monkeypatch.setattr("postern.cli.progress.time.monotonic", lambda: seconds[0])
    return seconds


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    # Not sys.stderr itself: between fixtures and test it is changed back.
    monkeypatch.setattr("postern.cli.progress.sys", SimpleNamespace(stderr=terminal))
    monkeypatch.setenv("TERM", "xterm")
    return terminal


def test_a_bar_grows_and_goes_away(clock: list[float], terminal: Terminal) -> None:
    with Progress("records", 4) as bar:
        clock[0] += 1
        bar.step()
        assert terminal.getvalue() == "\r[#######.......................] 1/4 records"
        clock[0] += 1
        bar.step(3)
        assert terminal.getvalue().endswith("\r[##############################] 4/4 records")
        shown = len(bar.text())
    assert terminal.getvalue().endswith("\r" + " " * shown + "\r")
    assert "\033" not in terminal.getvalue()


def test_how_much_there_is_may_be_known_later(clock: list[float], terminal: Terminal) -> None:
    with Progress("pages", 0) as bar:
        clock[0] += 1
        bar.reach(0, 0)
        assert terminal.getvalue() == ""
        bar.reach(2, 4)
        assert terminal.getvalue() == "\r[###############...............] 2/4 pages"


def test_what_is_done_at_once_shows_nothing(clock: list[float], terminal: Terminal) -> None:
    with Progress("records", 4) as bar:
        bar.step(4)
    assert terminal.getvalue() == ""


def test_it_is_not_drawn_for_every_step(clock: list[float], terminal: Terminal) -> None:
    with Progress("records", 1000) as bar:
        clock[0] += 1
        for _ in range(1000):
            bar.step()
    assert terminal.getvalue().count("records") == 1


@pytest.mark.parametrize("where", ["pipe", "dumb", "closed"])
def test_where_nobody_watches_nothing_is_shown(clock: list[float], monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    stream = io.StringIO() if where == "pipe" else Terminal()
    stderr = None if where == "closed" else stream
    monkeypatch.setattr("postern.cli.progress.sys", SimpleNamespace(stderr=stderr))
    monkeypatch.setenv("TERM", "dumb" if where == "dumb" else "xterm")
    with Progress("records", 4) as bar:
        clock[0] += 1
        bar.step()
    assert stream.getvalue() == ""


def test_watched_things_are_what_they_are_and_move_the_bar_once(clock: list[float], terminal: Terminal) -> None:
    with Progress("records", 3) as bar:
        watched = Watched("abc").by(bar)
        assert (watched, len(watched)) == (("a", "b", "c"), 3)
        assert list(watched) == ["a", "b", "c"]
        assert list(watched) == ["a", "b", "c"]
        assert "3/3" in bar.text()
