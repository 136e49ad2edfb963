"""Endpoints: their parts, and that they are where botocore's published rule set says."""

from itertools import product
from typing import Any

import msgspec
import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader

from postern.client import endpoints, partitions
from postern.client.endpoints import Endpoint
from postern.client.errors import ConfigurationError

LOADER = Loader()
PARTITION_DATA: dict[str, Any] = LOADER.load_data("partitions")
ENDPOINT_DATA: dict[str, Any] = LOADER.load_data("endpoints")
SERVICES = {"oidc": "sso-oidc", "portal.sso": "sso"}

MADE_UP_REGIONS = {
    "eu-mars-7",
    "us-west-99",
    "xx-east-1",
    "mars",
    "US-EAST-1",
    "cn-mars-9",
    "us-gov-mars-1",
    "us-iso-mars-3",
    "us-isob-mars-3",
    "us-isof-mars-3",
    "us-isoz-mars-3",
    "eu-isoe-mars-3",
    "eusc-de-mars-1",
    "eusc-fr-mars-1",
    "aws-eusc-global",
}


def known_regions() -> set[str]:
    ours = {region for partition in PARTITION_DATA["partitions"] for region in partition["regions"]}
    for partition in ENDPOINT_DATA["partitions"]:
        ours.update(partition["regions"])
        for prefix in SERVICES:
            ours.update(partition["services"].get(prefix, {}).get("endpoints", ()))
    return ours


def rule_set(prefix: str, partition_data: dict[str, Any]) -> EndpointProvider:
    return EndpointProvider(LOADER.load_service_model(SERVICES[prefix], "endpoint-rule-set-1"), partition_data)


def botocores(provider: EndpointProvider, region: str, use_fips: bool, use_dualstack: bool) -> str | None:
    try:
        url = provider.resolve_endpoint(Region=region, UseFIPS=use_fips, UseDualStack=use_dualstack).url
    except EndpointProviderError:
        return None
    return str(url)


def ours(prefix: str, region: str, use_fips: bool, use_dualstack: bool) -> str | None:
    try:
        return endpoints.resolve(prefix, region, use_fips=use_fips, use_dualstack=use_dualstack)
    except ConfigurationError:
        return None


@pytest.mark.parametrize("prefix", SERVICES)
def test_every_region_is_where_the_published_rule_set_says(prefix: str) -> None:
    regions = known_regions()
    assert {"eu-central-1", "cn-north-1", "us-gov-west-1", "aws-global", "eusc-de-east-1"} <= regions
    provider = rule_set(prefix, PARTITION_DATA)
    cases = list(product(sorted(regions | MADE_UP_REGIONS), (False, True), (False, True)))
    assert {case: ours(prefix, *case) for case in cases} == {case: botocores(provider, *case) for case in cases}


@pytest.mark.parametrize("supports_fips", [False, True])
@pytest.mark.parametrize("supports_dualstack", [False, True])
@pytest.mark.parametrize("prefix", SERVICES)
def test_what_a_partition_does_not_support_is_refused_as_the_rule_set_does(
    prefix: str, supports_fips: bool, supports_dualstack: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = [
        {
            **partition,
            "outputs": {
                **partition["outputs"],
                "supportsFIPS": supports_fips,
                "supportsDualStack": supports_dualstack,
            },
        }
        for partition in PARTITION_DATA["partitions"]
    ]
    provider = rule_set(prefix, {**PARTITION_DATA, "partitions": without})
    monkeypatch.setattr(
        partitions,
        "PARTITIONS",
        tuple(
            msgspec.structs.replace(each, supports_fips=supports_fips, supports_dualstack=supports_dualstack)
            for each in partitions.PARTITIONS
        ),
    )
    cases = list(product(("eu-central-1", "us-gov-west-1", "us-iso-east-1"), (False, True), (False, True)))
    assert {case: ours(prefix, *case) for case in cases} == {case: botocores(provider, *case) for case in cases}


def test_the_table_of_partitions_is_that_of_botocore() -> None:
    def row(partition: dict[str, Any]) -> tuple[object, ...]:
        outputs = partition["outputs"]
        return (
            partition["id"],
            outputs["dnsSuffix"],
            outputs["dualStackDnsSuffix"],
            outputs["supportsFIPS"],
            outputs["supportsDualStack"],
        )

    assert [
        (each.name, each.dns_suffix, each.dualstack_suffix, each.supports_fips, each.supports_dualstack)
        for each in partitions.PARTITIONS
    ] == [row(partition) for partition in PARTITION_DATA["partitions"]]


@pytest.mark.parametrize("use_fips, use_dualstack", [(False, False), (True, False), (False, True), (True, True)])
def test_a_custom_endpoint_excludes_fips_and_dual_stack_as_in_the_rule_set(use_fips: bool, use_dualstack: bool) -> None:
    provider = rule_set("oidc", PARTITION_DATA)
    if not use_fips and not use_dualstack:
        endpoints.check_custom(use_fips=False, use_dualstack=False)
        assert provider.resolve_endpoint(Endpoint="https://sso.example").url == "https://sso.example"
        return
    with pytest.raises(EndpointProviderError):
        provider.resolve_endpoint(Endpoint="https://sso.example", UseFIPS=use_fips, UseDualStack=use_dualstack)
    with pytest.raises(ConfigurationError, match="custom endpoint"):
        endpoints.check_custom(use_fips=use_fips, use_dualstack=use_dualstack)


BAD_REGIONS = (
    "",
    "eu.central.1",
    "eu/central",
    "eu central 1",
    "-eu",
    "eu-",
    "1234",
    "eu-central-1\n",
    "eu_central_1",
    "évian-1",
    "٣",
    "attacker.example#",
    "user@host",
    "a" * 64,
)


@pytest.mark.parametrize("region", BAD_REGIONS)
def test_a_region_that_is_no_host_label_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError, match="not a host label"):
        endpoints.resolve("oidc", region)
    with pytest.raises(ConfigurationError, match="not a host label"):
        endpoints.expand("https://{region}.example", service="oidc", region=region)


# The parts as the SDK for JavaScript gives them, except that a port that goes without saying is not in the host.
PARTS = [
    ("https://domain.com", "https:", "domain.com", "domain.com", 443, "/", "https://domain.com/"),
    ("domain.com", "https:", "domain.com", "domain.com", 443, "/", "https://domain.com/"),
    ("HTTP://LOCALHOST:8765/Base/", "http:", "localhost:8765", "localhost", 8765, "/Base/", None),
    ("https://h:443", "https:", "h", "h", 443, "/", "https://h/"),
    ("http://h:443", "http:", "h:443", "h", 443, "/", "http://h:443/"),
    ("localhost:8765", "https:", "localhost:8765", "localhost", 8765, "/", "https://localhost:8765/"),
    ("https://[::1]:8765/x", "https:", "[::1]:8765", "::1", 8765, "/x", "https://[::1]:8765/x"),
    ("https://[FE80:0::1]", "https:", "[fe80::1]", "fe80::1", 443, "/", "https://[fe80::1]/"),
    ("http://10.0.0.1/a%20b", "http:", "10.0.0.1", "10.0.0.1", 80, "/a%20b", "http://10.0.0.1/a%20b"),
    ("http://my_service:80", "http:", "my_service", "my_service", 80, "/", "http://my_service/"),
]


@pytest.mark.parametrize("text, protocol, host, hostname, port, path, href", PARTS)
def test_an_endpoint_has_the_parts_of_its_url(
    text: str, protocol: str, host: str, hostname: str, port: int, path: str, href: str | None
) -> None:
    endpoint = Endpoint.parse(text)
    assert (endpoint.protocol, endpoint.host, endpoint.hostname, endpoint.port, endpoint.path) == (
        protocol,
        host,
        hostname,
        port,
        path,
    )
    assert endpoint.href == (href or f"{protocol}//{host}{path}")
    assert Endpoint.parse(endpoint.href) == endpoint


def test_a_missing_scheme_is_http_without_ssl() -> None:
    assert Endpoint.parse("localhost:8765", ssl_enabled=False).href == "http://localhost:8765/"
    assert Endpoint.parse("https://localhost:8765", ssl_enabled=False).href == "https://localhost:8765/"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "https:///path",
        "//host",
        "ftp://host",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user:hunter2@host",
        "https://hunter2@host",
        "https://host?token=hunter2",
        "https://host#hunter2",
        "https://host:",
        "https://host:0",
        "https://host:65536",
        "https://host:999999",
        "https://host:٤٤٣",
        "https://host:-1",
        "https://ho st",
        "https://host\\path",
        "https://host/pa th",
        "https://host/\r\nX-Evil: 1",
        "https://host\n",
        "\thttps://host",
        "https://host\x00",
        "https://host/%zz",
        "https://host/{region}",
        "https://{region}.example",
        "https://-host",
        "https://a..b",
        "https://" + "a" * 64,
        "https://" + ".".join(["a" * 60] * 5),
        "https://[::1",
        "https://[:::]",
        "https://[1.2.3.4]",
        "https://münchen.example",
        "https://host/ä",
    ],
)
def test_what_is_no_http_url_of_host_port_and_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint") as refusal:
        Endpoint.parse(text)
    assert "hunter2" not in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_a_request_uri_is_appended_to_the_base() -> None:
    assert Endpoint.parse("https://host").base + "/token" == "https://host/token"
    assert Endpoint.parse("https://host/sso/").base + "/token" == "https://host/sso/token"


def test_a_host_prefix_goes_before_the_host_name() -> None:
    endpoint = Endpoint.parse("https://oidc.eu-west-1.amazonaws.com:8443/x").with_host_prefix("Data-42.")
    assert endpoint.href == "https://data-42.oidc.eu-west-1.amazonaws.com:8443/x"


@pytest.mark.parametrize("prefix", ["evil.example/", "evil.example:80/", "user@", "a b.", "a" * 64 + ".", ".", "x\n"])
def test_a_host_prefix_cannot_lead_elsewhere(prefix: str) -> None:
    with pytest.raises(ConfigurationError):
        Endpoint.parse("https://oidc.example").with_host_prefix(prefix)


@pytest.mark.parametrize(
    "template, ssl_enabled, url",
    [
        ("https://{service}.{region}.amazonaws.com", True, "https://oidc.eu-west-1.amazonaws.com"),
        ("{scheme}://{service}.internal/{region}", False, "http://oidc.internal/eu-west-1"),
        ("{service}.internal", True, "oidc.internal"),
        ("https://plain.example", True, "https://plain.example"),
        ("https://{unknown}.example", True, "https://{unknown}.example"),
    ],
)
def test_placeholders_are_filled_in(template: str, ssl_enabled: bool, url: str) -> None:
    assert endpoints.expand(template, service="oidc", region="eu-west-1", ssl_enabled=ssl_enabled) == url


def test_a_region_is_needed_only_where_it_is_asked_for() -> None:
    assert endpoints.expand("https://{service}.example", service="oidc", region=None) == "https://oidc.example"
    with pytest.raises(ConfigurationError, match=r"\{region\}"):
        endpoints.expand("https://{region}.example", service="oidc", region=None)
