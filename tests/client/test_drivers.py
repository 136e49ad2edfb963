"""The two drivers: they perform what a flow yields, throw into it what goes wrong, and leave nothing behind."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from postern.client import async_driver, driver
from postern.client.effects import Call, Effect, Emit, Flow, Protected, Send, Sleep
from postern.client.errors import ConnectionFailed
from postern.client.http import HttpRequest, HttpResponse
from tests.client.fakes import AsyncScripted, Scripted, answer

REQUEST = HttpRequest(method="GET", url="http://x.test/")
Drive = Callable[[Flow[Any], Any], Any]


@pytest.fixture(params=["sync", "async"])
def drive(request: pytest.FixtureRequest) -> Drive:
    if request.param == "sync":
        return lambda flow, given: driver.run(flow, Scripted(given))
    return lambda flow, given: asyncio.run(async_driver.run(flow, AsyncScripted(given)))


def test_a_flow_gets_the_results_of_its_effects(drive: Drive) -> None:
    heard: list[object] = []

    def flow() -> Flow[object]:
        response = yield Send(REQUEST)
        value = yield Call(lambda: 41)
        nothing = yield Sleep(0)
        yield Emit((heard.append, heard.append), (value,))
        return response.status, value + 1, nothing

    assert drive(flow(), answer(204)) == (204, 42, None)
    assert heard == [41, 41]


@pytest.mark.parametrize("effect", ["send", "call", "emit"])
def test_what_goes_wrong_is_thrown_into_the_flow(drive: Drive, effect: str) -> None:
    failure = ConnectionFailed("refused")

    def fail(*arguments: object) -> None:
        raise failure

    effects: dict[str, Effect] = {"send": Send(REQUEST), "call": Call(fail), "emit": Emit((fail,), ())}

    def flow() -> Flow[object]:
        try:
            yield effects[effect]
        except ConnectionFailed as error:
            return error
        return None

    assert drive(flow(), failure) is failure


def test_what_a_flow_does_not_catch_comes_out_and_its_end_is_seen(drive: Drive) -> None:
    ended: list[bool] = []

    def flow() -> Flow[None]:
        try:
            yield Send(REQUEST)
        finally:
            ended.append(True)

    with pytest.raises(ConnectionFailed):
        drive(flow(), ConnectionFailed("refused"))
    assert ended == [True]


def test_an_interrupt_while_waiting_goes_through_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    def flow() -> Flow[None]:
        try:
            yield Sleep(60)
        except KeyboardInterrupt:
            ended.append("cleaned up")
            raise

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        driver.run(flow(), Scripted(answer()))
    assert ended == ["cleaned up"]


async def test_a_cancelled_task_cancels_what_blocks_and_waits_for_its_end() -> None:
    released = threading.Event()
    ended: list[str] = []

    def block() -> None:
        released.wait(10)
        ended.append("the thread")

    def flow() -> Flow[None]:
        try:
            yield Call(block, cancel=released.set)
        finally:
            ended.append("the flow")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await async_driver.run(flow(), AsyncScripted(answer()))
    assert ended == ["the thread", "the flow"]


async def test_what_must_not_be_broken_off_is_waited_for_however_often_the_task_is_cancelled() -> None:
    may_end, ended = threading.Event(), list[str]()

    def block() -> None:
        may_end.wait(10)
        ended.append("the thread")

    def flow() -> Flow[None]:
        try:
            yield Call(block, cancel=lambda: None)
        finally:
            ended.append("the flow")

    task = asyncio.create_task(async_driver.run(flow(), AsyncScripted(answer())))
    for _ in range(3):
        await asyncio.sleep(0.01)
        task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["the thread", "the flow"]


async def test_the_loop_goes_on_while_a_flow_blocks() -> None:
    ticked = threading.Event()

    def flow() -> Flow[bool]:
        has_ticked: bool = yield Call(lambda: ticked.wait(10))
        return has_ticked

    asyncio.get_running_loop().call_later(0.01, ticked.set)
    assert await async_driver.run(flow(), AsyncScripted(answer()))


async def test_a_listener_may_be_awaited() -> None:
    heard: list[int] = []

    async def listen(value: int) -> None:
        await asyncio.sleep(0)
        heard.append(value)

    def flow() -> Flow[None]:
        yield Emit((listen, heard.append), (1,))

    await async_driver.run(flow(), AsyncScripted(answer()))
    assert heard == [1, 1]


class Slow:
    """A transport that answers when it may."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.is_asked.set()
        await self.may_answer.wait()
        return answer(204)

    async def close(self) -> None:
        raise AssertionError("a driver closes nothing")


def protecting(ended: list[str]) -> Flow[object]:
    def inner() -> Flow[object]:
        try:
            response = yield Send(REQUEST)
            yield Call(lambda: ended.append(f"kept {response.status}"))
        finally:
            ended.append("the inner flow")
        return response.status

    try:
        return (yield Protected(inner()))
    finally:
        ended.append("the outer flow")


def test_a_protected_flow_has_its_results_and_failures_like_any_other(drive: Drive) -> None:
    ended: list[str] = []

    assert drive(protecting(ended), answer(204)) == 204
    with pytest.raises(ConnectionFailed):
        drive(protecting(ended), ConnectionFailed("refused"))

    assert ended == ["kept 204", "the inner flow", "the outer flow", "the inner flow", "the outer flow"]


async def test_a_protected_flow_is_not_broken_off_however_often_the_task_is_cancelled() -> None:
    ended, transport = list[str](), Slow()
    task = asyncio.create_task(async_driver.run(protecting(ended), transport))
    await transport.is_asked.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
    assert ended == []

    transport.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["kept 204", "the inner flow", "the outer flow"]


def test_the_end_of_the_loop_does_not_break_it_off_either() -> None:
    ended: list[str] = []

    async def program() -> None:
        transport = Slow()
        task = asyncio.create_task(async_driver.run(protecting(ended), transport))
        await transport.is_asked.wait()
        asyncio.get_running_loop().call_later(0.02, transport.may_answer.set)
        assert not task.done()

    asyncio.run(program())

    assert ended == ["kept 204", "the inner flow", "the outer flow"]


def test_the_end_of_the_loop_waits_for_what_blocks_and_must_not_be_broken_off() -> None:
    is_called, ended = threading.Event(), list[str]()

    def block() -> None:
        is_called.set()
        time.sleep(0.05)
        ended.append("the thread")

    def flow() -> Flow[None]:
        try:
            yield Call(block, cancel=lambda: None)
        finally:
            ended.append("the flow")

    async def program() -> None:
        task = asyncio.create_task(async_driver.run(flow(), AsyncScripted(answer())))
        await asyncio.to_thread(is_called.wait, 10)
        assert not task.done()

    asyncio.run(program())

    assert ended == ["the thread", "the flow"]


async def test_a_protected_flow_is_waited_for_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_driver, "PATIENCE", 0.02)
    ended, transport = list[str](), Slow()
    task = asyncio.create_task(async_driver.run(protecting(ended), transport))
    await transport.is_asked.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["the inner flow", "the outer flow"]
