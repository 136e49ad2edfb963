"""The access portal over HTTP: where its members travel, what is refused and in which words."""

import json
import re
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from postern.core.store import StoreBusy, StoreUnavailable
from postern.server.app import ProtocolApp
from postern.server.asgi import Receive, Scope, Send
from postern.testing.processes import ServerProcess, run_command
from postern.testing.wire import Connection
from tests.core.world import World
from tests.server.conftest import client_of, person_of
from tests.server.raw import RawConnection, RawResponse, exchange, request

ACCOUNT = "111122223333"
ACCOUNTS = "/assignment/accounts"
ROLES = "/assignment/roles"
CREDENTIALS = "/federation/credentials"
CONSOLE = "/federation/console"
TARGETS = {
    ACCOUNTS: ACCOUNTS,
    ROLES: f"{ROLES}?account_id={ACCOUNT}",
    CREDENTIALS: f"{CREDENTIALS}?role_name=Admin&account_id={ACCOUNT}",
    CONSOLE: f"{CONSOLE}?role_name=Admin&account_id={ACCOUNT}",
}
SERVED = [ACCOUNTS, ROLES, CREDENTIALS]
NO_SESSION = "Session token not found or invalid"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def run(data: Path, *words: str) -> None:
    done = run_command(*words, "--data", str(data))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def token(server: ServerProcess) -> str:
    """Mira's, who is Admin in the account."""
    run(server.data, "account", "add", ACCOUNT, "--name", "Main", "--email", "main@example.org")
    run(server.data, "permission-set", "add", "Admin")
    run(server.data, "assign", ACCOUNT, "Admin", "--user", "mira")
    connection = Connection(server.port)
    try:
        client = client_of(server, connection)
        started = client.start()
        assert person_of(connection).decide(started["userCode"])
        issued: str = client.redeem(started["deviceCode"]).members["accessToken"]
    finally:
        connection.close()
    return issued


def bearer(token: str) -> str:
    return f"x-amz-sso_bearer_token: {token}"


def refused(response: RawResponse, status: int, error: str, message: str) -> None:
    """In the form of the real portal: the error is named in the header and in the body."""
    assert (response.status, response.header("x-amzn-errortype")) == (status, error), response
    assert json.loads(response.body) == {"message": message, "__type": f"com.amazonaws.switchboard.portal#{error}"}
    unstored(response)


def unstored(response: RawResponse) -> None:
    assert response.header("cache-control") == "no-store"
    assert response.header("content-type") == "application/json"
    assert UUID.fullmatch(response.header("x-amzn-requestid") or "")
    assert not [name for name, _ in response.headers if name.startswith("access-control-")]


# What is answered


def answered(server: ServerProcess, token: str, target: str) -> dict[str, Any]:
    response = exchange(server.port, request("GET", target, bearer(token)))
    assert response.status == 200, response
    unstored(response)
    members: dict[str, Any] = json.loads(response.body)
    return members


def test_accounts(server: ServerProcess, token: str) -> None:
    account = {"accountId": ACCOUNT, "accountName": "Main", "emailAddress": "main@example.org"}
    assert answered(server, token, TARGETS[ACCOUNTS]) == {"accountList": [account]}


def test_roles(server: ServerProcess, token: str) -> None:
    assert answered(server, token, TARGETS[ROLES]) == {"roleList": [{"roleName": "Admin", "accountId": ACCOUNT}]}


def test_credentials_expire_in_milliseconds(server: ServerProcess, token: str) -> None:
    (credentials,) = answered(server, token, TARGETS[CREDENTIALS]).values()
    assert set(credentials) == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    assert type(credentials["expiration"]) is int
    assert 0 < credentials["expiration"] / 1000 - time.time() <= 12 * 3600


def test_secrets_are_in_no_log(server: ServerProcess, token: str) -> None:
    (credentials,) = answered(server, token, TARGETS[CREDENTIALS]).values()
    exchange(server.port, request("GET", f"{ACCOUNTS}?next_token={token}", bearer(token)))
    logged = server.log.read_text("utf-8")
    assert "GetRoleCredentials" in logged
    assert not [name for name in ("secretAccessKey", "sessionToken") if credentials[name] in logged]
    assert token not in logged


# Who asks


@pytest.mark.parametrize("path", SERVED)
@pytest.mark.parametrize("name", ["x-amz-sso_bearer_token", "X-Amz-Sso_Bearer_Token", "X-AMZ-SSO_BEARER_TOKEN"])
def test_the_bearer_header_is_read_in_any_case(server: ServerProcess, token: str, path: str, name: str) -> None:
    assert exchange(server.port, request("GET", TARGETS[path], f"{name}: {token}")).status == 200


UNPROVED = {
    "none": (),
    "empty": ("{name}:",),
    "two": ("{name}: {token}", "{name}: {token}"),
    "two, one empty": ("{name}: {token}", "{name}:"),
    "a list": ("{name}: {token}, {token}",),
    "with a scheme": ("{name}: Bearer {token}",),
    "by another header": ("Authorization: Bearer {token}", "x-amz-sso-bearer-token: {token}"),
    "in a cookie": ("Cookie: x-amz-sso_bearer_token={token}; x-amz-sso_authn={token}",),
    "not ASCII": ("{name}: {token}\xe9",),
    "cut short": ("{name}: {short}",),
    "long": ("{name}: {token}{token}{token}{token}",),
}


@pytest.mark.parametrize("path", [*SERVED, CONSOLE])
@pytest.mark.parametrize("case", UNPROVED)
def test_without_one_live_token_nothing_is_told(server: ServerProcess, token: str, path: str, case: str) -> None:
    names = {"name": "x-amz-sso_bearer_token", "token": token, "short": token[:-1]}
    headers = [header.format_map(names) for header in UNPROVED[case]]
    response = exchange(server.port, request("GET", TARGETS[path], *headers))
    refused(response, 401, "UnauthorizedException", NO_SESSION)


@pytest.mark.parametrize("query", ["", "?role_name=Admin", "?account_id=%00", "?a=%zz", "?max_result=0&" + "a" * 9000])
@pytest.mark.parametrize("path", [*SERVED, CONSOLE])
def test_who_has_no_token_does_not_hear_what_else_is_wrong(server: ServerProcess, path: str, query: str) -> None:
    refused(exchange(server.port, request("GET", path + query)), 401, "UnauthorizedException", NO_SESSION)


def test_a_token_in_the_query_is_none(server: ServerProcess, token: str) -> None:
    response = exchange(server.port, request("GET", f"{ACCOUNTS}?x-amz-sso_bearer_token={token}&accessToken={token}"))
    refused(response, 401, "UnauthorizedException", NO_SESSION)


# Methods


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", [*SERVED, CONSOLE])
def test_the_portal_is_asked_with_get(server: ServerProcess, token: str, path: str, method: str) -> None:
    with RawConnection(server.port) as connection:
        connection.send(request(method, TARGETS[path], bearer(token)))
        response = connection.receive()
        refused(response, 405, "MethodNotAllowedException", "This operation is called with GET")
        assert (response.header("allow"), response.header("connection")) == ("GET", "close")
        assert connection.is_closed()


def test_head_is_no_get(server: ServerProcess, token: str) -> None:
    with RawConnection(server.port) as connection:
        connection.send(request("HEAD", TARGETS[CREDENTIALS], bearer(token)))
        response = connection.receive(head=True)
        assert (response.status, response.header("allow")) == (405, "GET")
        assert connection.is_closed()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_logout_is_called_with_post(server: ServerProcess, token: str, method: str) -> None:
    response = exchange(server.port, request(method, "/logout", bearer(token)))
    refused(response, 405, "MethodNotAllowedException", "This operation is called with POST")
    assert response.header("allow") == "POST"
    assert answered(server, token, ACCOUNTS)["accountList"]


# Queries


MALFORMED = "The query is malformed"
NOT_UTF_8 = "The query is not in UTF-8"
REPEATS = "The query repeats a parameter"
TOO_LONG = "The query is too long"
TOO_MANY = "The query has too many parameters"
NOT_ALLOWED = "The query has characters that are not allowed"
SIZES = "max_result is 1 to 100"
NO_NUMBER = "max_result is not a number"
NO_ACCOUNT_ID = "account_id is not 12 digits"
NO_ROLE_NAME = "role_name is not valid"
THERE = TARGETS[ROLES]

FAULTS = [
    # Missing
    (ROLES, "account_id is required"),
    (f"{ROLES}?account_id=", "account_id is required"),
    (f"{ROLES}?accountId={ACCOUNT}", "account_id is required"),
    (f"{ROLES}?ACCOUNT_ID={ACCOUNT}", "account_id is required"),
    (f"{CREDENTIALS}?account_id={ACCOUNT}", "role_name is required"),
    (f"{CREDENTIALS}?role_name=Admin", "account_id is required"),
    (f"{CREDENTIALS}?role_name=&account_id={ACCOUNT}", "role_name is required"),
    # Twice
    (f"{THERE}&account_id={ACCOUNT}", REPEATS),
    (f"{THERE}&account%5Fid={ACCOUNT}", REPEATS),
    (f"{THERE}&account_id=", REPEATS),
    (f"{THERE}&unknown=1&unknown=1", REPEATS),
    (f"{CREDENTIALS}?role_name=Admin&role_name=Other&account_id={ACCOUNT}", REPEATS),
    # Escapes, characters
    (f"{THERE}%", MALFORMED),
    (f"{THERE}%2", MALFORMED),
    (f"{THERE}%zz", MALFORMED),
    (f"{THERE}&%G0=1", MALFORMED),
    (f"{THERE}%00", NOT_ALLOWED),
    (f"{THERE}&a%00b=1", NOT_ALLOWED),
    (f"{THERE}%FF", NOT_UTF_8),
    (f"{THERE}&a=%C3", NOT_UTF_8),
    (f"{THERE}&a=%C0%80", NOT_UTF_8),
    (f"{THERE}&a=%ED%A0%80", NOT_UTF_8),
    (f"{THERE}&a=%F4%90%80%80", NOT_UTF_8),
    # Size
    (f"{THERE}&" + "&".join(f"p{number}=" for number in range(50)), TOO_MANY),
    (f"{THERE}&a={'a' * 8192}", TOO_LONG),
    # Numbers
    *((f"{ACCOUNTS}?max_result={number}", SIZES) for number in ("0", "000", "101", "999999999")),
    *(
        (f"{ACCOUNTS}?max_result={number}", NO_NUMBER)
        for number in (
            "-1",
            "%2B1",
            "+1",
            "1.0",
            "1e1",
            "0x1",
            "1_0",
            "x",
            "%D9%A3",
            "%C2%B2",
            "5%20",
            "5%0A",
            "1" * 10,
        )
    ),
    (f"{THERE}&max_result=101", SIZES),
    (f"{THERE}&max_result=five", NO_NUMBER),
    # Values
    *(
        (f"{ROLES}?account_id={value}", NO_ACCOUNT_ID)
        for value in (
            "1",
            ACCOUNT + "0",
            "11112222333a",
            f"{ACCOUNT}%0A",
            f"%20{ACCOUNT}",
            f"+{ACCOUNT}",
            f"..%2F{ACCOUNT}",
        )
    ),
    *(
        (f"{CREDENTIALS}?role_name={value}&account_id={ACCOUNT}", NO_ROLE_NAME)
        for value in ("Ad%20min", "Ad+min", "Admin%2F..", "Admin%0A", "%C3%A9", "%3Cscript%3E", "a" * 65)
    ),
    (f"{CREDENTIALS}?role_name=Admin&account_id=1111", NO_ACCOUNT_ID),
    (f"{ACCOUNTS}?next_token=made-up", "next_token is not valid"),
    (f"{ACCOUNTS}?next_token=%F0%9F%A6%8A", "next_token is not valid"),
    (f"{THERE}&next_token={'A' * 4000}", "next_token is not valid"),
]


@pytest.mark.parametrize("target, message", FAULTS, ids=[f"{target[:72]} {len(target)}" for target, _ in FAULTS])
def test_a_query_that_does_not_fit_is_refused(server: ServerProcess, token: str, target: str, message: str) -> None:
    response = exchange(server.port, request("GET", target, bearer(token)))
    refused(response, 400, "InvalidRequestException", message)


@pytest.mark.parametrize(
    "target",
    [
        f"{ACCOUNTS}?",
        f"{ACCOUNTS}?&&",
        f"{ACCOUNTS}?=",
        f"{ACCOUNTS}?max_result=&next_token=",
        f"{ACCOUNTS}?max_result=1",
        f"{ACCOUNTS}?max_result=007",
        f"{ACCOUNTS}?max_result=100",
        f"{ACCOUNTS}?max_result=%31%30",
        f"{ACCOUNTS}?unknown=%C3%A9&aws_iam=t&role_name=%20&account_id=x",
        f"{ACCOUNTS}?" + "&".join(f"p{number}=" for number in range(50)),
        f"{ACCOUNTS}?p={'a' * 8190}",
        f"{ROLES}?account%5Fid={ACCOUNT}",
        f"{ROLES}?account_id=%31{ACCOUNT[1:]}",
        f"{ROLES}?debug&account_id={ACCOUNT}",
    ],
    ids=lambda target: f"{target[:72]} {len(target)}",
)
def test_what_has_no_meaning_is_ignored(server: ServerProcess, token: str, target: str) -> None:
    assert answered(server, token, target)


@pytest.mark.parametrize(
    "target",
    [
        f"{CREDENTIALS}?role_name=Other&account_id={ACCOUNT}",
        f"{CREDENTIALS}?role_name=admin&account_id={ACCOUNT}",
        f"{CREDENTIALS}?role_name=Admin&account_id=999988887777",
        f"{ROLES}?account_id=999988887777",
    ],
)
def test_what_is_not_theirs_is_answered_like_what_is_not_there(server: ServerProcess, token: str, target: str) -> None:
    refused(exchange(server.port, request("GET", target, bearer(token))), 403, "ForbiddenException", "No access")


@pytest.mark.parametrize(
    "path", ["/assignment/accounts/", "/ASSIGNMENT/accounts", "//assignment/accounts", "/assignment"]
)
def test_no_other_path_leads_there(server: ServerProcess, token: str, path: str) -> None:
    assert exchange(server.port, request("GET", path, bearer(token))).status == 404


# Bodies of a GET


def test_a_body_is_not_taken_for_the_next_request(server: ServerProcess, token: str) -> None:
    hidden = request("GET", "/healthz/live")
    with RawConnection(server.port) as connection:
        connection.send(request("GET", ACCOUNTS, bearer(token), body=hidden) + request("GET", THERE, bearer(token)))
        assert json.loads(connection.receive().body)["accountList"]
        assert json.loads(connection.receive().body)["roleList"]


def test_a_body_without_end_is_not_read_on(server: ServerProcess, token: str) -> None:
    with RawConnection(server.port) as connection:
        connection.send(request("GET", ACCOUNTS, bearer(token), f"Content-Length: {2**40}"))
        assert connection.receive().status == 200
        with pytest.raises((ConnectionError, TimeoutError)):
            connection.send_for(b" " * 65536, seconds=5)


# A fault of ours


async def respond(app: ProtocolApp, path: str, query: str, token: str) -> tuple[int, dict[str, str], dict[str, str]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST" if path == "/logout" else "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"x-amz-sso_bearer_token", token.encode())],
        "client": ("192.0.2.44", 40000),
    }
    await app(scope, receive, send)
    start, body = sent
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, json.loads(body["body"])


async def test_a_store_that_has_too_much_to_do_is_too_many_requests(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*asked: object, **named: object) -> None:
        raise StoreBusy("late")

    async def no_page(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(f"{scope['path']} is no page")

    signed_in = await world.signed_in(await world.register())
    monkeypatch.setattr(world.store, "find_token_family", fail)
    app = ProtocolApp(world.service, no_page, max_body=64 * 1024, log_requests=False)
    for path in (*SERVED, "/logout"):
        query = TARGETS.get(path, "").partition("?")[2]
        status, headers, _ = await respond(app, path, query, signed_in.access_token or "")
        assert (status, headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")


@pytest.mark.parametrize("path", [*SERVED, CONSOLE, "/logout"])
@pytest.mark.parametrize("failure", [StoreUnavailable("down"), RuntimeError("a bug")], ids=["store", "bug"])
async def test_a_fault_of_ours_is_told_in_the_portals_form(
    world: World, path: str, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_page(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(f"{scope['path']} is no page")

    async def fail(*asked: object, **named: object) -> None:
        raise failure

    signed_in = await world.signed_in(await world.register())
    monkeypatch.setattr(world.store, "find_token_family", fail)
    app = ProtocolApp(world.service, no_page, max_body=64 * 1024, log_requests=False)
    query = TARGETS.get(path, "").partition("?")[2]
    status, headers, members = await respond(app, path, query, signed_in.access_token or "")
    assert (status, headers["x-amzn-errortype"], headers["cache-control"]) == (
        500,
        "InternalServerException",
        "no-store",
    )
    assert members == {
        "message": "Internal server error",
        "__type": "com.amazonaws.switchboard.portal#InternalServerException",
    }
