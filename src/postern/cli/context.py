"""What commands share: settings from the command line, an opened store, and output for people or for programs."""

import argparse
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from postern.core.store import Store
from postern.server.settings import Settings, load
from postern.stores import open_store


def settings_from(options: argparse.Namespace) -> Settings:
    """
    Raises:
        SettingsError: a setting is unknown or its value is not possible.
    """
    given = {f"server.{key}": getattr(options, key, None) for key in ("host", "port", "workers", "data")}
    return load(options.config, overrides={name: value for name, value in given.items() if value is not None})


@contextlib.asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    store = open_store(settings.store_url, create=create)
    try:
        yield store
    finally:
        await store.close()


def now() -> int:
    return int(time.time())


def show(options: argparse.Namespace, value: object, text: str) -> None:
    """Print ``value`` as JSON if that was asked for, else ``text``."""
    print(msgspec.json.format(msgspec.json.encode(value)).decode() if options.json else text)


def columns(rows: Sequence[tuple[str, ...]], titles: tuple[str, ...]) -> str:
    """Rows under titles, each column as wide as it must be."""
    table: list[tuple[str, ...]] = [titles, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def public(record: msgspec.Struct, *names: str) -> Mapping[str, object]:
    """The named members of a record, for output."""
    return {name: getattr(record, name) for name in names}
