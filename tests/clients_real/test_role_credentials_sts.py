"""boto3 gets role credentials from a Postern that asks an STS for them. The STS believes nothing: it takes our tokens
only by our published keys, as AWS, Ceph and MinIO would, and our signatures only if they are good.
"""

import contextlib
import io
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

from postern.cli import main
from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, free_port
from postern.testing.sts import Setting, StsProcess
from tests.clients_real import flows
from tests.clients_real.person import Person
from tests.clients_real.sdks import Boto3

pytestmark = pytest.mark.real_client

ISSUER = "https://sso.example.org"  # where TLS ends; Postern listens behind it
ACCOUNT_ID = "111122223333"
ACCESS_KEY_ID, SECRET = "AKIAOFPOSTERN", "a secret access key of Postern's own"
SETTINGS = WITHOUT_LIMITS | {
    "POSTERN_SERVER__PUBLIC_URL": ISSUER,
    "POSTERN_KEYS__PUBLISH_LEAD": "1",
    "POSTERN_ROLE_CREDENTIALS__CACHE": "false",
    "POSTERN_ROLE_CREDENTIALS__RETRIES": "0",
}
TAGS = ("--session-tag", "user={user_name}", "--session-tag", "groups={groups}", "--transitive-tag", "user")
IDENTITY = ("--source-identity", "{user_name}")
SIGNED = (
    *("--type", "assume-role", "--region", "eu-central-1"),
    *("--access-key-id", ACCESS_KEY_ID, "--secret-access-key-file"),
)
ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/"


class World(NamedTuple):
    """A running Postern, somebody who signed in there, and the token services by name."""

    server: ServerProcess
    user_id: str
    access_token: str
    sso: Any
    services: dict[str, StsProcess]

    def credentials(self, role_name: str) -> dict[str, Any]:
        answer = self.sso.get_role_credentials(accessToken=self.access_token, accountId=ACCOUNT_ID, roleName=role_name)
        found: dict[str, Any] = answer["roleCredentials"]
        return found

    def logged(self, request_id: str) -> dict[str, Any]:
        """The server's own line on a request, which it writes when it has answered."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in self.server.log.read_text().splitlines() if request_id in line]
            if lines:
                line: dict[str, Any] = lines[-1]
                return line
            time.sleep(0.02)
        raise AssertionError("the request was not logged")

    def granted(self, role_name: str, service: str) -> dict[str, Any]:
        """What the STS had verified when it gave the credentials."""
        credentials = self.credentials(role_name)
        call = self.services[service].calls()[-1]
        assert call["access_key_id"] == credentials["accessKeyId"]
        lasts = credentials["expiration"] / 1000 - time.time()
        assert call["duration"] - 60 < lasts <= call["duration"]
        return call


def services(port: int) -> dict[str, Setting]:
    listening = f"http://127.0.0.1:{port}"
    return {
        "aws": Setting(profile="aws", issuer=ISSUER, reached_at=listening),
        "ceph": Setting(profile="ceph", issuer=ISSUER, reached_at=listening, audience="ceph"),
        "minio": Setting(profile="minio", issuer=ISSUER, reached_at=listening, audience="minio"),
        "signed": Setting(access_keys={ACCESS_KEY_ID: SECRET}, external_id="postern"),
        "forgetful": Setting(access_keys={ACCESS_KEY_ID: "another secret"}),
    }


SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "aws": ("aws", ("--audience", "sts.amazonaws.com", *TAGS, *IDENTITY)),
    "aws-rsa": ("aws", ("--audience", "sts.amazonaws.com", "--algorithm", "RS256")),
    "ceph": ("ceph", ("--audience", "ceph", "--token-profile", "ceph", *TAGS)),
    "minio": (
        "minio",
        ("--audience", "minio", "--token-profile", "minio", "--role-arn", "", "--policy", "team-{role_name}"),
    ),
    "of-groups": (
        "minio",
        ("--audience", "minio", "--token-profile", "minio", "--role-arn", "", "--policy", "{groups}"),
    ),
    "wrong-audience": ("aws", ("--audience", "sts.example.org")),
    "wrong-profile": ("ceph", ("--audience", "ceph", "--token-profile", "aws")),
    "role-for-minio": ("minio", ("--audience", "minio", "--token-profile", "minio", "--policy", "readwrite")),
    "signed": ("signed", ("--external-id", "postern", *TAGS, *IDENTITY)),
    "wrong-external-id": ("signed", ("--external-id", "another")),
    "wrong-secret": ("forgetful", ()),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("postern")
    port = free_port()
    running: dict[str, StsProcess] = {}
    try:
        for name, setting in services(port).items():
            running[name] = StsProcess(setting)
        user = fill(folder / "data", running)
        server = ServerProcess(folder / "data", port=port, settings=SETTINGS)
        try:
            yield signed_in(server, user, running)
        finally:
            server.stop()
    finally:
        for service in running.values():
            service.stop()


def postern(data: Path, *arguments: str) -> Any:
    """What a ``postern`` command says of a data folder."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main([*arguments, "--data", str(data), "--json"]) == 0
    return json.loads(output.getvalue())


def fill(data: Path, running: dict[str, StsProcess]) -> dict[str, str]:
    """A role for each source, and somebody who has them all."""
    run = partial(postern, data)
    user: dict[str, str] = run("user", "add", "mira", "--email", "mira@example.org", "--generate")
    for group in ("analysts", "writers"):
        run("group", "add", group)
        run("group", "join", group, "mira")
    run("account", "add", ACCOUNT_ID, "--name", "Lab")
    secret = data.with_name("secret")
    secret.write_text(SECRET)
    for name, (service, options) in SOURCES.items():
        kind = (*SIGNED, str(secret)) if service in ("signed", "forgetful") else ("--type", "web-identity")
        run("credential-source", "add", name, "--endpoint", running[service].url, *kind, *options)
        run("permission-set", "add", name, "--credential-source", name, "--session-duration", "2h")
        run("assign", ACCOUNT_ID, name, "--user", "mira")
    return user


def signed_in(server: ServerProcess, user: dict[str, str], running: dict[str, StsProcess]) -> World:
    sdk = Boto3(server.url)
    client = flows.register(sdk)
    device = flows.start_device(sdk, client, f"{ISSUER}/start")
    address = device["verificationUriComplete"].replace(ISSUER, server.url)
    assert Person(server.url, "mira", user["password"]).approve(address) == "Approved"
    token = flows.poll(sdk, client, device)["accessToken"]
    sso = boto3.client("sso", region_name="us-east-1", endpoint_url=server.url)
    return World(server, user["user_id"], token, sso, running)


def test_aws_takes_our_token_with_session_tags_and_source_identity(world: World) -> None:
    call = world.granted("aws", "aws")
    assert (call["action"], call["role_arn"]) == ("AssumeRoleWithWebIdentity", f"{ARN}aws")
    assert (call["session_name"], call["duration"]) == ("mira", 7200)
    assert call["tags"] == {"user": "mira", "groups": "analysts:writers"}
    assert call["transitive_tag_keys"] == ["user"]
    assert call["source_identity"] == "mira"
    assert call["kid"].endswith("-es256")


def test_aws_takes_it_by_rs256_too(world: World) -> None:
    assert world.granted("aws-rsa", "aws")["kid"].endswith("-rs256")


def test_ceph_takes_it_by_the_certificate_of_the_key_and_with_tags_in_a_list(world: World) -> None:
    call = world.granted("ceph", "ceph")
    assert call["role_arn"] == f"{ARN}ceph"
    assert call["tags"] == {"user": ["mira"], "groups": ["analysts:writers"]}
    assert call["claims"]["groups"] == ["analysts", "writers"]


@pytest.mark.parametrize("role_name, policies", [("minio", ["team-minio"]), ("of-groups", ["analysts", "writers"])])
def test_minio_takes_the_policies_from_the_claim(world: World, role_name: str, policies: list[str]) -> None:
    call = world.granted(role_name, "minio")
    assert call["policies"] == policies
    assert call["role_arn"] == ""


def test_the_subject_is_the_persons_id_everywhere(world: World) -> None:
    subjects = {
        world.granted(role_name, service)["claims"]["sub"]
        for role_name, service in (("aws", "aws"), ("ceph", "ceph"), ("minio", "minio"))
    }
    assert subjects == {world.user_id}


def test_assume_role_is_signed_with_an_access_key_of_ours(world: World) -> None:
    call = world.granted("signed", "signed")
    assert (call["action"], call["signed_by"]) == ("AssumeRole", ACCESS_KEY_ID)
    assert (call["role_arn"], call["session_name"]) == (f"{ARN}signed", "mira")
    assert call["external_id"] == "postern"
    assert call["tags"] == {"user": "mira", "groups": "analysts:writers"}
    assert call["transitive_tag_keys"] == ["user"]
    assert call["source_identity"] == "mira"


@pytest.mark.parametrize(
    "role_name, code",
    [
        ("wrong-audience", "InvalidIdentityToken"),
        ("wrong-profile", "InvalidIdentityToken"),
        ("role-for-minio", "InvalidParameterValue"),
        ("wrong-external-id", "AccessDenied"),
        ("wrong-secret", "SignatureDoesNotMatch"),
    ],
)
def test_what_the_sts_refuses_is_no_access_and_the_log_says_why(world: World, role_name: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        world.credentials(role_name)
    assert caught.value.response["Error"] == {"Code": "ForbiddenException", "Message": "No access"}
    logged = world.logged(caught.value.response["ResponseMetadata"]["RequestId"])
    assert logged["reason"].startswith("the credential source refused: ")
    assert logged["reason"].endswith(f": {code}")


def test_a_rotation_of_the_keys_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERN_KEYS__PUBLISH_LEAD", SETTINGS["POSTERN_KEYS__PUBLISH_LEAD"])
    before = {name: world.granted(name, name)["kid"] for name in ("aws", "ceph", "minio")}
    postern(world.server.data, "keys", "rotate")
    deadline = time.monotonic() + 30
    for name, kid in before.items():
        while world.granted(name, name)["kid"] == kid:
            assert time.monotonic() < deadline, "the new key does not sign"
            time.sleep(0.1)


def test_the_log_has_no_secret_of_any_of_it(world: World) -> None:
    credentials = [world.credentials(name) for name in ("aws", "ceph", "minio", "signed")]
    log = world.server.log.read_text()
    secrets = [each[member] for each in credentials for member in ("secretAccessKey", "sessionToken")]
    assert not [secret for secret in [*secrets, SECRET, world.access_token, "eyJhbGciOi"] if secret in log]
