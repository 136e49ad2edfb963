"""SQLite, PostgreSQL behind one node, and behind two: each beside the bare application and, since a database that syncs
is what they stand on, beside single-row inserts by ``pgbench``. All are measured in turn, in one run.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from bench import filling, material, postgres, report, rounds, servers
from bench.material import Operation, Share
from bench.measure import Figures, RanOut
from bench.rounds import Run
from postern.server.settings import load as load_settings
from postern.testing.postgres import PostgresServer

OPERATIONS = (material.POLL, material.START, material.REFRESH, material.SIGN_IN)
CONNECTIONS = (32, 128)
SQLITE, ONE_NODE, TWO_NODES = "SQLite", "PostgreSQL", "PostgreSQL, two nodes"
_BARE, _INSERTS = "bare", "pgbench"
_PORTS = {SQLITE: servers.PORT, ONE_NODE: servers.PORT + 2, TWO_NODES: servers.PORT + 3}
_ROWS = 10_000
_MEMBERS_OF_A_CONNECTION = 4
_TARGETS = {("refresh", 128, ONE_NODE): 0.7}
_FIND_BEST = 2


class Outcome(msgspec.Struct, frozen=True):
    """One operation by so many connections: a row for each store."""

    operation: str
    durable: bool
    connections: int
    figures: dict[str, Figures]

    @property
    def wrong(self) -> int:
        return sum(sample.wrong for figures in self.figures.values() for sample in figures.samples)


class Measured(msgspec.Struct, frozen=True):
    """``insert_connections`` is by how many ``pgbench`` was fastest."""

    insert_connections: int
    outcomes: list[Outcome]
    ran_out: list[str]


def measure(folder: Path, names: Sequence[str], pairs: int, seconds: int) -> Measured:
    outcomes: list[Outcome] = []
    ran_out: list[str] = []
    with postgres.running(folder / "postgres") as database:
        inserts = postgres.Inserts(database)
        inserts.find_best(_FIND_BEST)
        bench = _Bench(folder, database, inserts, pairs, seconds)
        for operation in OPERATIONS:
            if names and operation.name not in names:
                continue
            for connections in CONNECTIONS:
                try:
                    outcomes.append(bench.run(operation, connections))
                except RanOut:
                    ran_out.append(f"{operation.name}: the requests that were prepared, {operation.rate}/s, ran out")
        return Measured(inserts.connections, outcomes, ran_out)


class _Bench:
    def __init__(
        self, folder: Path, database: PostgresServer, inserts: postgres.Inserts, pairs: int, seconds: int
    ) -> None:
        self._folder = folder
        self._database = database
        self._inserts = inserts
        self._pairs = pairs
        self._seconds = seconds

    def run(self, operation: Operation, connections: int) -> Outcome:
        """
        Raises:
            RanOut: more requests were answered than prepared.
        """
        name = f"{operation.name.replace(' ', '_').replace('-', '_')}_{connections}"
        with ExitStack() as stack:
            runs = self._runs(operation, connections, name, stack)
            figures = rounds.alternate(f"{operation.name} by {connections}", runs, self._pairs, self._seconds)
        self._database.drop_database(name)
        return Outcome(operation.name, operation.durable, connections, figures)

    def _runs(self, operation: Operation, connections: int, name: str, stack: ExitStack) -> dict[str, Run]:
        count = self._pairs + 1
        folder = self._folder / name
        embedded, shared = folder / "embedded", folder / "shared"
        for each in (embedded, shared):
            each.mkdir(parents=True)
        url = self._database.create_database(name)
        of_sqlite = self._shares(operation, connections, embedded, "", count)
        of_postgres = iter(self._shares(operation, connections, shared, url, count * 3))
        bare = stack.enter_context(servers.bare(folder))
        sqlite = stack.enter_context(servers.postern(embedded, _PORTS[SQLITE], ""))
        first = stack.enter_context(servers.postern(shared, _PORTS[ONE_NODE], url))
        second = stack.enter_context(servers.postern(shared, _PORTS[TWO_NODES], url, core=1))
        postgres_cpu = partial(postgres.spent, self._database)
        return {
            _BARE: rounds.load_on([bare], map(material.for_bare, of_sqlite), connections),
            _INSERTS: self._inserts.run,
            SQLITE: rounds.load_on([sqlite], iter(of_sqlite), connections),
            ONE_NODE: rounds.load_on([first], of_postgres, connections, postgres_cpu),
            TWO_NODES: rounds.load_on([first, second], of_postgres, connections, postgres_cpu),
        }

    def _shares(self, operation: Operation, connections: int, folder: Path, url: str, count: int) -> list[Share]:
        size = operation.rate * self._seconds or _MEMBERS_OF_A_CONNECTION * connections
        rows = max(_ROWS, count * size)
        there = filling.basis(load_settings(environment=servers.environment(folder, store_url=url)))
        return operation.shares(there, folder, rows=rows, count=count, size=size)


# What is printed

_TITLES = (
    "operation",
    "durable",
    "connections",
    "store",
    "requests/s",
    "of the bare application: median (min-max)",
    "by CPU time",
    "of pgbench's inserts: median (min-max)",
    "by CPU time",
    "target",
    "p50 ms",
    "p99 ms",
    "server CPU",
    "PostgreSQL CPU",
    "load CPU",
)


def table(measured: Measured) -> str:
    rows = [_row(outcome, store) for outcome in measured.outcomes for store in (SQLITE, ONE_NODE, TWO_NODES)]
    return f"{report.markdown(_TITLES, rows)}\n\n{_references(measured)}"


def _row(outcome: Outcome, store: str) -> list[str]:
    figures, bare, inserts = outcome.figures[store], outcome.figures[_BARE], outcome.figures[_INSERTS]
    target = _TARGETS.get((outcome.operation, outcome.connections, store))
    has_processes = store != SQLITE
    is_beside_inserts = has_processes and outcome.durable
    return [
        outcome.operation,
        "yes" if outcome.durable else "-",
        str(outcome.connections),
        store,
        f"{figures.median('rate'):,.0f}",
        report.spread(rounds.ratios(figures, bare)),
        _by_cpu(figures, bare),
        report.spread(rounds.ratios(figures, inserts)) if is_beside_inserts else "-",
        _by_cpu(figures, inserts) if is_beside_inserts else "-",
        "-" if target is None else f"{target:.2f}",
        report.milliseconds(figures.median("p50")),
        report.milliseconds(figures.median("p99")),
        f"{figures.median('server_cpu'):.0%}",
        f"{figures.median('store_cpu'):.0%}" if has_processes else "-",
        f"{figures.median('load_cpu'):.0%}",
    ]


def _by_cpu(figures: Figures, reference: Figures) -> str:
    """The ratio by what a request takes of the processors, the store's processes and ``pgbench`` itself included: it
    holds when others use the machine as well.
    """
    return report.ratio(reference.median("cpu_per_request") / figures.median("cpu_per_request"))


def _references(measured: Measured) -> str:
    bare = [outcome.figures[_BARE].median("rate") for outcome in measured.outcomes]
    inserts = [outcome.figures[_INSERTS].median("rate") for outcome in measured.outcomes]
    return (
        f"The bare application answered {_range(bare)} requests a second, pgbench inserted {_range(inserts)} rows a "
        f"second by {measured.insert_connections} connections, the best of {', '.join(map(str, postgres.COUNTS))}. "
        "CPU is of one core; PostgreSQL, servers and load share what cores there are."
    )


def _range(values: Sequence[float]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"
