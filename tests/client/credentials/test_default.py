import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.session import Session

from postern.client.credentials import (
    CredentialProviderChain,
    Credentials,
    EnvironmentCredentials,
    RefreshingCredentials,
    default_chain,
    source_of,
)
from postern.client.credentials.documents import read_document
from postern.client.errors import ConfigurationError, ConnectTimeout, CredentialsError
from postern.client.shared_config import SharedConfig
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from tests.client.credentials.flows import CANARY, DOCUMENT, NOW, Driver, drive, reply, shared_config

PROCESS = 'printf \'{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s"}\''
SSO = "sso_start_url = https://x.test/start\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = R\n"
SSO_SETTINGS = dict(line.split(" = ") for line in SSO.splitlines())
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "s"}
NO_INSTANCE = {"AWS_EC2_METADATA_DISABLED": "true"}

BOTOCORE_NAMES = {
    "env": "environment",
    "sso": "sso",
    "shared-credentials-file": "shared files",
    "config-file": "shared files",
    "custom-process": "process",
}


def chain(environment: dict[str, str], shared: SharedConfig, **more: Any) -> CredentialProviderChain:
    return default_chain(
        environment=environment,
        shared=shared,
        **{"profile": None, "token_cache": SimpleNamespace(load=lambda key: None), "now": lambda: NOW, **more},
    )


def chosen(chain: CredentialProviderChain) -> str | None:
    """The provider that is responsible, whether it has credentials or fails."""
    try:
        return drive(chain.resolve()).source.partition(" (")[0]
    except CredentialsError as error:
        text = str(error)
        return None if text.startswith("no credentials") else text.partition(":")[0]


def test_the_order() -> None:
    assert repr(chain({}, shared_config())) == (
        "CredentialProviderChain(environment, role, sso, shared files, login, process, container, instance)"
    )


def test_container_and_instance_come_last() -> None:
    driver = Driver(ConnectTimeout("nobody"))
    with pytest.raises(CredentialsError, match=r"asked: environment, .*, container, instance"):
        driver.run(chain({}, shared_config()).resolve())
    environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/x"}
    assert drive(chain(environment, shared_config()).resolve(), reply(200, DOCUMENT)).source == "container"


PLACES = ("environment", "sso", "credentials", "process", "config")


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(places, id="+".join(places) or "nothing")
        for count in range(len(PLACES) + 1)
        for places in itertools.combinations(PLACES, count)
        # The known difference, see the next test.
        if not {"process", "config"} <= set(places) or {"environment", "sso", "credentials"} & set(places)
    ],
)
def test_the_same_provider_is_chosen_as_by_botocore(
    places: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = write(tmp_path, places)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = Session().get_credentials()
    ours = chosen(chain(environment, SharedConfig.load(environment)))
    assert ours == (BOTOCORE_NAMES[theirs.method] if theirs else None)


def write(folder: Path, places: tuple[str, ...]) -> dict[str, str]:
    """Put credentials in these places; the environment that leads to them."""
    keys = "aws_access_key_id = AKIDFILE\naws_secret_access_key = s\n"
    config = {"sso": SSO, "process": f"credential_process = {PROCESS}\n", "config": keys}
    (folder / "config").write_text("[default]\n" + "".join(config.get(place, "") for place in places))
    (folder / "credentials").write_text(f"[default]\n{keys}" if "credentials" in places else "")
    return {
        **(KEYS if "environment" in places else {}),
        **NO_INSTANCE,
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }


def test_keys_go_before_a_process_also_in_the_config_file() -> None:
    """As in the SDK for JavaScript; botocore asks the process first, if the keys are in the config file."""
    settings = {"credential_process": PROCESS, "aws_access_key_id": "AKIDFILE", "aws_secret_access_key": "s"}
    assert chosen(chain(NO_INSTANCE, shared_config({"default": settings}))) == "shared files"


def sso_chain(**more: Any) -> CredentialProviderChain:
    token = CachedToken(start_url="", region="", access_token="aoa", expires_at=NOW + 60)
    cache = SimpleNamespace(load=lambda key: token)
    return chain({}, shared_config({"default": SSO_SETTINGS}), token_cache=cache, **more)


@pytest.mark.parametrize(
    "more, host",
    [
        ({}, "https://portal.sso.us-east-1.amazonaws.com/"),
        ({"use_fips": True}, "https://portal.sso-fips.us-east-1.amazonaws.com/"),
        ({"use_dualstack": True}, "https://portal.sso.us-east-1.api.aws/"),
        ({"endpoint_url_sso": "https://sso.example.test/portal/"}, "https://sso.example.test/portal/"),
    ],
)
def test_where_the_portal_is(more: dict[str, Any], host: str) -> None:
    driver = Driver(reply(401, {}))
    with pytest.raises(CredentialsError):
        driver.run(sso_chain(**more).resolve())
    assert driver.sent[0].url.startswith(f"{host}federation/credentials?")


# What a client's options say


def source(environment: dict[str, str] | None = None, shared: SharedConfig | None = None, **given: Any) -> Any:
    return source_of(
        given,
        environment={**NO_INSTANCE, **(environment or {})},
        shared=shared or shared_config(),
        profile=given.get("profile"),
        now=lambda: NOW,
    )


GIVEN = Credentials(access_key_id="AKIDGIVEN", secret_access_key="s")
PROVIDED = EnvironmentCredentials({"AWS_ACCESS_KEY_ID": "AKIDPROVIDED", "AWS_SECRET_ACCESS_KEY": "s"})
OPTIONS: dict[str, dict[str, Any]] = {
    "AKIDKEYS": {"access_key_id": "AKIDKEYS", "secret_access_key": "s"},
    "AKIDGIVEN": {"credentials": GIVEN},
    "AKIDPROVIDED": {"credential_provider": CredentialProviderChain([PROVIDED])},
}


@pytest.mark.parametrize("start", range(len(OPTIONS) + 1))
def test_keys_go_before_credentials_before_a_provider_before_the_default_chain(start: int) -> None:
    given = {name: value for option in [*OPTIONS.values()][start:] for name, value in option.items()}
    expected = [*OPTIONS, "AKIDENVIRONMENT"][start]
    assert drive(source(KEYS, **given).resolve()).access_key_id == expected


@pytest.mark.parametrize("value", [PROVIDED, lambda: PROVIDED], ids=["a provider", "a callable"])
def test_credential_provider_need_not_be_a_chain(value: object) -> None:
    assert drive(source(credential_provider=value).resolve()).access_key_id == "AKIDPROVIDED"


@pytest.mark.parametrize(
    "given",
    [
        {"access_key_id": CANARY},
        {"secret_access_key": CANARY},
        {"credentials": CANARY},
        {"credential_provider": CANARY},
    ],
    ids=lambda given: next(iter(given)),
)
def test_options_that_cannot_be_used_are_refused_without_their_values(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        source(KEYS, **given)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize("given, expected", [({"profile": "work"}, "AKIDFILE"), ({}, "AKIDENVIRONMENT")])
def test_a_profile_that_is_chosen_in_the_program_goes_before_the_environment(
    given: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile work]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
    environment = {**KEYS, "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Session(**given).get_credentials().access_key == expected
    ours = source(environment, SharedConfig.load(environment), **given)
    assert drive(ours.resolve()).access_key_id == expected


@pytest.mark.parametrize(
    "more, url",
    [
        (
            {"AWS_ENDPOINT_URL_SSO": "https://sso.test", "AWS_ENDPOINT_URL_SSO_OIDC": "https://other.test"},
            "https://sso.",
        ),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://portal.sso-fips."),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://portal.sso.us-east-1.api.aws/"),
    ],
    ids=["endpoint", "FIPS", "dual stack"],
)
def test_the_token_cache_and_the_portal_are_those_that_are_configured(
    more: dict[str, str], url: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    token = CachedToken(start_url="https://x.test/start", region="us-east-1", access_token="aoa", expires_at=NOW + 60)
    FileTokenCache(tmp_path).store(SessionKey("https://x.test/start"), token)
    driver = Driver(reply(401, {}))
    environment = {"POSTERN_TOKEN_CACHE": f"aws:{tmp_path}", **more}
    with pytest.raises(CredentialsError):
        driver.run(source(environment, shared_config({"default": SSO_SETTINGS})).resolve())
    assert driver.sent[0].url.startswith(url)
    assert driver.sent[0].headers["x-amz-sso_bearer_token"] == "aoa"


ROOMS_FOR_KEYS = {"", ".model", ".given", ".source"}


def test_a_client_that_is_given_keys_imports_no_provider() -> None:
    """Start-up time. msgspec comes first, as what it imports is its own matter."""
    program = """
import sys, msgspec
before = set(sys.modules)
from postern.client.credentials import source_of
source_of({"access_key_id": "A", "secret_access_key": "s"}, environment={}, shared=None, profile=None, now=None)
print(*set(sys.modules) - before)
"""
    imported = set(subprocess.check_output([sys.executable, "-c", program], text=True).split())
    room = "postern.client.credentials"
    assert {name.removeprefix(room) for name in imported if name.startswith(room)} == ROOMS_FOR_KEYS
    assert not imported & {"asyncio", "ssl", "subprocess", "logging", "configparser", "email", "inspect", "urllib"}


def test_no_repr_shows_a_secret() -> None:
    given = source(access_key_id="AKIDKEYS", secret_access_key=CANARY, session_token=CANARY)
    default = source({**KEYS, "AWS_SECRET_ACCESS_KEY": CANARY})
    credentials = drive(default.resolve())
    for thing in (given, default, credentials, drive(given.resolve()), RefreshingCredentials(default, lambda: NOW)):
        assert CANARY not in repr(thing)


def test_a_document_shows_only_its_key_id() -> None:
    document = read_document(json.dumps({**DOCUMENT, "SessionToken": CANARY}).encode())
    assert repr(document) == "Document(ASIAEXAMPLE)"
    assert document.__rich_repr__() == [("access_key_id", "ASIAEXAMPLE")]
