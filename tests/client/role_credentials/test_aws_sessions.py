"""Sessions of boto3 and aiobotocore whose credentials renew themselves."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import postern
from postern.client.errors import ConfigurationError, SignInRequired
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from tests.cli.stub import Answer, Stub, serving

START_URL = "https://lab.awsapps.com/start"
ROLE = "/federation/credentials?role_name=Admin&account_id=111122223333"
CONFIG = """
[sso-session lab]
sso_start_url = https://lab.awsapps.com/start
sso_region = us-east-1

[profile lab]
sso_session = lab
sso_account_id = 111122223333
sso_role_name = Admin
region = eu-west-3
services = lab

[services lab]
sso_oidc =
  endpoint_url = {url}
sso =
  endpoint_url = {url}
"""


def credentials(key_id: str, life: float) -> Answer:
    members = {
        "accessKeyId": key_id,
        "secretAccessKey": "secret",
        "sessionToken": "session",
        "expiration": int((time.time() + life) * 1000),
    }
    return Answer(members={"roleCredentials": members})


@pytest.fixture
def service() -> Iterator[Stub]:
    with serving() as stub:
        stub.answers[ROLE] = credentials("ASIAFIRST", 3600)
        yield stub


@pytest.fixture
def environment(service: Stub, tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "config"
    config.write_text(CONFIG.format(url=service.url))
    token = CachedToken(
        start_url=START_URL,
        region="us-east-1",
        access_token="aoaToken",
        expires_at=time.time() + 3600,
        session_name="lab",
    )
    FileTokenCache(tmp_path / ".aws" / "sso" / "cache").store(SessionKey(START_URL, "lab"), token)
    return {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}


def test_boto3_has_the_credentials_and_the_profile_s_region(environment: dict[str, str], service: Stub) -> None:
    session = postern.session(profile="lab", environment=environment)
    found = session.get_credentials().get_frozen_credentials()
    assert (found.access_key, found.secret_key, found.token) == ("ASIAFIRST", "secret", "session")
    assert session.region_name == "eu-west-3"
    assert postern.session(profile="lab", region_name="us-west-2", environment=environment).region_name == "us-west-2"
    assert service.paths == [ROLE]


def test_boto3_renews_them(environment: dict[str, str], service: Stub) -> None:
    service.answers[ROLE] = credentials("ASIASHORT", 120)
    session = postern.session(profile="lab", environment=environment)
    service.answers[ROLE] = credentials("ASIANEXT", 3600)
    assert session.get_credentials().get_frozen_credentials().access_key == "ASIANEXT"
    assert session.get_credentials().get_frozen_credentials().access_key == "ASIANEXT"
    assert service.paths == [ROLE, ROLE]


def test_another_role_may_be_given(environment: dict[str, str], service: Stub) -> None:
    service.answers["/federation/credentials?role_name=Reader&account_id=2"] = credentials("ASIAREADER", 3600)
    session = postern.session("lab", account_id="2", role_name="Reader", environment=environment)
    assert session.get_credentials().access_key == "ASIAREADER"


def test_a_role_has_to_be_meant(environment: dict[str, str]) -> None:
    Path(environment["AWS_CONFIG_FILE"]).write_text(CONFIG.replace("sso_role_name = Admin\n", ""))
    with pytest.raises(ConfigurationError, match="no account and role are meant"):
        postern.session(profile="lab", environment=environment)


def test_somebody_has_to_be_signed_in(environment: dict[str, str], tmp_path: Path) -> None:
    FileTokenCache(tmp_path / ".aws" / "sso" / "cache").delete(SessionKey(START_URL, "lab"))
    with pytest.raises(SignInRequired):
        postern.session(profile="lab", environment=environment)


@pytest.mark.parametrize("extra", ["boto3", "aiobotocore"])
async def test_what_is_not_installed_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "aiobotocore.session", None)
    monkeypatch.setitem(sys.modules, "aiobotocore", None)
    text = rf"{extra} is not installed: pip install 'postern\[{extra}\]'"
    if extra == "boto3":
        with pytest.raises(ConfigurationError, match=text):
            postern.session(environment={})
        return
    with pytest.raises(ConfigurationError, match=text):
        await postern.async_session(environment={})


async def test_aiobotocore_gets_the_same(
    environment: dict[str, str], service: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its two classes as they are called; the package itself is not installed here."""

    class Refreshable:
        def __init__(self, metadata: dict[str, str], refresh: Any) -> None:
            self.metadata, self.refresh = metadata, refresh

        @classmethod
        def create_from_metadata(cls, *, metadata: dict[str, str], refresh_using: Any, method: str) -> "Refreshable":
            assert method == "postern"
            return cls(metadata, refresh_using)

    class AioSession:
        available_profiles = ("another",)

        def __init__(self) -> None:
            self.variables: dict[str, str] = {}

        def set_config_variable(self, name: str, value: str) -> None:
            self.variables[name] = value

    package, credentials_module, session_module = (
        ModuleType(name) for name in ("aiobotocore", "aiobotocore.credentials", "aiobotocore.session")
    )
    credentials_module.AioRefreshableCredentials = Refreshable  # type: ignore[attr-defined]
    session_module.get_session = AioSession  # type: ignore[attr-defined]
    for module in (package, credentials_module, session_module):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    session = await postern.async_session(profile="lab", environment=environment)
    assert session._credentials.metadata["access_key"] == "ASIAFIRST"
    assert session.variables == {"region": "eu-west-3"}
    service.answers[ROLE] = credentials("ASIANEXT", 3600)
    assert (await session._credentials.refresh())["access_key"] == "ASIAFIRST"  # still good
