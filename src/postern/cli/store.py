"""``postern store``: check, migrate."""

import argparse
import asyncio

import msgspec

from postern.cli.context import settings_from
from postern.cli.output import show, utc
from postern.stores import without_password
from postern.stores.inspection import bring_up_to_date, check_store, missing_migrations


def check(options: argparse.Namespace) -> None:
    """
    Raises:
        StoreError: the store is damaged; the text says how.
    """
    url = settings_from(options).store_url
    found = asyncio.run(check_store(url))
    facts = {"store": without_password(url), "sound": True, **msgspec.to_builtins(found)}
    text = f"{without_password(url)} is sound: schema {found.schema}, {sum(found.rows.values())} rows"
    past = [f"a back-up of {utc(found.back_up.made_at)}"] if found.back_up else []
    past += [f"restored at {utc(found.epoch.restored_at)}"] if found.epoch else []
    show(options, facts, ", ".join([text, *past]))


def migrate(options: argparse.Namespace) -> None:
    """
    Raises:
        StoreError: the store is not one that this version can use.
    """
    url = settings_from(options).store_url
    missing = asyncio.run(missing_migrations(url))
    if missing and not options.dry_run:
        asyncio.run(bring_up_to_date(url))
    applied, pending = ([], missing) if options.dry_run else (missing, [])
    text = "\n".join([f"applied {each}" for each in applied] + [f"to apply: {each}" for each in pending])
    facts = {"store": without_password(url), "applied": applied, "pending": pending}
    show(options, facts, text or f"{without_password(url)} is up to date")
