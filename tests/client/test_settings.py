"""Settings come from where the SDKs take them, in their order: botocore is asked the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.loaders import Loader
from botocore.retries.standard import DEFAULT_MAX_ATTEMPTS

from postern.client.errors import ConfigurationError
from postern.client.settings import ServiceSettings, service_settings
from postern.client.shared_config import SharedConfig

CLIENT_NAMES = {"sso_oidc": "sso-oidc", "sso": "sso"}
ASKED_OF_BOTOCORE = (
    "region",
    "ca_bundle",
    "retry_mode",
    "csm_enabled",
    "csm_host",
    "csm_port",
    "csm_client_id",
)
LEGACY_ATTEMPTS = Loader().load_data("_retry")["retry"]["__default__"]["max_attempts"]
FLAGS = ("use_fips_endpoint", "use_dualstack_endpoint", "ignore_configured_endpoint_urls")

Settings = Callable[..., ServiceSettings]
Environment = dict[str, str]

DEV = "[profile dev]\nregion = dev-1\n[profile old]\nregion = old-1\n[default]\nregion = default-1\n"
EVERYTHING = """[default]
region = file-1
ca_bundle = /file.pem
retry_mode = adaptive
max_attempts = 7
use_fips_endpoint = true
use_dualstack_endpoint = TRUE
csm_enabled = true
csm_host = file.example
csm_port = 31001
csm_client_id = file
endpoint_url = http://file.example
"""
SERVICES = """[default]
services = local
endpoint_url = http://profile.example
[services local]
sso_oidc =
  endpoint_url = http://oidc.services.example
sts =
  endpoint_url = http://sts.services.example
"""

# What is in the config file, what in the environment.
CASES: dict[str, tuple[str, Environment]] = {
    "nothing": ("", {}),
    "the default profile": (DEV, {}),
    "a profile by AWS_PROFILE": (DEV, {"AWS_PROFILE": "dev"}),
    "a profile by AWS_DEFAULT_PROFILE": (DEV, {"AWS_DEFAULT_PROFILE": "dev"}),
    "AWS_DEFAULT_PROFILE before AWS_PROFILE": (DEV, {"AWS_DEFAULT_PROFILE": "old", "AWS_PROFILE": "dev"}),
    "a region by variable": (DEV, {"AWS_DEFAULT_REGION": "env-1"}),
    "everything in the file": (EVERYTHING, {}),
    "everything by variable": (
        EVERYTHING,
        {
            "AWS_DEFAULT_REGION": "env-1",
            "AWS_CA_BUNDLE": "/env.pem",
            "AWS_RETRY_MODE": "legacy",
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_USE_FIPS_ENDPOINT": "false",
            "AWS_USE_DUALSTACK_ENDPOINT": "False",
            "AWS_CSM_ENABLED": "false",
            "AWS_CSM_HOST": "env.example",
            "AWS_CSM_PORT": "31002",
            "AWS_CSM_CLIENT_ID": "env",
            "AWS_ENDPOINT_URL": "http://env.example",
        },
    ),
    "legacy retries": ("", {"AWS_RETRY_MODE": "legacy"}),
    "an endpoint for all services": ("[default]\nendpoint_url = http://profile.example", {}),
    "a services section before the profile's endpoint": (SERVICES, {}),
    "AWS_ENDPOINT_URL before a services section": (SERVICES, {"AWS_ENDPOINT_URL": "http://env.example"}),
    "AWS_ENDPOINT_URL of the service first": (
        SERVICES,
        {
            "AWS_ENDPOINT_URL": "http://env.example",
            "AWS_ENDPOINT_URL_SSO_OIDC": "http://oidc.env.example",
            "AWS_ENDPOINT_URL_SSO": "http://sso.env.example",
        },
    ),
    "empty endpoint variables": (SERVICES, {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_SSO_OIDC": ""}),
    "configured endpoints ignored by variable": (SERVICES, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}),
    "… also that of a variable": (
        "",
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://env.example"},
    ),
    "… by key": ("[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://x.example", {}),
    "… by variable against the key": (
        "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://x.example",
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
    ),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """``settings(config, service_id=…, profile=…, **environment)``"""

    def ask(
        config: str = "", service_id: str = "sso_oidc", profile: str | None = None, **environment: str
    ) -> ServiceSettings:
        (tmp_path / "config").write_text(config)
        everything = {**files_in(tmp_path), **environment}
        return service_settings(
            service_id, profile=profile, environment=everything, shared=SharedConfig.load(everything)
        )

    return ask


def files_in(path: Path) -> Environment:
    return {"AWS_CONFIG_FILE": str(path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(path / "credentials")}


def botocores(service_id: str, profile: str | None = None) -> dict[str, Any]:
    """What botocore makes of the process's environment."""
    session = botocore.session.Session(profile=profile)
    ask = session.get_config_variable
    found = {name: ask(name) for name in ASKED_OF_BOTOCORE} | {name: bool(ask(name)) for name in FLAGS}
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), CLIENT_NAMES[service_id])
    found["endpoint_url"] = None if found["ignore_configured_endpoint_urls"] else provider.provide()
    attempts = LEGACY_ATTEMPTS if found["retry_mode"] == "legacy" else DEFAULT_MAX_ATTEMPTS
    found["max_attempts"] = ask("max_attempts") or attempts
    return found | {"profile": session.profile}


@pytest.fixture
def in_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Environment], None]:
    def set_all(environment: Environment) -> None:
        import os

        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in {**files_in(tmp_path), **environment}.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("service_id", CLIENT_NAMES)
def test_settings_are_those_of_botocore(
    settings: Settings, in_environment: Callable[[Environment], None], case: str, service_id: str
) -> None:
    config, environment = CASES[case]
    found = settings(config, service_id, **environment)
    in_environment(environment)
    expected = botocores(service_id)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_profile_that_is_asked_for_goes_before_the_environments(
    settings: Settings, in_environment: Callable[[Environment], None]
) -> None:
    found = settings(DEV, profile="old", AWS_PROFILE="dev")
    assert (found.profile, found.region) == ("old", "old-1")
    in_environment({"AWS_PROFILE": "dev"})
    assert botocores("sso_oidc", profile="old")["region"] == "old-1"


def test_aws_region_goes_before_aws_default_region(settings: Settings) -> None:
    assert settings(DEV, AWS_REGION="new-1", AWS_DEFAULT_REGION="env-1").region == "new-1"
    assert settings(DEV, AWS_REGION="", AWS_DEFAULT_REGION="env-1").region == "env-1"


@pytest.mark.parametrize("how", [{"profile": "dve"}, {"AWS_PROFILE": "dve"}, {"AWS_DEFAULT_PROFILE": "dve"}])
def test_a_named_profile_must_exist(settings: Settings, how: Environment) -> None:
    with pytest.raises(ConfigurationError, match=r"no profile 'dve' in .*: did you mean 'dev'\?$"):
        settings(DEV, **how)


def test_the_default_profile_need_not_exist(settings: Settings) -> None:
    assert settings(AWS_PROFILE="default") == ServiceSettings(profile="default")


def test_a_services_section_that_is_named_must_exist(
    settings: Settings, in_environment: Callable[[Environment], None]
) -> None:
    config = "[default]\nservices = locla\n[services local]\nsso =\n  endpoint_url = http://x.example\n"
    with pytest.raises(ConfigurationError, match=r"no services section 'locla' in .*: did you mean 'local'\?$"):
        settings(config)
    in_environment({})
    with pytest.raises(botocore.exceptions.InvalidConfigError):
        botocores("sso_oidc")


def test_empty_values_count_as_absent(settings: Settings) -> None:
    names = (
        "AWS_PROFILE AWS_DEFAULT_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_ENDPOINT_URL_SSO_OIDC "
        "AWS_CA_BUNDLE AWS_RETRY_MODE AWS_MAX_ATTEMPTS AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT "
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_CSM_ENABLED AWS_CSM_HOST AWS_CSM_PORT AWS_CSM_CLIENT_ID"
    )
    empty_keys = "".join(f"{line.split()[0]} =\n" for line in EVERYTHING.splitlines()[1:])
    assert settings(f"[default]\n{empty_keys}", **dict.fromkeys(names.split(), "")) == ServiceSettings()


def test_monitoring_may_be_set_for_all_profiles(settings: Settings) -> None:
    config = "[profile aws_csm]\ncsm_enabled = true\ncsm_port = 1234\ncsm_client_id = all\n[default]\ncsm_port = 5678\n"
    found = settings(config, AWS_CSM_CLIENT_ID="env")
    assert (found.csm_enabled, found.csm_host, found.csm_port, found.csm_client_id) == (True, "127.0.0.1", 5678, "env")


BAD_VALUES = [
    ("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", ("1", "yes", "tru")),
    ("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", ("on",)),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls", ("maybe",)),
    ("AWS_CSM_ENABLED", "csm_enabled", ("0",)),
    ("AWS_CSM_PORT", "csm_port", ("0", "65536", "-1", "x", "1.5")),
    ("AWS_MAX_ATTEMPTS", "max_attempts", ("0", "-1", "three", "1e3", "٣", "9" * 5000)),
    ("AWS_RETRY_MODE", "retry_mode", ("fast",)),
]


@pytest.mark.parametrize(
    "variable, key, value", [(variable, key, value) for variable, key, values in BAD_VALUES for value in values]
)
def test_a_value_that_cannot_be_is_refused_with_its_name(
    settings: Settings, variable: str, key: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{variable} is "):
        settings(**{variable: value})
    with pytest.raises(ConfigurationError, match=f"^{key} of profile 'dev' is "):
        settings(f"[profile dev]\n{key} = {value}\n", profile="dev")


def test_a_password_in_an_endpoint_is_not_in_the_repr(settings: Settings) -> None:
    assert "hunter2" not in repr(settings(AWS_ENDPOINT_URL="https://user:hunter2@sso.example"))
