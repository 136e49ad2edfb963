"""The report: a Markdown table, and its place in a page between two markers.

Only rows of what was run are replaced, so that long runs need not be one run.
"""

import math
import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from postern.testing.faults.trial import Dose, Fault, Row
from postern.testing.page_sections import find_section, replace_section

BEGIN, END = "<!-- figures: written by `make faults` -->", "<!-- end of figures -->"
_HEAD = (
    "| fault | store | dose | acknowledged | lost | double-spent | recovery | 5xx | verdict | run on |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)
_SHOWN = 3


def table(rows: Iterable[Row]) -> str:
    return "\n".join([*_HEAD, *(_line(row) for row in rows)])


def verdict(row: Row) -> str:
    """In a few words, the different faults by their number."""
    if not row.faults:
        return "; ".join(["held", *row.notes])
    kinds = sorted(set(row.faults), key=row.faults.count, reverse=True)
    shown = [f"{row.faults.count(kind)} times: {kind}" for kind in kinds[:_SHOWN]]
    more = [f"{len(kinds) - _SHOWN} more kinds"] if len(kinds) > _SHOWN else []
    return "**FAULT** " + "; ".join([*shown, *more, *row.notes])


def broken_off(fault: Fault, kind: str, dose: Dose, error: Exception) -> Row:
    """The row of a fault that could not be finished."""
    return Row(
        fault=fault.name,
        title=fault.title,
        store=kind,
        dose=fault.in_words(dose),
        acknowledged=0,
        lost=0,
        double_spent=0,
        recovery=None,
        server_errors=0,
        faults=[f"broken off: {type(error).__name__}: {' '.join(str(error).split())}"],
        notes=[],
        took=0.0,
    )


def write(page: Path, rows: Sequence[Row]) -> None:
    """Put the rows into the page, each in the place of an older one of the same fault and store.

    Raises:
        ValueError: the page has no markers.
    """
    figures = find_section(page, BEGIN, END).inside
    lines = {_key(line): line for line in figures.splitlines() if line.startswith("| F")}
    lines |= {_key(line): line for line in map(_line, rows)}
    ordered = [lines[key] for key in sorted(lines, key=_order)]
    replace_section(page, BEGIN, END, "\n".join([*_HEAD, *ordered, "", machine()]))


def machine() -> str:
    """What the figures were taken on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Taken with {cores} cores for servers, database and load together, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )


def _line(row: Row) -> str:
    recovery = "-" if row.recovery is None else f"{row.recovery:.2f} s"
    cells = (
        f"{row.fault} {row.title}",
        row.store,
        row.dose,
        f"{row.acknowledged:,}",
        str(row.lost),
        str(row.double_spent),
        recovery,
        str(row.server_errors),
        verdict(row).replace("|", "\\|"),
        datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    return f"| {' | '.join(cells)} |"


def _key(line: str) -> tuple[str, str]:
    fault, store = line.split(" | ")[:2]
    return fault.removeprefix("| ").split()[0], store


def _order(key: tuple[str, str]) -> tuple[float, str, str]:
    """By number; what has a name comes after."""
    name, store = key
    return (int(name[1:]) if name[1:].isdigit() else math.inf), name, store
