"""What a real server logs: one JSON object per line whatever is sent, addresses that can be believed, no secret."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess
from postern.testing.wire import Connection
from tests.server.conftest import add_person, client_of, person_of
from tests.server.raw import RawConnection, exchange, request

pytestmark = pytest.mark.slow

Start = Callable[..., ServerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers on one store in memory, or in a file when Mira shall be there, and stops them."""
    servers: list[ServerProcess] = []

    def start(**settings: str) -> ServerProcess:
        server = ServerProcess(tmp_path / f"data{len(servers)}", settings=WITHOUT_LIMITS | settings)
        servers.append(server)
        return server

    yield start
    for server in servers:
        assert server.stop() == 0


def lines(server: ServerProcess) -> list[dict[str, Any]]:
    """Every line of the log, each of which must be an object."""
    server.stop()
    parsed = [json.loads(line) for line in server.log.read_bytes().split(b"\n") if line]
    assert all(isinstance(line, dict) for line in parsed)
    return parsed


def test_hostile_texts_neither_break_a_line_nor_reach_a_terminal(start: Start) -> None:
    server = start(POSTERN_STORE__URL="memory:")
    hostile = ['x\x1b[31mred\x1b[0m","level":"error', "\u2028\u2029".encode().decode("latin-1"), "\x85\x9b31m", "a\tb"]
    for text in hostile:
        exchange(server.port, request("GET", "/sign-in", f"User-Agent: {text}"))
        exchange(server.port, request("POST", "/client/register", f"User-Agent: {text}", body=b"{"))
    for path in (
        "/%0d%0a%7b%22level%22:%22error%22%7d",
        "/%1b%5b31m",
        "/%e2%80%a8",
        "/" + "x" * 5000,
        "/%00",
        "/%9b",
        "/%c2%9b31m",
        "/%7f",
    ):
        assert exchange(server.port, request("GET", path)).status in (400, 404)
    logged = lines(server)
    raw = server.log.read_bytes()
    assert all(line.isprintable() for line in raw.decode().split("\n"))
    assert {line["level"] for line in logged} <= {"info", "warning"}
    assert max(len(line) for line in raw.splitlines()) < 2000


def test_an_injected_header_is_never_part_of_a_response(start: Start) -> None:
    server = start(POSTERN_STORE__URL="memory:")
    for path in ("/device?user_code=%0d%0aX-Evil:%201", "/sign-in?next=%0d%0aX-Evil:%201", "/%0d%0aX-Evil:%201"):
        response = exchange(server.port, request("GET", path))
        assert response.header("x-evil") is None
        assert response.status < 500


@pytest.mark.parametrize(
    "trusted, forwarded, logged",
    [
        ("", "203.0.113.66", "127.0.0.1"),
        ("10.0.0.0/8", "203.0.113.66", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.66", "203.0.113.66"),
        ("127.0.0.0/8", "198.51.100.1, 203.0.113.66", "203.0.113.66"),
        ("127.0.0.1, 203.0.113.66", "198.51.100.1, 203.0.113.66", "198.51.100.1"),
    ],
)
def test_a_forwarded_address_is_believed_of_trusted_proxies_only(
    start: Start, trusted: str, forwarded: str, logged: str
) -> None:
    server = start(POSTERN_STORE__URL="memory:", POSTERN_SERVER__TRUSTED_PROXIES=trusted)
    for path in ("/client/register", "/sign-in"):
        exchange(server.port, request("POST", path, f"X-Forwarded-For: {forwarded}", f"X-Real-IP: {forwarded}"))
    addresses = [line["address"] for line in lines(server) if line["logger"] == "postern.access"]
    assert addresses == [logged, logged]


def test_a_request_is_logged_with_the_id_that_its_answer_has(start: Start) -> None:
    server = start(POSTERN_STORE__URL="memory:")
    response = exchange(server.port, request("POST", "/token", body=b"{"))
    (line,) = [line for line in lines(server) if line["logger"] == "postern.access"]
    assert line["request_id"] == response.header("x-amzn-requestid")
    assert (line["operation"], line["status"], line["error"]) == ("CreateToken", 400, "InvalidRequestException")


def test_no_secret_is_in_log_or_store(tmp_path: Path) -> None:
    """At the level debug, with every secret that a sign-in, a refresh and a theft bring about."""
    data = tmp_path / "data"
    add_person(data)
    server = ServerProcess(data, settings=WITHOUT_LIMITS | {"POSTERN_LOG__LEVEL": "debug"})
    connection = Connection(server.port)
    client, person = client_of(server, connection), person_of(connection)
    started = client.start()
    assert person.decide(started["userCode"])
    first = client.redeem(started["deviceCode"]).members
    second = client.refresh(first["refreshToken"]).members
    third = client.refresh(second["refreshToken"]).members
    assert client.refresh(first["refreshToken"]).error == "InvalidGrantException"
    assert client.log_out(third["accessToken"]).status == 401
    connection.close()
    secrets = [client.credentials["clientSecret"], client.credentials["clientId"], started["deviceCode"]]
    secrets += [started["userCode"], started["userCode"].replace("-", ""), "correct horse battery"]
    secrets += [tokens[name] for tokens in (first, second, third) for name in ("accessToken", "refreshToken")]
    secrets += [text.partition(":")[2] for text in secrets if ":" in text]
    secrets += list(person.cookies.values())
    stored = b"".join(path.read_bytes() for path in data.iterdir() if path.name.startswith("postern.db"))
    log = server.log.read_bytes()
    assert len(secrets) > 15
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret.encode() not in log
    assert server.stop() == 0


def test_the_audit_log_is_written_at_every_level(tmp_path: Path) -> None:
    data = tmp_path / "data"
    add_person(data)
    server = ServerProcess(data, settings=WITHOUT_LIMITS | {"POSTERN_LOG__LEVEL": "error"})
    connection = Connection(server.port)
    started = client_of(server, connection).start()
    assert person_of(connection).decide(started["userCode"])
    connection.close()
    logged = lines(server)
    assert {line["logger"] for line in logged} == {"postern.audit"}
    assert {line["message"] for line in logged} >= {"UserAuthentication"}


def test_a_store_that_others_keep_busy_has_clients_slow_down_until_it_is_free(tmp_path: Path) -> None:
    data = tmp_path / "data"
    add_person(data)
    server = ServerProcess(data, settings=WITHOUT_LIMITS)
    connection = Connection(server.port, timeout=30)
    client = client_of(server, connection)
    lock = sqlite3.connect(data / "postern.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with RawConnection(server.port) as other:
        answer = connection.call("/device_authorization", **client.credentials, startUrl=client.start_url)
        other.send(request("GET", "/healthz/live"))
        assert other.receive().status == 200
    assert (answer.status, answer.error) == (400, "SlowDownException")
    assert answer.members == {"error": "slow_down", "error_description": "Too many requests"}
    assert b"locked" not in answer.body
    assert b"sqlite" not in answer.body.lower()
    lock.execute("ROLLBACK")
    lock.close()
    assert client.start()["deviceCode"]
    connection.close()
    (told,) = [line for line in lines(server) if line.get("error") == "SlowDownException"]
    assert "written by others" in str(told["reason"])
