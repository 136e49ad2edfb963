"""`SqliteStore`: committed rows are read on one connection, groups of writes are committed on another."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from postern.core.records import Instance
from postern.core.store import StoreUnavailable
from postern.stores.embedded import EmbeddedStore
from postern.stores.rows import Rows
from postern.stores.sqlite.group_commit import GroupCommit
from postern.stores.sqlite.rows import SqliteRows
from postern.stores.sqlite.schema import SchemaError, migrate, require_sound

T = TypeVar("T")

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 268435456",
)
_FILE_MODE = 0o600
_READ_THROUGH_LIMIT = 64 * 1024 * 1024  # larger files are read through by `postern store check` only


class SqliteStore(EmbeddedStore):
    """One file, any number of worker processes. See `postern.core.store.Store` for the promises."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = _connect(path)
        self._writer = _connect(path)
        self._rows = SqliteRows(self._reader)
        self._group_commit = GroupCommit(self._writer)

    def _read(self, work: Callable[[Rows], T]) -> T:
        try:
            return work(self._rows)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store cannot be read: {error}") from None

    async def _write(self, work: Callable[[Rows], T]) -> T:
        return await self._group_commit.write(work)

    async def check(self, *, thoroughly: bool = False) -> None:
        self._read(lambda rows: rows.all(Instance))
        if thoroughly:
            require_sound(self._reader)

    async def close(self) -> None:
        await self._group_commit.close()
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
        path.touch(mode=_FILE_MODE, exist_ok=True)
        connection = _connect(path)
    except (sqlite3.OperationalError, OSError) as error:
        raise StoreUnavailable(f"the store file {path} cannot be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"the store file {path} cannot be used: {error}") from None
    try:
        if path.stat().st_size <= _READ_THROUGH_LIMIT:
            require_sound(connection)
        migrate(connection)
    finally:
        connection.close()
    return SqliteStore(path)


def _connect(path: Path) -> sqlite3.Connection:
    # Two threads use the writer, but never at the same time: the event loop hands it to the committer and waits to
    # get it back.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection
