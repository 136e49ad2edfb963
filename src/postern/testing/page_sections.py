"""Sections of a page that a command writes, between two lines that stay: the rest of the page is a person's."""

from pathlib import Path
from typing import NamedTuple


class Section(NamedTuple):
    """A page's text, parted by the two lines; ``inside`` is what stands between them."""

    before: str
    inside: str
    after: str


def find_section(page: Path, begin: str, end: str) -> Section:
    """
    Raises:
        ValueError: the page has no such lines.
    """
    before, has_begin, rest = page.read_text("utf-8").partition(begin)
    inside, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise ValueError(f"{page} has no place for figures: the lines {begin} and {end}")
    return Section(before, inside, after)


def replace_section(page: Path, begin: str, end: str, inside: str) -> None:
    """
    Raises:
        ValueError: the page has no such lines; it stays as it is.
    """
    section = find_section(page, begin, end)
    page.write_text(f"{section.before}{begin}\n{inside}\n{end}{section.after}", "utf-8")
