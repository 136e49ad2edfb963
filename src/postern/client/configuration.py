"""What a client is configured with, once everything is known: the constructor's options, those of `global_config`, the
environment and the shared configuration files, in this order.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, cast

import msgspec

from postern.api.operation import ServiceModel
from postern.client import endpoints
from postern.client import options as declared
from postern.client.endpoints import Endpoint
from postern.client.errors import ConfigurationError
from postern.client.http import AsyncTransport, Transport
from postern.client.options import HttpOptions, Options
from postern.client.retries import RetryPolicy
from postern.client.settings import ServiceSettings, service_settings
from postern.client.shared_config import SharedConfig
from postern.client.validation import Checks, members_of

_DEFAULT_TIMEOUT = 120_000
_DEFAULT_MAX_REDIRECTS = 10
_DEFAULT_BASE = 100
_MAX_OFFSET = 100 * 366 * 86_400_000


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds here. ``checks`` is None when parameters are not validated. ``endpoint`` is None when neither
    an endpoint nor a region is known.
    """

    api_version: str
    region: str | None
    endpoint: Endpoint | None
    params: Mapping[str, object]
    checks: Checks | None
    convert_response_types: bool
    host_prefix_enabled: bool
    max_redirects: int
    retry: RetryPolicy
    has_quota: bool
    connect_timeout: float
    timeout: float
    agent: Transport | AsyncTransport | None
    proxy: str | None
    ca_bundle: str | None
    correct_clock_skew: bool
    clock_offset: float
    signature_cache: bool
    monitoring: tuple[str, int, str] | None
    profile: str | None
    environment: Mapping[str, str]
    now: Callable[[], float]

    def __repr__(self) -> str:
        """Without parameters and environment: they may be secret."""
        return f"Configuration(region={self.region!r}, endpoint={self.endpoint and self.endpoint.href!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("region", self.region)]


def configure(model: ServiceModel, given: Options, shared: SharedConfig) -> Configuration:
    """
    Raises:
        ConfigurationError: an option, a variable or a file cannot be used; the text says which and why.
    """
    declared.check(cast(Mapping[str, object], given))
    environment = given.get("environment")
    environment = os.environ if environment is None else environment
    settings = service_settings(model.config_key, profile=given.get("profile"), environment=environment, shared=shared)
    _check_signature_version(given.get("signature_version"))
    http = given.get("http_options") or HttpOptions()
    params = given.get("params") or {}
    _check_params(model, params)
    region = given.get("region") or settings.region
    if region is not None:
        endpoints.check_region(region)
    return Configuration(
        api_version=_api_version(model, given),
        region=region,
        endpoint=_endpoint(model, given, settings, region),
        params=params,
        checks=_checks(given.get("param_validation")),
        convert_response_types=_flag(given.get("convert_response_types"), True),
        host_prefix_enabled=_flag(given.get("host_prefix_enabled"), True),
        max_redirects=_count(given, "max_redirects", _DEFAULT_MAX_REDIRECTS),
        retry=_retry(given, settings),
        has_quota=settings.retry_mode != "legacy",
        connect_timeout=_seconds(http.get("connect_timeout"), "http_options connect_timeout", _DEFAULT_TIMEOUT),
        timeout=_seconds(http.get("timeout"), "http_options timeout", _DEFAULT_TIMEOUT),
        agent=http.get("agent"),
        proxy=http.get("proxy"),
        ca_bundle=http.get("ca_bundle") or settings.ca_bundle,
        correct_clock_skew=_flag(given.get("correct_clock_skew"), False),
        clock_offset=_offset(given.get("system_clock_offset") or 0),
        signature_cache=_flag(given.get("signature_cache"), True),
        monitoring=_monitoring(given.get("client_side_monitoring"), settings),
        profile=settings.profile,
        environment=environment,
        now=given.get("now") or time.time,
    )


def _check_params(model: ServiceModel, params: Mapping[str, object]) -> None:
    if not params:
        return
    members = [members_of(operation.input) for operation in model.operations]
    known = [name for each in members for wire, member in each.items() for name in (wire, member.name)]
    for name in params:
        declared.check_name(name, known, "parameter of any operation")


def _flag(value: bool | None, default: bool) -> bool:
    return default if value is None else value


def _count(given: Options, name: str, default: int) -> int:
    value = cast(int | None, given.get(name))
    if value is not None and value < 0:
        raise ConfigurationError(f"option {name} cannot be negative")
    return default if value is None else value


def _seconds(milliseconds: Any, name: str, default: float) -> float:
    value = default if milliseconds is None else milliseconds
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"{name} takes a number of milliseconds")
    return float(value) / 1000


def _offset(milliseconds: float) -> float:
    if not -_MAX_OFFSET < milliseconds < _MAX_OFFSET:
        raise ConfigurationError("option system_clock_offset is not a number of milliseconds within a century")
    return milliseconds / 1000


def _checks(value: Any) -> Checks | None:
    if value is False:
        return None
    if value is None or value is True:
        return Checks(min=True)
    return Checks(**{name: bool(chosen) for name, chosen in value.items()})


def _retry(given: Options, settings: ServiceSettings) -> RetryPolicy:
    delays = given.get("retry_delay_options") or {}
    base = _seconds(delays.get("base"), "retry_delay_options base", _DEFAULT_BASE)
    custom = delays.get("custom_backoff")
    if custom is not None and not callable(custom):
        raise ConfigurationError("retry_delay_options custom_backoff takes a function of retry count and error")
    return RetryPolicy(
        max_retries=_count(given, "max_retries", settings.max_attempts - 1), base=base, custom_backoff=custom
    )


def _check_signature_version(version: str | None) -> None:
    if version not in (None, "v4"):
        raise ConfigurationError(f"signature_version {version!r}: this service takes v4 only")


def _monitoring(wanted: bool | None, settings: ServiceSettings) -> tuple[str, int, str] | None:
    if not _flag(wanted, settings.csm_enabled):
        return None
    return settings.csm_host, settings.csm_port, settings.csm_client_id


def _api_version(model: ServiceModel, given: Options) -> str:
    """The newest version that is not after the one asked for. The one for this service goes before the general one."""
    asked = (given.get("api_versions") or {}).get(model.identifier) or given.get("api_version") or "latest"
    if asked == "latest":
        return max(model.versions)
    text = _date_text(asked)
    fitting = [version for version in model.versions if version <= text]
    if not fitting:
        raise ConfigurationError(f"{model.identifier} has no API version of {text} or before: {min(model.versions)} is")
    return max(fitting)


def _date_text(value: object) -> str:
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    if not isinstance(value, str):
        raise ConfigurationError(f"an API version is a date or text, not {type(value).__name__}")
    try:
        return datetime.strptime(value, "%Y-%m-%d").strftime("%Y-%m-%d")  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise ConfigurationError(f"API version {value!r} is neither YYYY-MM-DD nor latest") from None


def _endpoint(model: ServiceModel, given: Options, settings: ServiceSettings, region: str | None) -> Endpoint | None:
    asked = given.get("endpoint") or settings.endpoint_url
    use_fips = _flag(given.get("use_fips_endpoint"), settings.use_fips_endpoint)
    use_dualstack = _flag(given.get("use_dualstack_endpoint"), settings.use_dualstack_endpoint)
    ssl_enabled = _flag(given.get("ssl_enabled"), True)
    if asked is not None:
        # What the environment says of AWS's own endpoints goes for them only; boto3 has it so too.
        endpoints.check_custom(
            use_fips=_flag(given.get("use_fips_endpoint"), False),
            use_dualstack=_flag(given.get("use_dualstack_endpoint"), False),
        )
        if isinstance(asked, Endpoint):
            return asked
        return endpoints.parse(
            endpoints.expand(asked, service=model.endpoint_prefix, region=region, ssl_enabled=ssl_enabled),
            ssl_enabled=ssl_enabled,
        )
    if region is None:
        return None
    url = endpoints.resolve(model.endpoint_prefix, region, use_fips=use_fips, use_dualstack=use_dualstack)
    return endpoints.parse(url if ssl_enabled else url.replace("https://", "http://", 1), ssl_enabled=ssl_enabled)
