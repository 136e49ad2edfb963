"""Numbered migrations: each runs once, in one transaction, and its checksum is remembered. A newer or altered schema
is refused.
"""

import sqlite3
import time

from postern.core.store import StoreBusy, StoreUnavailable
from postern.stores.migrations import Applied, Migration, SchemaError, migrations, missing
from postern.stores.table_access import MOVED, moved

APPLICATION_ID = 0x504F5354  # "POST"

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT
"""
_READ_LEDGER = "SELECT number, checksum FROM schema_migration"


def known_migrations() -> list[Migration]:
    """All migrations of this version, in order."""
    return migrations(__package__ or "")


def migrate(connection: sqlite3.Connection, known: list[Migration] | None = None) -> list[Migration]:
    """Bring the schema up to date; the migrations that were applied now. Safe with several processes starting at once.

    Raises:
        SchemaError: the file is damaged, is not a Postern store, is newer than this version, or a migration was
            altered.
        StoreUnavailable: the store has moved.
    """
    known = known_migrations() if known is None else known
    try:
        _require_ours(connection)
        if where := where_to(connection):
            raise moved(where)
        connection.execute("BEGIN EXCLUSIVE")
        try:
            applied = _apply_missing(connection, known)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"the store file cannot be used: {error}") from None
    return applied


def require_sound(connection: sqlite3.Connection, *, indexes: bool = False) -> None:
    """Read through the whole file; ``indexes`` are held against their tables, too, which takes several times as long.

    Raises:
        SchemaError: it is damaged.
    """
    try:
        check = "integrity_check" if indexes else "quick_check"
        verdict = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"the store file is damaged: {error}") from None
    if verdict != "ok":
        raise SchemaError(f"the store file is damaged: {verdict.splitlines()[-1]}")


def require_store(connection: sqlite3.Connection) -> None:
    """
    Raises:
        SchemaError: the file is no Postern store: another program's, or one that has nothing in it.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise SchemaError("the file is an SQLite database, but not a Postern store")


def where_to(connection: sqlite3.Connection) -> str | None:
    """Where the store has moved, if it has."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'store_mark'").fetchone():
        return None
    row = connection.execute("SELECT said FROM store_mark WHERE name = ?", (MOVED,)).fetchone()
    return str(row[0]) if row else None


def unusable(error: sqlite3.Error, to_do: str) -> StoreUnavailable:
    """What a failure to have something done means. Of a store that has moved clients are told to come back: somebody
    is about to start its servers again.
    """
    if str(error).startswith("no such table"):
        return StoreBusy("the store has moved: start again to see where")
    return StoreUnavailable(f"the store cannot be {to_do}: {error}")


def missing_migrations(connection: sqlite3.Connection) -> list[Migration]:
    """What `migrate` would apply.

    Raises:
        SchemaError: as of `migrate`.
    """
    try:
        require_store(connection)
        return _missing(connection, known_migrations())
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"the store file cannot be used: {error}") from None


def _require_ours(connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        require_store(connection)


def _apply_missing(connection: sqlite3.Connection, known: list[Migration]) -> list[Migration]:
    connection.execute(_LEDGER)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    to_apply = _missing(connection, known)
    for migration in to_apply:
        for statement in _statements(migration.script):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.checksum, int(time.time())),
        )
    return to_apply


def _missing(connection: sqlite3.Connection, known: list[Migration]) -> list[Migration]:
    ledger = [Applied(number, checksum, number) for number, checksum in connection.execute(_READ_LEDGER).fetchall()]
    return missing(known, ledger)


def _statements(script: str) -> list[str]:
    """The statements of a script. (``executescript`` would commit, so they are run one by one.)"""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines():
        if line.startswith("--"):
            continue
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
