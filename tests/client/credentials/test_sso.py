import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postern.client.credentials import SsoCredentials
from postern.client.credentials.profile import Profile
from postern.client.errors import ConfigurationError, ConnectionFailed, TlsError
from postern.client.sso_oidc import SSOOIDCCalls
from postern.client.sso_portal import SSOPortalCalls
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from tests.client.credentials.flows import CANARY, NOW, Driver, drive, found, refusal, reply, shared_config
from tests.client.fakes import QUIET

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
    """A cache of tokens that nothing can refresh."""

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
    return provider_over(Tokens(cached, [] if asked is None else asked), settings)


def provider_over(tokens: Any, settings: dict[str, str]) -> SsoCredentials:
    shared = shared_config({"work": settings}, {"corp": SESSION})
    return SsoCredentials(
        Profile(shared, "work"),
        tokens=lambda: tokens,
        oidc=lambda region: SSOOIDCCalls(endpoint=f"https://oidc.{region}.test/", environment=QUIET),
        portal=lambda region: SSOPortalCalls(endpoint=f"https://portal.{region}.test/", environment=QUIET),
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
        "https://portal.eu-west-1.test/federation/credentials?role_name=Read%20Only%2B&account_id=111122223333"
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
    assert len(driver.slept) == 2


@pytest.mark.parametrize("failures", [[ConnectionFailed("refused")] * 3, [TlsError("refused")]])
def test_a_portal_that_does_not_answer_is_an_error(failures: list[Exception]) -> None:
    assert refusal(provider(PROFILE, token()).load(), *failures) == "refused"


RENEWED = reply(200, {"accessToken": "new", "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": "rotated"})


@pytest.fixture
def cache(tmp_path: Path) -> FileTokenCache:
    """With a token that is over, and can be refreshed."""
    cache = FileTokenCache(tmp_path / "cache")
    old = token(NOW - 60)._replace(
        session_name="corp",
        refresh_token="aorOld",
        client_id="client",
        client_secret="secret",
        registration_expires_at=NOW + 86400,
    )
    cache.store(SessionKey(START_URL, "corp"), old)
    return cache


def test_a_token_that_is_due_is_refreshed_first(cache: FileTokenCache) -> None:
    driver = Driver(RENEWED, GRANTED)
    driver.run(provider_over(cache, PROFILE).load())
    refresh, request = driver.sent
    assert refresh.url == "https://oidc.eu-west-1.test/token"
    assert json.loads(refresh.body)["refreshToken"] == "aorOld"
    assert request.headers["x-amz-sso_bearer_token"] == "new"
    kept = cache.load(SessionKey(START_URL, "corp"))
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("new", "rotated")


@pytest.mark.parametrize(
    "answer, says",
    [
        (reply(400, {"error": "invalid_grant", "error_description": CANARY}), "run `postern login --session corp`"),
        (reply(400, {"error": "invalid_request", "error_description": CANARY}), "InvalidRequestException"),
        (TlsError("refused"), "refused"),
    ],
    ids=["over", "refused", "unreachable"],
)
def test_a_token_that_cannot_be_refreshed_is_an_error(cache: FileTokenCache, answer: Any, says: str) -> None:
    assert says in refusal(provider_over(cache, PROFILE).load(), answer)
