"""``postern store``: restore, restored."""

import argparse
import asyncio
from pathlib import Path

import msgspec

from postern.cli.backup import file_of, fingerprint_of
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import now, show, tell, utc
from postern.cli.progress import Progress
from postern.core.ended_since import end_again, endings
from postern.core.keys import MasterKeyError
from postern.core.store import Store
from postern.server.master_key import master_key_of
from postern.server.settings import Settings
from postern.stores import open_store
from postern.stores.epochs import BackUp


class _Epoch(msgspec.Struct, frozen=True):
    """The epoch that begins: when, whether every sign-in ends, and the audit log of the time before."""

    restored_at: int
    end_sign_ins: bool
    log: tuple[str, ...]


def restore(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: the store is not a file.
        CommandFailed: the audit log cannot be read.
        StoreError: the back-up is damaged, a store is there or is in use, or storage fails.
        MasterKeyError: the master key is not the one that the back-up needs.
    """
    from postern.stores.sqlite.restore import restoring, said_by

    settings, file = settings_from(options), Path(options.file)
    target, epoch = file_of(settings), _epoch(options)
    with (
        Progress("pages", 0) as progress,
        restoring(file, target, replace=options.force, watch=progress.reach) as restoration,
    ):
        back_up = said_by(restoration.draft)
        ended_again = asyncio.run(_make_ready(settings, restoration.draft, back_up, epoch))
        aside = restoration.put_in_place()
    made_at = back_up.made_at if back_up else None
    facts: dict[str, object] = {"store": str(target), "made_at": made_at, "moved_aside": str(aside) if aside else None}
    lines = [f"{target} is restored" + (f" to what it was at {utc(made_at)}" if made_at else "")]
    lines += [f"the store that was there is {aside} now"] if aside else []
    _show(options, facts, lines, epoch, ended_again)


def restored(options: argparse.Namespace) -> None:
    """
    Raises:
        CommandFailed: the audit log cannot be read.
        StoreError: the store cannot be written.
        MasterKeyError: the master key is not the store's.
    """
    settings, epoch = settings_from(options), _epoch(options)
    ended_again = asyncio.run(_begin(settings, epoch))
    line = f"what was issued before {utc(epoch.restored_at)} is void, as far as it may have been used since"
    _show(options, {}, [line], epoch, ended_again)


def _epoch(options: argparse.Namespace) -> _Epoch:
    return _Epoch(now(), options.end_sign_ins, _lines_of(options.ended_since))


def _lines_of(log: str | None) -> tuple[str, ...]:
    if log is None:
        return ()
    try:
        with Path(log).open(encoding="utf-8", errors="replace") as stream:
            return tuple(line for line in stream if '"audit"' in line)
    except OSError as error:
        raise CommandFailed(f"cannot read {log}: {error.strerror}") from None


async def _make_ready(settings: Settings, draft: Path, back_up: BackUp | None, epoch: _Epoch) -> int:
    store = open_store(f"sqlite:///{draft}", create=False)
    try:
        return await _begin_in(store, settings, epoch, since=back_up.made_at if back_up else 0)
    except MasterKeyError as error:
        raise MasterKeyError(f"{error}{_needs(settings, back_up)}") from None
    finally:
        await store.close()


async def _begin(settings: Settings, epoch: _Epoch) -> int:
    async with opened_store(settings) as store:
        return await _begin_in(store, settings, epoch, since=0)


async def _begin_in(store: Store, settings: Settings, epoch: _Epoch, since: int) -> int:
    """How many sign-ins were ended because the audit log says so."""
    await master_key_of(settings, store)
    restored_at = int(await store.read_clock() or epoch.restored_at)
    await store.begin_epoch(restored_at, end_sign_ins=epoch.end_sign_ins)
    return await end_again(store, endings(epoch.log, since), restored_at)


def _needs(settings: Settings, back_up: BackUp | None) -> str:
    if back_up is None or not back_up.master_key:
        return ""
    here = fingerprint_of(settings)
    return f"; the back-up needs the master key {back_up.master_key}" + (f", the one here is {here}" if here else "")


def _show(
    options: argparse.Namespace, facts: dict[str, object], lines: list[str], epoch: _Epoch, ended_again: int
) -> None:
    facts |= {"restored_at": epoch.restored_at, "sign_ins_ended": epoch.end_sign_ins, "ended_again": ended_again}
    lines += [f"{ended_again} sign-ins were ended as the audit log says"] if options.ended_since else []
    show(options, facts, "\n".join(lines))
    live_on = "access tokens go on to their own end, also of sign-ins that ended since; --end-sign-ins would end all"
    tell("everybody signs in again" if epoch.end_sign_ins else live_on)
    tell("what administrators changed since the back-up is to be done again: see docs/backup.md")
