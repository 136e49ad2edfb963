"""Providers by the name of a sign-in: which one is meant, where its token lies, and where it is refreshed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from postern.client.errors import ConfigurationError
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from postern.client.token_provider import AsyncTokenProvider, TokenProvider
from tests.client.fakes import Either
from tests.client.stub_server import StubServer, json_answer

LATE = 4e9  # Unix seconds
LAB = """
[sso-session lab]
sso_start_url = https://lab.awsapps.com/start
sso_region = us-east-1
"""
CORP = """
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1
"""
PROFILES = """
[profile dev]
sso_session = lab
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = us-west-2
"""
TOKENS = {
    "of lab": SessionKey("https://lab.awsapps.com/start", "lab"),
    "of corp": SessionKey("https://corp.awsapps.com/start", "corp"),
    "of old": SessionKey("https://old.awsapps.com/start"),
    "of nobody's": SessionKey("https://x.awsapps.com/start"),
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home where somebody is signed in everywhere."""
    (tmp_path / "config").write_text(LAB + CORP + PROFILES)
    keep_all(FileTokenCache(tmp_path / ".aws/sso/cache"))
    names = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "none", "HOME": "."}
    return {name: str(tmp_path / path) for name, path in names.items()}


def keep_all(cache: FileTokenCache) -> None:
    for access_token, key in TOKENS.items():
        token = CachedToken(key.start_url, "us-east-1", access_token.replace(" ", "-"), LATE, "r", "c", "s", LATE)
        cache.store(key, token)


def token_of(either: Either, *arguments: Any, **options: Any) -> str:
    """The access token that a provider hands out, which is closed at the end."""
    if either.kind == "sync":
        provider = TokenProvider.for_session(*arguments, **options)
        try:
            return provider.access_token()
        finally:
            provider.close()

    async def ask() -> str:
        waiting = AsyncTokenProvider.for_session(*arguments, **options)
        try:
            return await waiting.access_token()
        finally:
            await waiting.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "arguments, options, token",
    [
        pytest.param(("lab",), {}, "of-lab", id="a session"),
        pytest.param((), {"session": "corp"}, "of-corp", id="a session by keyword"),
        pytest.param((None,), {"profile": "dev"}, "of-lab", id="a profile"),
        pytest.param((), {"profile": "old"}, "of-old", id="a profile of the older form"),
        pytest.param(
            (), {"start_url": "https://x.awsapps.com/start", "region": "us-east-1"}, "of-nobody's", id="a start URL"
        ),
        pytest.param(("lab",), {"cache": None, "region": None}, "of-lab", id="what is None is not given"),
    ],
)
def test_the_sign_in_that_is_meant(
    either: Either, environment: dict[str, str], arguments: tuple[Any, ...], options: dict[str, Any], token: str
) -> None:
    assert token_of(either, *arguments, environment=environment, **options) == token


def test_the_only_one_that_is_configured(either: Either, environment: dict[str, str]) -> None:
    Path(environment["AWS_CONFIG_FILE"]).write_text(CORP)

    assert token_of(either, environment=environment) == "of-corp"


def test_the_environment_is_that_of_the_process(
    either: Either, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "POSTERN_TOKEN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert token_of(either, "lab") == "of-lab"
    assert token_of(either, "lab", environment=None) == "of-lab"


@pytest.mark.parametrize("is_opened", [True, False])
def test_another_cache(either: Either, environment: dict[str, str], tmp_path: Path, is_opened: bool) -> None:
    folder = tmp_path / "elsewhere"
    cache = FileTokenCache(folder)
    cache.store(TOKENS["of lab"], CachedToken("", "", "of-elsewhere", LATE))
    chosen = cache if is_opened else f"aws:{folder}"

    assert token_of(either, "lab", environment=environment, cache=chosen) == "of-elsewhere"


@pytest.mark.parametrize(
    "arguments, options, complaint",
    [
        ((), {}, "there are several sign-ins: choose a session: corp, lab"),
        (("lob",), {}, "did you mean 'lab'?"),
        (("lab",), {"cache": "safe"}, "there is no token cache safe"),
        ((), {"sesion": "lab"}, "'sesion' is no argument of for_session, did you mean session?"),
        (("lab",), {"cach": "keyring"}, "'cach' is no argument of for_session, did you mean cache?"),
        (("lab",), {"min_ttl": 60}, "'min_ttl' is no argument of for_session"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    either: Either,
    environment: dict[str, str],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    complaint: str,
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        token_of(either, *arguments, environment=environment, **options)
    assert complaint in str(refusal.value)


def test_it_refreshes_at_the_endpoint_that_is_given(either: Either, environment: dict[str, str]) -> None:
    cache = FileTokenCache(Path(environment["HOME"]) / ".aws/sso/cache")
    cache.store(TOKENS["of lab"], CachedToken("", "", "over", 0.0, "r", "c", "s", LATE))
    with StubServer([json_answer(200, {"accessToken": "new", "expiresIn": 3600})]) as server:
        token = token_of(either, "lab", environment=environment, endpoint_url=server.url)

    assert token == "new"
    assert [request.json()["refreshToken"] for request in server.requests] == ["r"]


def test_closing_it_closes_its_client(
    either: Either, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    async def closes(client: AsyncSSOOIDC) -> None:
        closed.append("async")

    monkeypatch.setattr(SSOOIDC, "close", lambda client: closed.append("sync"))
    monkeypatch.setattr(AsyncSSOOIDC, "close", closes)

    token_of(either, "lab", environment=environment)

    assert closed == [either.kind]


def test_a_client_that_was_handed_in_stays_open(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    client = SSOOIDC(region="us-east-1", environment=environment)
    with monkeypatch.context() as patch:
        patch.setattr(SSOOIDC, "close", closed.append)
        TokenProvider(client, TOKENS["of lab"], FileTokenCache()).close()
    client.close()

    assert closed == []
