"""A token that is good for as long as is asked for: by hand, without threads, loop and network."""

import logging
from pathlib import Path
from typing import Any

import pytest

from postern.api import errors as wire
from postern.api.sso_oidc import CreateTokenRequest, CreateTokenResponse
from postern.client.effects import Call
from postern.client.errors import (
    ConnectionFailed,
    ReadTimeout,
    ServiceError,
    SignInRequired,
    TlsError,
    UnreadableResponse,
)
from postern.client.token_cache import CachedToken, FileTokenCache, LockTimeout, SessionKey, TokenCacheError
from postern.client.token_provider import TokenProvider
from postern.client.token_refresh import usable_token
from tests.client.token_cache.samples import LEGACY, NOW, SECRETS, SESSION, TOKEN
from tests.client.token_world import (
    NEARLY_OVER,
    NEW,
    OVER,
    REFRESHED,
    Clock,
    ImpatientCache,
    Service,
    get,
    lock_is_free,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> FileTokenCache:
    return FileTokenCache(tmp_path, now=clock)


class TestFreshness:
    @pytest.mark.parametrize(
        "left, min_ttl, refresh_window, is_refreshed",
        [
            (3600, 0, 300, False),
            (301, 0, 300, False),
            (300, 0, 300, True),
            (1, 0, 300, True),
            (-1, 0, 300, True),
            (-1e6, 0, 300, True),
            (301, 301, 300, True),
            (302, 301, 300, False),
            (100, 0, 60, False),
            (100, 99, 0, False),
            (100, 100, 0, True),
        ],
    )
    def test_a_token_is_refreshed_when_too_little_is_left(
        self,
        cache: FileTokenCache,
        clock: Clock,
        left: float,
        min_ttl: float,
        refresh_window: float,
        is_refreshed: bool,
    ) -> None:
        cache.store(SESSION, TOKEN._replace(expires_at=NOW + left, issued_at=NOW - 3000))
        service = Service(NEW)

        token = get(cache, service, clock, min_ttl=min_ttl, refresh_window=refresh_window)

        assert len(service.requests) == is_refreshed
        assert (token.access_token == "new") == is_refreshed

    def test_a_fresh_token_takes_no_lock(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, TOKEN)
        with cache.lock(SESSION):
            assert get(ImpatientCache(cache.folder), Service(), clock) == TOKEN

    def test_a_token_that_nobody_knows_the_age_of_is_refreshed(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER._replace(issued_at=None))

        assert get(cache, Service(NEW), clock).access_token == "new"

    def test_a_token_from_the_future_is_not_taken_for_a_new_one(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER._replace(issued_at=NOW + 10))

        assert get(cache, Service(NEW), clock).access_token == "new"


class TestRefresh:
    def test_it_asks_with_the_refresh_token_and_for_no_scope(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        service = Service(NEW)

        assert get(cache, service, clock) == REFRESHED

        assert service.requests == [
            CreateTokenRequest(
                client_id="client-1",
                client_secret="client-secret",
                grant_type="refresh_token",
                refresh_token="refresh-secret",
            )
        ]

    def test_it_is_kept_before_the_lock_is_given_back(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)

        get(cache, Service(NEW), clock)

        assert cache.load(SESSION) == REFRESHED
        assert lock_is_free(cache)

    def test_the_old_refresh_token_stays_if_no_other_came(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        service = Service(CreateTokenResponse(access_token="new", expires_in=3600))

        assert get(cache, service, clock).refresh_token == TOKEN.refresh_token
        stored = cache.load(SESSION)
        assert stored is not None
        assert stored.refresh_token == TOKEN.refresh_token

    def test_the_lifetime_counts_from_when_it_was_asked_for(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)

        def take_a_while() -> None:
            clock.time += 20

        assert get(cache, Service(NEW, happen=take_a_while), clock).expires_at == NOW + 3600

    def test_what_another_process_got_meanwhile_is_taken(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        service, of_another = Service(), FileTokenCache(cache.folder).lock(SESSION)
        of_another.acquire()

        def finish() -> None:
            cache.store(SESSION, REFRESHED)
            of_another.release()

        assert get(cache, service, clock, on_sleep=finish) == REFRESHED
        assert service.requests == []

    def test_a_sign_out_meanwhile_is_respected(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        of_another = FileTokenCache(cache.folder).lock(SESSION)
        of_another.acquire()

        def sign_out() -> None:
            cache.delete(SESSION)
            of_another.release()

        with pytest.raises(SignInRequired, match="nobody is signed in any more"):
            get(cache, Service(), clock, on_sleep=sign_out)

    def test_a_new_sign_in_meanwhile_is_not_overwritten(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        signed_in = TOKEN._replace(access_token="of-a-new-sign-in", refresh_token="of-it-too")
        service = Service(NEW, happen=lambda: cache.store(SESSION, signed_in))

        assert get(cache, service, clock) == signed_in
        assert cache.load(SESSION) == signed_in

    def test_a_lifetime_without_measure_ends_all_the_same(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        endless = CreateTokenResponse(access_token="new", expires_in=10**18, refresh_token="rotated")

        token = get(cache, Service(endless), clock)

        assert token.expires_at == NOW + 10 * 365 * 86_400
        assert cache.load(SESSION) == token

    @pytest.mark.parametrize(
        "answer", [CreateTokenResponse(), CreateTokenResponse(access_token="a"), CreateTokenResponse(expires_in=5)]
    )
    def test_an_answer_without_a_token_is_an_error_and_changes_nothing(
        self, cache: FileTokenCache, clock: Clock, answer: CreateTokenResponse
    ) -> None:
        cache.store(SESSION, OVER)

        with pytest.raises(UnreadableResponse):
            get(cache, Service(answer), clock)
        assert cache.load(SESSION) == OVER

    def test_a_token_that_cannot_be_kept_is_used_all_the_same(
        self,
        cache: FileTokenCache,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        cache.store(SESSION, NEARLY_OVER)
        monkeypatch.setattr(cache, "store", refuse)

        assert get(cache, Service(NEW), clock) == REFRESHED
        assert "could not be kept" in caplog.text


class TestSignInRequired:
    @pytest.mark.parametrize(
        "key, command",
        [
            (SESSION, "`postern login --session dev`"),
            (SessionKey(SESSION.start_url, "my team's"), """`postern login --session 'my team'"'"'s'`"""),
            (LEGACY, "`postern login --start-url https://sso.example.test/start`"),
        ],
    )
    def test_without_a_token_it_says_what_to_run(
        self, cache: FileTokenCache, clock: Clock, key: SessionKey, command: str
    ) -> None:
        with pytest.raises(SignInRequired) as required:
            get(cache, Service(), clock, key=key)
        assert str(required.value) == f"nobody is signed in: run {command}"

    @pytest.mark.parametrize(
        "change",
        [
            {"refresh_token": None},
            {"client_id": None},
            {"client_secret": None},
            {"registration_expires_at": NOW},
        ],
    )
    def test_a_token_that_cannot_be_refreshed_is_used_to_its_end(
        self, cache: FileTokenCache, clock: Clock, change: dict[str, Any]
    ) -> None:
        cache.store(SESSION, NEARLY_OVER._replace(**change))
        service = Service()

        with cache.lock(SESSION):
            assert get(ImpatientCache(cache.folder), service, clock).access_token == TOKEN.access_token
        clock.time += 60
        with pytest.raises(SignInRequired, match="cannot be renewed: run `postern login --session dev`"):
            get(cache, service, clock)
        assert service.requests == []

    def test_a_registration_without_an_end_is_tried(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER._replace(registration_expires_at=None))

        assert get(cache, Service(NEW), clock).access_token == "new"

    @pytest.mark.parametrize(
        "refusal",
        [
            wire.InvalidGrantException(),
            wire.InvalidClientException(),
            wire.UnauthorizedClientException(),
            wire.ExpiredTokenException(),
            wire.AccessDeniedException(),
        ],
        ids=lambda refusal: refusal.error,
    )
    @pytest.mark.parametrize("held", [NEARLY_OVER, OVER], ids=["still alive", "over"])
    def test_a_refused_refresh_asks_for_a_sign_in_and_deletes_nothing(
        self, cache: FileTokenCache, clock: Clock, refusal: wire.SsoOidcError, held: CachedToken
    ) -> None:
        cache.store(SESSION, held)

        with pytest.raises(SignInRequired, match="run `postern login --session dev`") as required:
            get(cache, Service(refusal), clock)

        assert required.value.__cause__ is refusal
        assert cache.load(SESSION) == held
        assert lock_is_free(cache)

    def test_unless_a_tool_without_our_lock_has_refreshed_meanwhile(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        of_the_cli = TOKEN._replace(access_token="of-the-cli", refresh_token="of-the-cli-too")
        service = Service(wire.InvalidGrantException(), happen=lambda: cache.store(SESSION, of_the_cli))

        assert get(cache, service, clock) == of_the_cli


OUTAGES = [
    ConnectionFailed("no route"),
    ReadTimeout("silent"),
    TlsError("unknown issuer"),
    ServiceError("503", "", status=503),
    ServiceError("403", "", status=403),
    wire.InternalServerException(),
    wire.SlowDownException(),
    # A request that we got wrong is no matter of signing in.
    wire.InvalidRequestException(),
    wire.UnsupportedGrantTypeException(),
    wire.InvalidScopeException(),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: type(outage).__name__)
class TestOutage:
    def test_the_old_token_is_used_while_it_lives(
        self, cache: FileTokenCache, clock: Clock, outage: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache.store(SESSION, NEARLY_OVER)

        assert get(cache, Service(outage), clock, min_ttl=59) == NEARLY_OVER

        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert not [secret for secret in SECRETS if secret in caplog.text]
        assert lock_is_free(cache)

    @pytest.mark.parametrize("held, min_ttl", [(OVER, 0), (NEARLY_OVER, 60)])
    def test_else_the_outage_is_told(
        self, cache: FileTokenCache, clock: Clock, outage: Exception, held: CachedToken, min_ttl: float
    ) -> None:
        cache.store(SESSION, held)

        with pytest.raises(type(outage)) as raised:
            get(cache, Service(outage), clock, min_ttl=min_ttl)

        assert raised.value is outage
        assert cache.load(SESSION) == held
        assert lock_is_free(cache)


class TestShortLives:
    """The service issues tokens that live shorter than is asked for."""

    def test_a_new_one_is_the_best_there_is(
        self, cache: FileTokenCache, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        cache.store(SESSION, TOKEN._replace(issued_at=NOW - 600, expires_at=NOW + 3000))

        assert get(cache, Service(NEW), clock, min_ttl=7200) == REFRESHED
        assert "tokens of this service live 3600 s: there is none for 7200 s" in caplog.text

    def test_it_is_not_refreshed_again_and_again(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        short = CreateTokenResponse(access_token="short", expires_in=120, refresh_token="rotated")
        service = Service(short, short, short)
        for seconds in (0, 10, 10, 9, 1, 20, 10):
            clock.time += seconds
            get(cache, service, clock)

        assert len(service.requests) == 3

    def test_but_when_it_is_over_it_is(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, TOKEN._replace(issued_at=NOW - 10, expires_at=NOW))

        assert get(cache, Service(NEW), clock) == REFRESHED


class TestLock:
    def test_a_lock_that_cannot_be_had_leaves_the_old_token(self, cache: FileTokenCache, clock: Clock) -> None:
        lasting = TOKEN._replace(expires_at=NOW + 100, issued_at=NOW - 3500)
        cache.store(SESSION, lasting)
        service = Service()

        with FileTokenCache(cache.folder).lock(SESSION):
            assert get(cache, service, clock) == lasting
            with pytest.raises(LockTimeout, match="kept the lock for 60 s"):
                get(cache, service, clock)
        assert service.requests == []
        assert clock.time == pytest.approx(NOW + 120)

    @pytest.mark.parametrize("steps", [1, 2, 3])
    def test_a_flow_that_is_left_gives_it_back(self, cache: FileTokenCache, clock: Clock, steps: int) -> None:
        cache.store(SESSION, NEARLY_OVER)
        flow = usable_token(SESSION, cache, Service(NEW), now=clock)
        effect = next(flow)
        for _ in range(steps):
            assert isinstance(effect, Call)
            effect = flow.send(effect.function())

        flow.close()

        assert lock_is_free(cache)

    def test_an_interrupt_gives_it_back(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)

        def interrupt() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            TokenProvider(Service(happen=interrupt), SESSION, cache, now=clock).get_token()
        assert lock_is_free(cache)


def refuse(*_: object) -> None:
    raise TokenCacheError("No space left on device")
