"""What every token cache promises: the suite that each kind is held to."""

import threading
from pathlib import Path

import pytest

from postern.client.token_cache import LockTimeout, SessionKey, TokenCache, TokenCacheError
from tests.client.token_cache.samples import (
    LEGACY,
    NOW,
    OTHER_SESSION,
    REGISTRATION,
    REGISTRATION_KEY,
    SECRETS,
    SESSION,
    START_URL,
    TOKEN,
)


class TokenCacheContract:
    """Subclasses have a fixture ``cache``, an empty one, and ``twin``, the same place opened by somebody else."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "cache"

    def test_what_is_stored_is_loaded_by_everybody(self, cache: TokenCache, twin: TokenCache) -> None:
        cache.store(SESSION, TOKEN)

        assert twin.load(SESSION) == TOKEN

    def test_there_is_no_token_before_one_is_stored(self, cache: TokenCache) -> None:
        assert cache.load(SESSION) is None
        assert cache.list() == []
        assert cache.problems() == []

    def test_a_token_of_a_start_url_has_no_session(self, cache: TokenCache) -> None:
        cache.store(LEGACY, TOKEN)

        assert cache.load(LEGACY) == TOKEN._replace(session_name=None)
        assert cache.load(SESSION) is None

    def test_the_last_one_stored_counts(self, cache: TokenCache, twin: TokenCache) -> None:
        cache.store(SESSION, TOKEN)
        cache.store(SESSION, TOKEN._replace(access_token="newer"))

        assert [token.access_token for token in twin.list()] == ["newer"]

    def test_sessions_at_one_start_url_are_kept_apart(self, cache: TokenCache) -> None:
        cache.store(SESSION, TOKEN)
        cache.store(OTHER_SESSION, TOKEN._replace(access_token="of-prod"))

        assert cache.load(SESSION) == TOKEN
        assert {token.session_name: token.access_token for token in cache.list()} == {
            "dev": TOKEN.access_token,
            "prod": "of-prod",
        }

    @pytest.mark.parametrize("spelling", [f"{START_URL}/", f"{START_URL}#/", START_URL.upper()])
    def test_spellings_of_one_start_url_are_one(self, cache: TokenCache, spelling: str) -> None:
        cache.store(SESSION, TOKEN)

        assert cache.load(SessionKey(spelling, "dev")) is not None

    def test_a_token_of_another_start_url_is_not_the_sessions(self, cache: TokenCache) -> None:
        cache.store(SESSION, TOKEN)
        moved = SessionKey("https://other.example.test/start", "dev")

        assert cache.load(moved) is None
        assert [problem.reason for problem in cache.problems([moved, SESSION])] == [
            "it is of another start URL than https://other.example.test/start"
        ]

    def test_a_deleted_token_is_gone_and_nothing_else_is(self, cache: TokenCache, twin: TokenCache) -> None:
        cache.store(SESSION, TOKEN)
        cache.store(OTHER_SESSION, TOKEN)
        cache.store_registration(REGISTRATION_KEY, REGISTRATION)

        assert cache.delete(SESSION)

        assert twin.load(SESSION) is None
        assert twin.load(OTHER_SESSION) is not None
        assert twin.load_registration(REGISTRATION_KEY) == REGISTRATION
        assert not cache.delete(SESSION)

    def test_forgetting_a_token_finds_it_under_every_name(self, cache: TokenCache) -> None:
        cache.store(SESSION, TOKEN)
        cache.store(OTHER_SESSION, TOKEN)
        cache.store(SessionKey("https://other.example.test"), TOKEN._replace(access_token="another"))

        assert cache.forget(TOKEN) >= 2

        assert [token.access_token for token in cache.list()] == ["another"]
        assert cache.forget(TOKEN) == 0

    def test_a_registration_is_kept_until_it_is_deleted(self, cache: TokenCache, twin: TokenCache) -> None:
        assert cache.load_registration(REGISTRATION_KEY) is None

        cache.store_registration(REGISTRATION_KEY, REGISTRATION)

        assert twin.load_registration(REGISTRATION_KEY) == REGISTRATION
        assert twin.list() == []
        assert twin.problems() == []
        assert cache.delete_registration(REGISTRATION_KEY)
        assert not cache.delete_registration(REGISTRATION_KEY)
        assert twin.load_registration(REGISTRATION_KEY) is None

    def test_registrations_for_other_grants_are_others(self, cache: TokenCache) -> None:
        cache.store_registration(REGISTRATION_KEY, REGISTRATION)

        assert cache.load_registration(REGISTRATION_KEY._replace(grant_types=("authorization_code",))) is None

    def test_a_large_entry_comes_back_whole(self, cache: TokenCache, twin: TokenCache) -> None:
        large = TOKEN._replace(client_secret="s" * 20_000, refresh_token="ü€😀" * 500)
        cache.store(SESSION, large)
        assert twin.load(SESSION) == large

        cache.store(SESSION, TOKEN)
        assert twin.load(SESSION) == TOKEN

    def test_fractions_of_a_second_are_cut_off(self, cache: TokenCache) -> None:
        cache.store(SESSION, TOKEN._replace(expires_at=NOW + 0.9))

        assert [token.expires_at for token in cache.list()] == [NOW]

    def test_a_lock_keeps_others_out_until_it_is_released(self, cache: TokenCache, twin: TokenCache) -> None:
        with cache.lock(SESSION), pytest.raises(LockTimeout):
            twin.lock(SESSION, timeout=0.02).acquire()

        with twin.lock(SESSION, timeout=0.02):
            pass

    def test_locks_of_other_sessions_are_free(self, cache: TokenCache, twin: TokenCache) -> None:
        with cache.lock(SESSION), twin.lock(OTHER_SESSION, timeout=0.02):
            pass

    def test_a_lock_is_taken_without_waiting_if_it_is_free(self, cache: TokenCache, twin: TokenCache) -> None:
        lock, other = cache.lock(SESSION), twin.lock(SESSION)

        assert lock.try_acquire()
        assert not other.try_acquire()
        lock.release()
        assert other.try_acquire()
        other.release()

    def test_a_lock_is_not_taken_twice(self, cache: TokenCache) -> None:
        with cache.lock(SESSION) as lock, pytest.raises(TokenCacheError, match="held already"):
            lock.try_acquire()

    def test_a_lock_that_comes_free_is_got_by_who_waits(self, cache: TokenCache, twin: TokenCache) -> None:
        held = cache.lock(SESSION)
        held.acquire()
        release = threading.Timer(0.02, held.release)
        release.start()

        with twin.lock(SESSION, timeout=10):
            release.join()

    def test_a_lock_that_is_not_held_can_be_released(self, cache: TokenCache) -> None:
        cache.lock(SESSION).release()

    def test_nothing_that_is_shown_has_a_secret(self, cache: TokenCache) -> None:
        cache.store(SESSION, TOKEN)
        cache.store_registration(REGISTRATION_KEY, REGISTRATION)
        shown = f"{cache!r} {cache.lock(SESSION)!r} {cache.list()} {cache.load_registration(REGISTRATION_KEY)!r}"

        assert not [secret for secret in SECRETS if secret in shown]
