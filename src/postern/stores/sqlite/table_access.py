"""The SQLite file table by table. See `postern.stores.table_access`."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from postern.core.records import Mark, Record
from postern.core.store import AlreadyExists, StoreUnavailable
from postern.stores.sqlite.rows import TABLES
from postern.stores.sqlite.schema import where_to
from postern.stores.table_access import MOVED, MOVED_PREFIX, UNFINISHED, Row
from postern.stores.tables import Table

_BUSY_WAIT = 30.0


class SqliteTables:
    """See `postern.stores.table_access.TableAccess`. A file whose store has moved away is read as it was then."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_WAIT)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._prefix = MOVED_PREFIX if where_to(self._connection) else ""

    async def schema(self) -> int:
        return self._number("SELECT max(number) FROM schema_migration")

    async def count(self, kind: type[Record]) -> int:
        return self._number(f"SELECT count(*) FROM {self._name(kind)}")  # noqa: S608

    async def page(self, kind: type[Record], after: object, limit: int, until: object = None) -> list[Row]:
        table = TABLES[kind]
        bounds = [(f"{table.key} {sign} ?", key) for sign, key in ((">", after), ("<=", until)) if key is not None]
        where = f"WHERE {' AND '.join(condition for condition, _ in bounds)}" if bounds else ""
        statement = f"SELECT {', '.join(table.columns)} FROM {self._name(kind)} {where} ORDER BY {table.key} LIMIT ?"  # noqa: S608
        with _readable():
            return self._connection.execute(statement, [*(key for _, key in bounds), limit]).fetchall()

    async def apply(self, kind: type[Record], put: list[Row], delete: list[object]) -> None:
        table = TABLES[kind]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._apply(table, put, delete)
            self._connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise AlreadyExists(table.name) from None
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store cannot be written: {error}") from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def _apply(self, table: Table[Record], put: list[Row], delete: list[object]) -> None:
        self._connection.executemany(table.delete, [(key,) for key in delete])
        self._connection.executemany(table.put, put)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        with _readable():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store is busy: {error}") from None
        try:
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store cannot be written: {error}") from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    async def close_for_good(self, where: str) -> None:
        """By other names for its tables: whoever has the file open finds none of them from this moment on."""
        self._apply(TABLES[Mark], [(MOVED, where)], [])
        for table in TABLES.values():
            if table.kind is not Mark:
                self._connection.execute(f"ALTER TABLE {table.name} RENAME TO {MOVED_PREFIX}{table.name}")

    async def begin_copy(self) -> None:
        await self.apply(Mark, [(UNFINISHED, "")], [])

    async def end_copy(self) -> None:
        await self.apply(Mark, [], [UNFINISHED])

    async def close(self) -> None:
        self._connection.close()

    def _number(self, statement: str) -> int:
        with _readable():
            number: int = self._connection.execute(statement).fetchone()[0]
        return number

    def _name(self, kind: type[Record]) -> str:
        return TABLES[kind].name if kind is Mark else f"{self._prefix}{TABLES[kind].name}"


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the store cannot be read: {error}") from None
