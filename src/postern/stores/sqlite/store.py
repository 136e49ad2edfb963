"""`SqliteStore`: committed rows are read on one connection, groups of writes are committed on another."""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from postern.core.directory.records import AssignedRole
from postern.core.records import Instance
from postern.core.store import StoreUnavailable
from postern.stores.migrations import SchemaError
from postern.stores.row_store import RowStore
from postern.stores.rows import Rows
from postern.stores.sqlite import assigned_roles
from postern.stores.sqlite.checkpoints import Checkpointer
from postern.stores.sqlite.files import FILE_MODE, beside, sync
from postern.stores.sqlite.group_commit import GroupCommit
from postern.stores.sqlite.rows import SqliteRows
from postern.stores.sqlite.schema import migrate, require_sound, unusable

T = TypeVar("T")

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    # PERF: the most that SQLite maps. Reads of a file of 560 MB took 13 % less than with half of it mapped.
    "PRAGMA mmap_size = 2147418112",
)
_READ_THROUGH_LIMIT = 64 * 1024 * 1024  # larger files are read through by `postern store check` only


class SqliteStore(RowStore):
    """One file, any number of worker processes. See `postern.core.store.Store` for the promises."""

    def __init__(self, path: Path) -> None:
        self._reading = False
        self._reader = _connect(path)
        self._writer = _connect(path)
        self._rows = SqliteRows(self._reader)
        self._group_commit = GroupCommit(self._writer, Checkpointer(path))

    async def _read(self, work: Callable[[Rows], T]) -> T:
        """Reads of one turn of the event loop share one snapshot.

        PERF: to begin and end a read costs as much as the read itself, in system calls. A snapshot never outlives its
        turn, so a request sees whatever was committed before it arrived.
        """
        try:
            if not self._reading:
                if self._reader.in_transaction:  # the end of an earlier one failed
                    self._reader.execute("ROLLBACK")
                self._reader.execute("BEGIN")
                self._reading = True
                asyncio.get_running_loop().call_soon(self._end_reading)
            return work(self._rows)
        except sqlite3.Error as error:
            raise unusable(error, "read") from None

    def _end_reading(self) -> None:
        if self._reading:
            self._reading = False
            with contextlib.suppress(sqlite3.Error):  # the next read begins with a rollback
                self._reader.execute("COMMIT")

    async def _write(self, work: Callable[[Rows], T]) -> T:
        return await self._group_commit.write(work)

    async def find_assigned_role(self, user_id: str, account_id: str, role_name: str) -> AssignedRole | None:
        return await self._read(lambda _: assigned_roles.role(self._reader, user_id, account_id, role_name))

    async def check(self, *, thoroughly: bool = False) -> None:
        await self._read(lambda rows: rows.all(Instance))
        if thoroughly:
            require_sound(self._reader)

    async def close(self) -> None:
        await self._group_commit.close()
        self._end_reading()
        self._reader.close()
        self._writer.close()


def open_sqlite(path: Path) -> SqliteStore:
    """Open the store in a file, which is created with mode 0600 if it is not there, and bring its schema up to date.

    Raises:
        SchemaError: the file is damaged, newer than this version, or not a Postern store.
        StoreUnavailable: the file cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _create(path)
        _require_not_empty(path)
        _prepare(path)
        return SqliteStore(path)
    except (sqlite3.OperationalError, OSError) as error:
        raise StoreUnavailable(f"the store file {path} cannot be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"the store file {path} cannot be used: {error}") from None


def _create(path: Path) -> None:
    """Made aside and linked into place: nobody meets it half made, and an empty file is therefore always damage."""
    if beside(path, "-wal").exists():
        raise SchemaError(f"the store file {path} is gone, but {path.name}-wal is there: restore it, or remove both")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        draft.touch(mode=FILE_MODE)
        with contextlib.closing(_connect(draft)) as connection:
            migrate(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with contextlib.suppress(FileExistsError):  # another process was faster: theirs it is
            os.link(draft, path)
    sync(path.parent)


def _require_not_empty(path: Path) -> None:
    if not path.stat().st_size:
        raise SchemaError(f"the store file {path} is empty: restore it, or remove it to begin anew")


def _prepare(path: Path) -> None:
    with contextlib.closing(_connect(path)) as connection:
        if path.stat().st_size <= _READ_THROUGH_LIMIT:
            require_sound(connection)
        migrate(connection)


def _connect(path: Path) -> sqlite3.Connection:
    # Two threads use the writer, but never at the same time: the event loop hands it to the committer and waits to
    # get it back.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection
