"""``python -m bench``: the server's operations, each beside a bare ASGI application on the same server, and the client
beside other clients (see `bench.client`).

Server and load each have a core of their own. Reference and Postern alternate; the ratio is taken pair by pair.
Postern stores on SQLite with full synchronisation and answers after the commit; nothing is cached away. Request
logging is off on both sides.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import msgspec

from bench import client, fixtures
from bench.measure import Figures, Sample, Server, load
from postern.server.settings import load as load_settings

PORT = 18900


class Case(msgspec.Struct, frozen=True):
    """One operation under load, and the ratio to the bare application that it should reach."""

    name: str
    path: str
    bodies: str
    status: int
    connections: int
    target: float
    durable: bool = False
    tokens: str | None = None


CASES = (
    Case("pending poll", "/token", "poll", 400, 32, 0.65),
    Case("register", "/client/register", "register", 200, 32, 0.55),
    Case("device start", "/device_authorization", "device_start", 200, 128, 0.28, durable=True),
    Case("refresh", "/token", "refresh", 200, 128, 0.30, durable=True, tokens="refresh_tokens"),
)


class Outcome(msgspec.Struct, frozen=True):
    case: Case
    bare: Figures
    ours: Figures
    ratios: list[float]

    @property
    def cpu_ratio(self) -> float:
        """The same ratio by the server's processor time per request: it holds when others use the machine as well."""
        return self.bare.median("cpu_per_request") / self.ours.median("cpu_per_request")


def main() -> int:
    options = _options()
    code = 0
    if options.part in ("all", "server"):
        code = _server(options)
    if options.part in ("all", "client"):
        rows = client.measure(options.pairs, options.seconds, options.only or ())
        print(_json(rows) if options.json else client.table(rows))
    return code


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _server(options: argparse.Namespace) -> int:
    cases = [case for case in CASES if not options.only or case.name in options.only]
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        outcomes = [_run(case, Path(folder) / case.bodies, options) for case in cases]
    if options.json:
        print(_json(outcomes))
    else:
        print(_table(outcomes))
    wrong = sum(sample.wrong for outcome in outcomes for sample in (*outcome.bare.samples, *outcome.ours.samples))
    if wrong:
        print(f"{wrong} answers were not the expected ones: the figures do not count", file=sys.stderr)
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", nargs="?", choices=("all", "server", "client"), default="all", help="what to measure (default all)"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=[*(case.name for case in CASES), *(workload.name for workload in client.WORKLOADS)],
        help="one operation or workload; may be repeated",
    )
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs, reference and Postern in turn (default 5)")
    parser.add_argument("--seconds", type=int, default=4, help="length of a run (default 4)")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    return parser.parse_args()


def _run(case: Case, folder: Path, options: argparse.Namespace) -> Outcome:
    folder.mkdir()
    environment = {
        "POSTERN_SERVER__DATA": str(folder / "data"),
        "POSTERN_SERVER__PORT": str(PORT),
        "POSTERN_LIMITS__REGISTER_PER_MINUTE": "0",
        "POSTERN_LIMITS__DEVICE_START_PER_MINUTE": "0",
        "POSTERN_LIMITS__SIGN_IN_PER_MINUTE": "0",
        "POSTERN_DEVICE__POLL_BURST": "100000000",
        "POSTERN_LOG__REQUESTS": "false",
    }
    bodies = fixtures.make(load_settings(environment=environment), folder, codes=2000, families=20 * case.connections)
    url, bare_url = f"http://127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT + 1}"
    ours = Server(["-m", "postern", "serve"], environment, f"{url}/healthz/ready", folder / "postern.log")
    bare_arguments = [
        "-m",
        "uvicorn",
        "bench.bare:app",
        "--port",
        str(PORT + 1),
        "--no-access-log",
        "--no-server-header",
    ]
    bare = Server(bare_arguments, {}, bare_url, folder / "bare.log")
    try:
        return _compare(case, bodies, (bare, bare_url), (ours, url), options)
    finally:
        bare.stop()
        ours.stop()


def _compare(
    case: Case, bodies: fixtures.Bodies, bare: tuple[Server, str], ours: tuple[Server, str], options: argparse.Namespace
) -> Outcome:
    variables = {
        "BENCH_PATH": case.path,
        "BENCH_BODIES": str(getattr(bodies, case.bodies)),
        "BENCH_STATUS": str(case.status),
    }
    tokens = getattr(bodies, case.tokens) if case.tokens else None

    def run(side: tuple[Server, str], own: bool, seconds: int) -> Sample:
        more = {"BENCH_STATUS": str(case.status if own else 200)}
        if tokens and own:
            more["BENCH_TOKENS"] = str(_share(tokens, case.connections * 2))
        return load(side[0], side[1], {**variables, **more}, connections=case.connections, seconds=seconds)

    run(bare, False, 1)
    run(ours, True, 1)
    pairs: list[tuple[Sample, Sample]] = []
    for number in range(options.pairs):
        print(f"{case.name}: pair {number + 1} of {options.pairs}", end="\r", file=sys.stderr)
        pairs.append((run(bare, False, options.seconds), run(ours, True, options.seconds)))
    ratios = [own.rate / reference.rate for reference, own in pairs]
    return Outcome(case, Figures([pair[0] for pair in pairs]), Figures([pair[1] for pair in pairs]), ratios)


def _share(tokens: Path, count: int) -> Path:
    """Take ``count`` fresh tokens out of the file: those of an earlier run are used up."""
    lines = tokens.read_text().splitlines()
    share = tokens.with_suffix(".share")
    share.write_text("\n".join(lines[:count]) + "\n")
    tokens.write_text("\n".join(lines[count:]) + "\n")
    return share


_TITLES = (
    "operation",
    "durable",
    "connections",
    "bare/s",
    "Postern/s",
    "ratio: median (min-max)",
    "by CPU time",
    "target",
    "p50 ms",
    "p99 ms",
    "server CPU",
    "load CPU",
)


def _table(outcomes: list[Outcome]) -> str:
    rows = [_TITLES, ("---",) * len(_TITLES), *(_row(outcome) for outcome in outcomes)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(outcome: Outcome) -> tuple[str, ...]:
    case, own, ratios = outcome.case, outcome.ours, outcome.ratios
    return (
        case.name,
        "yes" if case.durable else "-",
        str(case.connections),
        f"{outcome.bare.median('rate'):,.0f}",
        f"{own.median('rate'):,.0f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        f"{outcome.cpu_ratio:.2f}",
        f"{case.target:.2f}",
        f"{own.median('p50') / 1000:.2f}",
        f"{own.median('p99') / 1000:.2f}",
        f"{own.median('server_cpu'):.0%}",
        f"{own.median('load_cpu'):.0%}",
    )


if __name__ == "__main__":
    raise SystemExit(main())
