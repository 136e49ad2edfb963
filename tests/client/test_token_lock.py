"""Waiting for the lock of a session, and the new sign-in that does not wait for ever."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from postern.client.effects import Call, Effect, Sleep
from postern.client.token_cache import FileTokenCache, LockTimeout, TokenCacheError
from postern.client.token_cache.lock import FileLock
from postern.client.token_lock import acquired, signed_in_anew
from tests.client import by_hand
from tests.client.token_cache.samples import NOW, SESSION, TOKEN
from tests.client.token_world import OVER, Clock, drive, lock_is_free


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> FileTokenCache:
    return FileTokenCache(tmp_path, now=clock)


def test_a_free_lock_is_taken_at_once(cache: FileTokenCache, clock: Clock) -> None:
    lock = cache.lock(SESSION)

    drive(acquired(lock, clock), clock)

    assert clock.time == NOW
    assert not lock_is_free(cache)
    lock.release()


def test_between_tries_the_flow_sleeps_and_no_thread_does(cache: FileTokenCache, clock: Clock) -> None:
    held, lock, effects = FileTokenCache(cache.folder).lock(SESSION), cache.lock(SESSION), list[str]()
    held.acquire()

    def perform(effect: Effect) -> object:
        effects.append(type(effect).__name__)
        if len(effects) == 4:
            held.release()
        return effect.function() if isinstance(effect, Call) else None

    by_hand.drive(acquired(lock, clock), perform)

    assert effects == ["Call", "Sleep", "Call", "Sleep", "Call"]
    assert not lock_is_free(cache)
    lock.release()


@pytest.mark.parametrize("timeout", [0.0, 1.0, 60.0])
def test_it_is_waited_for_as_long_as_its_time_out_says(cache: FileTokenCache, clock: Clock, timeout: float) -> None:
    with FileTokenCache(cache.folder).lock(SESSION), pytest.raises(LockTimeout, match=f"for {timeout:g} s"):
        drive(acquired(cache.lock(SESSION, timeout), clock), clock)

    assert clock.time - NOW == pytest.approx(timeout, abs=1e-3)


@pytest.mark.parametrize("jump, most", [(-1e6, 60.0), (0.0, 60.0), (1e6, 0.1)], ids=["back", "stopped", "ahead"])
def test_a_clock_that_is_set_meanwhile_makes_no_wait_longer(cache: FileTokenCache, jump: float, most: float) -> None:
    readings = iter([NOW])
    slept: list[float] = []

    def perform(effect: Effect) -> object:
        if isinstance(effect, Sleep):
            slept.append(effect.seconds)
        return effect.function() if isinstance(effect, Call) else None

    flow = acquired(cache.lock(SESSION), lambda: next(readings, NOW + jump))
    with FileTokenCache(cache.folder).lock(SESSION), pytest.raises(LockTimeout):
        by_hand.drive(flow, perform)

    assert sum(slept) <= most + 1e-6


class TestSignedInAnew:
    def test_it_is_written_under_the_lock(
        self, cache: FileTokenCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        was_free: list[bool] = []
        monkeypatch.setattr(cache, "store", lambda key, token: was_free.append(lock_is_free(cache)))

        drive(signed_in_anew(cache, SESSION, TOKEN, clock), clock)

        assert was_free == [False]
        assert lock_is_free(cache)

    def test_a_lock_that_is_kept_for_long_does_not_lose_it(
        self, cache: FileTokenCache, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache.store(SESSION, OVER)
        with FileTokenCache(cache.folder).lock(SESSION):
            drive(signed_in_anew(cache, SESSION, TOKEN, clock), clock)

            assert cache.load(SESSION) == TOKEN
            assert clock.time - NOW == pytest.approx(10)
            assert not lock_is_free(cache)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]

    def test_a_file_system_without_locks_does_not_lose_it(
        self, cache: FileTokenCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(FileLock, "try_acquire", refuse("no locks"))

        drive(signed_in_anew(cache, SESSION, TOKEN, clock), clock)

        assert cache.load(SESSION) == TOKEN

    def test_that_it_cannot_be_written_is_told(
        self, cache: FileTokenCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "store", refuse("No space left on device"))

        with pytest.raises(TokenCacheError, match="No space"):
            drive(signed_in_anew(cache, SESSION, TOKEN, clock), clock)
        assert lock_is_free(cache)


def refuse(text: str) -> Callable[..., None]:
    def refusal(*_: object) -> None:
        raise TokenCacheError(text)

    return refusal
