"""What unmodified clients were recorded to send, among them the newest AWS CLI, replayed request by request."""

import re
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.clients_real import replay
from tests.clients_real.flows import lives_for
from tests.clients_real.person import Person
from tests.clients_real.replay import Player, Request
from tests.clients_real.sdks import DEVICE_CODE
from tests.clients_real.servers import Server
from tests.clients_real.wire import Answer, Wire

pytestmark = pytest.mark.real_client

SIGN_INS = ("awscli-2.36.7-pkce", "awscli-2.36.7-device", "awscli-2.36.7-deny", "awscli-2.9.19-debian")
CALLS = ("boto3-1.43", "aws-sdk-js-v2", "aws-sdk-js-v3")


def _expected(request: Request) -> str | None:
    """The error to answer with. The stub told a client that kept to its interval to slow down: a server must not. A
    signature that was recorded is old.
    """
    if request.is_with_iam:
        return "InvalidSignatureException"
    return "AuthorizationPendingException" if request.error == "SlowDownException" else request.error


def _played(name: str, server: Server, person: Person) -> Player:
    player = Player(server, person, replay.load(name))
    player.play()
    return player


@pytest.mark.parametrize("name", SIGN_INS)
def test_recorded_sign_in_is_answered_as_the_client_needs(name: str, server: Server, person: Person) -> None:
    player = _played(name, server, person)
    for request, answer in player.answers:
        assert answer.error == _expected(request), f"{request.target}: {answer.body!r}"
        _assert_fit(request, answer, server)


@pytest.mark.parametrize("name", CALLS)
def test_recorded_calls_are_answered_as_the_client_needs(name: str, server: Server, person: Person) -> None:
    """Each call stands for itself; they use one client that was registered for all grants, and its tokens."""
    wire = Wire(server.endpoint)
    scopes = {"scopes": ["sso:account:access"], "grantTypes": [DEVICE_CODE, "refresh_token"]}
    client = wire.register(**scopes).members
    device = wire.start_device(client, server.start_url).members
    person.approve(device["verificationUriComplete"])
    token = wire.token(client, DEVICE_CODE, deviceCode=device["deviceCode"]).members
    player = Player(server, person, replay.load(name))
    player.known |= {name: client[name] for name in ("clientId", "clientSecret")}
    player.known |= {name: token[name] for name in ("refreshToken", "accessToken")}
    player.play()
    for request, answer in player.answers:
        assert answer.error == _expected(request), f"{request.target}: {answer.body!r}"
        _assert_fit(request, answer, server)


def test_newest_cli_reuses_its_registration_and_is_told_of_a_refusal(server: Server, person: Person) -> None:
    player = _played("awscli-2.36.7-deny", server, person)
    assert sum(request.target == "/client/register" for request, _ in player.answers) == 1
    first, second, denied = player.callbacks
    assert "code=" in first
    assert "code=" in second
    assert "error=access_denied" in denied
    assert f"state={player.known['state']}" in denied


def test_newest_cli_is_never_told_to_slow_down(server: Server, person: Person) -> None:
    """It polls twice within 50 ms at the start, and then once in each second."""
    player = _played("awscli-2.36.7-device", server, person)
    polls = [(request, answer.error) for request, answer in player.answers if request.is_poll]
    assert [error for _, error in polls] == ["AuthorizationPendingException"] * 4 + [None]
    assert polls[1][0].pause <= 0.05


@pytest.mark.parametrize("name", ["awscli-2.36.7-pkce", "awscli-2.36.7-device"])
def test_newest_cli_signs_out(name: str, server: Server, person: Person) -> None:
    player = _played(name, server, person)
    wire = Wire(server.endpoint)
    assert player.answers[-1][0].target == "/logout"
    assert wire.logout(player.known["accessToken"]).error == "UnauthorizedException"
    refused = wire.token(player.known, "refresh_token", refreshToken=player.known["refreshToken"])
    assert refused.members["error_description"] == "Invalid refresh token provided"


@pytest.mark.parametrize("name", ["awscli-2.36.7-pkce", "awscli-2.36.7-device", "awscli-2.9.19-debian"])
def test_cli_goes_from_its_sign_in_to_its_identity(name: str, server: Server, person: Person) -> None:
    """The order of the recording: a token, the role's credentials, GetCallerIdentity signed with them, and out."""
    answered = [request.target.partition("?")[0] for request, _ in _played(name, server, person).answers]
    token, role = answered.index("/token"), answered.index("/federation/credentials")
    assert token < role < answered.index("/") < answered.index("/logout")


def _assert_fit(request: Request, answer: Answer, server: Server) -> None:
    """Every member that some client subscripts, with the meaning it gives to it."""
    assert answer.headers["x-amzn-RequestId"]
    if request.target == "/logout":
        assert (answer.status, answer.body) == (200, b"")
        return
    assert answer.headers["Cache-Control"] == "no-store"
    if request.is_of_sts:
        _assert_identity(answer, server)
        return
    assert answer.headers["Content-Type"] == "application/json"
    members = answer.members
    if request.is_with_iam:
        assert answer.status == 403
        assert list(members) == ["message"]
        assert members["message"].startswith("Signature expired: ")
    elif answer.error:
        assert answer.status == 400
        assert list(members) == ["error", "error_description"]
        assert b": " not in answer.body
    else:
        _FIT[request.target.partition("?")[0]](members, server)


def _assert_registration(members: dict[str, Any], server: Server) -> None:
    assert {type(members[name]) for name in ("clientId", "clientSecret")} == {str}
    assert {type(members[name]) for name in ("clientIdIssuedAt", "clientSecretExpiresAt")} == {int}
    assert members["clientSecretExpiresAt"] > time.time() + 15 * 60  # with less the CLI would register anew
    assert members["authorizationEndpoint"] == f"{server.endpoint}/authorize"


def _assert_device(members: dict[str, Any], server: Server) -> None:
    assert type(members["interval"]) is int
    assert 0 < members["expiresIn"] <= 3600  # seconds from now, never an epoch
    assert members["verificationUri"] == f"{server.endpoint}/device"
    assert members["verificationUriComplete"] == f"{members['verificationUri']}?user_code={members['userCode']}"
    assert members["deviceCode"]


def _assert_token(members: dict[str, Any], _: Server) -> None:
    assert members["tokenType"] == "Bearer"
    assert type(members["expiresIn"]) is int
    assert 0 < members["expiresIn"] <= 8 * 3600
    assert members["accessToken"].isascii()
    assert members["accessToken"].isprintable()
    # A token without a refresh token must last, since nothing can prolong it.
    assert members.get("refreshToken") or lives_for(members, 8 * 3600)


def _assert_accounts(members: dict[str, Any], server: Server) -> None:
    (account,) = members["accountList"]
    assert account["accountId"] == server.user["account_id"]
    assert {type(account[name]) for name in ("accountName", "emailAddress")} == {str}
    assert members.get("nextToken") is None  # a string, even an empty one, would be asked with


def _assert_roles(members: dict[str, Any], server: Server) -> None:
    accounts, roles = zip(*((each["accountId"], each["roleName"]) for each in members["roleList"]), strict=True)
    assert set(accounts) == {server.user["account_id"]}
    assert server.user["role_name"] in roles
    assert members.get("nextToken") is None


def _assert_credentials(members: dict[str, Any], _: Server) -> None:
    credentials = members["roleCredentials"]
    assert credentials["accessKeyId"].startswith("ASIA")
    assert {type(credentials[name]) for name in ("secretAccessKey", "sessionToken")} == {str}
    assert type(credentials["expiration"]) is int
    # In milliseconds. botocore would take credentials with less than 15 minutes for due already.
    assert 15 * 60 < credentials["expiration"] / 1000 - time.time() <= 12 * 3600


_FIT: dict[str, Callable[[dict[str, Any], Server], None]] = {
    "/client/register": _assert_registration,
    "/device_authorization": _assert_device,
    "/token": _assert_token,
    "/assignment/accounts": _assert_accounts,
    "/assignment/roles": _assert_roles,
    "/federation/credentials": _assert_credentials,
}


def _assert_identity(answer: Answer, server: Server) -> None:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "text/xml"
    namespace = "{https://sts.amazonaws.com/doc/2011-06-15/}"
    document = ElementTree.fromstring(answer.body)
    assert document.tag == f"{namespace}GetCallerIdentityResponse"
    said = {element.tag.removeprefix(namespace): element.text or "" for element in document.iter()}
    account, person = server.user["account_id"], server.user["username"]
    assert said["Account"] == account
    assert re.fullmatch(
        rf"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_Admin_[0-9a-f]{{16}}/{person}", said["Arn"]
    )
    assert said["UserId"].endswith(f":{person}")
