"""Credentials of an STS in memory: statement 134 of the security design, and C1's promise that they are kept sealed."""

import asyncio
import gc

import pytest

from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.role_credentials.port import StsUnavailable
from postern.remote.credential_cache import CredentialCache
from tests.core.world import VirtualClock

LIFE = 3600
KEY, OTHER_KEY = b"of mira", b"of noor"


class Source:
    """Makes credentials, and counts them. ``gate`` holds them back, ``failure`` is what it ends in instead."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.life = LIFE
        self.made = 0
        self.gate: asyncio.Event | None = None
        self.failure: Exception | None = None

    async def make(self) -> TemporaryCredentials:
        self.made += 1
        number = self.made
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return TemporaryCredentials(
            access_key_id=f"ASIA{number}",
            secret_access_key=f"a very secret key {number}",
            session_token=f"a very secret token {number}",
            expires_at=int(self.clock()) + self.life,
        )


@pytest.fixture
def source(clock: VirtualClock) -> Source:
    return Source(clock)


@pytest.fixture
def cache(clock: VirtualClock) -> CredentialCache:
    return CredentialCache(clock)


async def test_they_are_given_out_again_for_half_their_life_and_no_longer(
    cache: CredentialCache, source: Source, clock: VirtualClock
) -> None:
    first = await cache.get(KEY, source.make)
    clock.advance(LIFE / 2 - 1)
    assert await cache.get(KEY, source.make) == first
    clock.advance(1)
    assert await cache.get(KEY, source.make) != first
    assert source.made == 2


async def test_half_of_what_was_left_when_they_came(
    cache: CredentialCache, source: Source, clock: VirtualClock
) -> None:
    source.life = 60
    await cache.get(KEY, source.make)
    clock.advance(30)
    await cache.get(KEY, source.make)
    assert source.made == 2


async def test_what_has_expired_when_it_comes_is_not_kept(cache: CredentialCache, source: Source) -> None:
    source.life = 0
    await cache.get(KEY, source.make)
    await cache.get(KEY, source.make)
    assert source.made == 2


async def test_under_another_key_there_are_others(cache: CredentialCache, source: Source) -> None:
    assert await cache.get(KEY, source.make) != await cache.get(OTHER_KEY, source.make)
    assert source.made == 2


async def test_all_who_ask_at_once_wait_for_one_call(cache: CredentialCache, source: Source) -> None:
    source.gate = asyncio.Event()
    waiting = [asyncio.create_task(cache.get(KEY, source.make)) for _ in range(8)]
    await asyncio.sleep(0)
    source.gate.set()
    answers = await asyncio.gather(*waiting)
    assert answers == answers[:1] * 8
    assert source.made == 1


async def test_a_failure_goes_to_all_who_wait_and_is_not_kept(cache: CredentialCache, source: Source) -> None:
    source.gate, source.failure = asyncio.Event(), StsUnavailable("busy")
    waiting = [asyncio.create_task(cache.get(KEY, source.make)) for _ in range(3)]
    await asyncio.sleep(0)
    source.gate.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StsUnavailable] * 3
    source.failure = None
    assert (await cache.get(KEY, source.make)).access_key_id == "ASIA2"


async def test_who_goes_away_does_not_take_it_from_the_others(cache: CredentialCache, source: Source) -> None:
    source.gate = asyncio.Event()
    first, second = (asyncio.create_task(cache.get(KEY, source.make)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.gate.set()
    assert (await second).access_key_id == "ASIA1"
    assert (await cache.get(KEY, source.make)).access_key_id == "ASIA1"


async def test_a_failure_that_nobody_waits_for_is_not_complained_about(cache: CredentialCache, source: Source) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    source.gate, source.failure = asyncio.Event(), StsUnavailable("busy")
    only = asyncio.create_task(cache.get(KEY, source.make))
    await asyncio.sleep(0)
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    source.gate.set()
    source.failure = None
    await cache.get(OTHER_KEY, source.make)
    gc.collect()
    assert complaints == []


async def test_of_too_many_those_go_that_nobody_asked_for_longest(source: Source, clock: VirtualClock) -> None:
    cache = CredentialCache(clock, max_kept=10)
    keys = [bytes([number]) for number in range(11)]
    for key in keys[:10]:
        await cache.get(key, source.make)
    await cache.get(keys[0], source.make)
    await cache.get(keys[10], source.make)
    assert source.made == 11
    await cache.get(keys[0], source.make)
    await cache.get(keys[9], source.make)
    assert source.made == 11
    await cache.get(keys[1], source.make)
    assert source.made == 12


async def test_of_too_many_those_go_first_that_are_over(source: Source, clock: VirtualClock) -> None:
    cache = CredentialCache(clock, max_kept=3)
    source.life = 60
    await cache.get(b"short", source.make)
    source.life = LIFE
    for key in (b"1", b"2"):
        await cache.get(key, source.make)
    clock.advance(40)
    await cache.get(b"3", source.make)
    for key in (b"1", b"2", b"3"):
        await cache.get(key, source.make)
    assert source.made == 4


async def test_nothing_of_them_lies_open_in_memory(cache: CredentialCache, source: Source) -> None:
    await cache.get(KEY, source.make)
    (kept,) = vars(cache)["_kept"].values()
    assert b"secret" not in kept.sealed
    assert b"ASIA" not in kept.sealed


async def test_what_is_being_made_ends_with_the_cache(cache: CredentialCache, source: Source) -> None:
    source.gate = asyncio.Event()
    waiting = asyncio.create_task(cache.get(KEY, source.make))
    await asyncio.sleep(0)
    await cache.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_was_kept_is_gone_with_the_cache(cache: CredentialCache, source: Source) -> None:
    await cache.get(KEY, source.make)
    await cache.aclose()
    await cache.get(KEY, source.make)
    assert source.made == 2
