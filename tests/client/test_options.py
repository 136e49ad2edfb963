"""Each option of the constructor, by its effect. docs/client.md names these tests."""

import json
import logging
import socket
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from postern.api import sigv4
from postern.api.operation import Operation
from postern.api.sso_oidc import CreateTokenRequest, CreateTokenResponse
from postern.client.credentials import CredentialProviderChain, Credentials
from postern.client.endpoints import Endpoint
from postern.client.errors import ConfigurationError, ConnectionBroken, ParamValidationError, ReadTimeout
from postern.client.global_config import config
from postern.client.options import BY_NAME, OPTIONS
from postern.client.service import Service
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.transports.asynchronous import AsyncConnectionPool
from postern.client.transports.blocking import ConnectionPool
from postern.client.transports.options import TransportOptions
from tests.client.fakes import ENDPOINT, NOW, QUIET, Either, Scripted, Trip, answer, client, refusal, signature_refusal
from tests.client.stub_server import StubServer, json_answer

TOKEN = answer(200, {"accessToken": "aoa", "expiresIn": 3600, "newer": [1]})
REFRESH: dict[str, Any] = {
    "client_id": "id",
    "client_secret": "s",
    "grant_type": "refresh_token",
    "refresh_token": "aor",
}
IAM: dict[str, Any] = {"client_id": "arn:aws:sso::111122223333:application/a/b", "grant_type": "refresh_token"}
IAM_ON_THE_WIRE = {"clientId": IAM["client_id"], "grantType": IAM["grant_type"]}
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "region": "us-east-1"}
BROKEN = ConnectionBroken("cut off")


def credential(transport: Scripted) -> str:
    """Who signed the first request, and for what."""
    return transport.requests[0].headers["Authorization"].partition("Credential=")[2].partition(",")[0]


def url_of(**options: Any) -> str:
    return SSOOIDC(environment=QUIET, **options).endpoint.href


# What is sent, and where


def test_params_are_bound_to_every_call_that_has_such_members() -> None:
    transport = Scripted(TOKEN)
    service = client(transport, params={"client_id": "bound", "clientSecret": "s", "startUrl": "https://x.test/start"})
    service.create_token(grant_type="refresh_token", refresh_token="aor")
    service.start_device_authorization(client_id="own")
    assert transport.bodies == [
        {"clientId": "bound", "clientSecret": "s", "grantType": "refresh_token", "refreshToken": "aor"},
        {"clientId": "own", "clientSecret": "s", "startUrl": "https://x.test/start"},
    ]


@pytest.mark.parametrize(
    "endpoint, url",
    [
        ("https://sso.example.org", "https://sso.example.org/"),
        ("sso.example.org:8443/idc/", "https://sso.example.org:8443/idc/"),
        ("https://{service}.{region}.amazonaws.com", "https://oidc.eu-west-1.amazonaws.com/"),
        (Endpoint.parse("http://127.0.0.1:8765"), "http://127.0.0.1:8765/"),
    ],
)
def test_endpoint_is_where_requests_go(endpoint: Any, url: str) -> None:
    assert url_of(endpoint=endpoint, region="eu-west-1") == url


def test_a_path_of_the_endpoint_goes_before_that_of_the_operation() -> None:
    transport = Scripted(TOKEN)
    client(transport, endpoint="https://sso.example.org/idc/").create_token(**REFRESH)
    assert transport.requests[0].url == "https://sso.example.org/idc/token"


def test_region_chooses_the_endpoint() -> None:
    assert url_of(region="cn-north-1") == "https://oidc.cn-north-1.amazonaws.com.cn/"


def test_region_is_what_is_signed_for() -> None:
    transport = Scripted(TOKEN)
    client(transport, **{**KEYS, "region": "eu-west-1"}).create_token_with_iam(**IAM)
    assert credential(transport) == "AKIDEXAMPLE/20231114/eu-west-1/sso-oauth/aws4_request"


def test_without_region_and_endpoint_a_call_says_what_is_missing() -> None:
    service = SSOOIDC(environment=QUIET)
    with pytest.raises(ConfigurationError, match="pass region=… or endpoint=…"):
        service.create_token(**REFRESH)


def test_ssl_enabled_chooses_the_scheme_where_none_is_given() -> None:
    assert url_of(region="us-east-1", ssl_enabled=False) == "http://oidc.us-east-1.amazonaws.com/"
    assert url_of(endpoint="localhost:8765", ssl_enabled=False) == "http://localhost:8765/"
    assert url_of(endpoint="https://localhost:8765", ssl_enabled=False) == "https://localhost:8765/"


def test_use_fips_endpoint() -> None:
    assert url_of(region="us-west-2", use_fips_endpoint=True) == "https://oidc-fips.us-west-2.amazonaws.com/"
    with pytest.raises(ConfigurationError, match="use_fips_endpoint"):
        url_of(endpoint=ENDPOINT, use_fips_endpoint=True)


def test_a_custom_endpoint_wins_over_what_the_environment_says_of_aws_s_own() -> None:
    environment = {**QUIET, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}
    assert SSOOIDC(environment=environment, endpoint=ENDPOINT).endpoint.href == f"{ENDPOINT}/"
    aws = SSOOIDC(environment=environment, region="us-west-2")
    assert aws.endpoint.href == "https://oidc-fips.us-west-2.api.aws/"


def test_use_dualstack_endpoint() -> None:
    assert url_of(region="us-west-2", use_dualstack_endpoint=True) == "https://oidc.us-west-2.api.aws/"
    with pytest.raises(ConfigurationError, match="use_dualstack_endpoint"):
        url_of(endpoint=ENDPOINT, use_dualstack_endpoint=True)


def test_host_prefix_enabled_puts_a_member_before_the_host() -> None:
    operation = Operation(
        name="CreateToken",
        method="POST",
        path="/token",
        input=CreateTokenRequest,
        output=CreateTokenResponse,
        errors=(),
        host_prefix="{clientId}.",
    )
    prefixed = Service.define_service("Prefixed", ["2019-06-10"], operations=[operation])
    for enabled, url in ((True, "https://id.sso.example.test/token"), (False, "https://sso.example.test/token")):
        transport = Scripted(TOKEN)
        made: Any = prefixed(
            endpoint=ENDPOINT, http_options={"agent": transport}, environment=QUIET, host_prefix_enabled=enabled
        )
        made.create_token(**REFRESH)
        assert transport.requests[0].url == url


# Credentials


@pytest.mark.parametrize("token", [None, "session"])
def test_access_key_id_secret_access_key_and_session_token_sign(token: str | None) -> None:
    transport = Scripted(TOKEN)
    client(transport, session_token=token, **KEYS).create_token_with_iam(**IAM)
    assert credential(transport) == "AKIDEXAMPLE/20231114/us-east-1/sso-oauth/aws4_request"
    assert transport.requests[0].headers.get("X-Amz-Security-Token") == token


def test_credentials_sign() -> None:
    transport = Scripted(TOKEN)
    given = Credentials(
        access_key_id="AKIDGIVEN", secret_access_key="s", session_token=None, expires_at=None, source=""
    )
    client(transport, region="us-east-1", credentials=given).create_token_with_iam(**IAM)
    assert credential(transport).startswith("AKIDGIVEN/")


def test_credential_provider_is_asked_when_there_are_no_credentials() -> None:
    found = Credentials(
        access_key_id="AKIDFOUND", secret_access_key="s", session_token=None, expires_at=None, source=""
    )
    chain = CredentialProviderChain([lambda: None, lambda: found])
    transport = Scripted(TOKEN)
    client(transport, region="us-east-1", credential_provider=chain).create_token_with_iam(**IAM)
    assert credential(transport).startswith("AKIDFOUND/")


def test_without_any_the_environment_is_asked() -> None:
    transport = Scripted(TOKEN)
    environment = {**QUIET, "AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "s"}
    client(transport, region="us-east-1", environment=environment).create_token_with_iam(**IAM)
    assert credential(transport).startswith("AKIDENVIRONMENT/")


def test_signature_version_is_v4_and_no_other() -> None:
    transport = Scripted(TOKEN)
    client(transport, signature_version="v4", **KEYS).create_token_with_iam(**IAM)
    assert transport.requests[0].headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
    for version in ("v2", "v3"):
        with pytest.raises(ConfigurationError, match="takes v4 only"):
            client(transport, signature_version=version)


@pytest.mark.parametrize("cached, derivations", [(True, 1), (False, 3)])
def test_signature_cache_keeps_the_derived_key(monkeypatch: pytest.MonkeyPatch, cached: bool, derivations: int) -> None:
    derived: list[object] = []
    derive = sigv4.signing_key

    def counted(secret: str, scope: sigv4.CredentialScope) -> bytes:
        derived.append(scope)
        return derive(secret, scope)

    monkeypatch.setattr(sigv4, "signing_key", counted)
    service = client(Scripted(TOKEN), signature_cache=cached, **KEYS)
    for _ in range(3):
        service.create_token_with_iam(**IAM)
    assert len(derived) == derivations


def test_system_clock_offset_is_added_when_signing() -> None:
    transport = Scripted(TOKEN)
    client(transport, system_clock_offset=-3_600_000, **KEYS).create_token_with_iam(**IAM)
    assert transport.requests[0].headers["X-Amz-Date"] == "20231114T211320Z"


def test_correct_clock_skew_signs_anew_with_the_service_s_clock() -> None:
    transport = Scripted(signature_refusal("RequestExpired", date="Tue, 14 Nov 2023 23:13:20 GMT"), TOKEN)
    client(transport, correct_clock_skew=True, **KEYS).create_token_with_iam(**IAM)
    assert transport.requests[1].headers["X-Amz-Date"] == "20231114T231320Z"


# Retries and redirects


@pytest.mark.parametrize("max_retries", [0, 1, 4])
def test_max_retries_counts_the_tries_after_the_first(max_retries: int) -> None:
    transport = Scripted(BROKEN)
    with pytest.raises(ConnectionBroken):
        client(transport, max_retries=max_retries).create_token(**REFRESH)
    assert len(transport.requests) == max_retries + 1


def test_max_redirects() -> None:
    transport = Scripted(answer(307, location="/token"))
    with pytest.raises(Exception, match="more than 2 redirects"):
        client(transport, max_redirects=2).create_token(**REFRESH)
    assert len(transport.requests) == 3


def test_retry_delay_options_base_is_the_first_bound_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    trip = Trip(Scripted(BROKEN))
    with pytest.raises(ConnectionBroken):
        trip.run(
            client(trip.transport, max_retries=3, retry_delay_options={"base": 50})
            .make_request("createToken", wire())
            .flow()
        )
    assert trip.slept == [0.05, 0.1, 0.2]


def test_retry_delay_options_custom_backoff_decides() -> None:
    asked: list[tuple[int, Exception]] = []

    def backoff(count: int, error: Exception) -> float:
        asked.append((count, error))
        return -1 if count == 2 else 250

    trip = Trip(Scripted(BROKEN))
    options = {"max_retries": 9, "retry_delay_options": {"base": 50, "custom_backoff": backoff}}
    with pytest.raises(ConnectionBroken):
        trip.run(client(trip.transport, **options).make_request("createToken", wire()).flow())
    assert asked == [(0, BROKEN), (1, BROKEN), (2, BROKEN)]
    assert trip.slept == [0.25, 0.25]


def test_retry_delay_options_custom_backoff_goes_before_what_the_service_asks_for() -> None:
    trip = Trip(Scripted(answer(503, retry_after="45"), TOKEN))
    service = client(trip.transport, retry_delay_options={"custom_backoff": lambda count, error: 100})
    trip.run(service.make_request("createToken", wire()).flow())
    assert trip.slept == [0.1]


def test_retry_delay_options_custom_backoff_must_answer_a_number() -> None:
    service = client(Scripted(BROKEN, TOKEN), retry_delay_options={"custom_backoff": lambda count, error: None})
    with pytest.raises(ConfigurationError, match="must answer a number"):
        service.create_token(**REFRESH)


def wire() -> dict[str, object]:
    return {"clientId": "id", "clientSecret": "s", "grantType": "refresh_token", "refreshToken": "aor"}


# Validation and conversion


BAD: Mapping[str, Mapping[str, Any]] = {
    "min": {"code_verifier": "short"},
    "max": {"code_verifier": "x" * 129},
    "pattern": {"code_verifier": "ä" * 50},
    "enum": {"grant_type": "password"},
}


@pytest.mark.parametrize("check", BAD)
def test_param_validation_looks_at_the_constraints_it_is_told_to(check: str) -> None:
    bad = {**REFRESH, **BAD[check]}
    with pytest.raises(ParamValidationError):
        client(Scripted(TOKEN), param_validation={check: True}).create_token(**bad)
    assert client(Scripted(TOKEN), param_validation={check: False}).create_token(**bad).access_token == "aoa"


@pytest.mark.parametrize("check", BAD)
def test_param_validation_looks_at_min_by_default(check: str) -> None:
    service = client(Scripted(TOKEN), param_validation=True)
    if check == "min":
        with pytest.raises(ParamValidationError, match="at least 43 characters"):
            service.create_token(**REFRESH, **BAD[check])
    else:
        assert service.create_token(**{**REFRESH, **BAD[check]}).access_token == "aoa"


def test_param_validation_of_lists_counts_and_looks_at_each_member() -> None:
    service = client(Scripted(TOKEN), param_validation={"max": True, "pattern": True})
    with pytest.raises(ParamValidationError, match=r"scope .* at most 25 members; scope .* must match"):
        service.create_token(**REFRESH, scope=["a b"] * 26)


def test_param_validation_off_leaves_it_to_the_service() -> None:
    transport = Scripted(refusal("InvalidRequestException", "invalid_request"))
    with pytest.raises(Exception, match="said by the service"):
        client(transport, param_validation=False).create_token(grant_type="refresh_token")
    assert transport.bodies == [{"grantType": "refresh_token"}]


def test_convert_response_types_off_gives_the_members_as_they_came() -> None:
    service = client(Scripted(TOKEN), convert_response_types=False)
    assert service.create_token(**REFRESH) == {"accessToken": "aoa", "expiresIn": 3600, "newer": [1]}  # type: ignore[comparison-overlap]


# HTTP


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TransportOptions]:
    """What a client with such ``http_options`` tells its pool."""

    def options_of(**http_options: Any) -> TransportOptions:
        told: list[TransportOptions] = []
        monkeypatch.setattr("postern.client.transports.blocking.ConnectionPool", told.append)
        options: dict[str, Any] = {"endpoint": ENDPOINT, "environment": QUIET, "http_options": http_options}
        SSOOIDC(**options)
        return told[0]

    return options_of


def test_http_options_agent_is_the_transport() -> None:
    transport = Scripted(TOKEN)
    service = client(transport)
    service.create_token(**REFRESH)
    service.close()
    assert (len(transport.requests), transport.is_closed) == (1, True)


def test_http_options_connect_timeout_and_timeout_are_milliseconds(pooled: Callable[..., TransportOptions]) -> None:
    options = pooled(connect_timeout=1500, timeout=2500)
    assert (options.connect_timeout, options.timeout) == (1.5, 2.5)
    default = pooled()
    assert (default.connect_timeout, default.timeout) == (120, 120)


def test_a_server_that_is_silent_for_longer_than_the_timeout_is_given_up(either: Either) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ReadTimeout):
            either.call("create_token", [], REFRESH, endpoint=endpoint, http_options={"timeout": 30}, max_retries=0)


def test_http_options_proxy_is_what_requests_go_through(either: Either) -> None:
    with StubServer([json_answer(200, {"accessToken": "aoa"})]) as proxy:
        options = {"endpoint": "http://sso.example.test", "http_options": {"proxy": proxy.url}}
        assert either.call("create_token", [], REFRESH, **options).access_token == "aoa"
        assert proxy.requests[0].target == "http://sso.example.test/token"


def test_http_options_ca_bundle_goes_before_the_environment() -> None:
    service = SSOOIDC(
        endpoint=ENDPOINT, environment={**QUIET, "AWS_CA_BUNDLE": "/a.pem"}, http_options={"ca_bundle": "/b.pem"}
    )
    assert service.configuration.ca_bundle == "/b.pem"
    assert (
        SSOOIDC(endpoint=ENDPOINT, environment={**QUIET, "AWS_CA_BUNDLE": "/a.pem"}).configuration.ca_bundle == "/a.pem"
    )


def test_the_transport_is_a_pool_of_the_client_s_kind() -> None:
    assert isinstance(SSOOIDC(endpoint=ENDPOINT, environment=QUIET).transport, ConnectionPool)
    assert isinstance(AsyncSSOOIDC(endpoint=ENDPOINT, environment=QUIET).transport, AsyncConnectionPool)


# Versions


@pytest.mark.parametrize("version", ["2019-06-10", "latest", "2024-01-01", date(2020, 1, 1), date(2019, 6, 10)])
def test_api_version_is_the_newest_that_is_not_after_the_one_asked_for(version: Any) -> None:
    service = client(Scripted(TOKEN), api_version=version)
    assert service.configuration.api_version == "2019-06-10"
    assert service.api_versions == ("2019-06-10",)


@pytest.mark.parametrize("version", ["2019-06-09", date(2018, 1, 1), "newest", "2019-6"])
def test_an_api_version_that_there_is_not(version: Any) -> None:
    with pytest.raises(ConfigurationError, match="API version"):
        client(Scripted(TOKEN), api_version=version)


def test_api_versions_goes_before_api_version_for_its_service() -> None:
    for fitting in (
        {"api_version": "2018-01-01", "api_versions": {"ssooidc": "2019-06-10"}},
        {"api_versions": {"s3": "x"}},
    ):
        assert client(Scripted(TOKEN), **fitting).configuration.api_version == "2019-06-10"
    with pytest.raises(ConfigurationError, match="2018-01-01"):
        client(Scripted(TOKEN), api_version="2019-06-10", api_versions={"ssooidc": "2018-01-01"})


# Telling others


def test_logger_is_told_of_each_call(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []

    class Stream:
        write = staticmethod(lines.append)

    class Console:
        log = staticmethod(lines.append)

    loggers: tuple[Any, ...] = (Stream(), Console(), logging.getLogger("test"))
    caplog.set_level(logging.INFO)
    for logger in loggers:
        client(Scripted(TOKEN), logger=logger).create_token(**REFRESH)
    lines += caplog.messages
    assert len(lines) == 3
    assert all("createToken" in line and "aor" not in line and "aoa" not in line for line in lines)


def test_client_side_monitoring_tells_a_listener_of_calls_and_attempts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        environment = {**QUIET, "AWS_CSM_PORT": str(listener.getsockname()[1]), "AWS_CSM_CLIENT_ID": "me"}
        client(Scripted(BROKEN, TOKEN), client_side_monitoring=True, environment=environment).create_token(**REFRESH)
        events = [json.loads(listener.recv(8192)) for _ in range(3)]
    assert [event["Type"] for event in events] == ["ApiCallAttempt", "ApiCallAttempt", "ApiCall"]
    assert {(event["Service"], event["Api"], event["ClientId"]) for event in events} == {
        ("SSO OIDC", "CreateToken", "me")
    }


# Options for other services


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.elsewhere], ids=lambda option: option.name)
def test_an_option_for_another_service_changes_nothing(option: Any) -> None:
    assert option.kind is not None
    value = {bool: True, int: 7, str: "regional"}[option.kind[0]]
    plain, with_option = Scripted(TOKEN), Scripted(TOKEN)
    first = client(plain, **KEYS).create_token_with_iam(**IAM)
    second = client(with_option, **KEYS, **{option.name: value}).create_token_with_iam(**IAM)
    assert first == second
    assert [(request.url, request.headers, request.body) for request in plain.requests] == [
        (request.url, request.headers, request.body) for request in with_option.requests
    ]


@pytest.mark.parametrize("key", ["xhr_async", "xhr_with_credentials"])
def test_http_options_of_a_browser_change_nothing(key: str) -> None:
    transport = Scripted(TOKEN)
    service = client(transport, http_options={"agent": transport, key: True})
    assert service.create_token(**REFRESH).access_token == "aoa"


# Options in general


@pytest.mark.parametrize(
    "options, said",
    [
        ({"max_retry": 3}, "'max_retry' is no option, did you mean max_retries?"),
        ({"max_retries": "3"}, "option max_retries takes int, not str"),
        ({"max_retries": True}, "option max_retries takes int, not bool"),
        ({"max_retries": -1}, "option max_retries cannot be negative"),
        ({"ssl_enabled": "no"}, "option ssl_enabled takes bool, not str"),
        ({"http_options": {"time_out": 3}}, "'time_out' is no key of http_options, did you mean timeout?"),
        ({"http_options": {"timeout": "3"}}, "http_options timeout takes int or float, not str"),
        ({"param_validation": {"maximum": True}}, "'maximum' is no key of param_validation"),
        ({"retry_delay_options": {"base": "x"}}, "base takes int or float, not str"),
        ({"retry_delay_options": {"custom_backoff": 3}}, "custom_backoff takes a function"),
        ({"endpoint": 7}, "option endpoint takes str or Endpoint, not int"),
        ({"profile": "nobody"}, "nobody"),
        ({"http_options": {"proxy": 7}}, "http_options proxy takes str, not int"),
        ({"http_options": {"ca_bundle": 7}}, "http_options ca_bundle takes str, not int"),
        ({"http_options": {"agent": "x"}}, "http_options agent takes an object with the methods send and close"),
        ({"http_options": {"timeout": float("nan")}}, "timeout takes a number of milliseconds"),
        ({"param_validation": {"min": "no"}}, "param_validation min takes bool, not str"),
        ({"api_versions": {"ssooidc": 2019}}, "API version"),
        ({"now": 7}, "option now takes a function"),
        ({"system_clock_offset": float("inf")}, "system_clock_offset"),
        ({"sts_regional_endpoints": "bogus"}, "takes legacy or regional"),
        ({"params": {"client_idd": "x"}}, "'client_idd' is no parameter of any operation, did you mean client_id?"),
        ({"region": "not a region"}, "region"),
    ],
)
def test_an_option_that_cannot_be_used_is_told_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SSOOIDC(environment=QUIET, **options)
    assert said in str(caught.value)


def test_none_means_not_given() -> None:
    nothing: dict[str, Any] = dict.fromkeys(BY_NAME)
    service = SSOOIDC(**{**nothing, "environment": QUIET, "endpoint": ENDPOINT})
    assert service.configuration == SSOOIDC(environment=QUIET, endpoint=ENDPOINT).configuration


def test_none_does_not_wipe_out_the_global_configuration(fresh_config: None) -> None:
    config.update(region="eu-west-1", max_retries=7)
    nothing: dict[str, Any] = {"region": None, "max_retries": None}
    service = SSOOIDC(environment=QUIET, **nothing)
    assert (service.region, service.configuration.retry.max_retries) == ("eu-west-1", 7)


def test_options_come_from_the_global_configuration_and_the_constructor_wins(fresh_config: None) -> None:
    config.update(region="eu-west-1", api_versions={"ssooidc": "2018-01-01"})
    with pytest.raises(ConfigurationError, match="2018-01-01"):
        SSOOIDC(environment=QUIET)
    config.api_versions = {"ssooidc": "2019-06-10"}
    config.system_clock_offset = 1000
    service = SSOOIDC(environment=QUIET)
    assert service.endpoint.hostname == "oidc.eu-west-1.amazonaws.com"
    assert service.configuration.clock_offset == 1
    assert SSOOIDC(environment=QUIET, region="us-east-1").region == "us-east-1"
    assert (config.region, config.max_retries) == ("eu-west-1", None)
    with pytest.raises(ConfigurationError, match="did you mean region"):
        config.update(regio="x")  # type: ignore[call-arg]


def test_a_region_and_a_profile_come_from_environment_and_files(tmp_path: Any) -> None:
    file = tmp_path / "config"
    file.write_text(
        "[profile work]\nregion = eu-central-1\nservices = local\nmax_attempts = 7\n\n"
        "[services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:8765\n"
    )
    environment = {**QUIET, "AWS_CONFIG_FILE": str(file)}
    service = SSOOIDC(profile="work", environment=environment)
    assert (service.region, service.endpoint.href) == ("eu-central-1", "http://127.0.0.1:8765/")
    assert service.configuration.retry.max_retries == 6
    override = SSOOIDC(profile="work", environment={**environment, "AWS_ENDPOINT_URL_SSO_OIDC": "http://localhost:1"})
    assert override.endpoint.href == "http://localhost:1/"


def test_the_clock_and_the_environment_can_be_handed_in() -> None:
    service = client(Scripted(TOKEN))
    assert (service.now(), service.configuration.environment) == (NOW, QUIET)


def test_no_secret_is_in_a_repr() -> None:
    service = client(Scripted(TOKEN), params={"client_secret": "hidden"}, environment={**QUIET, "X": "hidden"}, **KEYS)
    assert "hidden" not in repr(service) + repr(service.configuration)
    assert "secret" not in repr(service.configuration)
    request = service.make_request("createTokenWithIAM", {**IAM_ON_THE_WIRE, "refreshToken": "hidden"})
    request.send()
    things = (request, request.response, request.http_request, request.response.data, service.signer)
    assert not [repr(thing) for thing in things if "hidden" in repr(thing) or "secret" in repr(thing)]
