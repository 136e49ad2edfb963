"""``python -m bench``: the server's operations, each beside a bare ASGI application on the same server, and the client
beside other clients (see `bench.client`).

Server and load each have a core of their own. Reference and Postern alternate; the ratio is taken pair by pair.
Postern stores on SQLite with full synchronisation and answers after the commit; nothing is cached away. Request
logging is off on both sides. Signed requests are made just before their runs (see `bench.signed_requests`).

``peers`` puts other authorization servers beside Postern, each as its own users run it (see `bench.peers`).
``stores`` puts PostgreSQL, behind one node and behind two, beside SQLite; there database, servers and load share the
cores. ``workers`` puts two worker processes beside one. ``growth`` asks the same as rows grow, of one store: a figure
should stay what it is. ``footprint`` starts commands and servers (see `bench.footprint`).

``--write docs/performance.md`` puts the tables of all but ``growth`` into that page, and plots beside it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import client, footprint, growth, in_process, operations, pages, report, stores, workers
from bench.cases import CASES, SECTIONS, Case
from bench.measure import RanOut
from bench.pages import Section
from bench.peers import comparison
from bench.peers.catalogue import PEERS

_ROUNDS = 4  # of starts, for a pair of runs
_OF_ALL = ("client", "footprint")
_WHOLE = (*_OF_ALL, "peers", "stores", "workers")  # parts that are a section of the page each
_NAMES = list(dict.fromkeys(each.name for each in (*CASES, *stores.OPERATIONS, *growth.PARTS, *client.WORKLOADS)))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    code = 0
    if options.part in ("all", "server"):
        code = _server(options, [case for case in CASES if not options.only or case.name in options.only])
    if options.part == "peers":
        code = _peers(options)
    if options.part == "stores":
        code = _stores(options)
    if options.part == "workers":
        code = _workers(options)
    if options.part == "growth":
        code = _growth(options)
    if options.part in ("all", "client"):
        _client(options)
    if options.part in ("all", "footprint"):
        _footprint(options)
    if options.part == "shares":
        print(in_process.shares())
    if options.part == "profile":
        print(in_process.profile())
    return code


def _server(options: argparse.Namespace, cases: Sequence[Case]) -> int:
    outcomes: list[operations.Outcome] = []
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        for number, case in enumerate(cases):
            try:
                outcomes.append(operations.run(case, Path(folder) / str(number), options.pairs, options.seconds))
            except RanOut as ran_out:
                faults.append(str(ran_out))
    print(report.json(outcomes) if options.json else operations.table(outcomes))
    faults += [_wrong(each.case.name, each.wrong) for each in outcomes if each.wrong]
    if not faults:
        _write(options, operations.sections(outcomes))
    return _faults(faults)


def _client(options: argparse.Namespace) -> None:
    rows = client.measure(options.pairs, options.seconds, options.only or ())
    print(report.json(rows) if options.json else client.table(rows))
    _write(options, [Section("client", "client", client.table(rows), client.chart(rows))])


def _footprint(options: argparse.Namespace) -> None:
    count = _ROUNDS * options.pairs
    found = footprint.measure(count, options.rows[0] if options.rows else footprint.ROWS)
    print(report.json(found) if options.json else footprint.table(found))
    _write(options, [Section("footprint", "footprint", footprint.table(found), how=f"{count} rounds")])


def _peers(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        measured = comparison.measure(
            Path(folder), options.peer or (), options.only or (), options.pairs, options.seconds
        )
    print(report.json(measured) if options.json else comparison.table(measured))
    if not measured.outcomes:
        print("nothing was measured", file=sys.stderr)
        return 1
    faults = [_wrong(name, count) for name, count in measured.wrong.items()]
    if not faults:
        _write(options, [Section("peers", "peers", comparison.table(measured), comparison.chart(measured))])
    return _faults(faults)


def _write(options: argparse.Namespace, sections: Sequence[Section]) -> None:
    for section in sections if options.write else ():
        pages.write(options.write, section, options.pairs, options.seconds)


def _wrong(name: str, count: int) -> str:
    return f"{name}: {count} answers were not the expected ones"


def _faults(faults: Sequence[str]) -> int:
    for fault in faults:
        print(f"{fault}: its figures do not count", file=sys.stderr)
    return 1 if faults else 0


def _stores(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        measured = stores.measure(Path(folder), options.only or (), options.pairs, options.seconds)
    print(report.json(measured) if options.json else stores.table(measured))
    wrong = [_wrong(f"{each.operation} by {each.connections}", each.wrong) for each in measured.outcomes if each.wrong]
    faults = [*measured.ran_out, *wrong]
    if not faults:
        _write(options, [Section("stores", "stores", stores.table(measured))])
    return _faults(faults)


def _workers(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        outcomes = workers.measure(Path(folder), options.only or (), options.pairs, options.seconds)
    print(report.json(outcomes) if options.json else workers.table(outcomes))
    faults = [_wrong(each.operation, each.wrong) for each in outcomes if each.wrong]
    if not faults:
        _write(options, [Section("workers", "workers", workers.table(outcomes))])
    return _faults(faults)


def _growth(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        outcomes = growth.measure(
            Path(folder), options.store, options.only or (), options.rows, options.pairs, options.seconds
        )
    print(report.json(outcomes) if options.json else growth.table(outcomes))
    return _faults([_wrong(each.operation, each.wrong) for each in outcomes if each.wrong])


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part",
        nargs="?",
        choices=("all", "server", "client", "footprint", "peers", "stores", "workers", "growth", "shares", "profile"),
        default="all",
        help="what to measure (default all: server, client and footprint, which is how long starts take and how much "
        "memory); peers: beside other authorization servers; stores: SQLite beside PostgreSQL; workers: one process "
        "and two; growth: what requests cost as rows grow, by parts (portal, families, …); shares and profile look "
        "into CreateTokenWithIAM by JWT bearer within one process",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=_NAMES,
        help="one operation or workload; may be repeated",
    )
    parser.add_argument(
        "--peer",
        action="append",
        metavar="NAME",
        choices=[peer.name for peer in PEERS],
        help=f"one of the peers ({', '.join(peer.name for peer in PEERS)}); may be repeated",
    )
    parser.add_argument("--store", choices=growth.STORES, default=growth.STORES[0], help="what grows (default sqlite)")
    parser.add_argument(
        "--rows",
        type=_numbers,
        default=(),
        metavar="N,…",
        help="sizes of what grows (default: 1,000 to 1,000,000 assignments, 10,000 and 1,000,000 of other "
        "rows; 1,000,000 in footprint)",
    )
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs, reference and Postern in turn (default 5)")
    parser.add_argument("--seconds", type=int, default=4, help="length of a run (default 4)")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="PAGE",
        help="put tables and plots into docs/performance.md as well, if all was right",
    )
    options = parser.parse_args(arguments)
    if options.write:
        _check_page(parser, options)
    return options


def _check_page(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Before anything is measured."""
    names = _sections(options)
    if not names:
        parser.error(
            f"--write wants all that a section of the page has: server, {', '.join(_WHOLE)}, without --only or --peer"
        )
    try:
        pages.require(options.write, names)
    except (OSError, ValueError) as error:
        parser.error(str(error))


def _sections(options: argparse.Namespace) -> list[str]:
    """Those of the page that this run measures as a whole."""
    some = [*(options.only or ()), *(options.peer or ())]
    found = [part for part in _WHOLE if part == options.part or (options.part == "all" and part in _OF_ALL)]
    found = [] if some else found
    if options.part in ("all", "server"):
        found += [name for name, cases in SECTIONS.items() if not some or set(cases) <= set(some)]
    return found


if __name__ == "__main__":
    raise SystemExit(main())
