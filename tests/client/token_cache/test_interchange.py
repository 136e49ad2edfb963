"""botocore, and with it the AWS CLI and boto3, uses what we wrote and refreshes it; we use what it wrote."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED, tokens
from botocore.config import Config
from botocore.session import Session
from botocore.stub import Stubber
from botocore.utils import JSONFileCache, SSOTokenLoader

from postern.client.token_cache import FileTokenCache
from tests.client.token_cache.samples import LEGACY, NOW, SESSION, START_URL, TOKEN

CONFIG = f"""
[profile dev]
sso_session = dev
[sso-session dev]
sso_start_url = {START_URL}
sso_region = eu-west-1
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Session(profile="dev")


@pytest.fixture
def stub(session: Session, monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """What the service answers to botocore."""
    client = session.create_client("sso-oidc", region_name="eu-west-1", config=Config(signature_version=UNSIGNED))
    monkeypatch.setattr(tokens, "create_nested_client", lambda *_, **__: client)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cache(folder: Path) -> FileTokenCache:
    return FileTokenCache(folder, now=lambda: NOW)


def token_of_botocore(session: Session, folder: Path, now: float) -> Any:
    cache = JSONFileCache(str(folder), dumps_func=tokens._sso_json_dumps)
    provider = tokens.SSOTokenProvider(session, cache=cache, time_fetcher=lambda: datetime.fromtimestamp(now, UTC))
    return provider.load_token().get_frozen_token()


def test_botocore_uses_our_token(session: Session, cache: FileTokenCache, folder: Path) -> None:
    cache.store(SESSION, TOKEN)

    token = token_of_botocore(session, folder, NOW)

    assert token.token == TOKEN.access_token
    assert token.expiration == datetime.fromtimestamp(TOKEN.expires_at, UTC)


def test_botocore_refreshes_our_token_and_we_use_its(
    session: Session, stub: Stubber, cache: FileTokenCache, folder: Path
) -> None:
    cache.store(SESSION, TOKEN)
    stub.add_response(
        "create_token",
        {"accessToken": "of-botocore", "expiresIn": 3600, "refreshToken": "rotated"},
        {
            "grantType": "refresh_token",
            "clientId": "client-1",
            "clientSecret": "client-secret",
            "refreshToken": "refresh-secret",
        },
    )
    now = NOW + 3000

    assert token_of_botocore(session, folder, now).token == "of-botocore"

    stub.assert_no_pending_responses()
    assert cache.load(SESSION) == TOKEN._replace(
        access_token="of-botocore",
        expires_at=now + 3600,
        refresh_token="rotated",
        scopes=None,
        issued_at=None,
        extra={},
    )


def test_our_rewrite_of_what_botocore_wrote_is_read_by_botocore(
    session: Session, cache: FileTokenCache, folder: Path
) -> None:
    written = {
        "startUrl": START_URL,
        "region": "eu-west-1",
        "accessToken": "of-the-cli",
        "expiresAt": datetime.fromtimestamp(NOW + 3600, UTC),
        "clientId": "client-1",
        "clientSecret": "client-secret",
        "registrationExpiresAt": datetime.fromtimestamp(NOW + 86_400, UTC),
        "refreshToken": "of-the-cli-too",
    }
    aws = JSONFileCache(str(folder), dumps_func=tokens._sso_json_dumps)
    SSOTokenLoader(aws).save_token(START_URL, written, session_name="dev")

    loaded = cache.load(SESSION)
    assert loaded is not None
    assert (loaded.access_token, loaded.refresh_token, loaded.expires_at, loaded.registration_expires_at) == (
        "of-the-cli",
        "of-the-cli-too",
        NOW + 3600,
        NOW + 86_400,
    )
    cache.store(SESSION, loaded._replace(access_token="refreshed"))

    assert token_of_botocore(session, folder, NOW).token == "refreshed"


def test_a_legacy_profile_reads_the_copy(cache: FileTokenCache, folder: Path) -> None:
    cache.store(SESSION, TOKEN)

    read = SSOTokenLoader(JSONFileCache(str(folder)))(START_URL)

    assert read["accessToken"] == TOKEN.access_token
    assert "refreshToken" not in read
    assert "clientSecret" not in read


def test_a_legacy_sign_in_of_the_cli_is_ours(cache: FileTokenCache, folder: Path) -> None:
    written = {
        "startUrl": START_URL,
        "region": "eu-west-1",
        "accessToken": "old",
        "expiresAt": "2030-01-01T00:00:00UTC",
    }
    SSOTokenLoader(JSONFileCache(str(folder))).save_token(START_URL, written)

    loaded = cache.load(LEGACY)

    assert loaded is not None
    assert loaded.access_token == "old"
    assert [token.session_name for token in cache.list()] == [None]
