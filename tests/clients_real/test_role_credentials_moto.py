"""From ``aws sso login`` to a service: boto3 with nothing but an ``sso_session`` profile lists its buckets at moto, by
credentials that Postern had from moto's STS.

moto believes any token; `test_role_credentials_sts.py` asks an STS that does not.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import boto3
import pytest

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, run_command
from tests.clients_real import moto
from tests.clients_real.flows import sign_in
from tests.clients_real.person import Person
from tests.clients_real.sdks import REGION, Boto3
from tests.clients_real.servers import environment

pytestmark = pytest.mark.real_client

PROGRAM = Path(__file__).with_name("buckets_boto3.py")
SESSION = "lab"
ACCOUNT_ID, OTHER_ACCOUNT_ID = "111122223333", "444455556666"
PASSWORD = "correct horse battery"
CONSOLE = "https://console.example.org/"
SECRET = "a secret access key of Postern's own"
SOURCES = {
    "Identified": ("--type", "web-identity", "--audience", "sts.amazonaws.com"),
    "Assumed": (
        *("--type", "assume-role", "--region", "eu-central-1", "--external-id", "postern"),
        *("--access-key-id", "AKIAOFPOSTERN00000", "--secret-access-key-env", "OUR_SECRET"),
        *("--session-tag", "user={user_name}", "--source-identity", "{user_name}"),
        *("--console-destination", CONSOLE),
    ),
}


class Lab(NamedTuple):
    """moto, a Postern that gets role credentials there, and the home folder of somebody who signed in."""

    moto: str
    server: ServerProcess
    home: Path

    def variables(self, profile: str) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "AWS_PROFILE": profile,
            "AWS_ENDPOINT_URL_SSO": self.server.url,
            "AWS_ENDPOINT_URL_S3": self.moto,
            "AWS_ENDPOINT_URL_STS": self.moto,
        }

    def run(self, profile: str) -> dict[str, Any]:
        """What boto3 finds out with this profile."""
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env=environment(self.variables(profile)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def console(self, role_name: str, **query: str) -> tuple[int, dict[str, Any]]:
        """What GetConsoleUrl answers: the status, and the body."""
        (cache,) = (self.home / ".aws" / "sso" / "cache").iterdir()
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        target = urlencode({"role_name": role_name, "account_id": ACCOUNT_ID} | query)
        token = json.loads(cache.read_text())["accessToken"]
        connection.request("GET", f"/federation/console?{target}", headers={"x-amz-sso_bearer_token": token})
        response = connection.getresponse()
        body: dict[str, Any] = json.loads(response.read())
        connection.close()
        return response.status, body


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with moto.started(tmp_path_factory.mktemp("moto")) as url:
        make_bucket(url, ACCOUNT_ID, "of-the-lab")
        make_bucket(url, OTHER_ACCOUNT_ID, "of-others")
        fill(folder / "data", url)
        server = ServerProcess(folder / "data", settings=WITHOUT_LIMITS)
        try:
            sign_in_at(server, folder / "home")
            yield Lab(url, server, folder / "home")
        finally:
            server.stop()


def make_bucket(url: str, account_id: str, name: str) -> None:
    """As a role of the account, which is how moto tells accounts apart."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": REGION, "endpoint_url": url}
    arn = f"arn:aws:iam::{account_id}:role/Owner"
    given = boto3.client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="owner")["Credentials"]
    as_owner = keys | {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    boto3.client("s3", **as_owner).create_bucket(Bucket=name)


def fill(data: Path, sts: str) -> None:
    """A person who has a role from each source."""

    def postern(*arguments: str, stdin: str = "") -> None:
        settings = WITHOUT_LIMITS | {"OUR_SECRET": SECRET}
        done = run_command(*arguments, "--data", str(data), settings=settings, stdin=stdin)
        assert done.returncode == 0, done.stderr

    postern("user", "add", "mira", "--password-stdin", stdin=PASSWORD)
    postern("account", "add", ACCOUNT_ID, "--name", "Lab")
    for name, options in SOURCES.items():
        postern("credential-source", "add", name, "--endpoint", sts, *options)
        postern("permission-set", "add", name, "--credential-source", name)
        postern("assign", ACCOUNT_ID, name, "--user", "mira")


def sign_in_at(server: ServerProcess, home: Path) -> None:
    """Leaves what ``aws sso login`` leaves: the token in its cache, beside a configuration with an ``sso_session``."""
    sdk = Boto3(server.url)
    _, token = sign_in(sdk, Person(server.url, "mira", PASSWORD), f"{server.url}/start")
    sdk.close()
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    expires_at = datetime.now(UTC) + timedelta(seconds=token["expiresIn"])
    cached = {
        "startUrl": f"{server.url}/start",
        "region": REGION,
        "accessToken": token["accessToken"],
        "expiresAt": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    (cache / f"{sha1(SESSION.encode()).hexdigest()}.json").write_text(json.dumps(cached))
    session = f"[sso-session {SESSION}]\nsso_start_url = {server.url}/start\nsso_region = {REGION}\n"
    profiles = [
        f"[profile {name}]\nsso_session = {SESSION}\nsso_account_id = {ACCOUNT_ID}\nsso_role_name = {name}\n"
        f"region = {REGION}\n"
        for name in SOURCES
    ]
    (home / ".aws" / "config").write_text("\n".join([session, *profiles]))


@pytest.mark.parametrize("role_name", SOURCES)
def test_boto3_gets_from_an_sso_session_to_the_buckets_of_the_account(lab: Lab, role_name: str) -> None:
    found = lab.run(role_name)
    assert found["buckets"] == ["of-the-lab"]
    assert found["account"] == ACCOUNT_ID
    assert found["arn"] == f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role_name}/mira"


def test_the_log_says_who_got_which_credentials_and_holds_no_secret(lab: Lab) -> None:
    for role_name in SOURCES:
        lab.run(role_name)
    log = lab.server.log.read_text()
    given = [json.loads(line)["audit"] for line in log.splitlines() if '"event_name":"GetRoleCredentials"' in line]
    assert {event["role_name"] for event in given} == set(SOURCES)
    assert all(event["access_key_id"].startswith("ASIA") for event in given)
    assert not [secret for secret in (SECRET, "eyJ") if secret in log]


@pytest.mark.parametrize("role_name", SOURCES)
def test_the_next_process_gets_the_same_credentials_as_they_are_still_young(lab: Lab, role_name: str) -> None:
    lab.run(role_name)
    lab.run(role_name)
    log = lab.server.log.read_text()
    given = [json.loads(line)["audit"] for line in log.splitlines() if '"event_name":"GetRoleCredentials"' in line]
    assert len({event["access_key_id"] for event in given if event["role_name"] == role_name}) == 1


def test_the_console_is_where_the_source_says(lab: Lab) -> None:
    assert lab.console("Assumed") == (200, {"consoleUrl": CONSOLE})
    assert lab.console("Assumed", destination=f"{CONSOLE}s3") == (200, {"consoleUrl": f"{CONSOLE}s3"})
    status, body = lab.console("Assumed", destination="https://elsewhere.example/")
    assert (status, body["message"]) == (400, "destination is not of the console")
    status, body = lab.console("Identified")
    assert (status, body["message"]) == (404, "The account's source offers no console")
    assert lab.console("Unknown")[0] == 403
