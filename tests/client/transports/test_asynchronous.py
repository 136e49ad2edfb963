"""Tasks, cancellation and loops. That no socket is left open is checked by warnings being errors."""

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest
import uvloop

from postern.client.errors import ConfigurationError, InvalidResponse, TlsError
from postern.client.transports.async_connection import Connection, open_connection
from postern.client.transports.asynchronous import AsyncConnectionPool
from postern.client.transports.exchange import ResponseReader
from postern.client.transports.options import TransportOptions
from postern.client.transports.routes import Routes
from postern.client.transports.tls import Trust
from tests.client.stub_server import Answer, Pause, Received, StubServer, json_answer, raw_answer
from tests.client.transports.certificates import Certificates
from tests.client.transports.pools import get, post

LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
NewLoop = Callable[[], asyncio.AbstractEventLoop]


def echo(request: Received) -> Answer:
    return raw_answer(body=request.body)


@pytest.fixture
def silent() -> StubServer:
    return StubServer([[Pause(20)]])


async def test_tasks_get_their_own_answers_and_share_connections() -> None:
    pool = AsyncConnectionPool(TransportOptions(max_idle=32))

    async def ask(number: int) -> bytes:
        return b"".join([(await pool.send(post(server.url, b"%d," % number))).body for _ in range(10)])

    with StubServer(echo) as server:
        answers = await asyncio.gather(*(ask(number) for number in range(16)))
        await pool.close()
    assert answers == [b"%d," % number * 10 for number in range(16)]
    assert server.connections <= 16


async def test_requests_wait_when_there_are_too_many() -> None:
    pool = AsyncConnectionPool(TransportOptions(max_connections=3))
    with StubServer([[Pause(0.01), json_answer()]]) as server:
        await asyncio.gather(*(pool.send(get(server.url)) for _ in range(9)))
        assert (server.connections, len(server.requests)) == (3, 9)
        await pool.close()


async def test_there_need_be_no_limit_to_connections() -> None:
    pool = AsyncConnectionPool(TransportOptions(max_connections=0))
    with StubServer([json_answer()]) as server:
        assert (await pool.send(get(server.url))).status == 200
        await pool.close()


async def test_one_that_waits_may_be_cancelled(silent: StubServer) -> None:
    pool = AsyncConnectionPool(TransportOptions(max_connections=1))
    with silent, StubServer([json_answer()]) as server:
        first = asyncio.create_task(pool.send(get(silent.url)))
        await _until_asked(silent)
        second, third = (asyncio.create_task(pool.send(get(server.url))) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        assert (await third).status == 200
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
        await pool.close()


async def _until_asked(server: StubServer) -> None:
    await asyncio.to_thread(server.wait_for, lambda server: len(server.requests) == 1)


@LOOPS
def test_a_cancelled_request_leaves_neither_connection_nor_task(silent: StubServer, new_loop: NewLoop) -> None:
    async def main() -> None:
        pool = AsyncConnectionPool()
        sending = asyncio.create_task(pool.send(get(silent.url)))
        await _until_asked(silent)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.to_thread(silent.wait_until_left)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await pool.close()

    with silent, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@LOOPS
@pytest.mark.parametrize("delay", [0, 0.0005, 0.001, 0.002, 0.004, 0.008])
def test_a_request_may_be_cancelled_while_it_connects(
    certificates: Certificates, delay: float, new_loop: NewLoop
) -> None:
    async def main() -> None:
        pool = AsyncConnectionPool(TransportOptions(ca_bundle=str(certificates.authority)))
        sending = asyncio.create_task(pool.send(get(server.url)))
        await asyncio.sleep(delay)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.to_thread(server.wait_until_left)
        await pool.close()

    context = certificates.server(certificates.good)
    with StubServer([[Pause(20)]], tls=context) as server, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    gc.collect()


@LOOPS
@pytest.mark.parametrize("is_tls", [False, True])
def test_a_pool_that_nobody_closed_is_closed_with_its_loop_and_works_on_the_next(
    certificates: Certificates, is_tls: bool, new_loop: NewLoop
) -> None:
    pool = AsyncConnectionPool(TransportOptions(ca_bundle=str(certificates.authority)))
    context = certificates.server(certificates.good) if is_tls else None

    async def main() -> None:
        await asyncio.gather(*(pool.send(get(server.url)) for _ in range(2)))
        await pool.send(get(server.url))

    with StubServer([json_answer()], tls=context) as server:
        for count in (2, 4):
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(main())
            server.wait_until_left()
            assert server.connections == count
    gc.collect()


async def test_a_pool_that_is_forgotten_closes_its_connections() -> None:
    with StubServer([json_answer()]) as server:
        await AsyncConnectionPool().send(get(server.url))
        gc.collect()
        await asyncio.to_thread(server.wait_until_left)


def test_a_pool_is_closed_from_another_loop() -> None:
    pool, done = AsyncConnectionPool(), threading.Event()

    async def use() -> None:
        await pool.send(get(server.url))
        asked.set()
        await asyncio.to_thread(done.wait, 10)

    with StubServer([json_answer()]) as server:
        asked = threading.Event()
        thread = threading.Thread(target=asyncio.run, args=(use(),))
        thread.start()
        asked.wait(10)
        asyncio.run(pool.close())
        server.wait_until_left()
        done.set()
        thread.join()


async def test_a_closed_pool_sends_nothing() -> None:
    pool = AsyncConnectionPool()
    await pool.close()
    await pool.close()
    with pytest.raises(ConfigurationError, match="the client is closed"):
        await pool.send(get("http://127.0.0.1:1/"))


async def test_a_connection_in_use_outlives_the_close_and_is_not_kept() -> None:
    pool, released = AsyncConnectionPool(), threading.Event()
    with StubServer([[lambda _: released.wait(10), raw_answer(body=b"late")]]) as server:
        late = asyncio.create_task(pool.send(get(server.url)))
        await _until_asked(server)
        await pool.close()
        released.set()
        assert (await late).body == b"late"
        await asyncio.to_thread(server.wait_until_left)


@LOOPS
def test_what_a_server_says_before_it_is_asked_is_not_lost(new_loop: NewLoop) -> None:
    greeted = threading.Event()
    trust = Trust(TransportOptions())

    async def greet(server: StubServer) -> Connection:
        route = Routes(TransportOptions()).find(get(server.url))[0]
        connection = await open_connection(asyncio.get_running_loop(), route, trust, None)
        await asyncio.to_thread(greeted.wait, 10)
        await asyncio.sleep(0)
        greeted.clear()
        return connection

    async def main() -> None:
        connection = await greet(server)
        with pytest.raises(InvalidResponse, match="not HTTP"):
            await connection.exchange(b"", ResponseReader(place=server.place, max_body=1), 0, is_total=False)
        connection.close()
        connection = await greet(server)
        with pytest.raises(TlsError, match="does not speak TLS"):
            await connection.secure(trust)
        connection.close()
        await asyncio.to_thread(server.wait_until_left)

    greeting: Answer = (b"SSH-2.0-OpenSSH_9.6\r\n", lambda _: greeted.set())
    with StubServer([], greeting=greeting) as server, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
