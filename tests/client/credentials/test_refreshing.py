import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import msgspec
import pytest

from postern.client import async_driver, driver
from postern.client.credentials import Credentials, RefreshingCredentials
from postern.client.effects import Call, Flow, Sleep
from postern.client.errors import CredentialsError, ServiceError
from postern.client.http import AsyncTransport, HttpRequest, HttpResponse, Transport
from postern.client.signing import Signer
from tests.client.credentials.flows import CANARY, NOW, drive, holds_in_a_forked_child

NO_TRANSPORT = cast(Transport, None)
NO_ASYNC_TRANSPORT = cast(AsyncTransport, None)


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Source:
    """Numbers what it gives; each lives for ``lifetime`` seconds. ``work`` is done on the way, as a call."""

    def __init__(self, clock: Clock, lifetime: float | None, work: Callable[[], object] = int) -> None:
        self._clock = clock
        self._work = work
        self.lifetime = lifetime
        self.error: CredentialsError | None = None
        self.asked = 0

    def resolve(self) -> Flow[Credentials]:
        self.asked += 1
        yield Call(self._work)
        if self.error is not None:
            raise self.error
        expires_at = None if self.lifetime is None else self._clock() + self.lifetime
        return Credentials(
            access_key_id=f"AKID{self.asked}", secret_access_key=CANARY, expires_at=expires_at, source="test"
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def key_ids(refreshing: RefreshingCredentials, clock: Clock, *moments: float) -> list[str]:
    """What is signed with at each of these seconds."""
    signed = []
    for moment in moments:
        clock.time = NOW + moment
        signed.append(drive(refreshing.resolve()).access_key_id)
    return signed


def test_they_are_kept_until_five_minutes_before_they_expire(clock: Clock) -> None:
    refreshing = RefreshingCredentials(Source(clock, 3600.0), clock)
    assert key_ids(refreshing, clock, 0, 3299, 3300, 6599, 6600) == ["AKID1", "AKID1", "AKID2", "AKID2", "AKID3"]


def test_those_that_last_are_resolved_once(clock: Clock) -> None:
    assert key_ids(RefreshingCredentials(Source(clock, None), clock), clock, 0, 1e9) == ["AKID1", "AKID1"]


def test_those_that_live_shortly_are_renewed_once_a_minute_and_before_they_expire(clock: Clock) -> None:
    refreshing = RefreshingCredentials(Source(clock, 90.0), clock)
    assert key_ids(refreshing, clock, 0, 59, 60, 119, 120) == ["AKID1", "AKID1", "AKID2", "AKID2", "AKID3"]
    refreshing = RefreshingCredentials(Source(clock, 30.0), clock)
    assert key_ids(refreshing, clock, 0, 29, 30) == ["AKID1", "AKID1", "AKID2"]


def test_when_the_service_says_that_they_have_expired_others_are_resolved(clock: Clock) -> None:
    refreshing = RefreshingCredentials(Source(clock, None), clock)
    drive(refreshing.resolve())
    refreshing.expire("AKID1")
    assert drive(refreshing.resolve()).access_key_id == "AKID2"


def test_a_late_word_that_they_have_expired_does_not_touch_those_that_were_renewed_meanwhile(clock: Clock) -> None:
    source = Source(clock, 3600.0)
    refreshing = RefreshingCredentials(source, clock)
    drive(refreshing.resolve())
    for _ in range(8):
        refreshing.expire("AKID1")
        assert drive(refreshing.resolve()).access_key_id == "AKID2"
    assert source.asked == 2


def test_a_signer_gives_up_only_what_it_signed_the_refused_request_with(clock: Clock) -> None:
    source = Source(clock, 3600.0)
    signer = Signer(
        RefreshingCredentials(source, clock),
        service="sso-oauth",
        region="eu-west-1",
        now=clock,
        offset=0.0,
        caches_keys=True,
        corrects_clock=True,
    )
    requests = [HttpRequest(method="POST", url="https://sso.test/token") for _ in range(8)]
    assert {drive(signer.sign(request)) for request in requests} == {"AKID1"}
    expired = ServiceError("ExpiredTokenException", "", status=403)
    for request in requests:
        assert signer.mend(expired, HttpResponse(status=403), request)
        assert drive(signer.sign(request)) == "AKID2"
    assert source.asked == 2


def test_those_that_are_all_there_is_are_not_resolved_for_each_signature(clock: Clock) -> None:
    class Static(Source):
        def resolve(self) -> Flow[Credentials]:
            found = yield from super().resolve()
            return msgspec.structs.replace(found, access_key_id="AKID")

    source = Static(clock, None)
    refreshing = RefreshingCredentials(source, clock)
    drive(refreshing.resolve())
    refreshing.expire("AKID")
    assert key_ids(refreshing, clock, 0, 1, 2) == ["AKID"] * 3
    assert source.asked == 2


def test_a_refresh_that_fails_leaves_the_old_ones_in_use_and_is_tried_again_a_minute_later(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source(clock, 3600.0)
    refreshing = RefreshingCredentials(source, clock)
    drive(refreshing.resolve())
    source.error = CredentialsError("the portal is down")
    with caplog.at_level(logging.WARNING, "postern.client.credentials"):
        assert key_ids(refreshing, clock, 3300, 3359) == ["AKID1", "AKID1"]
    assert source.asked == 2
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == ["the portal is down"]
    source.error = None
    assert key_ids(refreshing, clock, 3360) == ["AKID3"]


def test_a_refresh_that_fails_is_raised_when_the_old_ones_have_expired(clock: Clock) -> None:
    source = Source(clock, 3600.0)
    refreshing = RefreshingCredentials(source, clock)
    drive(refreshing.resolve())
    source.error = CredentialsError("the portal is down")
    clock.time += 3600
    with pytest.raises(CredentialsError, match="the portal is down"):
        drive(refreshing.resolve())


def test_expired_credentials_do_not_come_back_when_the_refresh_fails(clock: Clock) -> None:
    source = Source(clock, 3600.0)
    refreshing = RefreshingCredentials(source, clock)
    drive(refreshing.resolve())
    refreshing.expire("AKID1")
    source.error = CredentialsError("the portal is down")
    with pytest.raises(CredentialsError, match="the portal is down"):
        drive(refreshing.resolve())


def test_credentials_that_expire_during_a_refresh_that_fails_do_not_come_back(clock: Clock) -> None:
    source = Source(clock, 3600.0)
    refreshing = RefreshingCredentials(source, clock)
    drive(refreshing.resolve())
    clock.time += 3300
    refresher = refreshing.resolve()
    next(refresher)
    refreshing.expire("AKID1")
    with pytest.raises(CredentialsError, match="the portal is down"):
        refresher.throw(CredentialsError("the portal is down"))
    source.error = CredentialsError("the portal is still down")
    with pytest.raises(CredentialsError, match="still down"):
        drive(refreshing.resolve())


def test_credentials_that_have_expired_where_they_are_found_are_refused(clock: Clock) -> None:
    with pytest.raises(CredentialsError, match="test: the credentials found there have expired"):
        drive(RefreshingCredentials(Source(clock, 0.0), clock).resolve())


def test_eight_threads_make_one_refresh(clock: Clock) -> None:
    all_there = threading.Barrier(9)
    may_end = threading.Event()
    source = Source(clock, 3600.0, may_end.wait)
    refreshing = RefreshingCredentials(source, clock)
    signed = []

    def sign() -> None:
        all_there.wait()
        signed.append(driver.run(refreshing.resolve(), NO_TRANSPORT).access_key_id)

    threads = [threading.Thread(target=sign) for _ in range(8)]
    for thread in threads:
        thread.start()
    all_there.wait()
    may_end.set()
    for thread in threads:
        thread.join()
    assert signed == ["AKID1"] * 8
    assert source.asked == 1


async def test_many_tasks_make_one_refresh_with_a_single_worker_thread(clock: Clock) -> None:
    source = Source(clock, 3600.0)
    refreshing = RefreshingCredentials(source, clock)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    found = await asyncio.gather(*(async_driver.run(refreshing.resolve(), NO_ASYNC_TRANSPORT) for _ in range(40)))
    assert {credentials.access_key_id for credentials in found} == {"AKID1"}
    assert source.asked == 1


def test_while_one_refreshes_the_others_go_on_with_the_old_ones_and_wait_once_these_have_expired(clock: Clock) -> None:
    refreshing = RefreshingCredentials(Source(clock, 3600.0), clock)
    drive(refreshing.resolve())
    clock.time += 3300
    refresher = refreshing.resolve()
    assert isinstance(next(refresher), Call)
    assert drive(refreshing.resolve()).access_key_id == "AKID1"
    clock.time += 300
    assert isinstance(next(refreshing.resolve()), Sleep)
    refresher.close()


def test_a_refresh_that_is_given_up_makes_way_for_the_next(clock: Clock) -> None:
    refreshing = RefreshingCredentials(Source(clock, 3600.0), clock)
    given_up = refreshing.resolve()
    next(given_up)
    given_up.close()
    assert drive(refreshing.resolve()).access_key_id == "AKID2"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_a_refresh_of_its_parent(clock: Clock) -> None:
    refreshing = RefreshingCredentials(Source(clock, 3600.0), clock)
    parents = refreshing.resolve()
    next(parents)
    assert holds_in_a_forked_child(lambda: drive(refreshing.resolve()).access_key_id == "AKID2")
    parents.close()
