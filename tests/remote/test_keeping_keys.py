"""How long keys are kept and how often an issuer is asked: statements 100 and 101, fault F20 of the security design."""

import asyncio

import pytest

from postern.core.issuer_keys import IssuerUnavailable
from postern.remote.issuer_keys import MAX_ISSUERS, RemoteIssuerKeys
from tests.remote.network import DISCOVERY, ISSUER_URL, Network, answer, discovery, key, key_set

LIFETIME = 300
BOTH = [DISCOVERY, "/keys"]
DOWN = answer(b"", "503 Unavailable")


async def finds(keys: RemoteIssuerKeys, *key_ids: str | None) -> list[bool]:
    return [await keys.find(ISSUER_URL, key_id) is not None for key_id in key_ids]


async def test_keys_are_kept(network: Network) -> None:
    keys = network.issuer_keys()
    assert await finds(keys, "one", "one")
    network.clock.advance(LIFETIME - 1)
    assert await finds(keys, "one") == [True]
    assert network.asked == BOTH
    network.clock.advance(1)
    assert await finds(keys, "one") == [True]
    assert network.asked == BOTH * 2


async def test_101_a_new_key_works_after_one_fetch(network: Network) -> None:
    keys = network.issuer_keys()
    await finds(keys, "one")
    network.pages["/keys"] = key_set(key("one"), key("two"))
    network.clock.advance(30)
    assert await finds(keys, "two", "one", "two") == [True, True, True]
    assert network.asked == BOTH * 2


async def test_101_a_removed_key_stops_within_its_lifetime(network: Network) -> None:
    keys = network.issuer_keys()
    await finds(keys, "one")
    network.pages["/keys"] = key_set(key("two"))
    network.clock.advance(LIFETIME - 1)
    assert await finds(keys, "one") == [True]
    network.clock.advance(1)
    assert await finds(keys, "one", "two") == [False, True]


async def test_101_a_removed_key_stops_when_the_new_one_comes(network: Network) -> None:
    keys = network.issuer_keys()
    await finds(keys, "one")
    network.pages["/keys"] = key_set(key("two"))
    network.clock.advance(30)
    assert await finds(keys, "two", "one") == [True, False]


async def test_100_unknown_keys_are_looked_for_once_in_30_seconds(network: Network) -> None:
    keys = network.issuer_keys()
    assert await finds(keys, *(f"unknown {number}" for number in range(50))) == [False] * 50
    assert network.asked == BOTH
    network.clock.advance(29)
    assert await finds(keys, "unknown", "one") == [False, True]
    assert network.asked == BOTH
    network.clock.advance(1)
    assert await finds(keys, "unknown", "unknown") == [False, False]
    assert network.asked == BOTH * 2


async def test_100_an_issuer_that_failed_is_left_alone_for_30_seconds(network: Network) -> None:
    network.pages["/keys"] = DOWN
    keys = network.issuer_keys()
    for _ in range(3):
        with pytest.raises(IssuerUnavailable, match="status 503"):
            await keys.find(ISSUER_URL, "one")
    assert network.asked == BOTH
    network.clock.advance(30)
    network.pages["/keys"] = key_set(key("one"))
    assert await finds(keys, "one") == [True]


async def test_100_concurrent_callers_share_a_fetch(network: Network) -> None:
    keys = network.issuer_keys()
    found = await asyncio.gather(*(keys.find(ISSUER_URL, key_id) for key_id in ["one", "two", None] * 20))
    assert [each is not None for each in found] == [True, False, True] * 20
    assert network.asked == BOTH


async def test_a_caller_that_leaves_does_not_end_the_fetch_of_others(network: Network) -> None:
    keys = network.issuer_keys()
    first, second = (asyncio.create_task(keys.find(ISSUER_URL, "one")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None
    assert network.asked == BOTH


async def test_f20_kept_keys_serve_while_the_issuer_is_down(network: Network) -> None:
    keys = network.issuer_keys()
    await finds(keys, "one")
    network.pages[DISCOVERY] = DOWN
    network.clock.advance(LIFETIME - 1)
    with pytest.raises(IssuerUnavailable):
        await keys.find(ISSUER_URL, "unknown")
    assert await finds(keys, "one") == [True]
    network.clock.advance(30)
    with pytest.raises(IssuerUnavailable, match="status 503"):
        await keys.find(ISSUER_URL, "one")


async def test_an_issuer_that_comes_back_is_forgiven(network: Network) -> None:
    network.pages[DISCOVERY] = DOWN
    keys = network.issuer_keys()
    with pytest.raises(IssuerUnavailable):
        await keys.find(ISSUER_URL, "one")
    network.pages[DISCOVERY] = discovery()
    network.clock.advance(30)
    assert await finds(keys, "one", "unknown") == [True, False]


async def test_one_issuer_that_is_slow_does_not_hold_up_another(network: Network) -> None:
    network.pages["/slow/.well-known/openid-configuration"] = None
    keys = network.issuer_keys()
    slow = asyncio.create_task(keys.find("https://issuer.example/slow", "one"))
    assert await finds(keys, "one") == [True]
    assert not slow.done()
    await keys.aclose()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_only_so_many_issuers_are_remembered(network: Network) -> None:
    keys = network.issuer_keys()
    await finds(keys, "one")
    for number in range(MAX_ISSUERS - 1):
        with pytest.raises(IssuerUnavailable):
            await keys.find(f"https://issuer.example/{number}", "one")
    assert await finds(keys, "one") == [True]
    assert network.asked.count(DISCOVERY) == 1
    for number in range(MAX_ISSUERS):
        with pytest.raises(IssuerUnavailable):
            await keys.find(f"https://issuer.example/other-{number}", "one")
    await finds(keys, "one")
    assert network.asked.count(DISCOVERY) == 2


async def test_without_kid_the_only_key_is_meant(network: Network) -> None:
    assert await finds(network.issuer_keys(), None) == [True]
    network.pages["/keys"] = key_set(key("one"), key("two"))
    assert await finds(network.issuer_keys(), None) == [False]


async def test_a_trust_store_that_cannot_be_read_is_a_failure_of_the_issuer(network: Network) -> None:
    from postern.core.policy import TrustedIssuerPolicy

    def make_fetcher(_: object) -> object:
        raise OSError("no such file")

    keys = RemoteIssuerKeys(TrustedIssuerPolicy(), "https://sso.example.com", make_fetcher=make_fetcher)  # type: ignore[arg-type]
    with pytest.raises(IssuerUnavailable, match="certificates that TLS trusts"):
        await keys.find(ISSUER_URL, "one")
