"""The schema in PostgreSQL: made by nodes that start together, and by a new version while the old one runs."""

import asyncio
from typing import Any

import asyncpg
import pytest

from postern.core.store import StoreUnavailable
from postern.stores import open_store
from postern.stores.migrations import Migration, SchemaError
from postern.stores.postgres.schema import known_migrations, migrate, read_ledger, statements
from postern.testing import samples

ADDS_A_COLUMN = (
    "-- Runs beside schema 1\nALTER TABLE account ADD COLUMN IF NOT EXISTS colour TEXT NOT NULL DEFAULT '';\n"
)
FURTHER = Migration(len(known_migrations()) + 1, "colour", ADDS_A_COLUMN)
CHANGES_A_COLUMN = Migration(FURTHER.number, "colour", ADDS_A_COLUMN.partition("\n")[2])


async def _connected(url: str) -> Any:
    return await asyncpg.connect(url)


async def _tables(connection: Any) -> set[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row[0] for row in rows}


async def test_nodes_that_start_together_make_one_schema(postgres_url: str) -> None:
    connections = [await _connected(postgres_url) for _ in range(6)]
    outcomes = await asyncio.gather(*(migrate(connection) for connection in connections))
    assert known_migrations() in outcomes
    ledger = await read_ledger(connections[0])
    assert [(line.number, line.checksum) for line in ledger] == [(m.number, m.checksum) for m in known_migrations()]
    assert await migrate(connections[0]) == []
    for connection in connections:
        await connection.close()


async def test_a_migration_that_was_broken_off_is_finished(postgres_url: str) -> None:
    connection = await _connected(postgres_url)
    for statement in statements(known_migrations()[0].script)[:9]:
        await connection.execute(statement)
    assert await read_ledger(connection) == []
    await migrate(connection)
    assert {"token_family", "credential_source", "configuration_gate"} <= await _tables(connection)
    await connection.close()


async def test_the_version_before_goes_on_and_starts_on_a_schema_that_only_adds(postgres_url: str) -> None:
    old, new = await _connected(postgres_url), await _connected(postgres_url)
    await migrate(old)
    running = open_store(postgres_url)
    await running.create_user(samples.user("mira"))
    assert await migrate(new, [*known_migrations(), FURTHER]) == [FURTHER]
    await running.create_user(samples.user("noor"))
    await running.close()
    assert await migrate(old) == []
    started = open_store(postgres_url)
    assert len(await started.list_users()) == 2
    await started.close()
    await old.close()
    await new.close()


async def test_a_schema_that_does_not_run_beside_ours_is_refused(postgres_url: str) -> None:
    connection = await _connected(postgres_url)
    await migrate(connection, [*known_migrations(), CHANGES_A_COLUMN])
    with pytest.raises(SchemaError, match="use a newer Postern"):
        await migrate(connection)
    store = open_store(postgres_url)
    with pytest.raises(SchemaError, match="use a newer Postern"):
        await store.list_users()
    await store.close()
    await connection.close()


async def test_a_migration_that_is_not_ours_is_refused(postgres_url: str) -> None:
    connection = await _connected(postgres_url)
    await migrate(connection)
    await connection.execute("UPDATE schema_migration SET checksum = 'another' WHERE number = 1")
    with pytest.raises(SchemaError, match="0001"):
        await migrate(connection)
    await connection.close()


async def test_an_empty_database_is_not_filled_unless_asked_to(postgres_url: str) -> None:
    store = open_store(postgres_url, create=False)
    with pytest.raises(StoreUnavailable, match="postern store migrate"):
        await store.check()
    await store.close()
    connection = await _connected(postgres_url)
    assert await _tables(connection) == set()
    await connection.close()


async def test_a_migration_may_take_longer_than_a_statement_otherwise(postgres_url: str) -> None:
    takes_long = Migration(FURTHER.number, "takes_long", "SELECT pg_sleep(2.5);\n")
    connection = await asyncpg.connect(postgres_url, command_timeout=2)
    await migrate(connection)
    assert await migrate(connection, [*known_migrations(), takes_long]) == [takes_long]
    await connection.close()
