"""``postern export``: the directory as a declarative file, in which ``postern apply`` finds no difference."""

import argparse
import asyncio
import os
from pathlib import Path

from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import UsageError
from postern.cli.output import now, show, tell
from postern.core.directory import planning, toml_text
from postern.core.directory.export import Tables, exported, is_secret_needed
from postern.core.directory.planning.known import Known
from postern.core.service import new_instance

_HEAD = """\
# Written by `postern export`. Secrets are not in it: where a comment stands for one, name a file or a variable that has
# it before this file is applied to another store.
"""
_SECRET = 'secret_access_key_file = "…"  # or secret_access_key_env'
# By which member a table's rows are known, and what is to be added to those that have a secret.
_ADDED = {
    "user": ("id", 'password_file = "…"  # or password_env'),
    "credential_source": ("name", _SECRET),
    "access_key": ("access_key_id", _SECRET),
}


def export(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: the file is there, or cannot be written.
    """
    known, tables = asyncio.run(_read(options))
    text = _text(known, tables)
    if options.file in (None, "-"):
        show(options, tables, text.rstrip("\n"))
        return
    _write(Path(options.file), text, overwrite=options.force)
    count = sum(map(len, tables.values()))
    show(options, {"file": options.file, "tables": count}, "")
    tell(f"{count} tables written to {options.file}")


async def _read(options: argparse.Namespace) -> tuple[Known, Tables]:
    async with opened_store(settings_from(options)) as store:
        known = await planning.read_known(store, new_instance(now()))
        return known, exported(known)


def _text(known: Known, tables: Tables) -> str:
    """All of the file."""
    parts = [_HEAD]
    for name, rows in tables.items():
        key, added = _ADDED.get(name, ("", ""))
        secret = _with_secrets(known, name)
        parts.append(toml_text.tables(name, rows, [added if row.get(key) in secret else "" for row in rows]))
    return "\n".join(parts)


def _with_secrets(known: Known, table: str) -> set[object]:
    """The keys of the rows whose records have a secret, which is not exported."""
    if table == "user":
        return {user.user_id for user in known.users.values() if user.password_hash}
    if table == "credential_source":
        return {name for name, source in known.sources.items() if is_secret_needed(source)}
    return set(known.access_keys) if table == "access_key" else set()


def _write(file: Path, text: str, *, overwrite: bool) -> None:
    """With mode 0600: it says who may what."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if overwrite else os.O_EXCL)
    try:
        with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already: --force overwrites it") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
