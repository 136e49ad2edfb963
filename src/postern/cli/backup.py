"""``postern store``: backup, restore, restored."""

import argparse
import asyncio
from pathlib import Path

from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import UsageError
from postern.cli.output import now, show, tell, utc
from postern.cli.progress import Progress
from postern.core.keys import MasterKeyError
from postern.server.master_key import load_master_key, master_key_of
from postern.server.settings import Settings
from postern.stores import open_store, sqlite_file
from postern.stores.epochs import BackUp


def backup(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: the store is not a file.
        StoreError: the store cannot be read or is damaged, or the back-up cannot be written.
    """
    from postern.stores.sqlite.backup import back_up

    settings, target = settings_from(options), Path(options.file)
    store = _file_of(settings)
    master_key = _fingerprint(settings)
    made_at = now()
    with Progress("pages", 0) as progress:
        back_up(store, target, BackUp(made_at, master_key), replace=options.force, watch=progress.reach)
    size = target.stat().st_size
    facts = {"file": str(target), "bytes": size, "made_at": made_at, "master_key": master_key, "sound": True}
    show(options, facts, f"{target}: {size} bytes, read through and sound")
    key = f"the master key {master_key}" if master_key else "the master key"
    tell(f"{key} is not in the back-up, which is of no use without it: keep a copy of it elsewhere")


def restore(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: the store is not a file.
        StoreError: the back-up is damaged, a store is there or is in use, or storage fails.
        MasterKeyError: the master key is not the one that the back-up needs.
    """
    from postern.stores.sqlite.restore import restoring, said_by

    settings, file = settings_from(options), Path(options.file)
    target, restored_at = _file_of(settings), now()
    with (
        Progress("pages", 0) as progress,
        restoring(file, target, replace=options.force, watch=progress.reach) as restoration,
    ):
        back_up = said_by(restoration.draft)
        asyncio.run(_make_ready(settings, restoration.draft, back_up, restored_at, options.end_sign_ins))
        aside = restoration.put_in_place()
    made_at = back_up.made_at if back_up else None
    facts = {
        "store": str(target),
        "restored_at": restored_at,
        "made_at": made_at,
        "moved_aside": str(aside) if aside else None,
        "sign_ins_ended": options.end_sign_ins,
    }
    lines = [f"{target} is restored" + (f" to what it was at {utc(made_at)}" if made_at else "")]
    lines += [f"the store that was there is {aside} now"] if aside else []
    show(options, facts, "\n".join(lines))
    _tell_what_ended(options.end_sign_ins)


def restored(options: argparse.Namespace) -> None:
    """
    Raises:
        StoreError: the store cannot be written.
        MasterKeyError: the master key is not the store's.
    """
    restored_at = now()
    asyncio.run(_begin_epoch(settings_from(options), restored_at, options.end_sign_ins))
    facts = {"restored_at": restored_at, "sign_ins_ended": options.end_sign_ins}
    show(options, facts, f"what was issued before {utc(restored_at)} is void, as far as it may have been used since")
    _tell_what_ended(options.end_sign_ins)


def _file_of(settings: Settings) -> Path:
    file = sqlite_file(settings.store_url)
    if file is None:
        kind = settings.store_url.partition(":")[0]
        raise UsageError(
            f"a store of the kind {kind} is backed up and restored by its own tools, and `postern store restored` is "
            "run before a server starts on it again: see docs/backup.md"
        )
    return file


def _fingerprint(settings: Settings) -> str:
    """Empty where the master key cannot be read: a back-up is taken all the same."""
    try:
        return load_master_key(settings, may_create=False).fingerprint
    except MasterKeyError:
        return ""


async def _make_ready(
    settings: Settings, draft: Path, back_up: BackUp | None, restored_at: int, end_sign_ins: bool
) -> None:
    store = open_store(f"sqlite:///{draft}", create=False)
    try:
        try:
            await master_key_of(settings, store)
        except MasterKeyError as error:
            raise MasterKeyError(f"{error}{_needs(settings, back_up)}") from None
        await store.begin_epoch(restored_at, end_sign_ins=end_sign_ins)
    finally:
        await store.close()


def _needs(settings: Settings, back_up: BackUp | None) -> str:
    if back_up is None or not back_up.master_key:
        return ""
    here = _fingerprint(settings)
    return f"; the back-up needs the master key {back_up.master_key}" + (f", the one here is {here}" if here else "")


async def _begin_epoch(settings: Settings, restored_at: int, end_sign_ins: bool) -> None:
    async with opened_store(settings) as store:
        await master_key_of(settings, store)
        await store.begin_epoch(restored_at, end_sign_ins=end_sign_ins)


def _tell_what_ended(end_sign_ins: bool) -> None:
    live_on = "access tokens go on to their own end, also of sign-ins that ended since; --end-sign-ins would end all"
    tell("everybody signs in again" if end_sign_ins else live_on)
    tell("what administrators changed since the back-up is to be done again: see docs/backup.md")
