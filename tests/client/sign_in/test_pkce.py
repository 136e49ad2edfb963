"""The authorization code grant with PKCE, driven by hand."""

import os
import re
import select
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from postern.api import errors
from postern.api.operation import Operation, Shape
from postern.client.effects import Flow
from postern.client.endpoints import Endpoint
from postern.client.errors import (
    ConnectionBroken,
    ConnectionFailed,
    ConnectTimeout,
    ReadTimeout,
    ServiceError,
    SignInDenied,
    SignInError,
    SignInExpired,
)
from postern.client.sign_in.interface import Authorization
from postern.client.sign_in.listener import CallbackListener
from postern.client.sign_in.login import login_flow
from postern.client.sign_in.pkce import challenge_of
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from tests.client.sign_in.world import (
    DESKTOP,
    ENDPOINT,
    NOW,
    REGISTRATION,
    RENEWED,
    START_URL,
    STARTED,
    TOKEN,
    Clock,
    Person,
    Service,
    a_request,
    drive,
)

Output = TypeVar("Output", bound=Shape)

KEY = SessionKey(START_URL, "work")
UNAUTHORIZED = errors.UnauthorizedClientException()


class SlowService(Service):
    clock: Clock
    seconds: float

    def flow(self, operation: Operation[Any, Output], request: Shape) -> Flow[Output]:
        self.clock.time += self.seconds
        return (yield from super().flow(operation, request))


class SignIn:
    """A sign-in with PKCE over a cache of its own; the person comes back with ``answers``."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.cache = FileTokenCache(folder, now=self.clock)
        self.pauses: list[float] = []
        self.comes_back_with("code=abc")
        self.answer_with()

    def comes_back_with(self, *answers: str) -> None:
        self.person = Person(*answers)

    def answer_with(self, *, seconds: float = 0.0, **answers: Any) -> None:
        """Each answer takes so many ``seconds``."""
        self.service = SlowService(
            **{
                "RegisterClient": REGISTRATION,
                "StartDeviceAuthorization": UNAUTHORIZED,
                "CreateToken": TOKEN,
                **answers,
            }
        )
        self.service.clock, self.service.seconds = self.clock, seconds

    def run(self, **changes: Any) -> CachedToken:
        request = a_request(**{"method": "pkce", **changes})
        flow = login_flow(
            self.service,
            request,
            self.cache,
            self.person,
            now=self.clock,
            environment=DESKTOP,
            monotonic=self.clock,
        )
        return drive(flow, self.clock, on_sleep=self.pauses.append)


@pytest.fixture
def sign_in(tmp_path: Path) -> SignIn:
    return SignIn(tmp_path / "cache")


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_registration_is_the_one_of_the_aws_cli(sign_in: SignIn) -> None:
    sign_in.run()
    (registration,) = sign_in.service.asked("RegisterClient")
    assert registration.grant_types == ("authorization_code", "refresh_token")
    assert registration.redirect_uris == ("http://127.0.0.1/oauth/callback",)
    assert registration.issuer_url == START_URL


def test_the_authorization_request_is_the_one_of_the_aws_cli(sign_in: SignIn) -> None:
    sign_in.run(scopes=("sso:account:access", "codewhisperer:completions"))
    (authorization,) = sign_in.person.authorizations
    assert authorization.url.startswith(
        f"{ENDPOINT}/authorize?response_type=code&client_id=client-1&redirect_uri=http%3A%2F%2F"
    )
    assert "&scopes=sso%3Aaccount%3Aaccess%20codewhisperer%3Acompletions&" in authorization.url
    query = query_of(authorization.url)
    assert list(query) == [
        "response_type", "client_id", "redirect_uri", "state", "code_challenge_method", "scopes", "code_challenge",
    ]  # fmt: skip
    assert query["code_challenge_method"] == "S256"
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/oauth/callback", query["redirect_uri"])
    assert len(query["state"]) >= 22  # 128 bits


def test_the_code_is_redeemed_with_the_verifier_of_the_challenge(sign_in: SignIn) -> None:
    token = sign_in.run()
    (request,) = sign_in.service.asked("CreateToken")
    query = query_of(sign_in.person.authorizations[0].url)
    digest = sha256(request.code_verifier.encode()).digest()
    assert query["code_challenge"] == urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert 64 <= len(request.code_verifier) <= 128
    assert (request.grant_type, request.code) == ("authorization_code", "abc")
    assert request.redirect_uri == query["redirect_uri"]
    assert token.access_token == "access-token-1"
    assert sign_in.cache.load(KEY) == token


def test_state_and_verifier_are_new_each_time(sign_in: SignIn) -> None:
    sign_in.run()
    sign_in.run(force=True)
    first, second = (query_of(each.url) for each in sign_in.person.authorizations)
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


ENDPOINTS = {
    "none: the root of the endpoint": (None, f"{ENDPOINT}/authorize?"),
    "whole": ("https://login.example.test/oauth/authorize", "https://login.example.test/oauth/authorize?"),
    "without its end": ("https://login.example.test/oauth/", "https://login.example.test/oauth/authorize?"),
    "with a query": ("https://login.example.test/authorize?tenant=1", "https://login.example.test/authorize?tenant=1&"),
}


@pytest.mark.parametrize("named, start", ENDPOINTS.values(), ids=ENDPOINTS)
def test_the_browser_is_sent_where_the_registration_says(sign_in: SignIn, named: str | None, start: str) -> None:
    sign_in.answer_with(RegisterClient=msgspec.structs.replace(REGISTRATION, authorization_endpoint=named))
    sign_in.run()
    assert sign_in.person.authorizations[0].url.startswith(f"{start}response_type=code&")
    sign_in.run(force=True)
    assert sign_in.person.authorizations[1].url.startswith(start), "and so with the registration from the cache"


def test_an_endpoint_below_a_path_does_not_move_the_authorization_endpoint(sign_in: SignIn) -> None:
    sign_in.answer_with(RegisterClient=msgspec.structs.replace(REGISTRATION, authorization_endpoint=None))
    sign_in.service.endpoint = Endpoint.parse("http://127.0.0.1:8765/idc")
    sign_in.run()
    assert sign_in.person.authorizations[0].url.startswith("http://127.0.0.1:8765/authorize?")


@pytest.mark.parametrize(
    "named",
    [
        "http://sso.example.test/authorize",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://user:pw@sso.example.test/authorize",
        "https://sso.example.test/a b",
        "https://sso.example.test/'$(id)",
        "https://sso.example.test/\x1b[2J",
        "https://sso.example.test/#x",
        "https:///authorize",
        "https://[x",
        "https://sso.example.test:99999/authorize",
        "--help",
    ],
)
def test_an_authorization_endpoint_that_no_browser_should_see_is_refused(sign_in: SignIn, named: str) -> None:
    sign_in.answer_with(RegisterClient=msgspec.structs.replace(REGISTRATION, authorization_endpoint=named))
    with pytest.raises(SignInError, match="cannot be used"):
        sign_in.run()
    assert sign_in.person.authorizations == []


def test_the_issuer_of_the_authorization_endpoint_may_answer(sign_in: SignIn) -> None:
    sign_in.comes_back_with("iss=https%3A%2F%2Fsso.example.test&code=abc")
    assert sign_in.run().access_token == "access-token-1"


ENDS = {
    "the person says no": ("error=access_denied", SignInDenied),
    "the service says no": ("error=invalid_scope", SignInError),
    "another issuer": ("code=abc&iss=https%3A%2F%2Fevil.test", SignInError),
}


@pytest.mark.parametrize("answer, error", ENDS.values(), ids=ENDS)
def test_a_refusal_ends_it_and_nothing_is_redeemed(sign_in: SignIn, answer: str, error: type[Exception]) -> None:
    sign_in.comes_back_with(answer)
    with pytest.raises(error):
        sign_in.run()
    assert sign_in.service.names == ["RegisterClient"]
    assert sign_in.cache.load(KEY) is None


def test_what_was_pasted_wrong_is_said_and_the_next_one_is_taken(sign_in: SignIn) -> None:
    sign_in.comes_back_with("state=wrong&code=bad", "code=abc")
    sign_in.run()
    assert len(sign_in.person.notices) == 1
    assert sign_in.service.asked("CreateToken")[0].code == "abc"


ISSUERS = {
    "without the port that the endpoint names": ("https://sso.test:443/authorize", "https://sso.test"),
    "with the port that the endpoint does not name": ("https://sso.test/authorize", "https://sso.test:443"),
    "in other case": ("https://SSO.test/authorize", "HTTPS://sso.TEST/"),
}


@pytest.mark.parametrize("named, issuer", ISSUERS.values(), ids=ISSUERS)
def test_an_issuer_may_be_written_in_another_way(sign_in: SignIn, named: str, issuer: str) -> None:
    sign_in.answer_with(RegisterClient=msgspec.structs.replace(REGISTRATION, authorization_endpoint=named))
    sign_in.comes_back_with(f"iss={issuer}&code=abc")
    assert sign_in.run().access_token == "access-token-1"


def test_nobody_comes_back(sign_in: SignIn) -> None:
    sign_in.comes_back_with()
    with pytest.raises(SignInExpired):
        sign_in.run(timeout=5.0)
    assert sign_in.person.left == [5, 4, 3, 2, 1]


def test_without_a_time_out_it_ends_after_ten_minutes(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CallbackListener, "wait", wait_for_nothing)
    sign_in.comes_back_with()
    with pytest.raises(SignInExpired):
        sign_in.run()
    assert sign_in.clock.time - NOW == 600


def wait_for_nothing(_listener: CallbackListener, _timeout: float) -> None:
    return None


wait_for_nothing.__name__ = "wait"


@pytest.mark.parametrize(
    "answer, error",
    [
        (errors.AccessDeniedException("no assignment"), SignInDenied),
        (errors.ExpiredTokenException(), SignInExpired),
        (errors.InvalidGrantException(), errors.InvalidGrantException),
        (ConnectionFailed("gone"), ConnectionFailed),
    ],
    ids=["a policy says no", "the code has expired", "the code is refused", "the service is gone"],
)
def test_a_code_that_cannot_be_redeemed(sign_in: SignIn, answer: Exception, error: type[Exception]) -> None:
    sign_in.answer_with(CreateToken=answer)
    with pytest.raises(error):
        sign_in.run()
    assert sign_in.cache.load(KEY) is None


GONE = ConnectionFailed("no such name")
BUSY = errors.SlowDownException()
DOWN = ServiceError("503", "", status=503)
SILENT = ReadTimeout("silent")
HICCUPS = {
    "no connection": ([GONE, TOKEN], [1]),
    "no connection in time": ([ConnectTimeout("slow"), TOKEN], [1]),
    "slow_down": ([BUSY, TOKEN], [1]),
    "429": ([ServiceError("429", "", status=429), TOKEN], [1]),
    "a 5xx": ([DOWN, TOKEN], [1]),
    "server_error": ([errors.InternalServerException(), TOKEN], [1]),
    "silence": ([SILENT, TOKEN], [1]),
    "an answer that is cut off": ([ConnectionBroken("cut"), TOKEN], [1]),
    "half a minute without a network": ([GONE] * 6 + [TOKEN], [1, 2, 4, 8, 8, 8]),
    "a 5xx for seven seconds": ([DOWN] * 3 + [TOKEN], [1, 2, 4]),
    "a 5xx after 15 seconds without a network": ([GONE] * 4 + [DOWN, TOKEN], [1, 2, 4, 8, 8]),
}


@pytest.mark.parametrize("answers, pauses", HICCUPS.values(), ids=HICCUPS)
def test_a_hiccup_does_not_lose_the_sign_in(sign_in: SignIn, answers: Any, pauses: list[float]) -> None:
    sign_in.answer_with(CreateToken=answers)
    token = sign_in.run()
    assert sign_in.pauses == pauses
    assert token.expires_at == sign_in.clock.time + 3600
    assert len({request.code_verifier for request in sign_in.service.asked("CreateToken")}) == 1
    assert len(sign_in.person.notices) == 1


def test_the_service_is_not_asked_for_longer_than_a_minute(sign_in: SignIn) -> None:
    sign_in.answer_with(CreateToken=GONE)
    with pytest.raises(ConnectionFailed):
        sign_in.run()
    assert 50 < sum(sign_in.pauses) <= 60


def test_the_service_is_not_asked_for_longer_than_the_person_has(sign_in: SignIn) -> None:
    sign_in.answer_with(CreateToken=GONE)
    with pytest.raises(ConnectionFailed):
        sign_in.run(timeout=20.0)
    assert sign_in.clock.time - NOW <= 20


SPENT: dict[str, tuple[list[Exception], type[Exception], list[float]]] = {
    "a 5xx for long": ([DOWN], ServiceError, [1, 2, 4]),
    "a 5xx, then no network for long": ([DOWN, GONE], ConnectionFailed, [1, 2, 4]),
}


@pytest.mark.parametrize("answers, error, pauses", SPENT.values(), ids=SPENT)
def test_a_code_that_may_have_been_spent_is_not_sent_again_after_eight_seconds(
    sign_in: SignIn, answers: list[Exception], error: type[Exception], pauses: list[float]
) -> None:
    sign_in.answer_with(CreateToken=answers)
    with pytest.raises(error):
        sign_in.run()
    assert sign_in.pauses == pauses


def test_a_silence_of_half_a_minute_may_have_spent_the_code(sign_in: SignIn) -> None:
    sign_in.answer_with(seconds=30.0, CreateToken=SILENT)
    with pytest.raises(ReadTimeout):
        sign_in.run()
    assert sign_in.service.names.count("CreateToken") == 1


def test_a_service_that_sheds_load_is_asked_for_a_registration_again(sign_in: SignIn) -> None:
    sign_in.answer_with(RegisterClient=[BUSY, BUSY, REGISTRATION])
    sign_in.run()
    assert sign_in.pauses == [1, 2]


def test_a_registration_that_cannot_be_had_is_given_up_at_once(sign_in: SignIn) -> None:
    sign_in.answer_with(RegisterClient=GONE)
    with pytest.raises(ConnectionFailed):
        sign_in.run()
    assert sign_in.pauses == []


def test_a_cached_registration_is_used_if_the_service_still_knows_it(sign_in: SignIn) -> None:
    sign_in.run()
    sign_in.answer_with()
    assert sign_in.run(force=True).client_id == "client-1"
    assert sign_in.service.names == ["StartDeviceAuthorization", "CreateToken"]


def test_a_cached_registration_that_is_forgotten_is_renewed_before_the_person_is_sent_anywhere(sign_in: SignIn) -> None:
    sign_in.run()
    sign_in.answer_with(RegisterClient=RENEWED, StartDeviceAuthorization=errors.InvalidClientException())
    assert sign_in.run(force=True).client_id == "client-2"
    assert sign_in.service.names == ["StartDeviceAuthorization", "RegisterClient", "CreateToken"]
    assert len(sign_in.person.authorizations) == 2


def test_a_cached_registration_that_is_refused_at_the_end_is_renewed_and_all_begins_anew_once(sign_in: SignIn) -> None:
    sign_in.run()
    refused = errors.InvalidClientException()
    sign_in.answer_with(RegisterClient=RENEWED, CreateToken=[refused, TOKEN])
    assert sign_in.run(force=True).client_id == "client-2"
    sign_in.answer_with(RegisterClient=RENEWED, CreateToken=refused)
    with pytest.raises(errors.InvalidClientException):
        sign_in.run(force=True)
    assert sign_in.service.names.count("RegisterClient") == 1


def test_a_port_that_is_taken_is_replaced_and_said(sign_in: SignIn) -> None:
    other = CallbackListener(pytest.fail)
    port = other.open() or 0
    try:
        sign_in.run(callback_port=port)
    finally:
        other.close()
    assert sign_in.person.notices[0].startswith(f"Port {port} is taken, ")


def without_a_port(_listener: CallbackListener) -> None:
    return None


def test_without_a_port_auto_goes_on_with_the_device_code(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CallbackListener, "open", without_a_port)
    sign_in.answer_with(StartDeviceAuthorization=STARTED)
    assert sign_in.run(method="auto").access_token == "access-token-1"
    assert len(sign_in.person.codes) == 1


def test_without_a_port_pkce_takes_what_is_pasted(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.client.sign_in.listener._listen", lambda port: None)
    assert sign_in.run().access_token == "access-token-1"
    assert "paste" in sign_in.person.notices[0]


def test_the_browser_opens_after_the_address_is_shown_and_the_port_is_bound(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_url(_commands: object, url: str) -> bool:
        assert sign_in.person.authorizations[0].url == url
        opened.append(url)
        return False

    open_url.__name__ = "a_browser"
    monkeypatch.setattr("postern.client.sign_in.attempt.open_url", open_url)
    sign_in.run()
    assert len(opened) == 1
    assert sign_in.person.authorizations[0].opens
    assert sign_in.person.notices == ["No browser could be started: go to the address above."]


def test_while_the_person_is_pasting_no_progress_is_written_over_it(sign_in: SignIn) -> None:
    ours, theirs = os.openpty()

    def show(authorization: Authorization) -> None:
        os.write(ours, authorization.redirect_uri.encode())
        select.select([theirs], [], [], 5)

    sign_in.comes_back_with()
    sign_in.person.paste_input = theirs
    sign_in.person.show_authorization = show  # type: ignore[method-assign]
    with pytest.raises(SignInExpired):
        sign_in.run(timeout=5.0)
    assert sign_in.person.left == [5]
    os.close(ours)
    os.close(theirs)


def test_no_browser_opens_if_it_is_not_to(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.client.sign_in.attempt.open_url", lambda *_: pytest.fail("opened"))
    sign_in.run(open_browser=False)
    assert not sign_in.person.authorizations[0].opens
