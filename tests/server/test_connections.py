"""Connections with a clock: the slow, the idle and the too many are closed, and nobody else notices."""

import asyncio
import contextlib
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postern.server.factory import Application
from postern.server.settings import Settings
from postern.testing.processes import WITHOUT_LIMITS, ServerProcess
from tests.server.raw import RawConnection, exchange, request

pytestmark = pytest.mark.slow

JSON = "Content-Type: application/json"
LIVE = request("GET", "/healthz/live")
TIMEOUT, IDLE = 1, 2
PATIENCE = 60.0  # for a machine that others use as well


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = WITHOUT_LIMITS | {
        "POSTERN_SERVER__REQUEST_TIMEOUT": str(TIMEOUT),
        "POSTERN_SERVER__IDLE_TIMEOUT": str(IDLE),
        "POSTERN_SERVER__MAX_CONNECTIONS": "40",
        "POSTERN_STORE__URL": "memory:",
    }
    server = ServerProcess(tmp_path_factory.mktemp("connections") / "data", settings=settings)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /token HT",
        b"POST /token HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        request("POST", "/token", JSON, "Content-Length: 100") + b"{",
        request("POST", "/token", JSON, "Transfer-Encoding: chunked") + b"5\r\nab",
        request("POST", "/sign-in", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 9") + b"a",
    ],
    ids=["nothing", "line", "header", "body", "chunk", "form"],
)
def test_a_request_that_does_not_arrive_whole_in_time_is_closed(server: ServerProcess, beginning: bytes) -> None:
    with RawConnection(server.port) as slow:
        begun = time.monotonic()
        slow.send(beginning)
        assert slow.is_closed()
        assert TIMEOUT - 0.1 < time.monotonic() - begun < TIMEOUT + 2.5


def test_a_trickle_does_not_keep_a_connection_open(server: ServerProcess) -> None:
    """A byte now and then is no progress: the whole request has its time, not each byte."""
    with RawConnection(server.port) as slow:
        begun = time.monotonic()
        slow.send(b"POST /token HTTP/1.1\r\nX-Slow: ")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < begun + 10:
                slow.send(b"a")
                time.sleep(0.1)
        assert time.monotonic() - begun < TIMEOUT + 3


def test_a_slow_second_request_is_closed_as_well(server: ServerProcess) -> None:
    with RawConnection(server.port) as slow:
        slow.send(LIVE)
        assert slow.receive().status == 200
        begun = time.monotonic()
        slow.send(b"GET /healthz/live HTTP/1.1\r\nX-Slow: ")
        assert slow.is_closed()
        assert time.monotonic() - begun < TIMEOUT + 2.5


def test_an_idle_connection_is_kept_for_a_while_and_closed(server: ServerProcess) -> None:
    with RawConnection(server.port) as idle:
        for _ in range(2):
            idle.send(LIVE)
            assert idle.receive().status == 200
            time.sleep(TIMEOUT + 0.5)
        begun = time.monotonic()
        idle.send(LIVE)
        assert idle.receive().status == 200
        assert idle.is_closed()
        assert IDLE - 0.1 < time.monotonic() - begun < IDLE + 2


@pytest.mark.alone
def test_slow_ones_do_not_slow_the_others(server: ServerProcess) -> None:
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(RawConnection(server.port)).send(b"POST /token HTTP/1.1\r\nX-Slow: ")
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            assert exchange(server.port, LIVE).status == 200
            times.append(time.perf_counter() - begun)
        assert sorted(times)[10] < 0.05


@pytest.mark.alone
def test_one_connection_too_many_is_closed_and_the_others_are_served(server: ServerProcess) -> None:
    def has_room() -> bool:
        with RawConnection(server.port) as probe:
            try:
                probe.send(LIVE)
                return probe.receive().status == 200
            except (EOFError, ConnectionError):
                return False

    with ExitStack() as stack:
        held = [stack.enter_context(RawConnection(server.port)) for _ in range(40)]
        deadline = time.monotonic() + 0.8
        while has_room():
            assert time.monotonic() < deadline
        for connection in held[:20]:
            connection.send(LIVE)
        assert [connection.receive().status for connection in held[:20]] == [200] * 20
    deadline = time.monotonic() + 5
    while not has_room():
        assert time.monotonic() < deadline


def test_clients_that_leave_in_the_middle_leave_no_trace_in_the_log(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", settings=WITHOUT_LIMITS | {"POSTERN_STORE__URL": "memory:"})
    for _ in range(30):
        with RawConnection(server.port) as leaving:
            leaving.send(request("POST", "/client/register", JSON, "Content-Length: 100") + b"{")
        with RawConnection(server.port) as leaving:
            leaving.send(request("POST", "/client/register", JSON, body=b'{"clientName":"x","clientType":"public"}'))
        with RawConnection(server.port) as leaving:
            leaving.send(request("GET", "/sign-in") * 3)
    assert exchange(server.port, LIVE).status == 200
    assert server.stop() == 0
    log = server.log.read_text("utf-8")
    assert "Traceback" not in log
    assert '"error"' not in log


@pytest.mark.alone
@pytest.mark.parametrize(
    "beginning, more",
    [
        (b"POST /token?", b"a=1&" * 4096),
        (b"POST /token HTTP/1.1\r\nX-Long: ", b"y" * 16384),
        (b"POST /token HTTP/1.1\r\n" + b"Y", b"y" * 16384),
        (b"POST /token HTTP/1.1\r\n", b"a: bcdefgh\r\n" * 1000),
        (request("POST", "/token", JSON, "Transfer-Encoding: chunked") + b"0\r\nX-Trailer: ", b"y" * 16384),
        (request("POST", "/token", JSON, "Transfer-Encoding: chunked") + b"0\r\n", b"a: bcdefgh\r\n" * 1000),
        (LIVE + b"GET /healthz/live HTTP/1.1\r\nX-Long: ", b"y" * 16384),
    ],
    ids=["url", "value", "name", "headers", "trailer", "trailers", "second"],
)
def test_a_head_without_end_is_refused(server: ServerProcess, beginning: bytes, more: bytes) -> None:
    with RawConnection(server.port) as endless:
        begun, sent = time.monotonic(), 0
        endless.send(beginning)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < 64 << 20:
                endless.send(more)
                sent += len(more)
                time.sleep(0.001)
        assert sent < 4 << 20
        assert time.monotonic() - begun < TIMEOUT


@pytest.mark.parametrize(
    "head",
    [
        request("GET", "/healthz/live?" + "a" * 70_000),
        request("GET", "/healthz/live", "X-Long: " + "a" * 70_000),
        request("GET", "/healthz/live", *["a: b"] * 300),
    ],
    ids=["url", "value", "headers"],
)
@pytest.mark.parametrize("before", [b"", request("GET", "/healthz/ready")], ids=["first", "second"])
def test_a_large_head_is_answered_with_431(server: ServerProcess, before: bytes, head: bytes) -> None:
    with RawConnection(server.port) as connection:
        if before:
            connection.send(before)
            assert connection.receive().status == 200
        connection.send(head)
        assert connection.receive().status == 431
        assert connection.is_closed()


def test_heads_and_bodies_within_the_limits_are_served(server: ServerProcess) -> None:
    long = request("GET", "/healthz/live", "X-Long: " + "a" * 40_000, *["a: b"] * 150)
    body = request("POST", "/token", JSON, body=b'{"a":"' + b"x" * 60_000 + b'"}')
    with RawConnection(server.port) as connection:
        connection.send((long + body) * 10 + LIVE * 2000)
        assert [connection.receive().status for _ in range(20)] == [200, 400] * 10
        assert all(connection.receive().status == 200 for _ in range(2000))
        chunk = b"%x\r\n%s\r\n" % (30_000, b" " * 30_000)
        connection.send(request("POST", "/token", JSON, "Transfer-Encoding: chunked") + chunk * 2 + b"2\r\n{}\r\n")
        connection.send(b"0\r\nX-Trailer: a\r\n\r\n" + LIVE)
        assert [connection.receive().status for _ in range(2)] == [400, 200]


H2C = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]
WEBSOCKET = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="]


@pytest.mark.parametrize("pause", [0, 0.2])
@pytest.mark.parametrize("wish", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
def test_the_body_of_an_upgrade_request_is_its_body(server: ServerProcess, wish: list[str], pause: float) -> None:
    """It was taken for the next request, by which one client could put words into the mouth of another."""
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/token", JSON, *wish, f"Content-Length: {len(LIVE)}"))
        time.sleep(pause)
        connection.send(LIVE)
        assert connection.receive().status == 400
        assert connection.is_closed()


@pytest.mark.parametrize("wish", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
def test_a_wish_to_change_the_protocol_is_ignored(server: ServerProcess, wish: list[str]) -> None:
    registration = request("POST", "/client/register", JSON, *wish, body=b'{"clientName":"x","clientType":"public"}')
    with RawConnection(server.port) as connection:
        connection.send((registration + request("GET", "/healthz/live", *wish)) * 20 + LIVE)
        assert [connection.receive().status for _ in range(41)] == [200] * 41


@pytest.mark.parametrize("pause", [0, 0.2])
def test_connect_is_refused_and_nothing_after_it_is_answered(server: ServerProcess, pause: float) -> None:
    with RawConnection(server.port) as connection:
        connection.send(request("CONNECT", "postern.test:443") + (b"" if pause else LIVE))
        if pause:
            time.sleep(pause)
            with contextlib.suppress(ConnectionError):
                connection.send(LIVE)
        answer = connection.receive()
        assert (answer.status, answer.header("connection")) == (400, "close")
        assert connection.is_closed()


def test_a_request_before_a_refused_one_gets_its_own_answer(server: ServerProcess) -> None:
    with RawConnection(server.port) as connection:
        connection.send(LIVE + request("CONNECT", "postern.test:443") + LIVE)
        assert connection.receive().status == 200
        assert connection.is_closed()


def test_an_empty_line_does_not_keep_an_idle_connection(server: ServerProcess) -> None:
    with RawConnection(server.port, timeout=5) as idle:
        idle.send(LIVE)
        assert idle.receive().status == 200
        idle.send(b"\r\n")
        assert idle.is_closed()


def is_refused(connection: RawConnection, deadline: float) -> bool:
    """Whether the server has closed it until then."""
    while time.monotonic() < deadline:
        try:
            connection.send(LIVE)
        except ConnectionError:
            return True
        time.sleep(0.1)
    return False


def test_a_client_that_does_not_read_is_closed(server: ServerProcess) -> None:
    """The answers are more than the system holds back for anybody, and no more work for the server than that takes."""
    with ExitStack() as stack:
        deaf = [stack.enter_context(RawConnection(server.port, receive_buffer=2048)) for _ in range(5)]
        for connection in deaf:
            connection.send(request("GET", "/static/postern.css") * 1000)
        deadline = time.monotonic() + PATIENCE
        for connection in deaf:
            assert is_refused(connection, deadline)
    assert exchange(server.port, LIVE).status == 200


def test_half_sent_requests_do_not_delay_the_stop(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", settings=WITHOUT_LIMITS | {"POSTERN_STORE__URL": "memory:"})
    beginnings = [
        b"",
        b"POST /token HT",
        request("POST", "/token", JSON, "Content-Length: 100") + b"{",
        request("POST", "/sign-in", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 9") + b"a",
        LIVE + request("POST", "/token", JSON, "Content-Length: 100") + b"{",
    ]
    with ExitStack() as stack:
        for beginning in beginnings * 10:
            stack.enter_context(RawConnection(server.port)).send(beginning)
        assert exchange(server.port, LIVE).status == 200
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 3
    log = server.log.read_text("utf-8")
    assert "Traceback" not in log
    assert '"error"' not in log


def test_a_write_to_a_connection_that_just_ended_is_no_error() -> None:
    reason = ""

    async def write(*_: object) -> None:
        raise RuntimeError(reason)

    application = Application(Settings())
    application._inner = write
    reason = "unable to perform operation on <TCPTransport closed=True>; the handler is closed"
    asyncio.run(application({"type": "http"}, write, write))  # type: ignore[arg-type]
    reason = "something else"
    with pytest.raises(RuntimeError, match=reason):
        asyncio.run(application({"type": "http"}, write, write))  # type: ignore[arg-type]


def test_the_server_asks_for_as_many_files_as_it_may_have(tmp_path: Path) -> None:
    """With a thousand, which is usual, the thousandth client would keep everybody else out."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
    try:
        server = ServerProcess(tmp_path / "data", settings=WITHOUT_LIMITS | {"POSTERN_STORE__URL": "memory:"})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(RawConnection(server.port))
        assert exchange(server.port, LIVE).status == 200
    assert server.stop() == 0
