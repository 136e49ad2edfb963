"""The way in: from the cache, by refreshing, or by signing in; as a flow, blocking and under asyncio."""

import asyncio
import json
import logging
import math
import os
import socket
import termios
import threading
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from postern.api import errors
from postern.client.errors import ConfigurationError, ConnectionFailed
from postern.client.http import HttpRequest, HttpResponse
from postern.client.sign_in.interface import Authorization, DeviceCode, SilentInterface
from postern.client.sign_in.login import async_login, login, login_flow
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey, TokenCacheError
from tests.client.fakes import QUIET, AsyncScripted, Scripted, answer, options
from tests.client.sign_in.world import (
    DESKTOP,
    NOW,
    REGISTRATION,
    REMOTE,
    START_URL,
    STARTED,
    TOKEN,
    Clock,
    Person,
    Service,
    a_request,
    drive,
    state_of,
)

KEY = SessionKey(START_URL, "work")


def a_token(**changes: Any) -> CachedToken:
    kept = CachedToken(
        start_url=START_URL,
        region="eu-central-1",
        access_token="access-token-0",
        expires_at=NOW + 3600,
        refresh_token="refresh-token-0",
        client_id="client-0",
        client_secret="secret-of-client-0",
        registration_expires_at=NOW + 86_400,
        session_name="work",
        scopes=("sso:account:access",),
    )
    return kept._replace(**changes)


class SignIn:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.cache = FileTokenCache(folder, now=self.clock)
        self.person = Person("code=abc")
        self.environment = REMOTE
        self.service = Service(RegisterClient=REGISTRATION, StartDeviceAuthorization=STARTED, CreateToken=TOKEN)

    def run(self, **changes: Any) -> CachedToken:
        flow = login_flow(
            self.service,
            a_request(**changes),
            self.cache,
            self.person,
            now=self.clock,
            environment=self.environment,
        )
        return drive(flow, self.clock)


@pytest.fixture
def sign_in(tmp_path: Path) -> SignIn:
    return SignIn(tmp_path / "cache")


def test_a_token_that_is_still_good_needs_no_call(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token())
    assert sign_in.run().access_token == "access-token-0"
    assert sign_in.service.calls == []
    assert sign_in.person.tokens == []


def test_a_token_that_is_over_is_refreshed_and_nobody_is_asked(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token(expires_at=NOW - 10))
    assert sign_in.run().access_token == "access-token-1"
    (request,) = sign_in.service.asked("CreateToken")
    assert request.grant_type == "refresh_token"
    assert sign_in.person.codes == []


def test_a_token_shorter_than_min_ttl_is_refreshed(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token(expires_at=NOW + 1000))
    assert sign_in.run(min_ttl=2000).access_token == "access-token-1"
    assert sign_in.service.names == ["CreateToken"]


def test_a_token_that_cannot_be_refreshed_is_signed_in_for(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token(expires_at=NOW - 10))
    sign_in.service = Service(
        RegisterClient=REGISTRATION,
        StartDeviceAuthorization=STARTED,
        CreateToken=[errors.InvalidGrantException("Invalid refresh token provided"), TOKEN],
    )
    assert sign_in.run().access_token == "access-token-1"
    assert len(sign_in.person.codes) == 1


def test_a_service_that_is_down_is_no_reason_to_bother_the_person(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token(expires_at=NOW - 10))
    sign_in.service = Service(CreateToken=ConnectionFailed("no route"))
    with pytest.raises(ConnectionFailed):
        sign_in.run()


UNFIT = {
    "another region": a_token(region="us-east-1"),
    "fewer scopes": a_token(scopes=("other:scope",)),
    "another start URL": a_token(start_url="https://d-other.awsapps.com/start"),
}


@pytest.mark.parametrize("held", UNFIT.values(), ids=UNFIT)
def test_a_token_for_something_else_is_not_used(sign_in: SignIn, held: CachedToken) -> None:
    sign_in.cache.store(KEY, held)
    assert sign_in.run().access_token == "access-token-1"
    assert len(sign_in.person.codes) == 1


def test_a_token_of_the_aws_cli_that_does_not_say_its_scopes_is_used(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token(scopes=None))
    assert sign_in.run().access_token == "access-token-0"


def test_force_signs_in_whatever_there_is(sign_in: SignIn) -> None:
    sign_in.cache.store(KEY, a_token())
    assert sign_in.run(force=True).access_token == "access-token-1"


@pytest.mark.parametrize(
    "method, environment, shows",
    [
        ("auto", DESKTOP, "address"),
        ("auto", REMOTE, "code"),
        ("pkce", REMOTE, "address"),
        ("device_code", DESKTOP, "code"),
    ],
)
def test_the_method(sign_in: SignIn, method: str, environment: dict[str, str], shows: str) -> None:
    sign_in.environment = environment
    sign_in.run(method=method)
    assert (len(sign_in.person.authorizations), len(sign_in.person.codes)) == ((1, 0) if shows == "address" else (0, 1))


NONSENSE = [
    {"method": "telepathy"},
    {"start_url": "ftp://example.test"},
    {"start_url": "https://example.test/\n"},
    {"callback_port": 70_000},
    {"timeout": 0.0},
    {"timeout": math.inf},
    {"timeout": math.nan},
    {"min_ttl": math.nan},
    {"start_url": "https://[x/start"},
    {"start_url": "https:///start"},
    {"start_url": "https://example.test/a b"},
]


@pytest.mark.parametrize("changes", NONSENSE, ids=str)
def test_a_request_that_cannot_be_meant_is_refused(sign_in: SignIn, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        sign_in.run(**changes)
    assert sign_in.service.calls == []


def test_no_lock_is_held_while_the_person_acts(sign_in: SignIn) -> None:
    def look(code: DeviceCode) -> None:
        assert code.user_code
        with sign_in.cache.lock(KEY, timeout=0.1):
            locked.append(True)

    locked: list[bool] = []
    sign_in.person.show_device_code = look  # type: ignore[method-assign]
    sign_in.run()
    assert locked == [True]


def test_a_cache_that_cannot_be_written_is_found_out_before_the_person_is_asked(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise TokenCacheError("read-only file system")

    monkeypatch.setattr(sign_in.cache, "store_registration", refuse)
    with pytest.raises(TokenCacheError):
        sign_in.run()
    assert sign_in.person.codes == []


def test_a_sign_in_is_kept_although_another_process_keeps_the_lock(
    sign_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    with sign_in.cache.lock(KEY):
        token = sign_in.run()
    assert sign_in.cache.load(KEY) == token
    assert sign_in.person.tokens == [token]
    assert "another process has kept the lock" in caplog.text


def test_a_sign_in_that_cannot_be_kept_is_of_use_all_the_same(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise TokenCacheError("no space left on device")

    monkeypatch.setattr(sign_in.cache, "store", refuse)
    assert sign_in.run().access_token == "access-token-1"
    (notice,) = sign_in.person.notices
    assert "could not be kept" in notice
    assert "no space left" in notice


def service_over_http(request: HttpRequest) -> HttpResponse:
    """The service, over a scripted transport."""
    path = urlsplit(request.url).path
    if path == "/client/register":
        expires_at = int(NOW) + 90 * 86_400
        return answer(members={"clientId": "client-1", "clientSecret": "secret-1", "clientSecretExpiresAt": expires_at})
    asked = json.loads(request.body)
    assert (path, asked["clientSecret"]) == ("/token", "secret-1")
    if asked.get("code") != "abc":
        return answer(400, {"error": "invalid_grant"}, x_amzn_errortype="InvalidGrantException")
    return answer(members={"accessToken": "access-token-1", "expiresIn": 3600, "refreshToken": "refresh-token-1"})


class Browser(SilentInterface):
    """Goes to the callback in a thread, as a browser would, first with a wrong state."""

    def __init__(self) -> None:
        self._answers: list[int] = []
        self._thread: threading.Thread | None = None

    @property
    def answers(self) -> list[int]:
        """The statuses that it saw."""
        assert self._thread is not None
        self._thread.join(5)
        return self._answers

    def show_authorization(self, authorization: Authorization) -> None:
        self._thread = threading.Thread(target=self._go, args=(authorization,))
        self._thread.start()

    def _go(self, authorization: Authorization) -> None:
        for state in ("wrong", state_of(authorization.url)):
            url = f"{authorization.redirect_uri}?code=abc&state={state}&iss=https%3A%2F%2Fsso.example.test"
            try:
                with urllib.request.urlopen(url, timeout=5) as response:
                    self._answers.append(response.status)
            except urllib.error.HTTPError as error:
                self._answers.append(error.code)
                error.close()


def test_login_by_a_browser(tmp_path: Path) -> None:
    browser, cache = Browser(), FileTokenCache(tmp_path)
    with SSOOIDC(**options(Scripted(service_over_http), region="eu-central-1")) as client:
        token = login(
            start_url=START_URL, session="work", method="pkce", cache=cache, interface=browser, client=client,
            environment=REMOTE, timeout=10.0,
        )  # fmt: skip
    assert browser.answers == [400, 200]
    assert token.access_token == "access-token-1"
    assert cache.load(KEY) == token


async def test_async_login_by_a_browser(tmp_path: Path) -> None:
    browser, cache = Browser(), FileTokenCache(tmp_path)
    async with AsyncSSOOIDC(**options(AsyncScripted(service_over_http), region="eu-central-1")) as client:
        token = await async_login(
            start_url=START_URL, session="work", method="pkce", cache=cache, interface=browser, client=client,
            environment=REMOTE, timeout=10.0,
        )  # fmt: skip
    assert browser.answers == [400, 200]
    assert token.access_token == "access-token-1"
    assert cache.load(KEY) == token


class Watcher(SilentInterface):
    """Notes the port; its methods are coroutines."""

    def __init__(self) -> None:
        self.port = 0
        self.is_shown = asyncio.Event()

    async def show_authorization(self, authorization: Authorization) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.port = urlsplit(authorization.redirect_uri).port or 0
        self.is_shown.set()


async def test_cancelling_closes_the_port_and_leaves_no_token(tmp_path: Path) -> None:
    watcher, cache = Watcher(), FileTokenCache(tmp_path)
    async with AsyncSSOOIDC(**options(AsyncScripted(service_over_http), region="eu-central-1")) as client:
        signing_in = asyncio.create_task(
            async_login(
                start_url=START_URL, method="pkce", cache=cache, interface=watcher, client=client, environment=REMOTE
            )
        )
        await asyncio.wait_for(watcher.is_shown.wait(), 5)
        await asyncio.sleep(0.05)
        socket.create_connection(("127.0.0.1", watcher.port), timeout=5).close()
        signing_in.cancel()
        with pytest.raises(asyncio.CancelledError):
            await signing_in
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", watcher.port), timeout=5)
    assert cache.list() == []


class SlowToAnswer(AsyncScripted):
    """Has got the request, and answers when it is allowed to."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def send(self, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        self.is_asked.set()
        await self.may_answer.wait()
        return await super().send(request)


async def test_cancelling_while_a_held_token_is_refreshed_does_not_lose_what_it_is_refreshed_to(tmp_path: Path) -> None:
    cache = FileTokenCache(tmp_path, now=lambda: NOW)
    cache.store(KEY, a_token(expires_at=NOW - 10))
    new = {"accessToken": "access-token-1", "expiresIn": 3600, "refreshToken": "refresh-token-1"}
    service = SlowToAnswer(answer(members=new))
    async with AsyncSSOOIDC(**options(service, region="eu-central-1")) as client:
        signing_in = asyncio.create_task(
            async_login(
                start_url=START_URL, session="work", cache=cache, interface=SilentInterface(), client=client,
                environment={**QUIET, **REMOTE},
            )
        )  # fmt: skip
        await asyncio.wait_for(service.is_asked.wait(), 5)
        signing_in.cancel()
        await asyncio.sleep(0)
        service.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await signing_in
    kept = cache.load(KEY)
    assert kept is not None
    assert kept.refresh_token == "refresh-token-1"


class Interrupter(SilentInterface):
    def __init__(self) -> None:
        self.port = 0

    def show_authorization(self, authorization: Authorization) -> None:
        self.port = urlsplit(authorization.redirect_uri).port or 0

    def waiting(self, seconds_left: float) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_passes_and_closes_the_port(tmp_path: Path) -> None:
    person, cache = Interrupter(), FileTokenCache(tmp_path)
    with (
        SSOOIDC(**options(Scripted(service_over_http), region="eu-central-1")) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        login(start_url=START_URL, method="pkce", cache=cache, interface=person, client=client, environment=REMOTE)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", person.port), timeout=5)
    assert cache.list() == []


def test_ctrl_c_gives_the_terminal_back_as_it_was(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    seen = []

    class AtTheTerminal(Interrupter):
        paste_input = theirs

        def waiting(self, seconds_left: float) -> None:
            seen.append(termios.tcgetattr(theirs))
            raise KeyboardInterrupt

    with (
        SSOOIDC(**options(Scripted(service_over_http), region="eu-central-1")) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        login(
            start_url=START_URL, method="pkce", cache=FileTokenCache(tmp_path), interface=AtTheTerminal(),
            client=client, environment=REMOTE,
        )  # fmt: skip
    assert seen != [before]
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_without_a_client_one_is_made_of_region_or_endpoint(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed):
        login(
            start_url=START_URL,
            region="eu-central-1",
            endpoint="http://127.0.0.1:1",
            cache=FileTokenCache(tmp_path),
            interface=SilentInterface(),
            environment={**QUIET, **REMOTE, "AWS_MAX_ATTEMPTS": "1"},
        )


def test_without_a_region_it_is_said_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no region"):
        login(
            start_url=START_URL,
            endpoint="http://127.0.0.1:1",
            cache=FileTokenCache(tmp_path),
            interface=SilentInterface(),
            environment={**QUIET, **REMOTE},
        )


def test_no_secret_of_a_whole_sign_in_is_logged_or_in_a_repr(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser, transport = Browser(), Scripted(service_over_http)
    with SSOOIDC(**options(transport, region="eu-central-1")) as client:
        token = login(
            start_url=START_URL, method="pkce", cache=FileTokenCache(tmp_path), interface=browser, client=client,
            environment=REMOTE, timeout=10.0,
        )  # fmt: skip
    assert browser.answers == [400, 200]
    verifier = transport.bodies[-1]["codeVerifier"]
    for secret in ("access-token-1", "refresh-token-1", "secret-1", verifier):
        assert secret not in caplog.text + repr(token) + repr(transport.requests)
