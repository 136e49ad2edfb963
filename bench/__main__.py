"""``python -m bench``: the server's operations, each beside a bare ASGI application on the same server, and the client
beside other clients (see `bench.client`).

Server and load each have a core of their own. Reference and Postern alternate; the ratio is taken pair by pair.
Postern stores on SQLite with full synchronisation and answers after the commit; nothing is cached away. Request
logging is off on both sides. Signed requests are made just before their runs (see `bench.signed_requests`). ``growth``
asks the access portal in directories of 1,000 to 1,000,000 account assignments: the ratio should stay what it is.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import client, in_process, operations
from bench.cases import CASES, GROWTH, Case
from bench.measure import RanOut


def main() -> int:
    options = _options()
    code = 0
    if options.part in ("all", "server"):
        code = _server(options, [case for case in CASES if not options.only or case.name in options.only])
    if options.part == "growth":
        code = _server(options, GROWTH)
    if options.part in ("all", "client"):
        rows = client.measure(options.pairs, options.seconds, options.only or ())
        print(_json(rows) if options.json else client.table(rows))
    if options.part == "shares":
        print(in_process.shares())
    if options.part == "profile":
        print(in_process.profile())
    return code


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _server(options: argparse.Namespace, cases: Sequence[Case]) -> int:
    outcomes: list[operations.Outcome] = []
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        for number, case in enumerate(cases):
            try:
                outcomes.append(operations.run(case, Path(folder) / str(number), options.pairs, options.seconds))
            except RanOut as ran_out:
                faults.append(str(ran_out))
    faults += [f"{each.case.name}: {each.wrong} answers were not the expected ones" for each in outcomes if each.wrong]
    print(_json(outcomes) if options.json else operations.table(outcomes))
    for fault in faults:
        print(f"{fault}: its figures do not count", file=sys.stderr)
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part",
        nargs="?",
        choices=("all", "server", "client", "growth", "shares", "profile"),
        default="all",
        help="what to measure (default all: server and client); growth: the portal as the directory grows; shares "
        "and profile look into CreateTokenWithIAM by JWT bearer within one process",
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


if __name__ == "__main__":
    raise SystemExit(main())
