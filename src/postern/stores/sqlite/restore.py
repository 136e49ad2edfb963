"""Putting a back-up in place of the store's file: whole, or not at all, and never under a running server."""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from postern.core.store import AlreadyExists, Conflict, StoreUnavailable
from postern.stores.epochs import BackUp, find_back_up
from postern.stores.migrations import SchemaError
from postern.stores.sqlite.backup import Watch, copy_pages, draft_beside
from postern.stores.sqlite.files import beside, sync
from postern.stores.sqlite.rows import SqliteRows
from postern.stores.sqlite.schema import require_sound

# Where SQLite holds its shared lock: every process that has the database open locks these bytes for reading.
_LOCK_AT, _LOCK_LENGTH = 0x40000002, 510


class Restoration:
    """``draft`` is the store to come, which is to be made ready; `put_in_place` makes it the store."""

    def __init__(self, draft: Path, target: Path, *, replace: bool) -> None:
        self.draft = draft
        self._target = target
        self._replace = replace

    def put_in_place(self) -> Path | None:
        """Where the store that was there lies now, if there was one.

        Raises:
            AlreadyExists: somebody made a store meanwhile.
            StoreUnavailable: a server was started on it meanwhile; or storage failed.
        """
        aside = None
        try:
            sync(self.draft)
            if self._replace and _lies_there(self._target):
                aside = self._swap()
            else:
                os.link(self.draft, self._target)
            sync(self._target.parent)
        except FileExistsError:
            raise _taken(self._target) from None
        except OSError as error:
            raise StoreUnavailable(f"the store {self._target} cannot be replaced: {error}") from None
        return aside

    def _swap(self) -> Path:
        target, log = self._target, beside(self._target, "-wal")
        aside = beside(target, time.strftime(".before-%Y-%m-%dT%H-%M-%SZ", time.gmtime()))
        with _unused(target):
            for suffix in ("", "-wal"):
                if beside(target, suffix).exists():
                    os.link(beside(target, suffix), beside(aside, suffix))
            if log.exists():
                self._replace_log(log)
            beside(target, "-shm").unlink(missing_ok=True)
            self.draft.replace(target)
            log.unlink(missing_ok=True)
        return aside

    def _replace_log(self, log: Path) -> None:
        """By an empty one, while there is no store: a log is good for its own file only, and a server that were started
        now would refuse a log without its file, but make a new store where there is neither.
        """
        empty = beside(self.draft, "-empty")
        empty.touch()
        self._target.unlink(missing_ok=True)
        empty.replace(log)


@contextlib.contextmanager
def restoring(file: Path, target: Path, *, replace: bool, watch: Watch) -> Iterator[Restoration]:
    """A draft of the store from the back-up in ``file``, beside ``target``; it goes away unless it is put in place.

    Raises:
        AlreadyExists: there is a store, and it is not to be replaced.
        Conflict: ``file`` is the store itself.
        SchemaError: ``file`` is damaged or not a Postern store.
        StoreUnavailable: a server uses the store, or one of the files cannot be read or written.
    """
    target = target.resolve()
    _require_back_up(file, target)
    if _lies_there(target) and not replace:
        raise _taken(target)
    try:
        with _unused(target):
            pass
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with draft_beside(target) as draft:
            copy_pages(file, draft, watch)
            with contextlib.closing(sqlite3.connect(draft)) as connection:
                require_sound(connection, indexes=True)
            yield Restoration(draft, target, replace=replace)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"the back-up {file} cannot be put in place: {error}") from None


def said_by(draft: Path) -> BackUp | None:
    """What the back-up says of itself; ``None`` for a plain copy, or one of a version that did not say it."""
    with contextlib.closing(sqlite3.connect(draft)) as connection, contextlib.suppress(sqlite3.OperationalError):
        return find_back_up(SqliteRows(connection))
    return None


def _require_back_up(file: Path, target: Path) -> None:
    if not file.is_file():
        raise StoreUnavailable(f"there is no back-up at {file}")
    if target.exists() and file.samefile(target):
        raise Conflict(f"{file} is the store itself: `postern store restored` says that it was put in place")
    if not file.stat().st_size:
        raise SchemaError(f"the back-up {file} is empty")


def _lies_there(target: Path) -> bool:
    return any(beside(target, suffix).exists() for suffix in ("", "-wal"))


def _taken(target: Path) -> AlreadyExists:
    return AlreadyExists(f"there is a store at {target}: --force moves it aside")


@contextlib.contextmanager
def _unused(target: Path) -> Iterator[None]:
    """Nobody else opens the file within; damaged or not, since only the lock is looked at.

    Raises:
        StoreUnavailable: another process has it open.
    """
    if not target.exists():
        yield
        return
    descriptor = os.open(target, os.O_RDWR)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_LENGTH, _LOCK_AT)
    except OSError:
        os.close(descriptor)
        raise StoreUnavailable(f"a server or command uses the store {target}: stop it first") from None
    try:
        yield
    finally:
        os.close(descriptor)
