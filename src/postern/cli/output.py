"""Output for people or for programs."""

import argparse
import sys
from collections.abc import Sequence


def show(options: argparse.Namespace, value: object, text: str) -> None:
    """Print ``value`` as JSON if that was asked for, else ``text``, if there is any."""
    if options.json:
        import json

        print(json.dumps(value, indent=2, ensure_ascii=False))
    elif text:
        print(text)


def columns(rows: Sequence[tuple[str, ...]], titles: tuple[str, ...]) -> str:
    """Rows under titles, each column as wide as it must be."""
    table = [titles, *(tuple(map(printable, row)) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def printable(text: str) -> str:
    """Without what a terminal would act upon: names may come from anywhere."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def utc(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def now() -> int:
    import time

    return int(time.time())


def tell(text: str) -> None:
    """A remark on standard error."""
    print(text, file=sys.stderr, flush=True)


def is_interactive() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def has_color(stream: object) -> bool:
    """Whether to colour what is written to ``stream``: a terminal that takes it, unless NO_COLOR says otherwise."""
    import os

    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    is_tty = getattr(stream, "isatty", None)
    return bool(is_tty and is_tty())


def ask(question: str) -> str:
    """What a person types after ``question``, which goes to standard error: standard output is for results."""
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise KeyboardInterrupt
    return answer.strip()
