"""Output for people or for programs."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse


class OutputFailed(Exception):
    """Standard output cannot be written to; the text says why."""


class Output:
    """Standard output, whose failures are told apart from all others. Where it was closed before we came, writing is no
    error until the end: a server goes on.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._has_lost = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        if self._stream is None:
            self._has_lost = True
            return len(text)
        with _failing():
            return self._stream.write(text)

    def flush(self) -> None:
        if self._stream is not None:
            with _failing():
                self._stream.flush()

    def finish(self) -> None:
        """
        Raises:
            OutputFailed: not all that was said can be read.
        """
        self.flush()
        if self._has_lost:
            raise OutputFailed("it is closed")


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(error.strerror or str(error)) from None


def show(options: "argparse.Namespace", value: object, text: str) -> None:
    """Print ``value`` as JSON if that was asked for, else ``text``, if there is any."""
    if options.json:
        import json

        print(json.dumps(value, indent=2, ensure_ascii=False))
    elif text:
        print(text)


def show_once(options: "argparse.Namespace", value: object, text: str, loss: str) -> None:
    """`show`, for what nobody can look at later. ``loss`` says what is to be done where nobody could read it now.

    Raises:
        OutputFailed: it could not be written, or is read by nobody.
    """
    try:
        show(options, value, text)
        if isinstance(sys.stdout, Output):
            sys.stdout.finish()
    except BrokenPipeError:
        raise OutputFailed(f"nobody reads it; {loss}") from None
    except OutputFailed as failure:
        raise OutputFailed(f"{failure}; {loss}") from None


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
    """A remark on standard error, if there is any: standard output is for results."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def is_interactive() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def has_color(stream: object) -> bool:
    """Whether to colour what is written to ``stream``: a terminal that takes it, unless NO_COLOR says otherwise."""
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
