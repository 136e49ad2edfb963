"""A standby takes over: from a primary that died, that hangs, or that takes no writes any more."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from postern.core.records import TokenFamily
from postern.core.store import Store, StoreUnavailable
from postern.stores import open_store
from postern.stores.postgres.session import Session
from postern.testing import samples
from postern.testing.conformance.suite import add_person, sign_in
from postern.testing.postgres import USER, PostgresServer

QUICKLY = {"fsync": "off", "full_page_writes": "off"}


class Pair(NamedTuple):
    primary: PostgresServer
    standby: PostgresServer

    @property
    def url(self) -> str:
        return f"{two_hosts(self.primary.port, self.standby.port)}&statement_timeout=1000"


def two_hosts(first: int, second: int) -> str:
    return f"postgresql://{USER}@127.0.0.1:{first},127.0.0.1:{second}/postern?pool_size=4"


@contextlib.contextmanager
def held(server: PostgresServer) -> Iterator[None]:
    """It takes connections, and answers nothing."""
    processes = server.processes()
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with (
        PostgresServer(tmp_path / "primary", settings=QUICKLY) as primary,
        primary.standby(tmp_path / "standby", synchronous=True) as standby,
    ):
        yield Pair(primary, standby)


@pytest.fixture
async def store(pair: Pair) -> AsyncIterator[Store]:
    store = open_store(pair.url)
    yield store
    await store.close()


@pytest.fixture
async def family(store: Store) -> TokenFamily:
    return await sign_in(store, await add_person(store, "mira"))


async def _rotated(store: Store, family: TokenFamily) -> TokenFamily:
    """As a client does that is told to come back."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreUnavailable):
                return await store.rotate_refresh_token(samples.rotation(family))


async def _waits_for_standby(pair: Pair) -> None:
    question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT;'"
    for _ in range(300):
        if await asyncio.to_thread(pair.primary.psql, question) != "0":
            return
    raise TimeoutError("no commit waits")


async def test_a_commit_that_nobody_waits_for_any_more_is_not_seen_before_its_standby_has_it(
    pair: Pair, store: Store, family: TokenFamily
) -> None:
    other = await sign_in(store, await add_person(store, "noor"), client_digest=b"o" * 32)
    with held(pair.standby):
        revoking = asyncio.ensure_future(store.revoke_token_family(other.family_id, "LOGGED_OUT", samples.NOW))
        await _waits_for_standby(pair)
        revoking.cancel()
        with pytest.raises(StoreUnavailable, match="no answer in 3 s"):
            await store.rotate_refresh_token(samples.rotation(family))
        assert await store.find_token_family(other.family_id) == other
        assert await store.find_token_family(family.family_id) == family
    assert revoking.cancelled()
    assert (await _rotated(store, family)).generation == 1


async def test_the_standby_is_found_when_the_primary_hangs(pair: Pair, store: Store, family: TokenFamily) -> None:
    """Every connection leads to a server that says nothing; one time-out is enough for all of them."""
    await asyncio.gather(*(store.find_user("mira") for _ in range(20)))
    with held(pair.primary):
        await asyncio.to_thread(pair.standby.promote)
        with pytest.raises(StoreUnavailable, match="no answer"):
            await store.find_token_family(family.family_id)
        found = await asyncio.gather(*(store.find_token_family(family.family_id) for _ in range(20)))
        assert set(found) == {family}


async def test_the_standby_is_found_when_the_primary_goes_on_without_it(
    pair: Pair, store: Store, family: TokenFamily
) -> None:
    """Nobody should leave it running. If somebody does, it acknowledges nothing, and is left."""
    await asyncio.to_thread(pair.standby.promote)
    with pytest.raises(StoreUnavailable, match="no answer"):
        await store.rotate_refresh_token(samples.rotation(family))
    assert (await store.rotate_refresh_token(samples.rotation(family))).generation == 1
    assert pair.standby.psql("SELECT generation FROM token_family") == "1"


async def test_the_standby_is_found_when_the_primary_takes_no_writes_any_more(
    pair: Pair, store: Store, family: TokenFamily
) -> None:
    await asyncio.to_thread(pair.standby.promote)
    pair.primary.psql("ALTER SYSTEM SET default_transaction_read_only = on")
    pair.primary.psql("SELECT pg_reload_conf()")
    assert (await _rotated(store, family)).generation == 1
    assert pair.standby.psql("SELECT generation FROM token_family") == "1"


async def test_the_standby_is_found_when_the_primary_was_killed_and_stays_found(
    pair: Pair, store: Store, family: TokenFamily
) -> None:
    """Nobody should let it come back as one. If somebody does, nodes stay where they are."""
    rotated = await store.rotate_refresh_token(samples.rotation(family))
    pair.primary.kill()
    await asyncio.to_thread(pair.standby.promote)
    assert await store.find_token_family(family.family_id) == rotated
    assert (await _rotated(store, rotated)).generation == 2
    pair.primary.start()
    await asyncio.to_thread(pair.standby.restart)
    found = await store.find_token_family(family.family_id)
    assert found is not None
    assert found.generation == 2


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Its kernel takes connections, and there is nobody to answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


async def test_a_server_from_which_nothing_comes_keeps_nobody_waiting(
    silent_port: int, postgres: PostgresServer
) -> None:
    store = open_store(two_hosts(silent_port, postgres.port))
    await store.check()  # the driver alone spends its whole time-out on the first
    await store.close()


async def test_when_there_is_no_primary_the_error_is_of_the_one_that_is_away() -> None:
    store = open_store(two_hosts(9, 9))
    with pytest.raises(StoreUnavailable, match="9"):
        await store.check()
    await store.close()


async def test_a_dead_peer_is_asked_after(postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(postgres.url("postgres"), connection_class=Session)
    link = vars(asyncpg.Connection)["_transport"].__get__(connection).get_extra_info("socket")
    assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 2
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000
    await connection.close()
