"""The schema in PostgreSQL. Migrations only add, each statement by itself and such that it may be run twice, since
engines differ in what they let one transaction do: two nodes that start at once both run them, and nodes of the
version before go on meanwhile.
"""

import asyncio
import time

import asyncpg

from postern.core.store import StoreUnavailable
from postern.stores.migrations import Applied, Migration, migrations, missing
from postern.stores.postgres.connections import Connection
from postern.stores.table_access import MOVED, moved

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    runs_beside BIGINT NOT NULL,
    applied_at BIGINT NOT NULL
)
"""
_READ_LEDGER = "SELECT number, checksum, runs_beside FROM schema_migration ORDER BY number"
_WRITE_LEDGER = """
INSERT INTO schema_migration (number, name, checksum, runs_beside, applied_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""
# Another node makes the same thing at this moment, or somebody holds a lock that a change of a table must wait for.
_IN_THE_WAY = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateObjectError,
    asyncpg.DuplicateColumnError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InternalServerError,
)
_SET_TIMEOUT = "SELECT set_config('statement_timeout', $1, false)"
_TRIES = 40
_PAUSE = 0.25
# A statement may rewrite or index a large table; here the server is the only one to say that it has taken too long.
_HOURS = 24 * 3600.0


def known_migrations() -> list[Migration]:
    """All migrations of this version, in order."""
    return migrations(__package__ or "")


async def read_ledger(connection: Connection) -> list[Applied]:
    """What was applied to the store; nothing if it is empty."""
    try:
        return [Applied(*row) for row in await connection.fetch(_READ_LEDGER)]
    except asyncpg.UndefinedTableError:
        return []


async def where_to(connection: Connection) -> str | None:
    """Where the store has moved, if it has."""
    try:
        where: str | None = await connection.fetchval("SELECT said FROM store_mark WHERE name = $1", MOVED)
    except asyncpg.UndefinedTableError:
        return None
    return where


async def missing_migrations(connection: Connection, known: list[Migration] | None = None) -> list[Migration]:
    """What `migrate` would apply.

    Raises:
        SchemaError: the store is newer than this version and not made to run beside it, or a migration was altered.
        StoreUnavailable: the store has moved.
    """
    if where := await where_to(connection):
        raise moved(where)
    return missing(known_migrations() if known is None else known, await read_ledger(connection))


async def migrate(connection: Connection, known: list[Migration] | None = None) -> list[Migration]:
    """Bring the schema up to date; the migrations that were applied now.

    Raises:
        SchemaError: the store is newer than this version and not made to run beside it, or a migration was altered.
        StoreUnavailable: the store has moved, or something was in the way for too long.
    """
    to_apply = await missing_migrations(connection, known)
    if not to_apply:
        return []
    usual = await connection.fetchval("SELECT current_setting('statement_timeout')")
    await connection.execute(_SET_TIMEOUT, "0")
    try:
        await _apply_patiently(connection, to_apply)
    finally:
        await connection.execute(_SET_TIMEOUT, usual)
    return to_apply


async def _apply_patiently(connection: Connection, to_apply: list[Migration]) -> None:
    for remaining in reversed(range(_TRIES)):
        try:
            await _apply(connection, to_apply)
        except _IN_THE_WAY as error:
            if not remaining:
                raise StoreUnavailable(f"the schema cannot be brought up to date now: {error}") from None
            await asyncio.sleep(_PAUSE)
        else:
            return


async def _apply(connection: Connection, to_apply: list[Migration]) -> None:
    await connection.execute(_LEDGER)
    for migration in to_apply:
        for statement in statements(migration.script):
            await connection.execute(statement, timeout=_HOURS)
        await connection.execute(
            _WRITE_LEDGER,
            migration.number,
            migration.name,
            migration.checksum,
            migration.runs_beside,
            int(time.time()),
        )


def statements(script: str) -> list[str]:
    """The statements of a script, in which a semicolon at the end of a line ends each."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip()]
