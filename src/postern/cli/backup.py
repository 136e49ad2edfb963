"""``postern store backup``."""

import argparse
from pathlib import Path

from postern.cli.context import settings_from
from postern.cli.exit_codes import UsageError
from postern.cli.output import now, show, tell
from postern.cli.progress import Progress
from postern.core.keys import MasterKeyError
from postern.server.master_key import load_master_key
from postern.server.settings import Settings
from postern.stores import sqlite_file
from postern.stores.epochs import BackUp


def backup(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: the store is not a file.
        StoreError: the store cannot be read or is damaged, or the back-up cannot be written.
    """
    from postern.stores.sqlite.backup import back_up

    settings, target = settings_from(options), Path(options.file)
    store = file_of(settings)
    master_key = fingerprint_of(settings)
    made_at = now()
    with Progress("pages", 0) as progress:
        back_up(store, target, BackUp(made_at, master_key), replace=options.force, watch=progress.reach)
    size = target.stat().st_size
    facts = {"file": str(target), "bytes": size, "made_at": made_at, "master_key": master_key, "sound": True}
    show(options, facts, f"{target}: {size} bytes, read through and sound")
    key = f"the master key {master_key}" if master_key else "the master key"
    tell(f"{key} is not in the back-up, which is of no use without it: keep a copy of it elsewhere")


def file_of(settings: Settings) -> Path:
    """
    Raises:
        UsageError: the store is not a file.
    """
    file = sqlite_file(settings.store_url)
    if file is None:
        kind = settings.store_url.partition(":")[0]
        raise UsageError(
            f"a store of the kind {kind} is backed up and restored by its own tools, and `postern store restored` is "
            "run before a server starts on it again: see docs/backup.md"
        )
    return file


def fingerprint_of(settings: Settings) -> str:
    """Empty where the master key cannot be read: a back-up is taken all the same."""
    try:
        return load_master_key(settings, may_create=False).fingerprint
    except MasterKeyError:
        return ""
