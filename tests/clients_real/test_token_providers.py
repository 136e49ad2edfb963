"""The token providers inside the SDKs: a profile with an sso-session whose cached token is about to expire is
refreshed by them, unasked.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients_real.flows import refresh, refusal, sign_in
from tests.clients_real.home import Home
from tests.clients_real.person import Person
from tests.clients_real.sdks import JS, NODE, Boto3
from tests.clients_real.servers import Server

pytestmark = pytest.mark.real_client


def _token_of(process: subprocess.Popen[str]) -> str:
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    token: str = json.loads(stdout.splitlines()[-1])["token"]
    return token


@pytest.fixture
def boto3_sdk(server: Server) -> Iterator[Boto3]:
    sdk = Boto3(server.endpoint)
    yield sdk
    sdk.close()


@pytest.mark.parametrize("provider", ["botocore", "js-v2", "js-v3"])
def test_token_about_to_expire_is_refreshed_and_cached(
    provider: str,
    server: Server,
    person: Person,
    boto3_sdk: Boto3,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if provider != "botocore":
        request.getfixturevalue("node")
    client, token = sign_in(boto3_sdk, person, server.user["start_url"])
    home = Home(tmp_path, server, client, token)
    used = _token_of(home.start(_program(provider, server)))
    cached = home.cached()
    assert used == cached["accessToken"] != token["accessToken"]
    assert cached["refreshToken"] not in (None, token["refreshToken"])
    assert refresh(boto3_sdk, client, cached)["accessToken"]
    boto3_sdk.call("Logout", accessToken=used)


def test_eight_processes_with_one_refresh_token_all_get_its_one_successor(
    server: Server, person: Person, boto3_sdk: Boto3, tmp_path: Path
) -> None:
    """botocore has no lock between processes: terminals that wake up together present the same refresh token."""
    client, token = sign_in(boto3_sdk, person, server.user["start_url"])
    homes = [Home(tmp_path / str(number), server, client, token) for number in range(8)]
    processes = [home.start(_program("botocore", server)) for home in homes]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        print(file=process.stdin, flush=True)
    used = [_token_of(process) for process in processes]
    assert used[0] != token["accessToken"]
    assert len(set(used)) == 1
    assert len({home.cached()["refreshToken"] for home in homes}) == 1
    assert refresh(boto3_sdk, client, homes[7].cached())["accessToken"]


def test_session_that_was_signed_out_is_not_refreshed(
    server: Server, person: Person, boto3_sdk: Boto3, tmp_path: Path
) -> None:
    """botocore warns and goes on with the old token until its end; the server knows it no more."""
    client, token = sign_in(boto3_sdk, person, server.user["start_url"])
    boto3_sdk.call("Logout", accessToken=token["accessToken"])
    home = Home(tmp_path, server, client, token)
    assert _token_of(home.start(_program("botocore", server))) == token["accessToken"]
    assert home.cached()["refreshToken"] == token["refreshToken"]
    assert refusal(boto3_sdk, "Logout", accessToken=token["accessToken"]).name == "UnauthorizedException"


def _program(provider: str, server: Server) -> tuple[str, ...]:
    return {
        "botocore": (sys.executable, str(Path(__file__).with_name("token_botocore.py"))),
        "js-v2": (str(NODE), str(JS / "token_v2.js"), server.endpoint),
        "js-v3": (str(NODE), str(JS / "token_v3.js")),
    }[provider]
