"""Tokens that are refreshed in time: by hand, by threads, by tasks, and by eight processes at once."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from postern.api import errors as wire
from postern.api.operation import Operation, Shape
from postern.api.sso_oidc import CREATE_TOKEN, CreateTokenRequest, CreateTokenResponse
from postern.client.effects import Call, Flow
from postern.client.errors import (
    ConnectionFailed,
    ReadTimeout,
    ServiceError,
    SignInRequired,
    TlsError,
    UnreadableResponse,
)
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, FileTokenCache, LockTimeout, SessionKey, TokenCacheError
from postern.client.token_cache.lock import FileLock
from postern.client.token_provider import AsyncTokenProvider, TokenProvider
from postern.client.token_refresh import usable_token
from tests.client.fakes import Either, answer, options
from tests.client.token_cache.samples import LEGACY, NOW, SECRETS, SESSION, TOKEN

T = TypeVar("T")
O = TypeVar("O", bound=Shape)  # noqa: E741  # what comes out

NEARLY_OVER = TOKEN._replace(expires_at=NOW + 60, issued_at=NOW - 3540)
OVER = TOKEN._replace(expires_at=NOW - 60, issued_at=NOW - 3660)
NEW = CreateTokenResponse(access_token="new", token_type="Bearer", expires_in=3600, refresh_token="rotated")
REFRESHED = TOKEN._replace(access_token="new", refresh_token="rotated", issued_at=NOW, expires_at=NOW + 3600)


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Service:
    """What the service answers, in turn, and what it was asked. Before an answer something may ``happen``."""

    transport = cast(Any, None)

    def __init__(self, *answers: CreateTokenResponse | Exception, happen: Callable[[], object] = lambda: None) -> None:
        self._answers = list(answers)
        self._happen = happen
        self.requests: list[CreateTokenRequest] = []

    def flow(self, operation: Operation[Any, O], request: Shape) -> Flow[O]:
        assert operation is CREATE_TOKEN
        assert isinstance(request, CreateTokenRequest)
        self.requests.append(request)
        yield Call(self._happen)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast(O, answer)


class ImpatientCache(FileTokenCache):
    """A cache that does not wait for its lock."""

    def lock(self, key: SessionKey, timeout: float = 0.0) -> Any:
        return super().lock(key, timeout=0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> FileTokenCache:
    return FileTokenCache(tmp_path, now=clock)


def drive(flow: Flow[T], effect: object = None) -> T:
    """Run a flow that only calls, from its start or from ``effect`` on."""
    try:
        effect = effect or next(flow)
        while True:
            assert isinstance(effect, Call)
            try:
                result = effect.function()
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        return cast(T, end.value)


def get(
    cache: FileTokenCache,
    service: Service,
    clock: Clock,
    *,
    key: SessionKey = SESSION,
    min_ttl: float = 0.0,
    refresh_window: float = 300.0,
) -> CachedToken:
    return drive(usable_token(key, cache, service, now=clock, min_ttl=min_ttl, refresh_window=refresh_window))


def lock_is_free(cache: FileTokenCache) -> bool:
    with FileTokenCache(cache.folder).lock(SESSION, timeout=0.0):
        return True


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

    def test_what_another_process_got_meanwhile_is_taken(
        self, cache: FileTokenCache, clock: Clock, tmp_path: Path
    ) -> None:
        cache.store(SESSION, NEARLY_OVER)
        service = Service()
        flow = usable_token(SESSION, cache, service, now=clock)
        effect = next(flow)
        assert isinstance(effect, Call)
        taking_the_lock = flow.send(effect.function())
        FileTokenCache(tmp_path).store(SESSION, REFRESHED)

        assert drive(flow, taking_the_lock) == REFRESHED
        assert service.requests == []

    def test_a_sign_out_meanwhile_is_respected(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)
        flow = usable_token(SESSION, cache, Service(), now=clock)
        effect = next(flow)
        assert isinstance(effect, Call)
        taking_the_lock = flow.send(effect.function())
        cache.delete(SESSION)

        with pytest.raises(SignInRequired, match="nobody is signed in any more"):
            drive(flow, taking_the_lock)

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

    def test_a_request_that_we_got_wrong_is_no_matter_of_signing_in(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER)

        with pytest.raises(wire.InvalidRequestException):
            get(cache, Service(wire.InvalidRequestException()), clock)


OUTAGES = [
    ConnectionFailed("no route"),
    ReadTimeout("silent"),
    TlsError("unknown issuer"),
    ServiceError("503", "", status=503),
    wire.InternalServerException(),
    wire.SlowDownException(),
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
        cache.store(SESSION, NEARLY_OVER)
        service = Service()

        with cache.lock(SESSION):
            assert get(ImpatientCache(cache.folder), service, clock) == NEARLY_OVER
            with pytest.raises(LockTimeout):
                get(ImpatientCache(cache.folder), service, clock, min_ttl=60)
        assert service.requests == []

    @pytest.mark.parametrize("steps", [1, 2, 3, 4])
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


class TestProvider:
    def test_a_fresh_token_costs_no_look_at_the_cache(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, TOKEN)
        provider = TokenProvider(Service(), SESSION, cache, now=clock)
        assert provider.access_token() == TOKEN.access_token
        cache.delete(SESSION)
        clock.time += 100

        assert provider.get_token(min_ttl=3499) == TOKEN
        with pytest.raises(SignInRequired):
            provider.get_token(min_ttl=3500)

    def test_threads_refresh_once(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        together = threading.Barrier(8)
        service = Service(NEW)
        provider = TokenProvider(service, SESSION, cache, now=clock)

        def ask(_: int) -> str:
            together.wait(timeout=10)
            return provider.access_token()

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(8))) == {"new"}
        assert len(service.requests) == 1

    def test_an_outage_is_not_asked_about_all_the_time(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, TOKEN._replace(expires_at=NOW + 100, issued_at=None))
        service = Service(ConnectionFailed("no route"), NEW)
        provider = TokenProvider(service, SESSION, cache, now=clock)
        for seconds in (0, 10, 10, 9):
            clock.time += seconds
            assert provider.access_token() == TOKEN.access_token
        assert len(service.requests) == 1

        clock.time += 1
        assert provider.access_token() == "new"

    def test_after_a_new_sign_in_it_goes_on(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        provider = TokenProvider(Service(wire.InvalidGrantException()), SESSION, cache, now=clock)
        with pytest.raises(SignInRequired):
            provider.get_token()
        cache.store(SESSION, TOKEN)

        assert provider.get_token() == TOKEN

    def test_a_clock_that_is_put_back_does_not_keep_an_old_token(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER._replace(issued_at=None))
        service = Service(ConnectionFailed("no route"), NEW)
        provider = TokenProvider(service, SESSION, cache, now=clock)
        provider.get_token()
        clock.time -= 100

        assert provider.access_token() == "new"


class TestAsyncProvider:
    async def test_tasks_refresh_once(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        service = Service(NEW)
        provider = AsyncTokenProvider(service, SESSION, cache, now=clock)

        assert set(await asyncio.gather(*(provider.access_token() for _ in range(8)))) == {"new"}
        assert len(service.requests) == 1
        assert (await provider.get_token()) == REFRESHED

    async def test_a_cancelled_task_stops_waiting_for_the_lock_and_leaves_it_to_others(
        self, cache: FileTokenCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.store(SESSION, OVER)
        provider = AsyncTokenProvider(Service(NEW), SESSION, cache, now=clock)
        has_ended = threading.Event()
        acquire = FileLock.acquire

        def watched(lock: FileLock) -> None:
            try:
                acquire(lock)
            finally:
                has_ended.set()

        with FileTokenCache(cache.folder).lock(SESSION):
            monkeypatch.setattr(FileLock, "acquire", watched)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(provider.get_token(), timeout=0.1)
            assert has_ended.is_set()

        assert await provider.get_token() == REFRESHED

    async def test_a_task_that_is_cancelled_while_the_new_token_is_kept_keeps_it(
        self, cache: FileTokenCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.store(SESSION, OVER)
        is_storing, may_go_on = threading.Event(), threading.Event()
        store = cache.store

        def slow_store(key: SessionKey, token: CachedToken) -> None:
            is_storing.set()
            may_go_on.wait(timeout=10)
            store(key, token)

        monkeypatch.setattr(cache, "store", slow_store)
        task = asyncio.create_task(AsyncTokenProvider(Service(NEW), SESSION, cache, now=clock).get_token())
        await asyncio.to_thread(is_storing.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        with pytest.raises(LockTimeout):
            FileTokenCache(cache.folder).lock(SESSION, timeout=0.0).acquire()
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert cache.load(SESSION) == REFRESHED
        assert lock_is_free(cache)


def test_the_client_refreshes_over_its_own_connections(cache: FileTokenCache, clock: Clock, either: Either) -> None:
    cache.store(SESSION, NEARLY_OVER)
    transport = either.transport(answer(members={"accessToken": "new", "expiresIn": 3600, "refreshToken": "rotated"}))

    async def ask() -> CachedToken:
        async with AsyncSSOOIDC(**options(transport)) as client:
            return await AsyncTokenProvider(client, SESSION, cache, now=clock).get_token()

    if either.kind == "async":
        token = asyncio.run(ask())
    else:
        with SSOOIDC(**options(transport)) as client:
            token = TokenProvider(client, SESSION, cache, now=clock).get_token()

    assert token == REFRESHED
    assert transport.bodies == [
        {
            "clientId": "client-1",
            "clientSecret": "client-secret",
            "grantType": "refresh_token",
            "refreshToken": "refresh-secret",
        }
    ]


_ONE_OF_MANY = '''
import asyncio, json, sys, time
from pathlib import Path
from postern.api import errors
from postern.api.sso_oidc import CreateTokenResponse
from postern.client.effects import Sleep
from postern.client.token_cache import FileTokenCache, SessionKey
from postern.client.token_cache.lock import FileLock
from postern.client.token_provider import AsyncTokenProvider, TokenProvider

class Service:
    """Rotates refresh tokens, and takes each once: what it has issued is in a journal."""
    transport = None
    def flow(self, operation, request):
        journal = Path(sys.argv[1], "journal")
        yield Sleep(0.05)
        issued = journal.read_text().split()
        if request.refresh_token != issued[-1]:
            raise errors.InvalidGrantException("theft")
        with journal.open("a") as file:
            file.write(f"refresh-{len(issued)}\\n")
        yield Sleep(0.05)
        number = len(issued)
        return CreateTokenResponse(
            access_token=f"access-{number}", expires_in=3600, refresh_token=f"refresh-{number}"
        )

key, cache = SessionKey(sys.argv[2], sys.argv[3]), FileTokenCache(Path(sys.argv[1], "cache"))
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[4] == "sync":
    print(TokenProvider(Service(), key, cache).access_token())
else:
    async def main():
        return await AsyncTokenProvider(Service(), key, cache).access_token()
    print(asyncio.run(main()))
'''


def test_eight_processes_refresh_once_and_all_are_signed_in(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("refresh-0\n")
    cache = FileTokenCache(tmp_path / "cache")
    cache.store(SESSION, OVER._replace(refresh_token="refresh-0", registration_expires_at=4e9))
    arguments = [str(tmp_path), SESSION.start_url, str(SESSION.session_name)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _ONE_OF_MANY, *arguments, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in ("sync", "async") * 4
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=60) for process in processes]

    assert ends == [("access-1\n", "")] * 8
    assert (tmp_path / "journal").read_text() == "refresh-0\nrefresh-1\n"
    kept = cache.load(SESSION)
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("access-1", "refresh-1")


def refuse(*_: object) -> None:
    raise TokenCacheError("No space left on device")
