"""Tests run side by side, in the workers of pytest-xdist, but for those marked `alone`: nothing else runs meanwhile."""

import fcntl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

_FOLDER = pytest.StashKey[TemporaryDirectory[str]]()


class Turns:
    """A room that many share or one has alone, also among processes. Who waits to be alone is not overtaken."""

    def __init__(self, folder: Path) -> None:
        self._queue = (folder / "queue").open("w")
        self._room = (folder / "room").open("w")

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self._queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    def close(self) -> None:
        self._queue.close()
        self._room.close()

    # Outermost, so that a test's timeout begins when its turn has come.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        with self.taken(alone=item.get_closest_marker("alone") is not None):
            return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All workers of a run take turns in one folder, which ends with the run."""
    config: pytest.Config = node.config
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = TemporaryDirectory(prefix="postern-turns-")
        config.add_cleanup(config.stash[_FOLDER].cleanup)
    node.workerinput["turns"] = config.stash[_FOLDER].name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with something slow come first, or a worker would be busy with one at the end while the others rest."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


def pytest_configure(config: pytest.Config) -> None:
    """A worker takes turns; who runs tests by itself need not."""
    if hasattr(config, "workerinput"):
        turns = Turns(Path(config.workerinput["turns"]))
        config.pluginmanager.register(turns)
        config.add_cleanup(turns.close)
