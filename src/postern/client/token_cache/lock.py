"""A lock between processes: an advisory lock on a file of its own, which the kernel drops when its holder dies.

The file stays. To remove it would let two holders lock two files of one name.
"""

# ruff: noqa: PTH120  # PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from postern.client.token_cache import files, places
from postern.client.token_cache.port import LockTimeout, TokenCacheError

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.05


def pauses(timeout: float) -> Iterator[float]:
    """Seconds to wait between one try and the next, ``timeout`` in all. One more try follows the last."""
    pause, left = _FIRST_PAUSE, timeout
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause = min(2 * pause, _LONGEST_PAUSE)


class FileLock:
    """A `CacheLock` on ``path``, whose folder is made when it is missing. ``timeout`` is in seconds."""

    def __init__(self, path: str, timeout: float) -> None:
        self.timeout = timeout
        self._path = path
        self._file: int | None = None

    def __repr__(self) -> str:
        return f"FileLock({self._path!r})"

    def try_acquire(self) -> bool:
        if self._file is not None:
            raise TokenCacheError(f"the lock is held already: {self._path}")
        opened = self._open()
        try:
            is_ours = self._try(opened)
        except BaseException:
            os.close(opened)
            raise
        if not is_ours:
            os.close(opened)
            return False
        self._file = opened
        return True

    def acquire(self) -> None:
        for pause in pauses(self.timeout):
            if self.try_acquire():
                return
            time.sleep(pause)
        if not self.try_acquire():
            raise self.timed_out()

    def timed_out(self) -> LockTimeout:
        return LockTimeout(f"another process has kept the lock for {self.timeout:g} s: {self._path}")

    def release(self) -> None:
        opened, self._file = self._file, None
        if opened is None:
            return
        try:
            # Not left to close(): a child that was forked meanwhile has the same open file, and would keep the lock.
            _unlock(opened)
        finally:
            os.close(opened)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open(self) -> int:
        folder = os.path.dirname(self._path)
        files.make_folder(folder)
        places.refuse_unfit_place(folder)  # before anyone spends a refresh token whose successor could not be kept
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            return os.open(self._path, flags, 0o600)
        except OSError as error:
            raise TokenCacheError(f"no lock can be made: {self._path}: {error.strerror}") from error

    def _try(self, opened: int) -> bool:
        try:
            _lock(opened)
        except (BlockingIOError, PermissionError):
            return False
        except OSError as error:
            raise TokenCacheError(f"this file system has no locks: {self._path}: {error.strerror}") from error
        return True


if sys.platform == "win32":

    def _lock(opened: int) -> None:
        import msvcrt

        os.lseek(opened, 0, os.SEEK_SET)
        msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)

    def _unlock(opened: int) -> None:
        import msvcrt

        os.lseek(opened, 0, os.SEEK_SET)
        msvcrt.locking(opened, msvcrt.LK_UNLCK, 1)

else:

    def _lock(opened: int) -> None:
        import fcntl

        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(opened: int) -> None:
        import fcntl

        fcntl.flock(opened, fcntl.LOCK_UN)
