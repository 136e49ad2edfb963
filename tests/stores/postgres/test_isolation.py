"""What the store promises holds whatever isolation the database gives by default."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from postern.api.errors import InvalidGrantException
from postern.core.records import TokenFamily, User, UserStatus
from postern.core.store import ConfigurationChange, Store
from postern.stores import open_store
from postern.testing import samples
from postern.testing.postgres import PostgresServer

NODES = 6
ROUNDS = 10
APPLICATION = samples.application()


@pytest.fixture(params=["read committed", "repeatable read", "serializable"])
async def nodes(
    request: pytest.FixtureRequest, postgres: PostgresServer, postgres_store_url: str
) -> AsyncIterator[list[Store]]:
    """Stores of several nodes on a database with this default."""
    name = postgres_store_url.rpartition("/")[2]
    postgres.psql(f"ALTER DATABASE {name} SET default_transaction_isolation = '{request.param}'", "postgres")
    stores = [open_store(postgres_store_url) for _ in range(NODES)]
    yield stores
    for store in stores:
        await store.close()


async def test_nodes_that_start_at_once_agree_on_one_ring_key(nodes: list[Store]) -> None:
    await asyncio.gather(*(node.ensure_ring_key(samples.ring_key(), 0) for node in nodes))
    assert len(await nodes[0].list_ring_keys()) == 1


async def test_no_token_outlives_the_disabling_of_its_person(nodes: list[Store]) -> None:
    await nodes[0].change_configuration(ConfigurationChange(create=(samples.trusted_token_issuer(), APPLICATION)))
    for number in range(ROUNDS):
        person = samples.user(f"person {number}")
        assigned = samples.assignment(APPLICATION, person)
        await nodes[0].change_configuration(ConfigurationChange(create=(person, assigned)))
        disabling = nodes[0].set_user_status(person.user_id, UserStatus.DISABLED, samples.NOW)
        await asyncio.gather(disabling, *(accepted(node, person) for node in nodes[1:]))
        assert await nodes[0].list_token_families(person.user_id, samples.NOW) == []


async def accepted(node: Store, person: User) -> TokenFamily | None:
    """None if the person was disabled first."""
    try:
        return await node.accept_assertion(samples.acceptance(APPLICATION, person))
    except InvalidGrantException:
        return None
