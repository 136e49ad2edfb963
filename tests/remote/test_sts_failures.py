"""When an STS fails: tries, time, those who wait, and the breaker."""

import asyncio
import contextlib

import httpcore
import pytest

from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.role_credentials.port import StsRefused, StsUnavailable
from postern.remote.sts import RemoteSts
from tests.core.world import VirtualClock
from tests.remote.sts_network import BUSY, DENIED, GOOD, StsNetwork, document, http, refusal, web_identity

ELSEWHERE = "https://sts.elsewhere.example"
LEFT_ALONE = "left alone"


@pytest.fixture
def network(clock: VirtualClock) -> StsNetwork:
    return StsNetwork(clock)


async def ask(sts: RemoteSts, endpoint: str = "https://sts.example.org") -> TemporaryCredentials:
    return await sts.assume_role_with_web_identity(web_identity(endpoint=endpoint))


async def fail(sts: RemoteSts, because: str | None = None, endpoint: str = "https://sts.example.org") -> None:
    with pytest.raises(StsUnavailable, match=because):
        await ask(sts, endpoint)


# Tries

COME_AGAIN = {
    "500": (http("500 Internal Server Error", ""), "status 500"),
    "502, a page": (http("502 Bad Gateway", "<html>bad</html>"), "status 502"),
    "503": (BUSY, "status 503"),
    "503 with a code": (refusal("ServiceUnavailable", status="503 Service Unavailable"), "ServiceUnavailable"),
    "429": (http("429 Too Many Requests", ""), "status 429"),
    "408": (http("408 Request Timeout", ""), "status 408"),
    "Throttling": (refusal("Throttling", status="400 Bad Request"), "Throttling"),
    "RequestLimitExceeded": (refusal("RequestLimitExceeded"), "RequestLimitExceeded"),
    "IDPCommunicationError": (refusal("IDPCommunicationError", status="400 Bad Request"), "IDPCommunicationError"),
    "a connection that ends": (b"", "RemoteProtocolError"),
    "half an answer": (GOOD[:-40], "RemoteProtocolError"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "RemoteProtocolError"),
    "a reset": (httpcore.ReadError("reset"), "ReadError"),
    "a time-out of the connection": (httpcore.ReadTimeout("slow"), "ReadTimeout"),
}


@pytest.mark.parametrize("answer, reason", COME_AGAIN.values(), ids=COME_AGAIN)
async def test_what_may_be_better_the_next_time_is_tried_again(
    network: StsNetwork, answer: bytes | Exception, reason: str
) -> None:
    network.answers = [answer, answer, GOOD]
    assert (await ask(network.sts(retries=2))).access_key_id == "ASIAGIVEN"
    assert len(network.requests) == 3

    network.answers = [answer]
    await fail(network.sts(retries=2), rf"^sts\.example\.org: {reason}$")
    assert len(network.requests) == 6


async def test_where_nobody_listens_is_tried_again(network: StsNetwork) -> None:
    network.refuses = {"sts.example.org"}
    await fail(network.sts(retries=2), "ConnectError: All connection attempts failed")
    assert len(network.connected) == 3


async def test_the_pauses_between_tries_are_of_random_lengths_that_grow(network: StsNetwork) -> None:
    network.answers = [BUSY]
    sts = network.sts(retries=5, breaker_failures=1000)
    for _ in range(50):
        await fail(sts)
    for number in range(5):
        pauses = network.paused[number::5]
        longest = min(0.2 * 2**number, 2.0)
        assert all(0 <= pause <= longest for pause in pauses)
        assert max(pauses) > longest / 2
        assert len(set(pauses)) > 40


async def test_without_retries_there_is_one_try(network: StsNetwork) -> None:
    network.answers = [BUSY]
    await fail(network.sts(retries=0))
    assert len(network.requests) == 1
    assert network.paused == []


@pytest.mark.parametrize(
    "answer",
    [
        DENIED,
        http("200 OK", "<html>signed in as nobody</html>"),
        http("302 Found", "", "Location: /login"),
        http("204 No Content", ""),
        http("200 OK", document(expiration="2026-09-21T14:13:20Z")),
    ],
    ids=["a verdict", "a page", "a redirect", "nothing", "credentials that have expired"],
)
async def test_what_would_be_the_same_the_next_time_is_not_tried_again(network: StsNetwork, answer: bytes) -> None:
    network.answers = [answer, GOOD]
    with pytest.raises((StsRefused, StsUnavailable)):
        await ask(network.sts(retries=5))
    assert len(network.requests) == 1


async def test_a_kept_connection_that_was_closed_is_made_anew(network: StsNetwork) -> None:
    network.answers = [GOOD, b"", GOOD]
    sts = network.sts()
    await ask(sts)
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"
    assert len(network.connected) == 2


# Time


async def test_an_sts_that_is_silent_is_waited_for_no_longer_than_the_settings_say(network: StsNetwork) -> None:
    network.answers = [None]
    await fail(network.sts(timeout=0.02), "no answer within 0.02 seconds")
    assert len(network.requests) == 1


async def test_the_time_is_for_all_tries_together(network: StsNetwork) -> None:
    network.answers = [BUSY]

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    network._sleep = for_ever  # type: ignore[method-assign]
    await fail(network.sts(timeout=0.02, retries=5), "no answer within")
    assert len(network.requests) == 1


async def test_an_answer_that_grows_for_ever_is_left(network: StsNetwork) -> None:
    network.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200_000]
    await fail(network.sts(), "the answer has more than 131072 bytes")
    assert len(network.requests) == 1


# Those who wait


async def test_of_too_many_who_wait_the_last_are_told_at_once(network: StsNetwork) -> None:
    network.answers = [None]
    sts = network.sts(max_waiting=2)
    waiting = [asyncio.create_task(ask(sts)) for _ in range(2)]
    while len(network.requests) < 2:
        await network.heard.wait()
        network.heard.clear()
    await fail(sts, "too many calls are waiting for it")
    assert len(network.requests) == 2
    network.speaks.set()
    assert len(await asyncio.gather(*waiting)) == 2
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"


async def test_one_that_hangs_holds_up_no_other(network: StsNetwork) -> None:
    network.answers = [None, GOOD]
    sts = network.sts(max_waiting=1)
    waiting = asyncio.create_task(ask(sts))
    await network.heard.wait()
    assert (await ask(sts, ELSEWHERE)).access_key_id == "ASIAGIVEN"
    assert not waiting.done()
    network.speaks.set()
    await waiting


async def test_who_goes_away_makes_room(network: StsNetwork) -> None:
    network.answers = [None, GOOD]
    sts = network.sts(max_waiting=1)
    waiting = asyncio.create_task(ask(sts))
    await network.heard.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"


# The breaker


async def opened(network: StsNetwork) -> RemoteSts:
    """One whose breaker is open."""
    network.answers = [BUSY]
    sts = network.sts(retries=0, breaker_failures=3, breaker_pause=10)
    for _ in range(3):
        await fail(sts, "status 503")
    network.requests.clear()
    network.heard.clear()
    return sts


async def test_an_sts_that_fails_again_and_again_is_left_alone(network: StsNetwork) -> None:
    sts = await opened(network)
    network.answers = [GOOD]
    await fail(sts, LEFT_ALONE)
    network.clock.advance(9.9)
    await fail(sts, LEFT_ALONE)
    assert network.requests == []


async def test_others_are_not(network: StsNetwork) -> None:
    sts = await opened(network)
    network.answers = [GOOD]
    assert (await ask(sts, ELSEWHERE)).access_key_id == "ASIAGIVEN"


async def test_after_the_pause_one_asks_and_with_an_answer_all_do(network: StsNetwork) -> None:
    sts = await opened(network)
    network.answers = [None, GOOD]
    network.clock.advance(10)
    probe = asyncio.create_task(ask(sts))
    await network.heard.wait()
    await fail(sts, LEFT_ALONE)
    assert len(network.requests) == 1
    network.speaks.set()
    await probe
    assert len(await asyncio.gather(*(ask(sts) for _ in range(4)))) == 4


async def test_when_that_one_fails_the_pause_begins_anew(network: StsNetwork) -> None:
    sts = await opened(network)
    network.clock.advance(10)
    await fail(sts, "status 503")
    network.answers = [GOOD]
    network.clock.advance(9.9)
    await fail(sts, LEFT_ALONE)
    network.clock.advance(0.1)
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"


async def test_when_that_one_goes_away_the_next_asks(network: StsNetwork) -> None:
    sts = await opened(network)
    network.answers = [None, GOOD]
    network.clock.advance(10)
    probe = asyncio.create_task(ask(sts))
    await network.heard.wait()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"


ANSWERS = {"an answer": GOOD, "a refusal": DENIED, "what cannot be used": http("200 OK", "<html></html>")}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_of_any_kind_ends_the_row_of_failures(network: StsNetwork, answer: bytes) -> None:
    network.answers = [BUSY, BUSY, answer, BUSY, BUSY, GOOD]
    sts = network.sts(retries=0, breaker_failures=3)
    for failing in (True, True, False, True, True):
        if failing:
            await fail(sts, "status 503")
        else:
            with contextlib.suppress(StsRefused, StsUnavailable):
                await ask(sts)
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"


async def test_those_who_are_under_way_when_it_opens_keep_it_open_for_no_longer(network: StsNetwork) -> None:
    network.answers = [None, BUSY]
    sts = network.sts(retries=0, breaker_failures=2, breaker_pause=10, timeout=0.05)
    straggler = asyncio.create_task(ask(sts))
    await network.heard.wait()
    await fail(sts)
    await fail(sts)
    network.clock.advance(9)
    with pytest.raises(StsUnavailable):
        await straggler
    network.answers = [GOOD]
    network.clock.advance(1)
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"


async def test_being_told_to_wait_is_no_failure(network: StsNetwork) -> None:
    network.answers = [None]
    sts = network.sts(max_waiting=1, breaker_failures=1)
    waiting = asyncio.create_task(ask(sts))
    await network.heard.wait()
    for _ in range(3):
        await fail(sts, "too many calls")
    network.speaks.set()
    await waiting
    assert (await ask(sts)).access_key_id == "ASIAGIVEN"
