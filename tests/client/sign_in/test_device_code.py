"""The device authorization grant, driven by hand."""

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postern.api import errors
from postern.client.errors import ClientError, ConnectionFailed, SignInDenied, SignInError, SignInExpired
from postern.client.sign_in.interface import DeviceCode, TerminalInterface
from postern.client.sign_in.login import login_flow
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from tests.client.sign_in.world import (
    ENDPOINT,
    NOW,
    REGISTRATION,
    REMOTE,
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

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PENDING = errors.AuthorizationPendingException()
KEY = SessionKey(START_URL, "work")


class SignIn:
    """A sign-in by device code over a cache of its own."""

    def __init__(self, folder: Path, **answers: Any) -> None:
        self.clock = self.monotonic = Clock()
        self.person = Person()
        self.cache = FileTokenCache(folder, now=self.clock)
        self.answer_with(**answers)

    def answer_with(self, **answers: Any) -> None:
        self.service = Service(
            **{"RegisterClient": REGISTRATION, "StartDeviceAuthorization": STARTED, "CreateToken": TOKEN, **answers}
        )

    def run(self, **changes: Any) -> CachedToken:
        request = a_request(**{"method": "device_code", **changes})
        flow = login_flow(
            self.service,
            request,
            self.cache,
            self.person,
            now=self.clock,
            environment=REMOTE,
            monotonic=self.monotonic,
        )
        return drive(flow, self.clock)


@pytest.fixture
def sign_in(tmp_path: Path) -> SignIn:
    return SignIn(tmp_path / "cache")


def test_the_requests_are_those_of_the_grant(sign_in: SignIn) -> None:
    sign_in.run()
    assert sign_in.service.names == ["RegisterClient", "StartDeviceAuthorization", "CreateToken"]
    (registration,), (start,), (poll,) = map(sign_in.service.asked, sign_in.service.names)
    assert (registration.client_name, registration.client_type) == ("postern-work", "public")
    assert registration.grant_types == (GRANT, "refresh_token")
    assert registration.scopes == ("sso:account:access",)
    assert registration.redirect_uris is None
    assert (start.client_id, start.client_secret, start.start_url) == ("client-1", "secret-of-client-1", START_URL)
    assert (poll.grant_type, poll.device_code, poll.scope) == (GRANT, "device-code-1", None)


def test_the_token_is_kept_with_what_refreshes_it(sign_in: SignIn) -> None:
    token = sign_in.run()
    kept = sign_in.cache.load(KEY)
    assert kept == token
    assert token.expires_at == NOW + 1 + 3600
    assert (token.refresh_token, token.client_id, token.client_secret) == (
        "refresh-token-1", "client-1", "secret-of-client-1",
    )  # fmt: skip
    assert token.registration_expires_at == NOW + 90 * 86_400
    assert token.scopes == ("sso:account:access",)
    assert sign_in.person.tokens == [token]


def test_the_code_the_addresses_and_the_reason_are_shown_before_the_first_question(sign_in: SignIn) -> None:
    sign_in.run(method="auto")
    (code,) = sign_in.person.codes
    assert (code.user_code, code.verification_uri) == ("BRCJ-PDVT", f"{ENDPOINT}/device")
    assert code.verification_uri_complete == f"{ENDPOINT}/device?user_code=BRCJ-PDVT"
    assert not code.opens
    assert "SSH_CONNECTION" in code.reason


def test_pending_and_outages_are_waited_out(sign_in: SignIn) -> None:
    lost = ConnectionFailed("no such name")
    sign_in.answer_with(CreateToken=[PENDING, lost, errors.SlowDownException(), TOKEN])
    sign_in.run()
    assert sign_in.clock.time - NOW == 1 + 1 + 2 + 6


def test_the_complete_address_is_made_where_the_service_has_none(sign_in: SignIn) -> None:
    sign_in.answer_with(StartDeviceAuthorization=msgspec.structs.replace(STARTED, verification_uri_complete=None))
    sign_in.run()
    assert sign_in.person.codes[0].verification_uri_complete == f"{ENDPOINT}/device?user_code=BRCJ-PDVT"


def test_without_an_interval_it_is_five_seconds(sign_in: SignIn) -> None:
    sign_in.answer_with(StartDeviceAuthorization=msgspec.structs.replace(STARTED, interval=None))
    sign_in.run()
    assert sign_in.clock.time - NOW == 5


ENDS: dict[str, tuple[Exception | list[Exception], type[Exception]]] = {
    "the person says no": (errors.AccessDeniedException(), SignInDenied),
    "the code expires": ([PENDING, errors.ExpiredTokenException()], SignInExpired),
    "nobody decides": (PENDING, SignInExpired),
    "the code is refused": (errors.InvalidGrantException(), errors.InvalidGrantException),
    "the client is refused while polling": (errors.InvalidClientException(), errors.InvalidClientException),
}


@pytest.mark.parametrize("answers, error", ENDS.values(), ids=ENDS)
def test_how_it_ends_without_a_token(sign_in: SignIn, answers: Any, error: type[Exception]) -> None:
    sign_in.answer_with(CreateToken=answers)
    with pytest.raises(error):
        sign_in.run()
    assert sign_in.cache.load(KEY) is None
    assert sign_in.person.tokens == []
    assert sign_in.person.times_ended == 1


def test_the_time_out_ends_it(sign_in: SignIn) -> None:
    sign_in.answer_with(CreateToken=PENDING)
    with pytest.raises(SignInExpired):
        sign_in.run(timeout=20.0)
    assert sign_in.clock.time - NOW == 20


UNUSABLE = {
    "no user code": {"user_code": None},
    "no device code": {"device_code": None},
    "no address": {"verification_uri": None},
    "a script": {"verification_uri": "javascript:alert(1)"},
    "a file": {"verification_uri_complete": "file:///etc/passwd"},
    "control characters": {"verification_uri_complete": "https://sso.example.test/\x1b[2J"},
    "no host": {"verification_uri": "https:///device"},
    "half a host": {"verification_uri": "http://["},
    "no port": {"verification_uri_complete": "https://sso.example.test:99999/device"},
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_that_nobody_should_follow_is_refused(sign_in: SignIn, change: dict[str, Any]) -> None:
    sign_in.answer_with(StartDeviceAuthorization=msgspec.structs.replace(STARTED, **change))
    with pytest.raises((SignInError, ClientError)):
        sign_in.run()
    assert sign_in.person.codes == []


def test_numbers_and_addresses_that_nobody_expects_can_be_shown(sign_in: SignIn) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    sign_in.person = TerminalInterface(screen, environment={})  # type: ignore[assignment]
    long = f"{ENDPOINT}/{'a' * 4000}"
    started = msgspec.structs.replace(STARTED, verification_uri_complete=long, expires_in=10**18)
    sign_in.answer_with(StartDeviceAuthorization=started, CreateToken=msgspec.structs.replace(TOKEN, expires_in=10**18))
    assert sign_in.run() == sign_in.cache.load(KEY)
    screen.seek(0)
    text = screen.read()
    assert long in text
    assert "No QR code" in text
    assert "Signed in to" in text


def test_a_service_that_sheds_load_is_asked_for_a_code_again(sign_in: SignIn) -> None:
    sign_in.answer_with(StartDeviceAuthorization=[errors.SlowDownException(), STARTED])
    sign_in.run()
    assert sign_in.clock.time - NOW == 1 + 1
    assert len(sign_in.person.notices) == 1


def test_the_time_that_answers_take_counts_for_the_time_out(sign_in: SignIn) -> None:
    class SlowService(Service):
        def flow(self, operation: Any, request: Any) -> Any:
            sign_in.clock.time += 25
            return (yield from super().flow(operation, request))

    sign_in.service = SlowService(RegisterClient=REGISTRATION, StartDeviceAuthorization=STARTED, CreateToken=PENDING)
    with pytest.raises(SignInExpired):
        sign_in.run(timeout=60.0)
    assert sign_in.service.names.count("CreateToken") == 1


def test_a_clock_that_is_set_does_not_change_the_time_out(sign_in: SignIn) -> None:
    def show(code: DeviceCode) -> None:
        sign_in.clock.time += 86_400
        assert code.expires_in == 600

    sign_in.monotonic = Clock()
    sign_in.person.show_device_code = show  # type: ignore[method-assign]
    sign_in.answer_with(CreateToken=[PENDING, TOKEN])
    assert sign_in.run(timeout=60.0).access_token == "access-token-1"


def test_the_registration_is_kept_for_the_next_sign_in(sign_in: SignIn) -> None:
    sign_in.run()
    sign_in.run(force=True)
    assert sign_in.service.names.count("RegisterClient") == 1


def test_a_registration_that_ends_within_a_day_is_renewed(sign_in: SignIn) -> None:
    sign_in.run()
    sign_in.clock.time += 89.5 * 86_400
    sign_in.run(force=True)
    assert sign_in.service.names.count("RegisterClient") == 2


def test_a_cached_registration_that_the_service_refuses_is_renewed_once(sign_in: SignIn) -> None:
    sign_in.run()
    sign_in.answer_with(RegisterClient=RENEWED, StartDeviceAuthorization=[errors.InvalidClientException(), STARTED])
    token = sign_in.run(force=True)
    assert token.client_id == "client-2"
    assert sign_in.service.names == [
        "StartDeviceAuthorization", "RegisterClient", "StartDeviceAuthorization", "CreateToken",
    ]  # fmt: skip
    sign_in.answer_with()
    assert sign_in.run(force=True).client_id == "client-2"


def test_a_new_registration_that_the_service_refuses_is_not_renewed(sign_in: SignIn) -> None:
    sign_in.answer_with(StartDeviceAuthorization=errors.InvalidClientException())
    with pytest.raises(errors.InvalidClientException):
        sign_in.run()
    assert sign_in.service.names == ["RegisterClient", "StartDeviceAuthorization"]


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "client_secret_expires_at"])
def test_half_a_registration_is_none(sign_in: SignIn, missing: str) -> None:
    sign_in.answer_with(RegisterClient=msgspec.structs.replace(REGISTRATION, **{missing: None}))
    with pytest.raises(ClientError, match="no client id, secret or expiry"):
        sign_in.run()


@pytest.mark.parametrize("missing", ["access_token", "expires_in"])
def test_half_a_token_is_none(sign_in: SignIn, missing: str) -> None:
    sign_in.answer_with(CreateToken=msgspec.structs.replace(TOKEN, **{missing: None}))
    with pytest.raises(ClientError, match="no token"):
        sign_in.run()
    assert sign_in.cache.load(KEY) is None
