"""HTTP as a server on the street meets it: caps, methods, framing, headers; each answer modelled, none a 5xx."""

import email.utils
import json
import re
import time
from collections.abc import Callable

import pytest

from postern.testing.processes import ServerProcess
from postern.testing.wire import Connection
from tests.server.conftest import client_of, person_of
from tests.server.raw import RawConnection, RawResponse, exchange, request

JSON = "Content-Type: application/json"
REGISTRATION = b'{"clientName":"a tool","clientType":"public","scopes":["sso:account:access"]}'
PKCE_REGISTRATION = (
    b'{"clientName":"a tool","clientType":"public","grantTypes":["authorization_code","refresh_token"],'
    b'"redirectUris":["http://127.0.0.1/oauth/callback"],"scopes":["sso:account:access"]}'
)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OPERATIONS = ["/client/register", "/device_authorization", "/token", "/token?aws_iam=t", "/logout"]


def modelled(response: RawResponse, status: int, error: str) -> dict[str, str]:
    assert (response.status, response.header("x-amzn-errortype")) == (status, error), response
    members: dict[str, str] = json.loads(response.body)
    assert set(members) == {"error", "error_description"}
    return members


# Bodies


def assert_quick(refuse: Callable[[], None]) -> None:
    """In under 50 ms, at least once in a few times: a machine that others use as well delays one or another."""
    times: list[float] = []
    while not times or (min(times) >= 0.05 and len(times) < 10):
        before = time.perf_counter()
        refuse()
        times.append(time.perf_counter() - before)
    assert min(times) < 0.05


def test_a_body_of_64_kib_is_read(server: ServerProcess) -> None:
    body = REGISTRATION.ljust(64 * 1024)
    assert exchange(server.port, request("POST", "/client/register", JSON, body=body)).status == 200


@pytest.mark.parametrize("path", ["/client/register", "/device_authorization", "/token", "/token?aws_iam=t"])
@pytest.mark.parametrize("announced", [64 * 1024 + 1, 2**31, 2**62])
def test_a_larger_body_is_refused_before_it_is_sent(server: ServerProcess, path: str, announced: int) -> None:
    def refuse() -> None:
        with RawConnection(server.port) as connection:
            connection.send(request("POST", path, JSON, f"Content-Length: {announced}"))
            response = connection.receive()
            modelled(response, 400, "InvalidRequestException")
            assert response.header("connection") == "close"
            assert connection.is_closed()

    assert_quick(refuse)


@pytest.mark.parametrize(
    "method, path, content_type",
    [
        ("POST", "/token", "text/plain"),
        ("PUT", "/token", "application/json"),
        ("GET", "/assignment/accounts", "application/json"),
        ("POST", "/nothing", "text/plain"),
    ],
)
def test_whatever_is_said_of_a_larger_body_the_rest_is_not_read(
    server: ServerProcess, method: str, path: str, content_type: str
) -> None:
    head = request(method, path, f"Content-Length: {2**30}", f"Content-Type: {content_type}", "Expect: 100-continue")
    with RawConnection(server.port) as connection:
        connection.send(head)
        response = connection.receive()
        assert 400 <= response.status < 500
        assert response.header("connection") == "close"
        assert connection.is_closed()


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"], ids=["more to come", "whole"])
def test_a_larger_body_in_chunks_is_refused(server: ServerProcess, end: bytes) -> None:
    def refuse() -> None:
        with RawConnection(server.port) as connection:
            connection.send(request("POST", "/token", JSON, "Transfer-Encoding: chunked"))
            connection.send(b"8000\r\n" + b" " * 0x8000 + b"\r\n8001\r\n" + b" " * 0x8001 + b"\r\n" + end)
            modelled(connection.receive(), 400, "InvalidRequestException")

    assert_quick(refuse)


def test_a_client_that_waits_to_be_told_to_go_on_is_told(server: ServerProcess) -> None:
    head = request("POST", "/client/register", JSON, "Expect: 100-continue", f"Content-Length: {len(REGISTRATION)}")
    with RawConnection(server.port) as connection:
        connection.send(head)
        assert connection.receive().status == 100
        connection.send(REGISTRATION)
        assert connection.receive().status == 200


def test_a_body_in_chunks_is_read(server: ServerProcess) -> None:
    chunks = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in REGISTRATION) + b"0\r\n\r\n"
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/client/register", JSON, "Transfer-Encoding: chunked") + chunks)
        assert connection.receive().status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x"])
def test_another_content_type_is_refused(server: ServerProcess, content_type: str) -> None:
    data = request("POST", "/client/register", f"Content-Type: {content_type}", body=REGISTRATION)
    modelled(exchange(server.port, data), 400, "InvalidRequestException")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe{}", b"{}{}", b"[" * 60_000, b'{"clientName":NaN}']
)
@pytest.mark.parametrize("path", ["/client/register", "/device_authorization", "/token"])
def test_what_is_not_an_object_is_refused(server: ServerProcess, path: str, body: bytes) -> None:
    modelled(exchange(server.port, request("POST", path, JSON, body=body)), 400, "InvalidRequestException")


# Methods and paths


@pytest.mark.parametrize("path", OPERATIONS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_an_operation_is_called_with_post(server: ServerProcess, path: str, method: str) -> None:
    response = exchange(server.port, request(method, path))
    assert (response.status, response.header("allow")) == (405, "POST")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/token/", "/TOKEN", "//token", "/token;x", "/client", "/%74oken%00", "/../token", "/static/../token"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_not_found(server: ServerProcess, path: str, method: str) -> None:
    assert exchange(server.port, request(method, path)).status == 404


def test_head_has_the_headers_of_get_and_no_body(server: ServerProcess) -> None:
    with RawConnection(server.port) as connection:
        connection.send(request("HEAD", "/sign-in") + request("GET", "/healthz/live"))
        head = connection.receive(head=True)
        assert (head.status, head.header("content-type")) == (200, "text/html; charset=utf-8")
        assert connection.receive().body == b"ok\n"


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
def test_health(server: ServerProcess, path: str) -> None:
    response = exchange(server.port, request("GET", path))
    assert (response.status, response.body, response.header("cache-control")) == (200, b"ok\n", "no-store")


# Which operation the query selects


@pytest.mark.parametrize("query", ["?aws_iam=t", "?aws_iam=t&x=y", "?x=y&aws_iam=t"])
def test_with_aws_iam_a_call_is_not_create_token(server: ServerProcess, query: str) -> None:
    """The same body, with everything that CreateToken needs: it must not be taken for one."""
    body = b'{"clientId":"x","clientSecret":"x","grantType":"refresh_token","refreshToken":"x"}'
    response = exchange(server.port, request("POST", f"/token{query}", JSON, body=body))
    assert response.header("x-amzn-errortype") != "InvalidClientException"
    assert 400 <= response.status < 500


@pytest.mark.parametrize(
    "query", ["", "?", "?aws_iam=", "?aws_iam=f", "?aws_iam=T", "?aws_iam=t&aws_iam=t", "?AWS_IAM=t"]
)
def test_without_it_a_call_is_create_token(server: ServerProcess, query: str) -> None:
    body = b'{"clientId":"x","clientSecret":"x","grantType":"refresh_token","refreshToken":"x"}'
    modelled(exchange(server.port, request("POST", f"/token{query}", JSON, body=body)), 401, "InvalidClientException")


# Framing


def test_two_lengths_are_refused_and_the_connection_closed(server: ServerProcess) -> None:
    smuggled = request("POST", "/token", JSON, "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
    with RawConnection(server.port) as connection:
        connection.send(smuggled + request("GET", "/healthz/live"))
        assert connection.receive().status == 400
        assert connection.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /healthz/live HTTP/9.9\r\n\r\n",
        request("POST", "/token", "Content-Length: -1"),
        request("POST", "/token", "Content-Length: x"),
        request("POST", "/token", "Content-Length: 3", "Content-Length: 4"),
        request("POST", "/token", "Transfer-Encoding: chunked") + b"zz\r\n",
        request("GET", "/healthz/live", "Na me: x"),
        request("GET", "/healthz/live", "X: a\0b"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_broken_framing_is_refused_and_the_connection_closed(server: ServerProcess, data: bytes) -> None:
    with RawConnection(server.port) as connection:
        connection.send(data + b"\r\n\r\n")
        try:
            assert connection.receive().status == 400
        except EOFError:
            return
        assert connection.is_closed()


def test_pipelined_requests_are_answered_in_order(server: ServerProcess) -> None:
    calls = [
        (request("GET", "/healthz/live"), 200),
        (request("POST", "/client/register", JSON, body=REGISTRATION), 200),
        (request("GET", "/nothing"), 404),
        (request("POST", "/client/register", JSON, body=b"{}"), 400),
        (request("GET", "/healthz/ready"), 200),
    ]
    with RawConnection(server.port) as connection:
        connection.send(b"".join(data for data, _ in calls) * 5)
        assert [connection.receive().status for _ in calls * 5] == [status for _, status in calls] * 5


# Headers of responses


@pytest.mark.parametrize(
    "data",
    [
        request("POST", "/client/register", JSON, body=REGISTRATION),
        request("POST", "/client/register", JSON, body=b"{}"),
        request("POST", "/token", JSON, body=b"{"),
        request("GET", "/token"),
        request("POST", "/logout"),
        request("GET", "/sign-in"),
        request("GET", "/device"),
        request("GET", "/authorize"),
        request("GET", "/nothing"),
        request("POST", "/sign-in"),
        request("GET", "/healthz/live"),
    ],
)
def test_every_response_is_dated_numbered_unstored_and_for_its_own_origin(server: ServerProcess, data: bytes) -> None:
    response = exchange(server.port, data.replace(b"\r\n", b"\r\nOrigin: https://evil.example\r\n", 1))
    date = email.utils.parsedate_to_datetime(response.header("date") or "")
    assert abs(date.timestamp() - time.time()) < 2
    assert UUID.fullmatch(response.header("x-amzn-requestid") or "")
    assert "no-store" in (response.header("cache-control") or "")
    names = [name for name, _ in response.headers]
    assert not [name for name in names if name.startswith("access-control-") or name in ("server", "x-powered-by")]
    assert len(names) == len(set(names))


def test_request_ids_differ(server: ServerProcess) -> None:
    ids = {exchange(server.port, request("POST", "/token", JSON)).header("x-amzn-requestid") for _ in range(20)}
    assert len(ids) == 20


FORGED = (
    "Host: evil.example",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: https",
    "X-Forwarded-For: 203.0.113.66",
    "X-Forwarded-Port: 666",
    "Forwarded: for=203.0.113.66;host=evil.example;proto=https",
    "X-Original-URL: /evil.example",
)


def forged(data: bytes) -> bytes:
    return data.replace(b"Host: postern.test", "\r\n".join(FORGED).encode(), 1)


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/device", "/device?user_code=BCDF-GHJK", "/authorize", "/x", "/start"]
)
def test_no_page_reflects_the_host_that_a_request_names(server: ServerProcess, path: str) -> None:
    response = exchange(server.port, forged(request("GET", path)))
    everything = repr(response.headers).encode() + response.body
    assert b"evil.example" not in everything
    assert b"203.0.113.66" not in everything
    location = response.header("location")
    assert location is None or location.startswith("/")


def test_no_answer_reflects_the_host_that_a_request_names(server: ServerProcess) -> None:
    registered = exchange(server.port, forged(request("POST", "/client/register", JSON, body=PKCE_REGISTRATION)))
    members = json.loads(registered.body)
    for name, value in members.items():
        assert not name.endswith("Endpoint") or value.startswith(server.url)
    assert "authorizationEndpoint" not in members or members["authorizationEndpoint"] == f"{server.url}/authorize"
    client = json.loads(exchange(server.port, request("POST", "/client/register", JSON, body=REGISTRATION)).body)
    start = {"clientId": client["clientId"], "clientSecret": client["clientSecret"], "startUrl": f"{server.url}/start"}
    data = forged(request("POST", "/device_authorization", JSON, body=json.dumps(start).encode()))
    device = json.loads(exchange(server.port, data).body)
    assert device["verificationUri"] == f"{server.url}/device"
    assert device["verificationUriComplete"] == f"{server.url}/device?user_code={device['userCode']}"


def test_the_bearer_header_with_an_underscore_is_read(server: ServerProcess, connection: Connection) -> None:
    client = client_of(server, connection)
    started = client.start()
    assert person_of(connection).decide(started["userCode"])
    token = client.redeem(started["deviceCode"]).members["accessToken"]
    header = f"x-amz-sso_bearer_token: {token}"
    with_two = exchange(server.port, request("POST", "/logout", header, header))
    without = exchange(server.port, request("POST", "/logout", f"Authorization: Bearer {token}"))
    assert (with_two.status, without.status) == (401, 401)
    assert exchange(server.port, request("POST", "/logout", header)).status == 200
    assert exchange(server.port, request("POST", "/logout", header)).status == 401
