"""Back-ups of the store's file: taken while servers write to it, whole, read through, and marked as what they are.

The mark is what makes a copy safe: a server that is started on it begins an epoch before it serves anybody.
"""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from postern.core.store import AlreadyExists, Conflict, StoreUnavailable
from postern.stores.epochs import BackUp, mark_as_back_up
from postern.stores.migrations import SchemaError
from postern.stores.sqlite.files import FILE_MODE, beside, sync
from postern.stores.sqlite.rows import SqliteRows
from postern.stores.sqlite.schema import migrate, require_sound, require_store

Watch = Callable[[int, int], None]
"""Told how many pages of how many are copied."""

# PERF: 1,024 pages (4 MiB) in a step copy at full speed, and are few enough to tell a person how far it is.
_PAGES = 1024
_BUSY_WAIT = 5.0


def back_up(source: Path, target: Path, mark: BackUp, *, replace: bool, watch: Watch) -> None:
    """Write a back-up of the store in ``source`` to ``target``, which appears when it is complete, with mode 0600.

    Writers are not held up: the copy is made from one read transaction.

    Raises:
        AlreadyExists: there is such a file, and it is not to be replaced.
        Conflict: ``target`` is the store itself, or a database that is in use.
        SchemaError: the store is damaged, or not one that this version knows.
        StoreUnavailable: the store cannot be read, or the back-up not be written.
    """
    target = target.resolve()
    _require_free(source, target, replace)
    with _told_in_one_line(f"the back-up {target} cannot be written"), draft_beside(target) as draft:
        copy_pages(source, draft, watch)
        _complete(draft, mark)
        sync(draft)
        _publish(draft, target, replace)
        sync(target.parent)


def copy_pages(source: Path, draft: Path, watch: Watch) -> None:
    """Copy the state that the database in ``source`` has now into the empty file ``draft``.

    Raises:
        SchemaError: it is damaged, or not a Postern store.
        StoreUnavailable: it cannot be read.
    """
    with contextlib.closing(_reading(source)) as reading, contextlib.closing(_plain(draft)) as writing:
        try:
            require_store(reading)
            # PERF: without a read transaction of its own the copy would begin anew whenever a server commits, which
            # under load is always.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reading.backup(writing, pages=_PAGES, progress=lambda _, remaining, total: watch(total - remaining, total))
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"{source} cannot be copied: {error}") from None
        except sqlite3.DatabaseError as error:
            raise SchemaError(f"{source} cannot be used: {error}") from None


@contextlib.contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """A file of the same name in a folder of its own beside it, which goes away with all that is in it."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        draft = Path(folder) / target.name
        draft.touch(mode=FILE_MODE)
        yield draft


def _require_free(source: Path, target: Path, replace: bool) -> None:
    if target.exists() and source.exists() and target.samefile(source):
        raise Conflict(f"{target} is the store itself")
    if beside(target, "-wal").exists():
        raise Conflict(f"{target} is a database in use: {target.name}-wal is there")
    if target.exists() and not replace:
        raise _taken(target)


def _complete(draft: Path, mark: BackUp) -> None:
    with contextlib.closing(_plain(draft)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        migrate(connection)
        mark_as_back_up(SqliteRows(connection), mark)
        require_sound(connection, indexes=True)


def _publish(draft: Path, target: Path, replace: bool) -> None:
    if replace:
        draft.replace(target)
        return
    try:
        # Not every medium for back-ups has hard links: the name is taken first, then filled at one stroke.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except FileExistsError:
        raise _taken(target) from None
    draft.replace(target)


def _taken(target: Path) -> AlreadyExists:
    return AlreadyExists(f"{target} is there already: --force replaces it")


def _reading(source: Path) -> sqlite3.Connection:
    """Never creates what is not there; reads what lies in a folder that cannot be written too."""
    mode = "rw" if os.access(source, os.W_OK) else "ro"
    try:
        uri = f"file:{quote(str(source.absolute()))}?mode={mode}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_WAIT)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{source} cannot be opened: {error}") from None


def _plain(draft: Path) -> sqlite3.Connection:
    """What is written here counts when it is complete and synchronised, or not at all."""
    connection = sqlite3.connect(draft, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


@contextlib.contextmanager
def _told_in_one_line(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"{what}: {error}") from None
