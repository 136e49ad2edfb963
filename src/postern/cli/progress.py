"""A progress bar on standard error, where a person watches: not in a pipe, and not for what is done at once."""

import os
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

_WIDTH = 30
_PATIENCE = 0.5
_PAUSE = 0.1


class Progress:
    """How far ``total`` things are done. It begins to show when it has taken `_PATIENCE` seconds. It has no colour, and
    asks nothing of a terminal but to go back to the line's beginning.
    """

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._widest = 0
        self._is_watched = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._widest:
            print("\r" + " " * self._widest + "\r", end="", file=sys.stderr, flush=True)

    def step(self, count: int = 1) -> None:
        self.reach(self._done + count, self._total)

    def reach(self, done: int, total: int) -> None:
        """For work whose size is known only when it has begun."""
        self._done, self._total = done, total
        if not self._is_watched or not total:
            return
        now = time.monotonic()
        if now - self._began >= _PATIENCE and now - self._shown_at >= _PAUSE:
            self._shown_at = now
            text = self.text()
            self._widest = max(self._widest, len(text))
            print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def text(self) -> str:
        part = min(self._done / self._total, 1.0) if self._total else 1.0
        filled = int(part * _WIDTH)
        bar = "#" * filled + "." * (_WIDTH - filled)
        return f"[{bar}] {self._done}/{self._total} {self._what}"


class Watched(tuple[T, ...]):  # noqa: SLOT001  # a tuple cannot have slots that are not empty
    """Things that move a bar when somebody goes through them for the first time: a store takes all of them in one
    call.
    """

    _progress: Progress | None = None

    def by(self, progress: Progress) -> Self:
        self._progress = progress
        return self

    def __iter__(self) -> Iterator[T]:
        progress, self._progress = self._progress, None
        for each in super().__iter__():
            yield each
            if progress is not None:
                progress.step()
