"""A lock between processes: an advisory lock on a file of its own, which the kernel drops when its holder dies.

The file stays. To remove it would let two holders lock two files of one name.
"""

# ruff: noqa: PTH120  # PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
import sys
import time
from types import TracebackType
from typing import Self

from postern.client.token_cache import files
from postern.client.token_cache.port import LockTimeout, TokenCacheError

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.05
_CANCELLED = "waiting for the lock was cancelled"


class FileLock:
    """A `CacheLock` on ``path``, whose folder is made when it is missing. ``timeout`` is in seconds."""

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._file: int | None = None
        self._is_cancelled = False

    def __repr__(self) -> str:
        return f"FileLock({self._path!r})"

    def acquire(self) -> None:
        if self._file is not None:
            raise TokenCacheError(f"the lock is held already: {self._path}")
        opened = self._open()
        try:
            self._wait(opened)
        except BaseException:
            os.close(opened)
            raise
        self._file = opened
        if self._is_cancelled:
            self.release()
            raise TokenCacheError(_CANCELLED)

    def cancel(self) -> None:
        self._is_cancelled = True

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
        files.refuse_unfit_place(folder)  # before anyone spends a refresh token whose successor could not be kept
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            return os.open(self._path, flags, 0o600)
        except OSError as error:
            raise TokenCacheError(f"no lock can be made: {self._path}: {error.strerror}") from error

    def _wait(self, opened: int) -> None:
        give_up_at = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE
        while not self._try(opened):
            if self._is_cancelled:
                raise TokenCacheError(_CANCELLED)
            if time.monotonic() >= give_up_at:
                raise LockTimeout(f"another process has kept the lock for {self._timeout:g} s: {self._path}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

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
