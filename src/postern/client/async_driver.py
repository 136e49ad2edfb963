"""The asyncio driver of flows."""

import asyncio
import contextlib
import contextvars
import inspect
from typing import Any, TypeVar

from postern.client.effects import Call, Effect, Emit, Flow, Protected, Send, Sleep
from postern.client.http import AsyncTransport

T = TypeVar("T")

# Seconds that a cancelled task waits for what is protected. An answer that takes longer will hardly come.
PATIENCE = 30.0


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
        case Protected():
            return await _protected(effect.flow, transport)
    return None


async def _call(effect: Call) -> Any:
    # Not a task, as `to_thread` would need: when it ends, `asyncio.run` cancels all tasks, but the thread would go on.
    context = contextvars.copy_context()
    work = asyncio.get_running_loop().run_in_executor(None, context.run, effect.function)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(_look_at)
        if effect.cancel is not None:
            effect.cancel()
            await _end_of(work)
        raise


async def _protected(flow: Flow[Any], transport: AsyncTransport) -> Any:
    work = asyncio.create_task(run(flow, transport))
    # Hidden from `asyncio.run`, which would cancel it too; it ends before the task that waits for it here.
    asyncio._unregister_task(work)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(_look_at)
        limit = asyncio.get_running_loop().call_later(PATIENCE, work.cancel)
        await _end_of(work)
        limit.cancel()
        raise


async def _end_of(work: "asyncio.Future[Any]") -> None:
    """Wait for it, however often the task is cancelled meanwhile."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([work])


def _look_at(work: "asyncio.Future[Any]") -> None:
    """What nobody waits for any more may end as it likes; asyncio would complain of an error not looked at."""
    if not work.cancelled():
        work.exception()
