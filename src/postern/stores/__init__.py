"""The memory of the house. `open_store` is the only way in."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from postern.core.store import StoreError, StoreUnavailable
from postern.stores.urls import POSTGRES, without_password

__all__ = ["UnknownStoreUrl", "drivers", "open_store", "open_tables", "sqlite_file", "without_password"]

if TYPE_CHECKING:
    from postern.core.store import Store
    from postern.stores.table_access import TableAccess


class UnknownStoreUrl(StoreError):
    """The store URL names no kind of store that there is."""


def open_store(url: str, *, create: bool = True) -> "Store":
    """Open the store that a URL names: ``sqlite:///path/to/file`` (relative) or ``sqlite:////path`` (absolute),
    ``postgresql://user@host/database``, or ``memory:``. One that is not there is made, unless ``create`` is false.

    Raises:
        UnknownStoreUrl: no such kind of store.
        StoreError: the store cannot be opened or is not fit to be used; the text says why in one line.
    """
    if url == "memory:":
        from postern.stores.memory import MemoryStore

        return MemoryStore()
    if path := sqlite_file(url):
        from postern.stores.sqlite import open_sqlite

        if not create and not path.exists():
            raise StoreUnavailable(f"there is no store at {path}")
        return open_sqlite(path)
    if url.startswith(POSTGRES):
        with drivers():
            from postern.stores.postgres.store import open_postgres
        return open_postgres(url, create=create)
    raise UnknownStoreUrl(f"unknown store {url.partition(':')[0]}: use sqlite:///PATH, postgresql://… or memory:")


def sqlite_file(url: str) -> Path | None:
    """Where the store that a URL names lies, if it is a file."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


async def open_tables(url: str) -> "TableAccess":
    """The store that a URL names, table by table; one that is there and up to date, or has moved.

    Raises:
        UnknownStoreUrl: no such kind of store, or one that is in no other process's reach.
        StoreError: it cannot be opened.
    """
    if path := sqlite_file(url):
        from postern.stores.sqlite.table_access import SqliteTables

        if not path.exists():
            raise StoreUnavailable(f"there is no store at {path}")
        return SqliteTables(path)
    if url.startswith(POSTGRES):
        with drivers():
            from postern.stores.postgres.table_access import open_postgres_tables
        return await open_postgres_tables(url)
    raise UnknownStoreUrl(f"a store {url.partition(':')[0]} has no tables: use sqlite:///PATH or postgresql://…")


@contextlib.contextmanager
def drivers() -> Iterator[None]:
    """
    Raises:
        StoreUnavailable: the driver that is imported within is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise StoreUnavailable(f"{missing.name} is missing: install postern[postgres] for PostgreSQL") from None
