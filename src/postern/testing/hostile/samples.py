"""Numbers of a run: how long answers took, when they came, and what a server process needs for it."""

import os
from array import array
from collections.abc import Sequence
from pathlib import Path


class Samples:
    """Durations in seconds, each with the moment of its end."""

    def __init__(self) -> None:
        self.at = array("d")
        self.took = array("d")

    def __len__(self) -> int:
        return len(self.took)

    def add(self, at: float, took: float) -> None:
        self.at.append(at)
        self.took.append(took)

    def between(self, begin: float, end: float) -> "Samples":
        """Those that ended in that time."""
        chosen = Samples()
        for at, took in zip(self.at, self.took, strict=True):
            if begin <= at < end:
                chosen.add(at, took)
        return chosen

    def percentile(self, share: float) -> float:
        """The duration that this share (0 to 1) of all did not exceed; 0 if there are none."""
        return percentile(self.took, share)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line with the least squares through points (x, y)."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


class Gauge:
    """Reads off a server process and its workers: processor time, memory, open descriptors (Linux)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def cpu_seconds(self) -> float:
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in self._pids()) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Resident memory in bytes."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._pids())

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        return [self._pid, *map(int, children)]


def _stat(pid: int) -> list[str]:
    """The fields after the name of the program, which may have spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
