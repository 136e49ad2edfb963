"""Looking over a whole store: whether it is sound, what is in it, and which migrations it lacks."""

import contextlib
import sqlite3

import msgspec

from postern.core.records import Epoch
from postern.core.store import StoreUnavailable
from postern.stores import UnknownStoreUrl, drivers, open_store, open_tables, sqlite_file
from postern.stores.epochs import BackUp, read_mark
from postern.stores.migrations import Migration
from postern.stores.table_access import BACK_UP, COPIED, find_mark
from postern.stores.tables import name_of


class Inspection(msgspec.Struct, frozen=True):
    """What there is in a store: its schema, how many rows of each table, and what it says of its past."""

    schema: int
    rows: dict[str, int]
    epoch: Epoch | None
    back_up: BackUp | None


async def check_store(url: str) -> Inspection:
    """Read through the whole store.

    Raises:
        StoreError: it cannot be opened or is damaged.
    """
    store = open_store(url, create=False)
    try:
        await store.check(thoroughly=True)
        epoch = await store.find_epoch()
    finally:
        await store.close()
    tables = await open_tables(url)
    try:
        rows = {name_of(kind): await tables.count(kind) for kind in COPIED}
        mark = await find_mark(tables, BACK_UP)
        return Inspection(await tables.schema(), rows, epoch, read_mark(mark) if mark else None)
    finally:
        await tables.close()


async def missing_migrations(url: str) -> list[str]:
    """Numbers and names of the migrations that a store lacks, in their order.

    Raises:
        StoreError: it cannot be opened, or is not one that this version can migrate.
    """
    return [f"{migration.number:04} {migration.name}" for migration in await _missing(url)]


async def _missing(url: str) -> list[Migration]:
    file = sqlite_file(url)
    if file is None:
        if url == "memory:":
            raise UnknownStoreUrl("a store in memory has no migrations")
        with drivers():
            from postern.stores.postgres.table_access import missing_migrations_at
        return await missing_migrations_at(url)
    if not file.exists():
        raise StoreUnavailable(f"there is no store at {file}")
    from postern.stores.sqlite import schema

    with contextlib.closing(sqlite3.connect(file)) as connection:
        return schema.missing_migrations(connection)


async def bring_up_to_date(url: str) -> None:
    """Make the store if it is not there, and apply what it lacks.

    Raises:
        StoreError: it cannot be opened, or is not one that this version can migrate.
    """
    store = open_store(url)
    try:
        await store.check()
    finally:
        await store.close()
