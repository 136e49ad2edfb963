"""Threads, processes and interrupts."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.client.errors import ReadTimeout
from postern.client.transports.blocking import ConnectionPool
from postern.client.transports.options import TransportOptions
from tests.client.stub_server import Answer, Pause, Received, StubServer, json_answer, raw_answer
from tests.client.transports.certificates import Certificates
from tests.client.transports.pools import get, post


def test_threads_get_their_own_answers() -> None:
    pool = ConnectionPool()

    def echo(request: Received) -> Answer:
        return raw_answer(body=request.body)

    def ask(number: int) -> bytes:
        return b"".join(pool.send(post(server.url, b"%d," % number)).body for _ in range(20))

    with StubServer(echo) as server, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
        pool.close()
    assert answers == [b"%d," % number * 20 for number in range(8)]
    assert server.connections <= 8


def test_a_connection_in_use_outlives_the_close_and_is_not_kept() -> None:
    pool, released = ConnectionPool(), threading.Event()

    def wait(_: Received) -> Answer:
        return [lambda _: released.wait(10), raw_answer(body=b"late")]

    with StubServer(wait) as server, ThreadPoolExecutor(1) as thread:
        late = thread.submit(pool.send, get(server.url))
        server.wait_for(lambda server: len(server.requests) == 1)
        pool.close()
        released.set()
        assert late.result().body == b"late"
        server.wait_until_left()


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_the_connections_of_its_parent_alone(certificates: Certificates, is_tls: bool) -> None:
    pool = ConnectionPool(TransportOptions(ca_bundle=str(certificates.authority)))
    with StubServer([json_answer()], tls=certificates.server(certificates.good) if is_tls else None) as server:
        pool.send(get(server.url))
        # As when another thread is busy with the pool at that moment.
        with pool._lock:
            child = os.fork()
            if child == 0:
                os._exit(_in_the_child(pool, server.url))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        pool.send(get(server.url))
        assert [request.connection for request in server.requests] == [1, 2, 2, 1]
        pool.close()


def _in_the_child(pool: ConnectionPool, url: str) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(10)
    try:
        pool.send(get(url))
        pool.send(get(url))
        pool.close()
    except BaseException:
        return 1
    return 0


def test_an_interrupt_closes_the_connection() -> None:
    class Interrupt(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupt

    pool = ConnectionPool()
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with StubServer([[lambda _: os.kill(os.getpid(), signal.SIGUSR1), Pause(20)]]) as server:
            with pytest.raises(Interrupt):
                pool.send(get(server.url))
            server.wait_until_left()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_time_outs_of_zero_are_none() -> None:
    pool = ConnectionPool(TransportOptions(timeout=0, connect_timeout=0))
    with StubServer([[Pause(0.05), json_answer()]]) as server:
        assert pool.send(get(server.url)).status == 200
        with pytest.raises(ReadTimeout):
            pool.send(get(server.url, timeout=0.01))
        assert pool.send(get(server.url, timeout=0)).status == 200
        pool.close()


def test_importing_it_is_cheap() -> None:
    script = (
        "import sys, msgspec; there = set(sys.modules); import postern.client.transports.blocking;"
        "print(*sorted(set(sys.modules) - there))"
    )
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    costly = {
        "asyncio",
        "ssl",
        "http.client",
        "urllib.request",
        "inspect",
        "logging",
        "email",
        "subprocess",
        "dataclasses",
    }
    assert costly.isdisjoint(imported)
