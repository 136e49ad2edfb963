"""What every transport does, blocking or not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from postern.client.errors import (
    ConfigurationError,
    ConnectionBroken,
    ConnectionFailed,
    ConnectTimeout,
    InvalidResponse,
    ReadTimeout,
    ResponseTooLarge,
    TransportError,
)
from postern.client.http import HttpRequest, HttpResponse
from postern.client.transports import async_connection, blocking
from postern.client.transports.options import TransportOptions
from tests.client.stub_server import Answer, Close, Pause, StubServer, json_answer, raw_answer
from tests.client.transports.pools import OpenPool, Pool, get, post

SHORT = 0.1
LONG = 20.0


def test_a_request_and_its_answer_arrive_whole(pool: Pool) -> None:
    with StubServer([json_answer(400, {"error": "slow_down"}, x_amzn_requestid="r-1")]) as server:
        response = pool.send(post(f"{server.url}/token?a=b", b'{"x":1}', **{"Content-Type": "application/json"}))
    assert (response.status, response.body) == (400, b'{"error": "slow_down"}')
    assert response.headers["x-amzn-requestid"] == "r-1"
    received = server.requests[0]
    assert (received.method, received.target, received.body) == ("POST", "/token?a=b", b'{"x":1}')
    assert received.headers == {"host": server.place, "content-type": "application/json", "content-length": "7"}


def test_connections_are_kept(pool: Pool) -> None:
    with StubServer([json_answer()]) as server:
        for _ in range(5):
            pool.send(get(server.url))
        assert [request.connection for request in server.requests] == [1] * 5


@pytest.mark.parametrize(
    "answer",
    [
        raw_answer(connection="close"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        raw_answer() + b"HTTP/1.1 200 OK\r\n",
    ],
    ids=["close", "HTTP/1.0", "more than an answer"],
)
def test_connections_are_kept_only_if_the_answer_admits_of_it(pool: Pool, answer: bytes) -> None:
    with StubServer([answer]) as server:
        pool.send(get(server.url))
        pool.send(get(server.url))
        assert [request.connection for request in server.requests] == [1, 2]


def test_servers_do_not_share_connections(pool: Pool) -> None:
    with StubServer([raw_answer(body=b"one")]) as one, StubServer([raw_answer(body=b"two")]) as two:
        bodies = [pool.send(get(server.url)).body for server in (one, two, one, two)]
        assert bodies == [b"one", b"two", b"one", b"two"]
        assert (one.connections, two.connections) == (1, 1)


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(pool: Pool) -> None:
    with StubServer([json_answer()]) as server:
        pool.send(get(server.url))
        server.drop_connections()
        assert pool.send(post(server.url)).status == 200
        assert [request.connection for request in server.requests] == [1, 2]


def test_an_answer_to_nothing_is_not_taken_for_the_next_one(pool: Pool) -> None:
    with StubServer([[json_answer(), Pause(0.01), raw_answer(408)], json_answer()]) as server:
        pool.send(get(server.url))
        server.wait_for(lambda server: server.given == 1)
        assert pool.send(get(server.url)).status == 200
        assert [request.connection for request in server.requests] == [1, 2]


def test_a_request_goes_out_again_if_a_kept_connection_breaks_before_the_answer(pool: Pool) -> None:
    with StubServer([raw_answer(), [Close()], raw_answer(201)]) as server:
        pool.send(get(server.url))
        assert pool.send(post(server.url)).status == 201
        assert [request.connection for request in server.requests] == [1, 1, 2]


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_request_does_not_go_out_again_on_a_new_connection(pool: Pool, is_reset: bool) -> None:
    with StubServer([[Close(is_reset)]]) as server:
        with pytest.raises(ConnectionBroken, match=server.place):
            pool.send(get(server.url))
        assert len(server.requests) == 1


def test_a_request_does_not_go_out_again_after_the_first_byte_of_an_answer(pool: Pool) -> None:
    with StubServer([raw_answer(), [b"H", Close()]]) as server:
        pool.send(get(server.url))
        with pytest.raises(ConnectionBroken, match="cut off in its head"):
            pool.send(get(server.url))
        assert len(server.requests) == 2


def test_connections_that_waited_for_too_long_are_not_used(open_pool: OpenPool) -> None:
    pool = open_pool(TransportOptions(idle_lifetime=0))
    with StubServer([json_answer()]) as server:
        pool.send(get(server.url))
        pool.send(get(server.url))
        assert [request.connection for request in server.requests] == [1, 2]


def test_only_so_many_connections_are_kept(open_pool: OpenPool) -> None:
    pool = open_pool(TransportOptions(max_idle=1))
    with StubServer([json_answer()]) as one, StubServer([json_answer()]) as two:
        for server in (one, two, two, one):
            pool.send(get(server.url))
        assert (one.connections, two.connections) == (2, 1)


def test_closing_closes_the_connections_that_are_idle(open_pool: OpenPool) -> None:
    pool = open_pool(TransportOptions())
    with StubServer([json_answer()]) as server:
        pool.send(get(server.url))
        assert server.open_connections == 1
        pool.close()
        server.wait_until_left()
        with pytest.raises(ConfigurationError, match="the client is closed"):
            pool.send(get(server.url))


BODY = b"x" * 50_000


@pytest.mark.parametrize(
    "answer",
    [
        raw_answer(body=BODY),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nC350;a=b\r\n" + BODY + b"\r\n0\r\nx: y\r\n\r\n",
        [b"HTTP/1.1 200 OK\r\n\r\n", BODY, Close()],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + raw_answer(body=BODY),
        [raw_answer(body=BODY)[index : index + 1000] for index in range(0, 51_000, 1000)],
    ],
    ids=["length", "chunked", "until the end", "after interim answers", "in pieces"],
)
def test_bodies_come_in_every_framing(pool: Pool, answer: Answer) -> None:
    with StubServer([answer]) as server:
        assert pool.send(get(server.url)).body == BODY


def test_an_answer_to_head_has_no_body(pool: Pool) -> None:
    with StubServer([raw_answer(content_length="5"), raw_answer(body=b"hello")]) as server:
        assert pool.send(HttpRequest(method="HEAD", url=server.url)).body == b""
        assert pool.send(get(server.url)).body == b"hello"
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer, error, text",
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", InvalidResponse, "not HTTP"),
        (b"<html>hello</html>", InvalidResponse, "not HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", InvalidResponse, "answered in TLS"),
        ([b"HTTP/1.1 200 OK\r\nconte", Close()], ConnectionBroken, "cut off in its head"),
        ([raw_answer(body=b"hello")[:-1], Close()], ConnectionBroken, "cut off in its body"),
        ([raw_answer(body=b"hello")[:-1], Close(is_reset=True)], ConnectionBroken, "reset"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", Close()], ConnectionBroken, "in its body"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Close()], ConnectionBroken, "body"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n", InvalidResponse, "not HTTP"),
        (raw_answer(transfer_encoding="chunked"), InvalidResponse, "Content-Length"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n", InvalidResponse, "another protocol"),
        (raw_answer(content_length="16777217"), ResponseTooLarge, "larger than 16777216 bytes"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000, ResponseTooLarge, "65536 bytes of headers"),
    ],
)
def test_answers_that_cannot_be_used_are_named(
    pool: Pool, answer: Answer, error: type[TransportError], text: str
) -> None:
    with StubServer([answer]) as server:
        with pytest.raises(error, match=text) as caught:
            pool.send(get(f"{server.url}/token?secret=1"))
        assert server.place in str(caught.value)
        assert "secret" not in str(caught.value)
        server.wait_until_left()


def test_a_server_that_speaks_first_is_no_server_of_http(pool: Pool) -> None:
    with (
        StubServer([], greeting=b"SSH-2.0-OpenSSH_9.6\r\n") as server,
        pytest.raises(InvalidResponse, match="not HTTP"),
    ):
        pool.send(get(server.url))


@pytest.fixture
def greeted(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """To be set by a server that has greeted: clients wait for it when they are connected."""
    greeted = threading.Event()
    connect, connect_async = blocking._connect, async_connection._connect

    def wait(connected: socket.socket) -> socket.socket:
        assert greeted.wait(10)
        greeted.clear()
        return connected

    async def connect_and_wait(*arguments: Any) -> socket.socket:
        return wait(await connect_async(*arguments))

    monkeypatch.setattr(blocking, "_connect", lambda *arguments: wait(connect(*arguments)))
    monkeypatch.setattr(async_connection, "_connect", connect_and_wait)
    return greeted


def test_an_answer_that_is_there_before_the_request_does_not_shift_those_that_follow(
    pool: Pool, greeted: threading.Event
) -> None:
    greeting: Answer = [raw_answer(body=b"too early"), lambda _: greeted.set()]
    with StubServer([[Pause(SHORT), raw_answer(body=b"to another request")]], greeting=greeting) as server:
        assert [pool.send(get(server.url)).body for _ in range(3)] == [b"too early"] * 3
        assert server.connections == 3


LARGE = b"x" * 20_000_000


def _hear(connection: socket.socket) -> None:
    connection.recv(1000)


def test_a_refusal_of_a_request_that_is_too_large_is_heard_and_its_connection_not_used_again(pool: Pool) -> None:
    with StubServer([], greeting=[_hear, raw_answer(413), Pause(SHORT), Close()]) as server:
        assert [pool.send(post(server.url, LARGE)).status for _ in range(2)] == [413, 413]
        assert server.connections == 2


def test_a_large_request_does_not_go_out_again_when_it_is_refused_on_a_kept_connection(pool: Pool) -> None:
    greeting: Answer = [_hear, raw_answer(), _hear, raw_answer(413), Pause(SHORT), Close()]
    with StubServer([], greeting=greeting) as server:
        pool.send(get(server.url))
        assert pool.send(post(server.url, LARGE)).status == 413
        assert server.connections == 1


def test_a_large_request_does_not_go_out_again_when_a_kept_connection_breaks(pool: Pool) -> None:
    with StubServer([], greeting=[_hear, raw_answer(), _hear, Close(is_reset=True)]) as server:
        pool.send(get(server.url))
        with pytest.raises(ConnectionBroken, match=server.place):
            pool.send(post(server.url, LARGE))
        assert server.connections == 1


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n"])
def test_a_body_of_100_megabytes_is_not_read(pool: Pool, head: bytes) -> None:
    sent = 0

    def stream() -> Iterator[bytes]:
        nonlocal sent
        yield head
        for _ in range(100):
            sent += 1
            yield bytes(1024 * 1024)

    with StubServer([stream()]) as server:
        with pytest.raises(ResponseTooLarge):
            pool.send(get(server.url))
        server.wait_until_left()
    assert sent < 30


@pytest.mark.parametrize(
    "answer",
    [
        [Pause(LONG)],
        [b"HTTP/1.1 200 OK\r\nconte", Pause(LONG)],
        [raw_answer(body=b"hello")[:-1], Pause(LONG)],
    ],
    ids=["nothing", "head", "body"],
)
def test_a_server_that_falls_silent_is_left(open_pool: OpenPool, answer: Answer) -> None:
    pool = open_pool(TransportOptions(timeout=SHORT))
    with StubServer([answer]) as server:
        with pytest.raises(ReadTimeout, match=f"{server.place}: no answer within 0.1 seconds"):
            pool.send(get(server.url))
        assert len(server.requests) == 1


IN_DROPS = [raw_answer(content_length="6"), *(step for byte in b"123456" for step in (bytes([byte]), Pause(SHORT / 2)))]


def test_a_server_may_be_slow_as_long_as_it_is_not_silent(open_pool: OpenPool) -> None:
    pool = open_pool(TransportOptions(timeout=SHORT * 2))
    with StubServer([IN_DROPS]) as server:
        assert pool.send(get(server.url)).body == b"123456"


def test_the_time_out_of_a_request_is_for_the_whole_answer(pool: Pool) -> None:
    with StubServer([raw_answer(), IN_DROPS]) as server:
        pool.send(get(server.url))
        with pytest.raises(ReadTimeout, match=r"within 0\.2 seconds"):
            pool.send(get(server.url, timeout=SHORT * 2))


def test_a_server_that_does_not_accept_is_left(open_pool: OpenPool) -> None:
    pool = open_pool(TransportOptions(connect_timeout=SHORT))
    with full_server() as port, pytest.raises(ConnectTimeout, match=f"127.0.0.1:{port}"):
        pool.send(get(f"http://127.0.0.1:{port}"))


@contextmanager
def full_server() -> Iterator[int]:
    """The port of a server whose queue has no room for one more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as pending:
        place = listener.getsockname()
        with socket.create_connection(place):
            pending.setblocking(False)
            pending.connect_ex(place)
            yield place[1]


def test_a_port_without_a_server_is_named(pool: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{port}: the connection was refused"):
        pool.send(get(f"http://127.0.0.1:{port}/?secret=1"))


def test_a_name_that_cannot_be_resolved_is_named(pool: Pool) -> None:
    with pytest.raises(ConnectionFailed, match=r"nowhere\.invalid:80: the name cannot be resolved"):
        pool.send(get("http://nowhere.invalid/"))


def test_a_host_is_tried_at_its_other_addresses_while_there_is_time(
    open_pool: OpenPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = open_pool(TransportOptions(connect_timeout=SHORT * 3))
    with StubServer([json_answer()]) as server, full_server() as silent, socket.create_server(("127.0.0.1", 0)) as gone:
        ports = (gone.getsockname()[1], silent, server.port)
        gone.close()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
        assert pool.send(get("http://three.test/")).status == 200


def test_servers_are_reached_by_ipv6(pool: Pool) -> None:
    with StubServer([json_answer()], host="::1") as server:
        pool.send(get(server.url))
        assert server.requests[0].headers["host"] == server.place


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(method="GET", url="ftp://127.0.0.1/"),
        HttpRequest(method="GET", url="http://127.0.0.1/", headers={"x": "a\r\nb: c"}),
    ],
)
def test_a_request_that_cannot_be_sent_is_refused_before_there_is_a_connection(
    pool: Pool, request_: HttpRequest
) -> None:
    with pytest.raises(ConfigurationError):
        pool.send(request_)


def test_errors_of_connections_do_not_end_the_pool(pool: Pool) -> None:
    with StubServer([b"what?", json_answer()]) as server:
        with pytest.raises(InvalidResponse):
            pool.send(get(server.url))
        response: HttpResponse = pool.send(get(server.url))
    assert response.status == 200
