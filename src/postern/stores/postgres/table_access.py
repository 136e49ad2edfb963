"""The PostgreSQL database table by table. See `postern.stores.table_access`."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg

from postern.core.records import Mark, Record
from postern.core.store import StoreUnavailable
from postern.stores.migrations import Migration
from postern.stores.postgres.address import parse
from postern.stores.postgres.dialect import INSERT_MANY, TABLES, array_types
from postern.stores.postgres.faults import ANY, translated
from postern.stores.postgres.schema import missing_migrations, where_to
from postern.stores.table_access import MOVED, MOVED_PREFIX, UNFINISHED, Row
from postern.stores.tables import Table

_CONNECT_TIMEOUT = 10.0
# A page takes milliseconds, the index on a large table minutes.
_SETTINGS = """
SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '30000', false),
       set_config('idle_in_transaction_session_timeout', '0', false), set_config('synchronous_commit', 'on', false)
"""


class PostgresTables:
    """Made by `open_postgres_tables`. A store that has moved away is read as it was then."""

    def __init__(self, connection: Any, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix

    async def schema(self) -> int:
        number: int = await self._fetchval("SELECT max(number) FROM schema_migration")
        return number

    async def count(self, kind: type[Record]) -> int:
        number: int = await self._fetchval(f"SELECT count(*) FROM {self._name(kind)}")  # noqa: S608
        return number

    async def page(self, kind: type[Record], after: object, limit: int, until: object = None) -> list[Row]:
        table = TABLES[kind]
        key = _ordered_key(table)
        bounds = [(sign, bound) for sign, bound in ((">", after), ("<=", until)) if bound is not None]
        conditions = " AND ".join(f"{key} {sign} ${place}" for place, (sign, _) in enumerate(bounds, 1))
        statement = (
            f"SELECT {', '.join(table.columns)} FROM {self._name(kind)} "  # noqa: S608
            f"{f'WHERE {conditions}' if bounds else ''} ORDER BY {key} LIMIT {limit}"
        )
        with _translated():
            rows = await self._connection.fetch(statement, *(bound for _, bound in bounds))
        return [tuple(row) for row in rows]

    async def apply(self, kind: type[Record], put: list[Row], delete: list[object]) -> None:
        with _translated():
            async with self._connection.transaction():
                await self._apply(TABLES[kind], put, delete)

    async def _apply(self, table: Table[Record], put: list[Row], delete: list[object]) -> None:
        types = array_types(table)
        if delete:
            statement = f"DELETE FROM {table.name} WHERE {table.key} = ANY($1::{types[table.key]})"  # noqa: S608
            await self._connection.execute(statement, delete)
        if put:
            columns = [
                [bool(value) for value in values] if types[column] == "boolean[]" else list(values)
                for column, values in zip(table.columns, zip(*put, strict=True), strict=True)
            ]
            await self._connection.execute(_put_many(table), *columns)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        with _translated():
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                yield

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        names = ", ".join(table.name for table in TABLES.values())
        with _translated():
            # Whatever the database's default is: what is read must be as it is once the lock is had.
            async with self._connection.transaction(isolation="read_committed"):
                await self._connection.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
                yield

    async def close_for_good(self, where: str) -> None:
        """By other names for its tables, as in SQLite."""
        with _translated():
            await self._apply(TABLES[Mark], [(MOVED, where)], [])
            for table in TABLES.values():
                if table.kind is not Mark:
                    await self._connection.execute(f"ALTER TABLE {table.name} RENAME TO {MOVED_PREFIX}{table.name}")

    async def begin_copy(self) -> None:
        """Rows are read in the order of code points, for which text needs an index of its own while this lasts."""
        with _translated():
            await self._apply(TABLES[Mark], [(UNFINISHED, "")], [])
            for table in _keyed_by_text():
                statement = f"CREATE INDEX IF NOT EXISTS {_index_of(table)} ON {table.name} ({_ordered_key(table)})"
                await self._connection.execute(statement)

    async def end_copy(self) -> None:
        with _translated():
            for table in _keyed_by_text():
                await self._connection.execute(f"DROP INDEX IF EXISTS {_index_of(table)}")
            await self._connection.execute("ANALYZE")
            await self._apply(TABLES[Mark], [], [UNFINISHED])

    async def close(self) -> None:
        await self._connection.close(timeout=_CONNECT_TIMEOUT)

    async def _fetchval(self, statement: str) -> Any:
        with _translated():
            return await self._connection.fetchval(statement)

    def _name(self, kind: type[Record]) -> str:
        return TABLES[kind].name if kind is Mark else f"{self._prefix}{TABLES[kind].name}"


async def missing_migrations_at(url: str) -> list[Migration]:
    """What a store that starts on the database would apply.

    Raises:
        SchemaError: the store is newer than this version, or a migration was altered.
        StoreUnavailable: the database cannot be reached, or the store has moved.
    """
    with _translated():
        connection = await _connect(url)
        try:
            return await missing_migrations(connection)
        finally:
            await connection.close()


async def open_postgres_tables(url: str) -> PostgresTables:
    """
    Raises:
        StoreUnavailable: the database cannot be reached, or has no store in it.
    """
    with _translated():
        connection = await _connect(url)
        await connection.execute(_SETTINGS)
        return PostgresTables(connection, MOVED_PREFIX if await where_to(connection) else "")


async def _connect(url: str) -> Any:
    address = parse(url)
    cached = 100 if address.prepared_statements else 0
    return await asyncpg.connect(address.url, timeout=_CONNECT_TIMEOUT, statement_cache_size=cached)


def _keyed_by_text() -> list[Table[Record]]:
    return [table for table in TABLES.values() if array_types(table)[table.key] == "text[]"]


def _index_of(table: Table[Record]) -> str:
    return f"copying_{table.name}"


def _ordered_key(table: Table[Record]) -> str:
    return f'{table.key} COLLATE "C"' if array_types(table)[table.key] == "text[]" else table.key


def _put_many(table: Table[Record]) -> str:
    replaced = ", ".join(f"{column} = excluded.{column}" for column in table.columns if column != table.key)
    return f"{INSERT_MANY[table.kind]} ON CONFLICT ({table.key}) DO UPDATE SET {replaced}"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.UndefinedTableError:
        raise StoreUnavailable("there is no store of this version in the database") from None
    except ANY as error:
        raise translated(error) from None
