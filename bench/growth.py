"""What a request costs as rows grow: the same store in several sizes, each with a server of its own, asked in turn for
members chosen at random. What matters is that a row of the table looks like the one above it.
"""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from bench import filling, material, portal, postgres, report, rounds, servers
from bench.material import Operation, Share
from bench.measure import Figures
from bench.rounds import Run
from postern.server.settings import load as load_settings

STORES = ("sqlite", "postgres")
_BARE = "bare"
_BYTES_OF_A_ROW = 2000  # with its indexes, its journal and what is sent for it: more than there will be
_MEMBERS_A_SECOND = 10_000


class Part(msgspec.Struct, frozen=True):
    """A table that grows, and what is asked of it then."""

    name: str
    operations: tuple[Operation, ...]
    connections: int
    sizes: tuple[int, ...]


PARTS = (
    Part("portal", portal.OPERATIONS, 32, (1_000, 10_000, 100_000, 1_000_000)),
    Part("families", (material.REFRESH,), 128, (10_000, 1_000_000)),
    Part("device codes", (material.POLL,), 32, (10_000, 1_000_000)),
    Part("device starts", (material.START,), 128, (10_000, 1_000_000)),
    Part("people", (material.REFRESH_OF_EACH,), 128, (10_000, 1_000_000)),
)


class Outcome(msgspec.Struct, frozen=True):
    """``figures`` by the number of rows, the smallest first."""

    operation: str
    store: str
    connections: int
    bare: Figures
    figures: dict[int, Figures]

    @property
    def wrong(self) -> int:
        return sum(sample.wrong for each in (self.bare, *self.figures.values()) for sample in each.samples)


def measure(
    folder: Path, store: str, names: Sequence[str], sizes: Sequence[int], pairs: int, seconds: int
) -> list[Outcome]:
    """Of the parts that are named, or of all; in ``sizes``, or in each part's own."""
    parts = [part for part in PARTS if not names or part.name in names]
    _require_room(folder, max(sum(sizes or part.sizes) for part in parts))
    return [
        _Bench(folder, store, part, sorted(sizes or part.sizes), pairs, seconds).run(operation)
        for part in parts
        for operation in part.operations
    ]


def _require_room(folder: Path, rows: int) -> None:
    if shutil.disk_usage(folder).free < rows * _BYTES_OF_A_ROW:
        raise SystemExit(f"there is no room for {rows:,} rows in {folder}: set TMPDIR")


class _Bench:
    def __init__(self, folder: Path, store: str, part: Part, sizes: Sequence[int], pairs: int, seconds: int) -> None:
        self._folder = folder
        self._store = store
        self._part = part
        self._sizes = sizes
        self._pairs = pairs
        self._seconds = seconds

    def run(self, operation: Operation) -> Outcome:
        folder = self._folder / operation.name.replace(" ", "_")
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            runs = self._runs(operation, folder, stack)
            figures = rounds.alternate(f"{operation.name} on {self._store}", runs, self._pairs, self._seconds)
        bare = figures.pop(_BARE)
        of_sizes = dict(zip(self._sizes, figures.values(), strict=True))
        return Outcome(operation.name, self._store, self._part.connections, bare, of_sizes)

    def _runs(self, operation: Operation, folder: Path, stack: ExitStack) -> dict[str, Run]:
        database, store_cpu = None, rounds.nothing
        if self._store == "postgres":
            database = stack.enter_context(postgres.running(folder / "postgres"))
            store_cpu = partial(postgres.spent, database)
        runs: dict[str, Run] = {}
        for place, rows in enumerate(self._sizes):
            home = folder / str(rows)
            home.mkdir(parents=True)
            url = database.create_database(f"rows_{rows}") if database else ""
            port = servers.BARE_PORT + 1 + place
            shares = self._filled(operation, home, url, rows)
            if not runs:
                bare = stack.enter_context(servers.bare(home))
                runs[_BARE] = rounds.load_on([bare], map(material.for_bare, shares), self._part.connections)
            node = stack.enter_context(servers.postern(home, port, url))
            runs[str(rows)] = rounds.load_on([node], iter(shares), self._part.connections, store_cpu)
        return runs

    def _filled(self, operation: Operation, home: Path, url: str, rows: int) -> list[Share]:
        count = self._pairs + 1
        size = min(_MEMBERS_A_SECOND * self._seconds, rows // count)
        there = filling.basis(load_settings(environment=servers.environment(home, store_url=url)))
        return operation.shares(there, home, rows=rows, count=count, size=size)


# What is printed

_TITLES = (
    "operation",
    "store",
    "rows",
    "connections",
    "requests/s",
    "of the bare application: median (min-max)",
    "CPU time beside the fewest rows",
    "p50 ms",
    "p99 ms",
    "p99 beside the fewest rows: median (min-max)",
)


def table(outcomes: Sequence[Outcome]) -> str:
    return report.markdown(_TITLES, (_row(outcome, rows) for outcome in outcomes for rows in outcome.figures))


def _row(outcome: Outcome, rows: int) -> list[str]:
    figures, fewest = outcome.figures[rows], next(iter(outcome.figures.values()))
    return [
        outcome.operation,
        outcome.store,
        f"{rows:,}",
        str(outcome.connections),
        f"{figures.median('rate'):,.0f}",
        report.spread(rounds.ratios(figures, outcome.bare)),
        report.ratio(figures.median("cpu_per_request") / fewest.median("cpu_per_request")),
        report.milliseconds(figures.median("p50")),
        report.milliseconds(figures.median("p99")),
        report.spread(rounds.ratios(figures, fewest, "p99")),
    ]
