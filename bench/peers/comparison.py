"""``python -m bench peers``: Postern and other authorization servers in turn, all on the same core and under the same
load from the other. Each operation finds them freshly started, with what it presents made by their own means.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench import plot, report, rounds, servers
from bench.material import Share
from bench.measure import DidNotStart, Figures
from bench.peers import postern
from bench.peers.catalogue import PEERS
from bench.peers.peer import CONNECTIONS, OPERATIONS, POLL, REFRESH, REGISTER, START, LeftOut, Peer, Request
from bench.rounds import Run

_TARGET_PEER = "node-oidc-provider"
_TARGETS = {POLL: 6.0, REFRESH: 5.0, REGISTER: 6.0, START: 3.0}
_FIRST_PORT, _PORTS_OF_A_PEER = servers.PORT + 10, 2


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """How one server did at an operation. ``kept`` is what is on disk when it answers."""

    server: str
    note: str = ""
    connections: int
    kept: str
    figures: Figures

    @property
    def title(self) -> str:
        return f"{self.server}, {self.note}" if self.note else self.server


class Outcome(msgspec.Struct, frozen=True):
    """One operation; Postern's side is the first."""

    operation: str
    sides: list[Side]

    def ratios(self, side: Side) -> list[float]:
        """By how much Postern is faster, round by round."""
        return rounds.ratios(self.sides[0].figures, side.figures)

    def cpu_ratio(self, side: Side) -> float:
        """How many times as much processor time a request takes there: it holds when others use the machine as well."""
        return side.figures.median("cpu_per_request") / self.sides[0].figures.median("cpu_per_request")


class About(msgspec.Struct, frozen=True):
    server: str
    version: str
    remark: str


class Measured(msgspec.Struct, frozen=True):
    outcomes: list[Outcome]
    servers: list[About]
    left_out: dict[str, str]

    @property
    def wrong(self) -> dict[str, int]:
        """How many answers were not the expected ones, where there are any."""
        counts = {
            f"{side.server}, {outcome.operation}": sum(sample.wrong for sample in side.figures.samples)
            for outcome in self.outcomes
            for side in outcome.sides
        }
        return {name: count for name, count in counts.items() if count}


def measure(folder: Path, names: Sequence[str], operations: Sequence[str], pairs: int, seconds: int) -> Measured:
    """Of the peers and the operations that are named, or of all. A peer that does not start is left out of the rest."""
    chosen = [peer for peer in PEERS if not names or peer.name in names]
    bench = _Bench(folder, chosen, pairs, seconds)
    outcomes = [bench.run(operation) for operation in OPERATIONS if not operations or operation in operations]
    return Measured([outcome for outcome in outcomes if len(outcome.sides) > 1], bench.about(), bench.left_out)


class _Bench:
    def __init__(self, folder: Path, peers: Sequence[Peer], pairs: int, seconds: int) -> None:
        self._folder = folder
        self._peers = peers
        self._pairs = pairs
        self._seconds = seconds
        self.left_out: dict[str, str] = {}

    def about(self) -> list[About]:
        there = [peer for peer in self._peers if peer.name not in self.left_out]
        return [
            About(postern.NAME, postern.VERSION, postern.REMARK),
            *(About(peer.name, peer.version(), peer.remark) for peer in there),
        ]

    def run(self, operation: str) -> Outcome:
        asked = {peer.name: peer.requests[operation] for peer in self._peers if operation in peer.requests}
        with ExitStack() as stack:
            others = self._others(operation, stack)
            if not others:
                return Outcome(operation, [])
            runs = {postern.NAME: self._own(operation, stack), **others}
            figures = rounds.alternate(operation, runs, self._pairs, self._seconds)
        return Outcome(operation, [_side(name, operation, asked.get(name), figures[name]) for name in runs])

    def _own(self, operation: str, stack: ExitStack) -> Run:
        folder = self._new_folder(operation, postern.NAME)
        server, shares = stack.enter_context(postern.running(folder, operation, self._pairs + 1))
        return rounds.load_on([server], shares, CONNECTIONS)

    def _others(self, operation: str, stack: ExitStack) -> dict[str, Run]:
        runs: dict[str, Run] = {}
        for place, peer in enumerate(self._peers):
            if operation not in peer.requests or peer.name in self.left_out:
                continue
            port, folder = _FIRST_PORT + _PORTS_OF_A_PEER * place, self._new_folder(operation, peer.name)
            try:
                server = peer.start(folder, port)
            except (LeftOut, DidNotStart) as reason:
                self.left_out[peer.name] = "it did not start" if isinstance(reason, DidNotStart) else str(reason)
                print(f"{peer.name} is left out: {reason}", file=sys.stderr)
                continue
            stack.callback(server.stop)
            request = peer.requests[operation]
            shares = _shares(peer, request, operation, folder, port)
            runs[peer.name] = rounds.load_on([server], shares, request.connections)
        return runs

    def _new_folder(self, operation: str, name: str) -> Path:
        folder = self._folder / operation.replace(" ", "_") / name.replace(" ", "_")
        folder.mkdir(parents=True)
        return folder


def _shares(peer: Peer, request: Request, operation: str, folder: Path, port: int) -> Iterator[Share]:
    """What each run presents, made just before it. Codes stay pending, so that those of the first run do for all."""
    told = {
        "BENCH_PATH": request.path,
        "BENCH_TYPE": request.content_type,
        "BENCH_STATUS": str(request.status),
        "BENCH_ANSWER": request.answer,
        **({"BENCH_SIGNED": "1"} if request.signed else {}),
    }
    bodies, tokens = folder / "bodies", folder / "tokens"
    codes = peer.polled if operation == POLL else 0
    while True:
        wanted = 2 * request.connections if operation == REFRESH else 0
        if wanted or not bodies.exists():
            seeds = peer.seed(folder, port, codes, wanted)
            bodies.write_text("\n".join(request.bodies(seeds)) + "\n")
            tokens.write_text("\n".join(seeds.refresh_tokens) + "\n")
        yield Share({**told, "BENCH_BODIES": str(bodies)}, {"BENCH_TOKENS": str(tokens)} if wanted else {})


def _side(name: str, operation: str, request: Request | None, figures: Figures) -> Side:
    if request is None:
        return Side(server=name, connections=CONNECTIONS, kept=postern.KEPT[operation], figures=figures)
    return Side(server=name, note=request.note, connections=request.connections, kept=request.kept, figures=figures)


# What is printed

_TITLES = (
    "operation",
    "server",
    "connections",
    "on disk when it answers",
    "requests/s",
    "Postern is faster by: median (min-max)",
    "by CPU time",
    "target",
    "p50 ms",
    "p99 ms",
    "server CPU",
    "load CPU",
    "memory MiB",
)


def table(measured: Measured) -> str:
    rows = (_row(outcome, side) for outcome in measured.outcomes for side in outcome.sides)
    return f"{report.markdown(_TITLES, rows)}\n\n{_notes(measured)}"


def _row(outcome: Outcome, side: Side) -> list[str]:
    figures, is_own = side.figures, side.server == postern.NAME
    target = _TARGETS[outcome.operation] if side.server == _TARGET_PEER else None
    return [
        outcome.operation,
        side.title,
        str(side.connections),
        side.kept,
        f"{figures.median('rate'):,.0f}",
        "-" if is_own else report.spread(outcome.ratios(side)),
        "-" if is_own else report.ratio(outcome.cpu_ratio(side)),
        "-" if target is None else f"{target:.0f}",
        report.milliseconds(figures.median("p50")),
        report.milliseconds(figures.median("p99")),
        f"{figures.median('server_cpu'):.0%}",
        f"{figures.median('load_cpu'):.0%}",
        f"{figures.median('memory'):.0f}",
    ]


def _notes(measured: Measured) -> str:
    there = [f"- {about.server} {about.version}: {about.remark}." for about in measured.servers]
    missing = [f"- {name} is left out: {reason}." for name, reason in measured.left_out.items()]
    return "\n".join([*there, *missing])


def chart(measured: Measured) -> plot.Chart:
    groups = [plot.Group(outcome.operation, _bars(outcome)) for outcome in measured.outcomes]
    return plot.Chart(
        title="Postern beside other authorization servers",
        description="Requests a second on one core, by operation and server; medians of rounds in turn.",
        panels=[plot.Panel("requests a second on one core, logarithmic", groups)],
    )


def _bars(outcome: Outcome) -> list[plot.Bar]:
    return [
        plot.Bar(side.title, side.figures.median("rate"), is_own=side.server == postern.NAME) for side in outcome.sides
    ]
