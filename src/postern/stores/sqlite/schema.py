"""Numbered migrations: each runs once, in one transaction, and its checksum is remembered. A newer or altered schema
is refused.
"""

import sqlite3
import time
from hashlib import sha256
from importlib.resources import files

import msgspec

from postern.core.store import StoreError

APPLICATION_ID = 0x504F5354  # "POST"

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT
"""


class SchemaError(StoreError):
    """The file is not a store that this version can use."""


class Migration(msgspec.Struct, frozen=True):
    number: int
    name: str
    script: str

    @property
    def checksum(self) -> str:
        return sha256(self.script.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations of this version, in order."""
    folder = files(__package__) / "migrations"
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [Migration(int(entry.name[:4]), entry.name[5:-4], entry.read_text("utf-8")) for entry in scripts]


def migrate(connection: sqlite3.Connection, known: list[Migration] | None = None) -> list[Migration]:
    """Bring the schema up to date; the migrations that were applied now. Safe with several processes starting at once.

    Raises:
        SchemaError: the file is damaged, is not a Postern store, is newer than this version, or a migration was
            altered.
    """
    known = migrations() if known is None else known
    try:
        _require_ours(connection)
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


def require_sound(connection: sqlite3.Connection) -> None:
    """Read through the whole file.

    Raises:
        SchemaError: it is damaged.
    """
    try:
        verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"the store file is damaged: {error}") from None
    if verdict != "ok":
        raise SchemaError(f"the store file is damaged: {verdict.splitlines()[-1]}")


def _require_ours(connection: sqlite3.Connection) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application_id != APPLICATION_ID and tables:
        raise SchemaError("the file is an SQLite database, but not a Postern store")


def _apply_missing(connection: sqlite3.Connection, known: list[Migration]) -> list[Migration]:
    connection.execute(_LEDGER)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    ledger = dict(connection.execute("SELECT number, checksum FROM schema_migration").fetchall())
    newest = known[-1].number if known else 0
    if ledger and max(ledger) > newest:
        raise SchemaError(f"the store has schema {max(ledger)}, this version knows up to {newest}: use a newer Postern")
    for migration in known:
        if ledger.get(migration.number, migration.checksum) != migration.checksum:
            raise SchemaError(f"migration {migration.number:04} of the store is not the one of this version")
    missing = [migration for migration in known if migration.number not in ledger]
    for migration in missing:
        for statement in _statements(migration.script):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.checksum, int(time.time())),
        )
    return missing


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
