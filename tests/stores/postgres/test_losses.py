"""Connections that are cut, and a database that is not there for a moment."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from postern.core.records import TokenFamily, User
from postern.core.store import Store, StoreUnavailable
from postern.stores import open_store
from postern.testing import samples
from postern.testing.conformance.suite import add_person, sign_in
from postern.testing.postgres import PostgresServer
from postern.testing.samples import NOW

CUT_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store' AND pid <> pg_backend_pid()"


@pytest.fixture
async def store(postgres_store_url: str) -> AsyncIterator[Store]:
    store = open_store(postgres_store_url)
    yield store
    await store.close()


@pytest.fixture
async def mira(store: Store) -> User:
    return await add_person(store, "mira")


async def test_cut_connections_are_not_noticed(store: Store, mira: User, postgres: PostgresServer) -> None:
    family = await sign_in(store, mira)
    for _ in range(3):
        await asyncio.to_thread(postgres.psql, CUT_ALL)
        found, rotated, polled = await asyncio.gather(
            store.find_token_family(family.family_id),
            store.rotate_refresh_token(samples.rotation(family)),
            store.find_device_poll(1),
        )
        assert found in (family, rotated)
        assert polled is None
        assert await store.find_user(mira.user_id) == mira
        family = rotated


async def test_what_was_under_way_when_connections_were_cut_is_done_once(
    store: Store, mira: User, postgres: PostgresServer
) -> None:
    family = await sign_in(store, mira)
    done = False

    async def cut() -> None:
        while not done:
            await asyncio.to_thread(postgres.psql, CUT_ALL)
            await asyncio.sleep(0.1)

    async def rotate(presented: TokenFamily) -> TokenFamily:
        while True:  # as a client does that is told to come back
            try:
                return await store.rotate_refresh_token(samples.rotation(presented))
            except StoreUnavailable:
                await asyncio.sleep(0.01)

    cutting = asyncio.ensure_future(cut())
    for generation in range(1, 40):
        twice = await asyncio.gather(rotate(family), rotate(family))
        assert twice[0] == twice[1]
        assert twice[0].generation == generation
        family = twice[0]
    done = True
    await cutting
    assert await store.list_token_families(mira.user_id, NOW) == [family]


async def test_a_database_that_is_away_is_said_so_soon_and_found_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with PostgresServer(tmp_path_factory.mktemp("away")) as server:
        store = open_store(server.create_database("store"))
        mira = await add_person(store, "mira")
        family = await sign_in(store, mira)
        server.stop("immediate")
        with pytest.raises(StoreUnavailable, match="the store cannot be used"):
            await store.find_token_family(family.family_id)
        server.start()
        assert await store.find_token_family(family.family_id) == family
        assert (await store.rotate_refresh_token(samples.rotation(family))).generation == 1
        await store.close()


async def test_a_server_that_cannot_be_reached_is_named_and_its_password_is_not() -> None:
    store = open_store("postgresql://postern:a-secret@127.0.0.1:9/store")
    with pytest.raises(StoreUnavailable) as refused:
        await store.find_user("mira")
    assert "a-secret" not in str(refused.value)
    await store.close()
