"""One worker process and two, each on a SQLite store of its own, asked in turn. Workers and load share what cores there
are, so besides the rates that were reached stands what they would be if the load were on another machine: two workers
have two cores, and what a request takes of them is known.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench import filling, material, report, rounds, servers
from bench.material import Operation
from bench.measure import Figures
from bench.rounds import Run
from postern.server.settings import load as load_settings

OPERATIONS = (material.POLL, material.START, material.REFRESH)
CONNECTIONS = 128
_COUNTS = (1, 2)
_ROWS = 20_000
_MEMBERS = 4 * CONNECTIONS
TARGET = 1.7


class Outcome(msgspec.Struct, frozen=True):
    """``one`` and ``two`` workers."""

    operation: str
    durable: bool
    one: Figures
    two: Figures

    @property
    def wrong(self) -> int:
        return sum(sample.wrong for sample in (*self.one.samples, *self.two.samples))

    @property
    def alone(self) -> float:
        """The ratio with a core for each worker and none for the load."""
        return 2 * self.one.median("cpu_per_request") / self.two.median("cpu_per_request")


def measure(folder: Path, names: Sequence[str], pairs: int, seconds: int) -> list[Outcome]:
    return [_run(each, folder, pairs, seconds) for each in OPERATIONS if not names or each.name in names]


def _run(operation: Operation, folder: Path, pairs: int, seconds: int) -> Outcome:
    with ExitStack() as stack:
        runs: dict[str, Run] = {}
        for count in _COUNTS:
            home = folder / f"{operation.name.replace(' ', '_')}_{count}"
            home.mkdir()
            there = filling.basis(load_settings(environment=servers.environment(home)))
            shares = operation.shares(there, home, rows=_ROWS, count=pairs + 1, size=_MEMBERS)
            node = stack.enter_context(servers.postern(home, servers.PORT + 1 + count, "", core=None, workers=count))
            runs[str(count)] = rounds.load_on([node], iter(shares), CONNECTIONS)
        one, two = rounds.alternate(f"{operation.name} by workers", runs, pairs, seconds).values()
    return Outcome(operation.name, operation.durable, one, two)


# What is printed

_TITLES = (
    "operation",
    "durable",
    "one worker/s",
    "two workers/s",
    "ratio: median (min-max)",
    "with a core each, by CPU time",
    "target",
    "CPU of one",
    "CPU of two",
    "load CPU beside two",
    "p99 ms of one",
    "p99 ms of two",
)


def table(outcomes: Sequence[Outcome]) -> str:
    return report.markdown(_TITLES, (_row(outcome) for outcome in outcomes))


def _row(outcome: Outcome) -> list[str]:
    one, two = outcome.one, outcome.two
    return [
        outcome.operation,
        "yes" if outcome.durable else "-",
        f"{one.median('rate'):,.0f}",
        f"{two.median('rate'):,.0f}",
        report.spread(rounds.ratios(two, one)),
        report.ratio(outcome.alone),
        f"{TARGET:.2f}",
        f"{one.median('server_cpu'):.0%}",
        f"{two.median('server_cpu'):.0%}",
        f"{two.median('load_cpu'):.0%}",
        report.milliseconds(one.median("p99")),
        report.milliseconds(two.median("p99")),
    ]
