from typing import Any, NamedTuple

import pytest

from postern.client.credentials import SsoCredentials
from postern.client.credentials.profile import Profile
from postern.client.errors import ConfigurationError, ConnectionFailed, TlsError
from postern.client.token_cache import CachedToken, SessionKey
from tests.client.credentials.flows import CANARY, NOW, Driver, drive, found, refusal, reply, shared_config

START_URL = "https://d-1234567890.awsapps.test/start"
SESSION = {"sso_start_url": START_URL, "sso_region": "eu-west-1", "sso_registration_scopes": "sso:account:access"}
ROLE = {"sso_account_id": "111122223333", "sso_role_name": "Read Only+"}
PROFILE = {"sso_session": "corp", **ROLE}
LEGACY = {**ROLE, "sso_start_url": START_URL, "sso_region": "eu-west-1"}
CREDENTIALS = {
    "accessKeyId": "ASIAROLE",
    "secretAccessKey": CANARY,
    "sessionToken": "session",
    "expiration": int(NOW + 3600) * 1000 + 500,
}
GRANTED = reply(200, {"roleCredentials": CREDENTIALS})


class Tokens(NamedTuple):
    token: CachedToken | None
    asked: list[SessionKey]

    def load(self, key: SessionKey) -> CachedToken | None:
        self.asked.append(key)
        return self.token


def token(expires_at: float = NOW + 60) -> CachedToken:
    return CachedToken(start_url=START_URL, region="eu-west-1", access_token=CANARY, expires_at=expires_at)


def provider(
    settings: dict[str, str], cached: CachedToken | None = None, asked: list[SessionKey] | None = None
) -> SsoCredentials:
    shared = shared_config({"work": settings}, {"corp": SESSION})
    return SsoCredentials(
        Profile(shared, "work"),
        tokens=lambda: Tokens(cached, [] if asked is None else asked),
        endpoint=lambda region: f"https://portal.{region}.test/",
        now=lambda: NOW,
    )


@pytest.mark.parametrize("settings, session", [(PROFILE, "corp"), (LEGACY, None)])
def test_the_token_is_looked_up_by_session_or_start_url(settings: dict[str, str], session: str | None) -> None:
    asked: list[SessionKey] = []
    found(provider(settings, token(), asked).load(), GRANTED)
    assert asked == [SessionKey(START_URL, session)]


def test_the_portal_is_asked_for_the_role_with_the_token_in_its_header() -> None:
    driver = Driver(GRANTED)
    driver.run(provider(PROFILE, token()).load())
    (request,) = driver.sent
    assert request.method == "GET"
    assert request.url == (
        "https://portal.eu-west-1.test/federation/credentials?role_name=Read+Only%2B&account_id=111122223333"
    )
    assert request.headers["x-amz-sso_bearer_token"] == CANARY
    assert not request.direct


def test_expiration_is_milliseconds() -> None:
    credentials = found(provider(PROFILE, token()).load(), GRANTED)
    assert credentials.expires_at == NOW + 3600.5
    assert (credentials.access_key_id, credentials.secret_access_key) == ("ASIAROLE", CANARY)
    assert credentials.session_token == "session"
    assert credentials.source == "sso (profile 'work')"


@pytest.mark.parametrize("settings", [{}, {"sso_session": "corp"}, {"region": "us-east-1"}])
def test_without_role_and_account_the_next_is_asked(settings: dict[str, str]) -> None:
    assert drive(provider(settings).load()) is None


@pytest.mark.parametrize(
    "settings, missing",
    [
        ({"sso_session": "corp", "sso_role_name": "R"}, "sso_account_id"),
        ({"sso_session": "corp", "sso_account_id": "1"}, "sso_role_name"),
        (ROLE, "sso_start_url, sso_region"),
    ],
)
def test_what_is_missing_is_named(settings: dict[str, str], missing: str) -> None:
    assert refusal(provider(settings).load()) == f"profile 'work' lacks {missing}"


def test_a_profile_may_not_contradict_its_session() -> None:
    settings = {**PROFILE, "sso_region": "us-east-1"}
    assert "sso_region differs" in refusal(provider(settings, token()).load())


def test_the_session_has_to_exist() -> None:
    with pytest.raises(ConfigurationError, match="'none'"):
        drive(provider({**PROFILE, "sso_session": "none"}).load())


@pytest.mark.parametrize("cached", [None, token(NOW), token(NOW - 1)], ids=["none", "now", "past"])
@pytest.mark.parametrize("settings, flag", [(PROFILE, "--session corp"), (LEGACY, "--profile work")])
def test_without_a_live_token_it_says_how_to_sign_in_and_asks_nobody(
    cached: CachedToken | None, settings: dict[str, str], flag: str
) -> None:
    assert f"run `postern login {flag}`" in refusal(provider(settings, cached).load())


def portal_error(status: int, shape: str, message: str = "no " + CANARY) -> Any:
    return reply(status, {"message": message, "__type": f"com.amazonaws.switchboard.portal#{shape}"})


@pytest.mark.parametrize(
    "answer, says",
    [
        (portal_error(401, "UnauthorizedException"), "run `postern login --session corp`"),
        (portal_error(403, "ForbiddenException"), "role Read Only+ of account 111122223333 is not assigned"),
        (portal_error(404, "ResourceNotFoundException"), "ResourceNotFoundException"),
        (portal_error(400, "InvalidRequestException"), "InvalidRequestException"),
        (reply(405, b"<html>" + CANARY.encode()), "405"),
        (reply(200, b"<html>" + CANARY.encode()), "cannot be read"),
        (reply(200, {"roleCredentials": {**CREDENTIALS, "expiration": CANARY}}), "cannot be read"),
        (reply(200, {}), "no credentials"),
        (reply(200, {"roleCredentials": {"accessKeyId": "ASIAROLE"}}), "no credentials"),
    ],
)
def test_refusals_of_the_portal(answer: Any, says: str) -> None:
    assert says in refusal(provider(PROFILE, token()).load(), answer)


@pytest.mark.parametrize(
    "first",
    [portal_error(429, "TooManyRequestsException"), reply(503, b""), ConnectionFailed("refused")],
    ids=["429", "503", "refused"],
)
def test_the_portal_is_asked_again_when_it_is_unwell(first: Any) -> None:
    driver = Driver(first, first, GRANTED)
    credentials = driver.run(provider(PROFILE, token()).load())
    assert credentials is not None
    assert driver.slept == [0.5, 1.0]


@pytest.mark.parametrize("failures", [[ConnectionFailed("refused")] * 3, [TlsError("refused")]])
def test_a_portal_that_does_not_answer_is_an_error(failures: list[Exception]) -> None:
    assert refusal(provider(PROFILE, token()).load(), *failures) == "refused"
