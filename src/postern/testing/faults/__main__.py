"""``python -m postern.testing.faults``: does to real servers what the fault programme says, and reports what held.

Without names, every fault; without a dose, the short one of the tests. ``--full`` takes the programme's own dose, and
each of the options below replaces one number of it.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from postern.testing.faults import report
from postern.testing.faults.catalogue import FAULTS
from postern.testing.faults.programme import run_fault
from postern.testing.faults.stores import POSTGRESQL, SQLITE, Stores
from postern.testing.faults.trial import Dose, Fault, Row, Skipped

_TERMINATED = 128 + signal.SIGTERM
_NAMES = [fault.name for fault in FAULTS]


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    chosen = [fault for fault in FAULTS if not options.faults or fault.name in options.faults]
    if options.list:
        sys.stdout.write("".join(map(_described, chosen)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that servers and mounts are cleared away
    rows: list[Row] = []
    for row in _run(chosen, options):
        rows.append(row)
        if options.write:
            report.write(options.write, [row])
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n")
    else:
        sys.stdout.write(report.table(rows) + "\n")
    return 1 if any(row.faults for row in rows) else 0


def _run(chosen: list[Fault], options: argparse.Namespace) -> Iterator[Row]:
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postern-faults-")))
        stores = stack.enter_context(contextlib.closing(Stores(folder)))
        for fault in chosen:
            for kind in fault.stores:
                if options.store not in (None, kind):
                    continue
                say = _Progress(f"{fault.name} {kind}")
                try:
                    row = run_fault(
                        fault,
                        kind,
                        _dose(fault, options),
                        folder / f"{fault.name}-{kind}",
                        stores,
                        seed=options.seed,
                        say=say,
                    )
                except Skipped as reason:
                    say.at_once(f"skipped: {reason}")
                    continue
                except Exception as error:  # noqa: BLE001 - it is told, and the others go on
                    row = report.broken_off(fault, kind, _dose(fault, options), error)
                say.at_once(f"{report.verdict(row)} ({row.took:.0f} s)")
                yield row


def _dose(fault: Fault, options: argparse.Namespace) -> Dose:
    dose = fault.full if options.full else fault.short
    given = {name: getattr(options, name) for name in Dose.__struct_fields__}
    return msgspec.structs.replace(dose, **{name: value for name, value in given.items() if value is not None})


def _described(fault: Fault) -> str:
    return (
        f"{fault.name:4} {fault.title} ({', '.join(fault.stores)})\n"
        f"     must hold: {fault.promise}\n"
        f"     short: {fault.in_words(fault.short)}; full: {fault.in_words(fault.full)}\n"
    )


class _Progress:
    """Says on standard error how far it is, every ten seconds at most."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._said = time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() > self._said + 10:
            self.at_once(text)

    def at_once(self, text: str) -> None:
        self._said = time.monotonic()
        sys.stderr.write(f"{self._label}: {text}\n")
        sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m postern.testing.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", type=_fault_name, help=f"of {', '.join(_NAMES)}")
    parser.add_argument("--list", action="store_true", help="say what there is, with the doses, and do nothing")
    parser.add_argument("--store", choices=(SQLITE, POSTGRESQL), help="on one kind of store only")
    parser.add_argument("--full", action="store_true", help="the programme's dose; all of it takes hours")
    parser.add_argument("--cycles", type=int, help="how often: kills, restarts, steps of the clock, rotations, ...")
    parser.add_argument("--seconds", type=float, help="load: of a cycle at most, or altogether")
    parser.add_argument(
        "--items", "--codes", "--families", "--rows", type=int, help="codes, families, rows, races, ..."
    )
    parser.add_argument("--rate", type=int, help="requests a second of the mixed load (200)")
    parser.add_argument("--clients", type=int, help="clients of the mixed load, or racers (8)")
    parser.add_argument("--workers", type=int, help="worker processes of a server (1)")
    parser.add_argument("--window", type=int, help="the replay window in seconds (6)")
    parser.add_argument("--patience", type=float, help="what time limits are multiplied by (1, in short doses 5)")
    parser.set_defaults(replays=None)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (0)")
    parser.add_argument("--folder", type=Path, help="a folder to keep stores, journals and logs in")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the rows into docs/reliability.md as well")
    return parser


def _fault_name(text: str) -> str:
    if text.upper() not in _NAMES:
        raise argparse.ArgumentTypeError(f"there is no fault {text}: choose from {', '.join(_NAMES)}")
    return text.upper()


if __name__ == "__main__":
    sys.exit(main())
