"""The asyncio driver of flows."""

import asyncio
import contextlib
import inspect
from typing import Any, TypeVar

from postern.client.effects import Call, Effect, Emit, Flow, Send, Sleep
from postern.client.http import AsyncTransport

T = TypeVar("T")


async def run(flow: Flow[T], transport: AsyncTransport) -> T:
    """Drive ``flow`` to its end; its result, or what it raises. A cancellation is thrown into the flow, which cleans
    up and lets it pass.
    """
    try:
        effect = next(flow)
        while True:
            try:
                answer = await _perform(effect, transport)
            except BaseException as error:  # noqa: BLE001  # the flow decides: it cleans up, goes on, or lets it out
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()


async def _perform(effect: Effect, transport: AsyncTransport) -> Any:
    match effect:
        case Send():
            return await transport.send(effect.request)
        case Sleep():
            await asyncio.sleep(effect.seconds)
        case Call():
            return await _call(effect)
        case Emit():
            for listener in effect.listeners:
                result = listener(*effect.arguments)
                if inspect.isawaitable(result):
                    await result
    return None


async def _call(effect: Call) -> Any:
    work = asyncio.create_task(asyncio.to_thread(effect.function))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(_look_at)
        if effect.cancel is not None:
            effect.cancel()
            await _end_of(work)
        raise


async def _end_of(work: "asyncio.Task[Any]") -> None:
    """Wait for the thread, however often the task is cancelled meanwhile."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([work])


def _look_at(work: "asyncio.Task[Any]") -> None:
    """A thread that nobody waits for any more may end as it likes; asyncio would complain of an error not looked at."""
    if not work.cancelled():
        work.exception()
