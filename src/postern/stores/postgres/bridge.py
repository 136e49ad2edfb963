"""The store verbs are written once, as plain functions over `Rows`. Here such a function runs in a greenlet, and each
call that needs the database steps out of it, is awaited on the event loop, and steps back in with the result.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


def awaited(call: Awaitable[T]) -> T:
    """Wait for ``call`` without blocking the event loop. Only inside of `run`."""
    loop_side = getcurrent().parent
    if loop_side is None:
        raise RuntimeError("not inside of a bridged function")
    result: T = loop_side.switch(call)
    return result


async def run(work: Callable[[], T]) -> T:
    """Run a plain function that waits by `awaited`."""
    side: Any = greenlet(work)
    stepped_out = side.switch()
    while not side.dead:
        try:
            result = await stepped_out
        except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to the function
            stepped_out = side.throw(error)
        else:
            stepped_out = side.switch(result)
    finished: T = stepped_out
    return finished
