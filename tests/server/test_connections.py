"""Connections with a clock: the slow, the idle and the too many are closed, and nobody else notices."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess
from tests.server.raw import RawConnection, exchange, request

JSON = "Content-Type: application/json"
LIVE = request("GET", "/healthz/live")
TIMEOUT, IDLE = 1, 2


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
