from typing import Any

import pytest

from postern.client.credentials import InstanceCredentials
from postern.client.credentials.profile import Profile
from postern.client.errors import ConnectTimeout, CredentialsError, ReadTimeout
from tests.client.credentials.flows import CANARY, DOCUMENT, NOW, Driver, drive, found, refusal, reply, shared_config

TOKEN = reply(200, b"metadata-token")
ROLE = reply(200, b"web role\n")
KEYS = reply(200, {**DOCUMENT, "Code": "Success", "Type": "AWS-HMAC"})
ROLES_PATH = "/latest/meta-data/iam/security-credentials/"


def provider(environment: dict[str, str] | None = None, profile: dict[str, str] | None = None) -> InstanceCredentials:
    shared = shared_config({"default": profile or {}})
    return InstanceCredentials(Profile(shared, None), environment or {}, lambda: NOW)


def test_a_token_is_put_then_the_role_and_its_credentials_are_got() -> None:
    driver = Driver(TOKEN, reply(200, b"web/role\nother"), KEYS)
    driver.run(provider().load())
    base = "http://169.254.169.254"
    assert [(sent.method, sent.url) for sent in driver.sent] == [
        ("PUT", f"{base}/latest/api/token"),
        ("GET", f"{base}{ROLES_PATH}"),
        ("GET", f"{base}{ROLES_PATH}web%2Frole"),
    ]
    assert driver.sent[0].headers == {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
    assert all(sent.headers == {"x-aws-ec2-metadata-token": "metadata-token"} for sent in driver.sent[1:])
    assert all(sent.direct and sent.timeout == 1.0 for sent in driver.sent)


def test_what_the_service_answers() -> None:
    credentials = found(provider().load(), TOKEN, ROLE, KEYS)
    assert (credentials.access_key_id, credentials.secret_access_key) == ("ASIAEXAMPLE", CANARY)
    assert (credentials.session_token, credentials.expires_at) == ("session-" + CANARY, NOW + 3600)
    assert credentials.source == "instance (role web)"


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_when_it_is_disabled_nobody_is_asked(value: str) -> None:
    assert drive(provider({"AWS_EC2_METADATA_DISABLED": value}).load()) is None


@pytest.mark.parametrize(
    "answers",
    [
        [ConnectTimeout("nobody")],
        [reply(400, b"")],
        [reply(500, b"")],
        [reply(200, b"")],
        [reply(200, "<ä>".encode())],
        [TOKEN, ReadTimeout("silent")],
        [TOKEN, reply(404, b"")],
        [TOKEN, reply(200, b"\n")],
    ],
)
def test_no_instance_and_an_instance_without_a_role_have_nothing(answers: list[Any]) -> None:
    driver = Driver(*answers)
    assert driver.run(provider().load()) is None
    assert len(driver.sent) == len(answers)
    assert driver.slept == []


@pytest.mark.parametrize("status", [403, 404, 405])
def test_version_1_where_version_2_is_not_served(status: int) -> None:
    driver = Driver(reply(status, b""), ROLE, KEYS)
    assert driver.run(provider().load()) is not None
    assert all(sent.headers == {} for sent in driver.sent[1:])


@pytest.mark.parametrize(
    "environment, profile",
    [({"AWS_EC2_METADATA_V1_DISABLED": "true"}, {}), ({}, {"ec2_metadata_v1_disabled": "true"})],
)
def test_version_1_can_be_disabled(environment: dict[str, str], profile: dict[str, str]) -> None:
    assert "version 1 is disabled" in refusal(provider(environment, profile).load(), reply(404, b""))


@pytest.mark.parametrize(
    "environment, profile, base",
    [
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, {}, "http://[fd00:ec2::254]"),
        ({}, {"ec2_metadata_service_endpoint_mode": "ipv6"}, "http://[fd00:ec2::254]"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv4"}, {}, "http://169.254.169.254"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1338/"}, {}, "http://127.0.0.1:1338"),
        ({}, {"ec2_metadata_service_endpoint": "http://127.0.0.1:1338"}, "http://127.0.0.1:1338"),
        (
            {
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1338",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6",
            },
            {"ec2_metadata_service_endpoint": "http://127.0.0.1:1"},
            "http://127.0.0.1:1338",
        ),
    ],
)
def test_where_the_service_is(environment: dict[str, str], profile: dict[str, str], base: str) -> None:
    driver = Driver(TOKEN, ROLE, KEYS)
    driver.run(provider(environment, profile).load())
    assert driver.sent[0].url == f"{base}/latest/api/token"


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "169.254.169.254"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv5"},
    ],
)
def test_settings_that_make_no_sense(environment: dict[str, str]) -> None:
    assert next(iter(environment)) in refusal(provider(environment).load())


@pytest.mark.parametrize(
    "answer, says",
    [
        (reply(500, b""), "status 500 for role web"),
        (reply(200, b"<html>" + CANARY.encode()), "not JSON"),
        (reply(200, {"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"}), "EC2 cannot"),
        (reply(200, {"Code": "Failed", "Message": CANARY}), "Failed: ***"),
        (reply(200, {"Code": "Success", "SecretAccessKey": CANARY}), "no AccessKeyId"),
        (ConnectTimeout("silent"), "silent"),
    ],
)
def test_a_role_whose_credentials_do_not_come_is_an_error(answer: Any, says: str) -> None:
    assert says in refusal(provider().load(), TOKEN, ROLE, answer)


def test_expired_credentials_of_an_instance_are_used_on_for_a_while() -> None:
    old = reply(200, {**DOCUMENT, "Expiration": "2023-11-14T22:00:00Z"})
    assert found(provider().load(), TOKEN, ROLE, old).expires_at == NOW + 900


@pytest.mark.parametrize("role", [b"\x1b]0;pwned\x07", b"a" * 129, "r\u00f6le".encode(), b"<html>"])
def test_what_cannot_be_the_name_of_a_role_is_neither_asked_for_nor_shown(role: bytes) -> None:
    driver = Driver(TOKEN, reply(200, role))
    with pytest.raises(CredentialsError, match=r"^what the metadata service names is no role$"):
        driver.run(provider().load())
    assert len(driver.sent) == 2


@pytest.mark.parametrize("role", ["web", "path/to/web", "a_b+c=d,e.f@g-h", "a" * 128])
def test_names_of_roles(role: str) -> None:
    assert found(provider().load(), TOKEN, reply(200, role.encode()), KEYS).source == f"instance (role {role})"
