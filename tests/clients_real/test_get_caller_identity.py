"""GetCallerIdentity as unmodified clients call it, with an access key and with temporary credentials, and what a
program sees of each refusal.
"""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from postern.cli import main
from tests.clients_real.applications import command
from tests.clients_real.awscli import AWS, AwsCli
from tests.clients_real.conftest import require
from tests.clients_real.sdks import REGION, Credentials, Node, SdkError
from tests.clients_real.servers import Server

pytestmark = pytest.mark.real_client

HOUR = 3600
ROLE = "arn:aws:iam::111122223333:role/service/nightly"
SCRIPTS = {"js-v2": "sts_v2.js", "js-v3": "sts_v3.js"}
_SAID_BY_THE_CLI = re.compile(r"An error occurred \((\w+)\) when calling the GetCallerIdentity operation: (.+)")

Identity = dict[str, Any]
Identify = Callable[..., Identity]


@pytest.fixture(scope="module", params=["boto3", *SCRIPTS, "aws-cli"])
def identify(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Identify:
    """``identify(credentials, region=…)``: what the client prints or returns, or an SdkError."""
    name: str = request.param
    if name in SCRIPTS:
        request.getfixturevalue("node")
    if name == "aws-cli":
        require("AWS CLI", AWS)
    home = tmp_path_factory.mktemp("home")
    cli = AwsCli(server, home)

    def identified(credentials: Credentials, *, region: str = REGION) -> Identity:
        if name == "boto3":
            return by_boto3(server, credentials, region)
        if name == "aws-cli":
            return by_cli(cli, credentials, region)
        return by_node(SCRIPTS[name], server, credentials, region)

    return identified


def by_boto3(server: Server, credentials: Credentials, region: str) -> Identity:
    client = boto3.Session(*credentials, region_name=region).client("sts", endpoint_url=server.endpoint)
    try:
        answer: Identity = client.get_caller_identity()
    except ClientError as error:
        raise sdk_error(error.response["Error"]["Code"], error.response["Error"]["Message"]) from None
    finally:
        client.close()
    assert answer.pop("ResponseMetadata")["RequestId"]
    return answer


def by_node(script: str, server: Server, credentials: Credentials, region: str) -> Identity:
    sdk = Node(script, server.endpoint, credentials, region=region)
    try:
        answer = sdk.call("GetCallerIdentity")
    finally:
        sdk.close()
    answer.pop("ResponseMetadata", None)
    return answer


def by_cli(cli: AwsCli, credentials: Credentials, region: str) -> Identity:
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": region,
    }
    if credentials.session_token:
        variables["AWS_SESSION_TOKEN"] = credentials.session_token
    done = cli.run("sts", "get-caller-identity", "--output", "json", variables=variables)
    if done.returncode == 0:
        answer: Identity = json.loads(done.stdout)
        return answer
    said = _SAID_BY_THE_CLI.search(done.stderr)
    assert said, done.stderr
    assert done.returncode == 254
    raise sdk_error(said[1], said[2])


def sdk_error(code: str, message: str) -> SdkError:
    return SdkError({"name": code, "status": 0, "message": message, "typed": False})


@pytest.fixture(scope="module")
def key(server: Server) -> Credentials:
    """An access key, as an administrator makes one."""
    made = command(server, "iam", "add", "--principal", "arn:aws:iam::111122223333:user/reports")
    return Credentials(made["access_key_id"], made["secret_access_key"])


def credentials_in(made: dict[str, str]) -> Credentials:
    return Credentials(made["access_key_id"], made["secret_access_key"], made["session_token"])


def role_session(server: Server, key: Credentials) -> Credentials:
    return credentials_in(
        command(server, "iam", "session", key.access_key_id, "--role", ROLE, "--session-name", "mira")
    )


def test_with_an_access_key(identify: Identify, key: Credentials) -> None:
    identity = identify(key)
    assert set(identity) == {"Arn", "Account", "UserId"}
    assert (identity["Arn"], identity["Account"]) == ("arn:aws:iam::111122223333:user/reports", "111122223333")
    assert re.fullmatch(r"AIDA[A-Z0-9]{17}", identity["UserId"])


def test_with_temporary_credentials_of_the_key(identify: Identify, server: Server, key: Credentials) -> None:
    temporary = credentials_in(command(server, "iam", "session", key.access_key_id))
    assert identify(temporary) == identify(key)


def test_with_temporary_credentials_of_a_role(identify: Identify, server: Server, key: Credentials) -> None:
    identity = identify(role_session(server, key))
    assert set(identity) == {"Arn", "Account", "UserId"}
    assert identity["Arn"] == "arn:aws:sts::111122223333:assumed-role/nightly/mira"
    assert identity["Account"] == "111122223333"
    assert re.fullmatch(r"AROA[A-Z0-9]{17}:mira", identity["UserId"])


def test_in_the_region_of_a_persons_workloads(identify: Identify, key: Credentials) -> None:
    assert identify(key, region="eu-central-1")["Account"] == "111122223333"


REFUSED: dict[str, tuple[Callable[[Server, Credentials], Credentials], str]] = {
    "wrong secret": (lambda _, key: key._replace(secret_access_key="wrong"), "SignatureDoesNotMatch"),
    "unknown key": (lambda _, key: key._replace(access_key_id="AKIAIOSFODNN7EXAMPLE"), "InvalidClientTokenId"),
    "session token of nobody": (lambda _, key: key._replace(session_token="nobody's"), "InvalidClientTokenId"),
    "role without its session token": (
        lambda server, key: role_session(server, key)._replace(session_token=None),
        "InvalidClientTokenId",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_credentials_that_are_no_good(identify: Identify, server: Server, key: Credentials, case: str) -> None:
    spoil, code = REFUSED[case]
    with pytest.raises(SdkError) as refusal:
        identify(spoil(server, key))
    assert refusal.value.name == code
    assert refusal.value.message


def test_credentials_that_have_expired(
    identify: Identify,
    server: Server,
    key: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Made two hours ago, as far as the command knew."""
    monkeypatch.setattr("postern.cli.iam_session.now", lambda: int(time.time()) - 2 * HOUR)
    words = ["iam", "session", key.access_key_id, "--role", ROLE, "--data", str(server.data), "--json"]
    assert main(words) == 0
    expired = credentials_in(json.loads(capsys.readouterr().out))
    with pytest.raises(SdkError) as refusal:
        identify(expired)
    assert refusal.value.name == "ExpiredToken"


def test_a_key_that_was_disabled(identify: Identify, server: Server) -> None:
    made = command(server, "iam", "add", "--user", "leaver")
    key = Credentials(made["access_key_id"], made["secret_access_key"])
    both = (key, role_session(server, key))
    for credentials in both:
        assert identify(credentials)["Account"]
    command(server, "iam", "disable", key.access_key_id)
    for credentials in both:
        with pytest.raises(SdkError) as refusal:
            identify(credentials)
        assert refusal.value.name == "InvalidClientTokenId"
