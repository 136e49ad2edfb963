"""``postern store copy``."""

import argparse
import asyncio

import msgspec

from postern.cli.context import settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import show, tell
from postern.cli.progress import Progress
from postern.stores import open_tables, sqlite_file, without_password
from postern.stores.copying import Copied, Watch
from postern.stores.copying import copy as copy_tables
from postern.stores.inspection import bring_up_to_date, missing_migrations


def copy(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: both stores are one.
        CommandFailed: the store is of an older version.
        StoreError: one of the stores cannot be used, or the copy is not what was copied.
    """
    source, target = options.source or settings_from(options).store_url, options.target
    _require_two(source, target)
    if asyncio.run(missing_migrations(source)):
        raise CommandFailed("the store is of an older version: run `postern store migrate` first")
    where = without_password(target)
    with Progress("rows", 0) as progress:
        copied = asyncio.run(_copy(source, target, options.resume, progress.reach))
    for number, each in enumerate(copied.passes, start=1):
        tell(f"pass {number}: {each.rows} rows, {each.written} written, {each.seconds:.1f} s")
    facts = {"from": without_password(source), "to": where, "verified": True, **msgspec.to_builtins(copied)}
    text = (
        f"{copied.rows} rows copied and compared; {without_password(source)} took no writes for {copied.locked:.1f} s "
        f"and takes none any more\nset store.url (POSTERN_STORE__URL) to {where} and start the servers again"
    )
    show(options, facts, text)


def _require_two(source: str, target: str) -> None:
    files = [file.resolve() for file in (sqlite_file(source), sqlite_file(target)) if file is not None]
    if source == target or (len(files) == 2 and files[0] == files[1]):
        raise UsageError("a store is not copied to itself")


async def _copy(source: str, target: str, resume: bool, watch: Watch) -> Copied:
    tables = await open_tables(source)
    try:
        await bring_up_to_date(target)
        copies = await open_tables(target)
        try:
            return await copy_tables(tables, copies, without_password(target), resume=resume, watch=watch)
        finally:
            await copies.close()
    finally:
        await tables.close()
