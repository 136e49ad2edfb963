"""The settings of a client that AWS's SDKs take from the environment and from a profile of the shared files: each from
its variable, then from its key, then AWS's default. An empty value counts as absent.

AWS SDKs and Tools Reference Guide; the order of botocore where that leaves a choice.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, cast, get_args

import msgspec

from postern.client.errors import ConfigurationError
from postern.client.shared_config import SharedConfig

RetryMode: TypeAlias = Literal["legacy", "standard", "adaptive"]

_ATTEMPTS: Mapping[RetryMode, int] = {"legacy": 5, "standard": 3, "adaptive": 3}
_MAX_DIGITS = 9


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is configured outside of the program for one service.

    ``profile`` is None when none is named: the default one counts then, if there is one. ``max_attempts`` includes
    the first.
    """

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    ignore_configured_endpoint_urls: bool = False
    ca_bundle: str | None = None
    retry_mode: RetryMode = "standard"
    max_attempts: int = _ATTEMPTS["standard"]
    use_fips_endpoint: bool = False
    use_dualstack_endpoint: bool = False
    csm_enabled: bool = False
    csm_host: str = "127.0.0.1"
    csm_port: int = 31000
    csm_client_id: str = ""

    def __repr__(self) -> str:
        """Without the endpoint: nobody has checked yet that it holds no password."""
        return f"ServiceSettings(profile={self.profile!r}, region={self.region!r})"


def service_settings(
    service_id: str, *, profile: str | None, environment: Mapping[str, str], shared: SharedConfig
) -> ServiceSettings:
    """
    ``service_id`` is in snake case, such as ``sso_oidc``. ``profile`` goes before the environment's.

    Raises:
        ConfigurationError: a profile or services section is named and does not exist, or a setting has a value that
            it cannot have; the text names its variable or key.
    """
    # Of the variables the older goes first: boto3 and the AWS CLI have it so, and they share these files with us.
    name = profile or environment.get("AWS_DEFAULT_PROFILE") or environment.get("AWS_PROFILE") or None
    section = _section(shared, name)
    sources = _Sources(environment, {name or "default": section})
    csm = _Sources(environment, {name or "default": section, "aws_csm": _section(shared, "aws_csm")})
    retry_mode = _retry_mode(sources)
    ignores = sources.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
    return ServiceSettings(
        profile=name,
        region=environment.get("AWS_REGION") or sources.text("AWS_DEFAULT_REGION", "region"),
        endpoint_url=None if ignores else _endpoint_url(service_id, environment, section, shared),
        ignore_configured_endpoint_urls=ignores,
        ca_bundle=sources.text("AWS_CA_BUNDLE", "ca_bundle"),
        retry_mode=retry_mode,
        max_attempts=sources.number("AWS_MAX_ATTEMPTS", "max_attempts", _ATTEMPTS[retry_mode]),
        use_fips_endpoint=sources.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        use_dualstack_endpoint=sources.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        csm_enabled=csm.flag("AWS_CSM_ENABLED", "csm_enabled"),
        csm_host=csm.text("AWS_CSM_HOST", "csm_host") or "127.0.0.1",
        csm_port=csm.number("AWS_CSM_PORT", "csm_port", 31000, limit=65535),
        csm_client_id=csm.text("AWS_CSM_CLIENT_ID", "csm_client_id") or "",
    )


class _Sources:
    """The environment, and the profiles that are asked after it."""

    def __init__(self, environment: Mapping[str, str], profiles: Mapping[str, Mapping[str, str]]) -> None:
        self._environment = environment
        self._profiles = profiles

    def text(self, variable: str, key: str) -> str | None:
        return self._find(variable, key)[0] or None

    def flag(self, variable: str, key: str) -> bool:
        value, origin = self._find(variable, key)
        if value.lower() not in ("", "true", "false"):
            raise ConfigurationError(f"{origin} is true or false, not {value!r}")
        return value.lower() == "true"

    def number(self, variable: str, key: str, default: int, *, limit: int | None = None) -> int:
        value, origin = self._find(variable, key)
        if not value:
            return default
        is_number = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
        if not is_number or int(value) < 1 or (limit is not None and int(value) > limit):
            upwards = "upwards" if limit is None else f"to {limit}"
            raise ConfigurationError(f"{origin} is a number from 1 {upwards}, not {value!r}")
        return int(value)

    def choice(self, variable: str, key: str, choices: tuple[str, ...]) -> str | None:
        value, origin = self._find(variable, key)
        if value and value.lower() not in choices:
            raise ConfigurationError(f"{origin} is one of {', '.join(choices)}, not {value!r}")
        return value.lower() or None

    def _find(self, variable: str, key: str) -> tuple[str, str]:
        """The value and where it is from; twice nothing if it is nowhere."""
        value = self._environment.get(variable)
        if value:
            return value, variable
        for name, section in self._profiles.items():
            if section.get(key):
                return section[key], f"{key} of profile {name!r}"
        return "", ""


def _section(shared: SharedConfig, name: str | None) -> Mapping[str, str]:
    """A profile; those that everyone has need not exist."""
    if name in (None, "default", "aws_csm") and (name or "default") not in shared.profile_names:
        return {}
    return shared.profile(name or "default")


def _retry_mode(sources: _Sources) -> RetryMode:
    return cast(RetryMode, sources.choice("AWS_RETRY_MODE", "retry_mode", get_args(RetryMode)) or "standard")


def _endpoint_url(
    service_id: str, environment: Mapping[str, str], section: Mapping[str, str], shared: SharedConfig
) -> str | None:
    """The variables, that of the service first; then the profile, its services section first."""
    given = environment.get(f"AWS_ENDPOINT_URL_{service_id.upper()}") or environment.get("AWS_ENDPOINT_URL")
    if given:
        return given
    services = section.get("services")
    for_service = shared.services(services).get(service_id, {}) if services else {}
    return for_service.get("endpoint_url") or section.get("endpoint_url") or None
