"""Figures in a page: a table between two marks, and a plot in a file beside the page. What a person wrote around the
marks stays.
"""

import os
import platform
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import plot
from postern.testing.page_sections import find_section, replace_section


class Section(msgspec.Struct, frozen=True):
    """``command`` is what measures it, ``how`` in which runs, ``body`` a table and what goes with it."""

    name: str
    command: str
    body: str
    chart: plot.Chart | None = None
    how: str = ""


def marks(name: str) -> tuple[str, str]:
    return f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"


def require(page: Path, names: Iterable[str]) -> None:
    """
    Raises:
        ValueError: the page has no place for one of them.
    """
    for name in names:
        find_section(page, *marks(name))


def write(page: Path, section: Section, pairs: int, seconds: int) -> None:
    """
    Raises:
        ValueError: the page has no place for it.
    """
    parts = [_taken(section.command, section.how or f"{pairs} rounds of {seconds} s")]
    if section.chart:
        picture = page.with_name(f"{page.stem}-{section.name}.svg")
        picture.write_text(plot.svg(section.chart), "utf-8")
        parts.append(f"![{section.chart.title}]({picture.name})")
    replace_section(page, *marks(section.name), "\n\n".join([*parts, section.body]))


def _taken(command: str, how: str) -> str:
    """When, how and on what; nothing that names the machine."""
    cores = len(os.sched_getaffinity(0))
    return (
        f"Written by `python -m bench {command}` on {datetime.now(UTC):%Y-%m-%d}: {how}, "
        f"{cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}."
    )
