"""The options of a client's constructor: those of the reference page of class AWS.SSOOIDC in snake_case, and a few of
our own. `OPTIONS` is the table that documentation and tests read; times are milliseconds, as on that page.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal, TypedDict, cast

import msgspec

from postern.client.endpoints import Endpoint
from postern.client.errors import ConfigurationError
from postern.client.http import AsyncTransport, Transport


class ParamValidation(TypedDict, total=False):
    min: bool
    max: bool
    pattern: bool
    enum: bool


class RetryDelayOptions(TypedDict, total=False):
    base: float
    custom_backoff: Callable[[int, Exception], float]


class HttpOptions(TypedDict, total=False):
    proxy: str
    agent: Transport | AsyncTransport
    connect_timeout: float
    timeout: float
    xhr_async: bool
    xhr_with_credentials: bool
    ca_bundle: str


class Options(TypedDict, total=False):
    """What `SSOOIDC` and `AsyncSSOOIDC` take. Each is explained in docs/client.md."""

    params: Mapping[str, object]
    endpoint: str | Endpoint
    access_key_id: str
    secret_access_key: str
    session_token: str
    credentials: Any
    credential_provider: Any
    region: str
    max_retries: int
    max_redirects: int
    ssl_enabled: bool
    param_validation: bool | ParamValidation
    compute_checksums: bool
    convert_response_types: bool
    correct_clock_skew: bool
    s3_force_path_style: bool
    s3_bucket_endpoint: bool
    s3_disable_body_signing: bool
    s3_us_east_1_regional_endpoint: Literal["legacy", "regional"]
    s3_use_arn_region: bool
    retry_delay_options: RetryDelayOptions
    http_options: HttpOptions
    api_version: str | date
    api_versions: Mapping[str, str | date]
    logger: Any
    system_clock_offset: float
    signature_version: str
    signature_cache: bool
    dynamo_db_crc32: bool
    use_accelerate_endpoint: bool
    client_side_monitoring: bool
    endpoint_discovery_enabled: bool | None
    endpoint_cache_size: int
    host_prefix_enabled: bool
    sts_regional_endpoints: Literal["legacy", "regional"]
    use_fips_endpoint: bool
    use_dualstack_endpoint: bool
    profile: str
    environment: Mapping[str, str]
    now: Callable[[], float]


class Option(msgspec.Struct, frozen=True):
    """One row of the table. ``kind`` is the Python type that a value must have, or None where anything is looked at
    later. ``elsewhere`` names the service that the option is for, when it has no effect here.
    """

    name: str
    seed: str
    kind: tuple[type, ...] | None = None
    elsewhere: str = ""


_BOOL, _INT, _NUMBER, _STR, _MAP = (bool,), (int,), (int, float), (str,), (Mapping,)

OPTIONS = (
    Option("params", "params", _MAP),
    Option("endpoint", "endpoint", (str, Endpoint)),
    Option("access_key_id", "accessKeyId", _STR),
    Option("secret_access_key", "secretAccessKey", _STR),
    Option("session_token", "sessionToken", _STR),
    Option("credentials", "credentials"),
    Option("credential_provider", "credentialProvider"),
    Option("region", "region", _STR),
    Option("max_retries", "maxRetries", _INT),
    Option("max_redirects", "maxRedirects", _INT),
    Option("ssl_enabled", "sslEnabled", _BOOL),
    Option("param_validation", "paramValidation", (bool, Mapping)),
    Option("compute_checksums", "computeChecksums", _BOOL, "S3"),
    Option("convert_response_types", "convertResponseTypes", _BOOL),
    Option("correct_clock_skew", "correctClockSkew", _BOOL),
    Option("s3_force_path_style", "s3ForcePathStyle", _BOOL, "S3"),
    Option("s3_bucket_endpoint", "s3BucketEndpoint", _BOOL, "S3"),
    Option("s3_disable_body_signing", "s3DisableBodySigning", _BOOL, "S3"),
    Option("s3_us_east_1_regional_endpoint", "s3UsEast1RegionalEndpoint", _STR, "S3"),
    Option("s3_use_arn_region", "s3UseArnRegion", _BOOL, "S3"),
    Option("retry_delay_options", "retryDelayOptions", _MAP),
    Option("http_options", "httpOptions", _MAP),
    Option("api_version", "apiVersion", (str, date)),
    Option("api_versions", "apiVersions", _MAP),
    Option("logger", "logger"),
    Option("system_clock_offset", "systemClockOffset", _NUMBER),
    Option("signature_version", "signatureVersion", _STR),
    Option("signature_cache", "signatureCache", _BOOL),
    Option("dynamo_db_crc32", "dynamoDbCrc32", _BOOL, "DynamoDB"),
    Option("use_accelerate_endpoint", "useAccelerateEndpoint", _BOOL, "S3"),
    Option("client_side_monitoring", "clientSideMonitoring", _BOOL),
    Option("endpoint_discovery_enabled", "endpointDiscoveryEnabled", _BOOL, "services with endpoint discovery"),
    Option("endpoint_cache_size", "endpointCacheSize", _INT, "services with endpoint discovery"),
    Option("host_prefix_enabled", "hostPrefixEnabled", _BOOL),
    Option("sts_regional_endpoints", "stsRegionalEndpoints", _STR, "STS"),
    Option("use_fips_endpoint", "useFipsEndpoint", _BOOL),
    Option("use_dualstack_endpoint", "useDualstackEndpoint", _BOOL),
    Option("profile", "", _STR),
    Option("environment", "", _MAP),
    Option("now", ""),
)
BY_NAME = {option.name: option for option in OPTIONS}
_INSIDE: Mapping[str, Mapping[str, tuple[type, ...] | None]] = {
    "http_options": {
        "proxy": _STR,
        "agent": None,
        "connect_timeout": _NUMBER,
        "timeout": _NUMBER,
        "xhr_async": _BOOL,
        "xhr_with_credentials": _BOOL,
        "ca_bundle": _STR,
    },
    "retry_delay_options": {"base": _NUMBER, "custom_backoff": None},
    "param_validation": dict.fromkeys(ParamValidation.__annotations__, _BOOL),
}
_ALLOWED = dict.fromkeys(("s3_us_east_1_regional_endpoint", "sts_regional_endpoints"), ("legacy", "regional"))


def check(options: Mapping[str, object]) -> None:
    """
    Raises:
        ConfigurationError: an option is unknown, or its value is of a type that it cannot have.
    """
    for name, value in options.items():
        check_name(name, BY_NAME, "option")
        _check_kind(f"option {name}", value, BY_NAME[name].kind)
        allowed = _ALLOWED.get(name)
        if value is not None and allowed is not None and value not in allowed:
            raise ConfigurationError(f"option {name} takes {' or '.join(allowed)}")
    for name, known in _INSIDE.items():
        inside = options.get(name)
        if isinstance(inside, Mapping):
            for key, value in inside.items():
                check_name(key, known, f"key of {name}")
                _check_kind(f"{name} {key}", value, known[key])
    if not callable(options.get("now") or callable):
        raise ConfigurationError("option now takes a function")
    agent = cast(HttpOptions, options.get("http_options") or {}).get("agent")
    if agent is not None and not (callable(getattr(agent, "send", None)) and callable(getattr(agent, "close", None))):
        raise ConfigurationError("http_options agent takes an object with the methods send and close")


def _check_kind(what: str, value: object, kind: tuple[type, ...] | None) -> None:
    if value is None or kind is None:
        return
    is_bool_for_number = isinstance(value, bool) and bool not in kind
    if not isinstance(value, kind) or is_bool_for_number:
        wanted = " or ".join(each.__name__ for each in kind)
        raise ConfigurationError(f"{what} takes {wanted}, not {type(value).__name__}")


def check_name(name: str, known: Any, what: str) -> None:
    """
    Raises:
        ConfigurationError: ``name`` is not among the ``known`` ones.
    """
    if name in known:
        return
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {close[0]}?" if close else ""
    raise ConfigurationError(f"{name!r} is no {what}{hint}")
