"""One sign-in for all: the AWS CLI and the SDKs use and refresh the token that our login wrote, and ours uses and
refreshes theirs.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from postern.client.token_cache import FileTokenCache, SessionKey
from tests.clients_real import browser
from tests.clients_real.awscli import AwsCli
from tests.clients_real.sdks import JS, NODE, node_environment
from tests.clients_real.servers import POSTERN, ROOT, Server
from tests.clients_real.wire import Wire

pytestmark = pytest.mark.real_client

SESSION = "demo"


class Desk:
    """A home folder with the demo's configuration, and every tool that signs in from it."""

    def __init__(self, home: Path, server: Server) -> None:
        self.home = home
        self.server = server
        self.cache = FileTokenCache(home / ".aws" / "sso" / "cache")
        self.key = SessionKey(server.user["start_url"], SESSION)
        (home / ".aws").mkdir(exist_ok=True, mode=0o700)
        # Not by AWS_CONFIG_FILE alone: the SDK for JavaScript v2 reads no file but this.
        (home / ".aws" / "config").write_text(server.config_file.read_text())

    def environment(self, **more: str) -> dict[str, str]:
        return node_environment(
            {
                "HOME": str(self.home),
                "PYTHONPATH": str(ROOT),
                "AWS_PROFILE": "demo",
                "AWS_SDK_LOAD_CONFIG": "1",
                "BROWSER": browser.command(),
                "BROWSER_USER_FILE": str(self.server.user_file),
                **more,
            }
        )

    def run(self, *program: str, given: str = "", code: int = 0, **more: str) -> str:
        result = subprocess.run(
            program, env=self.environment(**more), input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout

    def postern(self, *arguments: str, **more: Any) -> str:
        return self.run(str(POSTERN), *arguments, **more)

    def token(self) -> Any:
        token = self.cache.load(self.key)
        assert token is not None
        return token

    def let_it_expire(self, *, in_seconds: float = 120) -> None:
        """As if it had been issued long ago."""
        self.cache.store(self.key, self.token()._replace(expires_at=time.time() + in_seconds, issued_at=None))

    def token_of(self, provider: str) -> str:
        """The token that a tool's provider gives, refreshed if it is about to expire."""
        if provider == "postern":
            return self.postern("token").strip()
        said = self.run(*PROVIDERS[provider](self.server), given="\n")
        token: str = json.loads(said.splitlines()[-1])["token"]
        return token


PROVIDERS: dict[str, Any] = {
    "botocore": lambda server: (sys.executable, str(Path(__file__).with_name("token_botocore.py"))),
    "js-v2": lambda server: (str(NODE), str(JS / "token_v2.js"), server.endpoint),
    "js-v3": lambda server: (str(NODE), str(JS / "token_v3.js")),
}


@pytest.fixture
def desk(tmp_path: Path, server: Server) -> Desk:
    return Desk(tmp_path, server)


def lives(server: Server, access_token: str) -> bool:
    """Whether the server knows the token. It ends the sign-in."""
    return Wire(server.endpoint).logout(access_token).status == 200


@pytest.mark.parametrize("arguments", [[], ["--use-device-code"]], ids=["pkce", "device code"])
def test_our_login_signs_in(desk: Desk, arguments: Sequence[str]) -> None:
    desk.postern("login", "--session", SESSION, *arguments)
    token = desk.token()
    assert token.refresh_token is not None
    assert desk.postern("token").strip() == token.access_token
    assert lives(desk.server, token.access_token)


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_the_sdks_use_the_token_that_our_login_wrote(desk: Desk, provider: str, request: pytest.FixtureRequest) -> None:
    if provider != "botocore":
        request.getfixturevalue("node")
    desk.postern("login")
    desk.let_it_expire(in_seconds=1800)
    assert desk.token_of(provider) == desk.token().access_token


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_the_sdks_refresh_our_token_and_we_go_on_with_theirs(
    desk: Desk, provider: str, request: pytest.FixtureRequest
) -> None:
    if provider != "botocore":
        request.getfixturevalue("node")
    desk.postern("login")
    first = desk.token()
    desk.let_it_expire()
    second = desk.token_of(provider)
    assert second != first.access_token
    assert desk.postern("token").strip() == second
    desk.let_it_expire()
    third = desk.postern("token").strip()
    assert third not in (first.access_token, second)
    desk.let_it_expire()
    assert desk.token_of(provider) not in (first.access_token, second, third)
    assert lives(desk.server, desk.token().access_token)


def test_the_aws_cli_refreshes_our_token_and_we_go_on_with_its(desk: Desk, aws: AwsCli) -> None:
    desk.postern("login")
    first = desk.token()
    desk.let_it_expire()
    aws.run("sts", "get-caller-identity", "--profile", "demo")  # wants role credentials, and refreshes on its way there
    second = desk.token()
    assert second.access_token != first.access_token
    assert desk.postern("token").strip() == second.access_token


def test_the_aws_cli_signs_out_of_our_sign_in(desk: Desk, aws: AwsCli) -> None:
    desk.postern("login")
    token = desk.token()
    assert aws.run("sso", "logout").returncode == 0
    assert not lives(desk.server, token.access_token)
    desk.postern("token", code=4)


def test_we_use_and_refresh_the_token_of_the_aws_cli(desk: Desk, aws: AwsCli) -> None:
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    first = desk.token()
    assert desk.postern("token").strip() == first.access_token
    desk.let_it_expire()
    second = desk.postern("token").strip()
    assert second != first.access_token
    desk.let_it_expire()
    aws.run("sts", "get-caller-identity", "--profile", "demo")
    third = desk.token().access_token
    assert third not in (first.access_token, second)
    assert lives(desk.server, third)


def test_we_sign_out_of_the_sign_in_of_the_aws_cli(desk: Desk, aws: AwsCli) -> None:
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    token = desk.token()
    desk.postern("logout", "--session", SESSION)
    assert desk.cache.load(desk.key) is None
    assert not lives(desk.server, token.access_token)


def test_a_tool_with_a_profile_of_the_older_kind_finds_the_token_of_our_login(desk: Desk, aws: AwsCli) -> None:
    """It finds a copy that cannot be refreshed, so that nothing rotates in two places."""
    desk.postern("login")
    copy = json.loads((Path(desk.cache.folder) / f"{SessionKey(desk.key.start_url).primary}.json").read_text())
    assert copy["accessToken"] == desk.token().access_token
    assert not {"refreshToken", "clientSecret"} & set(copy)


def test_eight_of_our_processes_that_refresh_at_once_make_one_refresh(desk: Desk) -> None:
    desk.postern("login")
    first = desk.token()
    desk.let_it_expire()
    before = tokens_issued(desk)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda number: desk.postern("token").strip(), range(8)))
    assert len(set(tokens)) == 1
    assert tokens[0] == desk.token().access_token != first.access_token
    assert tokens_issued(desk) - before == 1


def tokens_issued(desk: Desk) -> int:
    """How many tokens the server has issued so far, by its own log."""
    lines = [json.loads(line) for line in desk.server.output().splitlines() if line.startswith(b"{")]
    return sum((line.get("operation"), line.get("status")) == ("CreateToken", 200) for line in lines)
