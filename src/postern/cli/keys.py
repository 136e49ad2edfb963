"""``postern keys``: list, rotate, revoke."""

import argparse
import asyncio

from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, now, show, utc
from postern.core.keys import new_successor
from postern.core.records import RingKeyRecord
from postern.server.master_key import master_key_of


def list_all(options: argparse.Namespace) -> None:
    records = asyncio.run(_list(options))
    shown = [
        {"key_id": f"{record.key_id:08x}", "activates_at": record.activates_at, "state": state}
        for record, state in records
    ]
    rows = [(f"{record.key_id:08x}", state, utc(record.activates_at)) for record, state in records]
    show(options, shown, columns(rows, ("KEY ID", "STATE", "ACTIVE FROM")))


def rotate(options: argparse.Namespace) -> None:
    record = asyncio.run(_rotate(options))
    shown = {"key_id": f"{record.key_id:08x}", "activates_at": record.activates_at}
    show(options, shown, f"key {record.key_id:08x} signs from {utc(record.activates_at)}; older keys go on to verify")


def revoke(options: argparse.Namespace) -> None:
    asyncio.run(_revoke(options))
    show(
        options,
        {"key_id": options.key_id},
        f"key {options.key_id} is gone; what was made with it is void within a second",
    )


async def _list(options: argparse.Namespace) -> list[tuple[RingKeyRecord, str]]:
    async with opened_store(settings_from(options)) as store:
        records = sorted(await store.list_ring_keys(), key=lambda record: record.activates_at, reverse=True)
    active = next((record.key_id for record in records if record.activates_at <= now()), None)
    return [(record, _state(record, active)) for record in records]


def _state(record: RingKeyRecord, active: int | None) -> str:
    if record.key_id == active:
        return "signs"
    return "verifies" if record.activates_at <= now() else "published"


async def _rotate(options: argparse.Namespace) -> RingKeyRecord:
    settings = settings_from(options)
    async with opened_store(settings) as store:
        master = await master_key_of(settings, store)  # a key under another one would stop every server
        known = await store.list_ring_keys()
        record = new_successor(master, now=now(), publish_lead=settings.keys.publish_lead)
        newest = max((other.activates_at for other in known), default=-1)
        await store.ensure_ring_key(record, unless_newer_than=newest)
        return record


async def _revoke(options: argparse.Namespace) -> None:
    async with opened_store(settings_from(options)) as store:
        records = {f"{record.key_id:08x}": record for record in await store.list_ring_keys()}
        record = records.get(options.key_id)
        if record is None:
            raise CommandFailed(f"there is no key {options.key_id}")
        usable = [other for other in records.values() if other.activates_at <= now() and other is not record]
        if not usable:
            raise CommandFailed("this is the only key in use: rotate first, wait until the new one signs, then revoke")
        await store.remove_ring_keys([record.key_id])
