import os
import sys
from pathlib import Path
from typing import Any

import pytest

from postern.client.credentials import BotocoreCredentials, Credentials, DelegatedCredentials
from postern.client.credentials.profile import Profile
from postern.client.effects import Flow
from tests.client.credentials.flows import (
    CANARY,
    NOW,
    Driver,
    drive,
    found,
    holds_in_a_forked_child,
    refusal,
    shared_config,
)

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/r", "source_profile": "default"}
WEB_IDENTITY = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": ROLE["role_arn"]}


def provider(
    kind: str, settings: dict[str, str], environment: Any = os.environ, uses_environment: bool = True
) -> DelegatedCredentials:
    profile = Profile(shared_config({"work": settings}), "work")
    return DelegatedCredentials(kind, profile, environment, uses_environment=uses_environment)


@pytest.fixture
def no_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for botocore, with nothing in it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


@pytest.mark.parametrize(
    "kind, settings, environment, says",
    [
        ("role", ROLE, {}, "profile 'work' assumes a role"),
        ("role", {"role_arn": "r", "credential_source": "Environment"}, {}, "profile 'work' assumes a role"),
        ("role", {}, WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE is set"),
        ("login", {"login_session": "arn"}, {}, "profile 'work' is signed in by `aws login`"),
    ],
)
@pytest.mark.usefixtures("no_botocore")
def test_without_botocore_it_says_what_to_install(
    kind: str, settings: dict[str, str], environment: dict[str, str], says: str
) -> None:
    text = refusal(provider(kind, settings, environment).load())
    assert text.startswith(says)
    assert "pip install 'postern[botocore]'" in text


def test_botocore_cannot_be_given_another_environment() -> None:
    assert "only in the environment of the process" in refusal(provider("role", ROLE, dict(os.environ)).load())


def test_where_botocore_is_installed_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assumed = Credentials(access_key_id="ASIAROLE", secret_access_key="s")
    asked = []

    def load(self: BotocoreCredentials) -> Flow[Credentials | None]:
        yield from ()
        asked.append(self._profile)
        return assumed

    monkeypatch.setattr(BotocoreCredentials, "load", load)
    assert found(provider("role", ROLE).load()) is assumed
    assert found(provider("role", ROLE, uses_environment=False).load()) is assumed
    assert asked == [None, "work"]


@pytest.mark.parametrize(
    "kind, settings, environment, uses_environment",
    [
        ("role", {}, {}, True),
        ("role", {"login_session": "arn"}, {}, True),
        ("role", {}, {"AWS_ROLE_ARN": "arn"}, True),
        ("role", {}, WEB_IDENTITY, False),
        ("login", ROLE, WEB_IDENTITY, True),
    ],
)
def test_when_nothing_is_configured_so_the_next_is_asked(
    kind: str, settings: dict[str, str], environment: dict[str, str], uses_environment: bool
) -> None:
    assert drive(provider(kind, settings, environment, uses_environment).load()) is None


@pytest.mark.usefixtures("no_botocore")
def test_botocores_chain_without_botocore() -> None:
    assert refusal(BotocoreCredentials().load()) == "botocore is not installed: pip install 'postern[botocore]'"


def test_botocores_chain(files: Path) -> None:
    (files / "credentials").write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n")
    driver = Driver()
    credentials = driver.run(BotocoreCredentials("work").load())
    assert credentials is not None
    assert (credentials.access_key_id, credentials.secret_access_key) == ("AKIDWORK", "s")
    assert (credentials.session_token, credentials.expires_at) == (None, None)
    assert credentials.source == "botocore (shared-credentials-file)"
    assert len(driver.calls) == 1, "it may block, so it is a call"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_botocores_chain_in_a_forked_child_does_not_wait_for_its_parent(files: Path) -> None:
    (files / "credentials").write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n")
    provider = BotocoreCredentials("work")
    # As when another thread is busy with it at that moment.
    with provider._turn:
        assert holds_in_a_forked_child(lambda: found(provider.load()).access_key_id == "AKIDWORK")


def test_botocores_chain_tells_when_they_expire(files: Path) -> None:
    document = '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s","Expiration":"2999-01-01T00:00:00Z"}'
    (files / "config").write_text(f"[default]\ncredential_process = printf '%s' '{document}'\n")
    credentials = found(BotocoreCredentials().load())
    assert credentials.expires_at is not None
    assert credentials.expires_at > NOW
    assert credentials.source == "botocore (custom-process)"


@pytest.mark.usefixtures("files")
def test_botocores_chain_when_it_is_empty() -> None:
    assert drive(BotocoreCredentials().load()) is None


@pytest.mark.parametrize(
    "config, says",
    [
        ("", "ProfileNotFound"),
        (f"[profile work]\ncredential_process = sh -c 'echo {CANARY} >&2; exit 1'\n", "CredentialRetrievalError"),
        ("[profile work]\naws_access_key_id = AKIDHALF\n", "PartialCredentialsError"),
    ],
)
def test_botocores_chain_when_it_fails(files: Path, config: str, says: str) -> None:
    (files / "config").write_text(config)
    assert refusal(BotocoreCredentials("work").load()).startswith(says)
