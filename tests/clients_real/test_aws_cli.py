"""The AWS CLI 2.9.19, unmodified: ``aws sso login`` by device code, refresh, and ``aws sso logout``."""

import re

import pytest

from tests.clients_real.awscli import AwsCli
from tests.clients_real.person import Person
from tests.clients_real.servers import Server
from tests.clients_real.wire import Wire

pytestmark = pytest.mark.real_client

SUCCESS = "Successfully logged into Start URL"


def test_version_is_the_one_that_we_speak_of(aws: AwsCli) -> None:
    assert aws.run("--version").stdout.startswith("aws-cli/2.9.19 ")


@pytest.mark.parametrize("waits", [True, False], ids=["approved at once", "approved while it polls"])
def test_login_with_an_sso_session(aws: AwsCli, server: Server, waits: bool) -> None:
    login = aws.run("sso", "login", "--profile", "demo", waits=waits)
    assert login.returncode == 0, login.stderr
    assert f"{SUCCESS}: {server.user['start_url']}" in login.stdout
    (token,) = aws.tokens()
    assert token["accessToken"].startswith("aoa")
    assert token["refreshToken"].startswith("aor")


@pytest.mark.parametrize("waits", [True, False], ids=["approved at once", "approved while it polls"])
def test_login_with_a_legacy_profile(aws: AwsCli, waits: bool) -> None:
    login = aws.run("sso", "login", "--profile", "legacy", waits=waits)
    assert login.returncode == 0, login.stderr
    (token,) = aws.tokens()
    assert token["accessToken"].startswith("aoa")
    assert "refreshToken" not in token


def test_second_login_keeps_the_registration(aws: AwsCli) -> None:
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    first = aws.tokens()[0]
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    second = aws.tokens()[0]
    assert second["clientId"] == first["clientId"]
    assert second["accessToken"] != first["accessToken"]


def test_login_tells_the_code_to_compare(aws: AwsCli) -> None:
    login = aws.run("sso", "login", "--profile", "demo")
    assert re.search(rf"{re.escape(aws.server.endpoint)}/device\n", login.stdout)
    assert re.search(r"^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$", login.stdout, re.MULTILINE)


@pytest.mark.parametrize("profile", ["demo", "legacy"])
def test_login_denied_says_so(aws: AwsCli, profile: str) -> None:
    login = aws.run("sso", "login", "--profile", profile, decision="deny")
    assert login.returncode == 254
    assert "An error occurred (AccessDeniedException) when calling the CreateToken operation" in login.stderr
    assert aws.tokens() == []


def test_login_that_nobody_approves_expires(hasty_aws: AwsCli) -> None:
    login = hasty_aws.run("sso", "login", "--profile", "demo", "--no-browser")
    assert login.returncode == 255
    assert "The pending authorization to retrieve an SSO token has expired" in login.stderr
    assert hasty_aws.tokens() == []


def test_token_near_its_end_is_refreshed_by_the_next_command(hasty_aws: AwsCli, hasty_server: Server) -> None:
    """With ten minutes left the CLI refreshes on its own."""
    assert hasty_aws.run("sso", "login", "--profile", "demo").returncode == 0
    (before,) = hasty_aws.tokens()
    called = hasty_aws.run("sts", "get-caller-identity", "--profile", "demo")
    assert called.returncode == 0, called.stderr
    (after,) = hasty_aws.tokens()
    assert after["accessToken"] != before["accessToken"]
    assert after["refreshToken"] != before["refreshToken"]
    assert Wire(hasty_server.endpoint).logout(after["accessToken"]).status == 200


def test_logout_ends_the_sign_in_on_the_server(aws: AwsCli, server: Server) -> None:
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    (token,) = aws.tokens()
    assert aws.run("sso", "logout").returncode == 0
    assert aws.tokens() == []
    wire = Wire(server.endpoint)
    assert wire.logout(token["accessToken"]).error == "UnauthorizedException"
    refused = wire.token(token, "refresh_token", refreshToken=token["refreshToken"])
    assert refused.members == {"error": "invalid_grant", "error_description": "Invalid refresh token provided"}


def test_logout_ends_both_profiles(aws: AwsCli, server: Server) -> None:
    for profile in ("demo", "legacy"):
        assert aws.run("sso", "login", "--profile", profile).returncode == 0
    tokens = aws.tokens()
    assert len(tokens) == 2
    assert aws.run("sso", "logout").returncode == 0
    wire = Wire(server.endpoint)
    assert [wire.logout(token["accessToken"]).status for token in tokens] == [401, 401]


def test_sign_in_shows_on_the_start_page_and_ends_there(aws: AwsCli, server: Server, person: Person) -> None:
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    (token,) = aws.tokens()
    page = person.open("/start/sign-ins")
    assert "botocore-client-demo" in page.text
    while "/start/sign-ins/end" in page.forms:
        page = person.submit(page, "/start/sign-ins/end")
    assert Wire(server.endpoint).logout(token["accessToken"]).status == 401
