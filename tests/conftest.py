"""Fixtures that more than one floor uses. Everything else stands beside its tests."""

import asyncio
import os
import uuid
from collections.abc import Iterator

import asyncpg
import pytest

from postern.core.audit import AuditEvent
from postern.core.service import Service
from postern.stores import open_store
from postern.stores.postgres.dialect import TABLES
from postern.testing.postgres import WITHOUT_DURABILITY, PostgresMissing, PostgresServer
from tests.core.world import PlainHasher, VirtualClock, World, open_world

pytest_plugins = ["tests.side_by_side"]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def hasher() -> PlainHasher:
    return PlainHasher()


@pytest.fixture
def events() -> list[AuditEvent]:
    """The audit events so far, in order."""
    return []


@pytest.fixture
async def world(clock: VirtualClock, events: list[AuditEvent], hasher: PlainHasher) -> World:
    return await open_world(clock, events, hasher)


@pytest.fixture
def service(world: World) -> Service:
    return world.service


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One server for all tests that never crash it."""
    try:
        server = PostgresServer(tmp_path_factory.mktemp("postgres"), settings=WITHOUT_DURABILITY)
    except PostgresMissing as missing:
        if os.environ.get("POSTERN_REQUIRE_CLIENTS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A new, empty database."""
    # PERF: 0.1 s a test, of which the copy of the template takes 0.07 s.
    name = f"test_{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def store_template(postgres: PostgresServer) -> str:
    """A database with the schema and nothing in it, to be copied."""

    async def migrate(url: str) -> None:
        store = open_store(url)
        await store.check()
        await store.close()

    asyncio.run(migrate(postgres.create_database("store_template")))
    return "store_template"


@pytest.fixture(scope="session")
def postgres_store(postgres: PostgresServer, store_template: str) -> str:
    """A store that all tests share, one after the other."""
    return postgres.create_database("store", template=store_template)


@pytest.fixture
def postgres_store_url(postgres_store: str) -> str:
    """A store with nothing in it.

    PERF: to empty its tables takes 20 ms; to make a database and drop it takes 0.1 s and waits for checkpoints.
    """
    asyncio.run(_empty(postgres_store))
    return postgres_store


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("".join(f"DELETE FROM {table.name};" for table in TABLES.values()))
    finally:
        await connection.close()
