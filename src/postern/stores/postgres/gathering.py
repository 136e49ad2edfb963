"""What is waiting goes in one statement: the counterpart of SQLite's group commit."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from postern.core.store import StoreUnavailable

C = TypeVar("C")
A = TypeVar("A")


class Gatherer(Generic[C, A]):
    """Answers commands in batches. A command that comes when nothing is under way is not kept waiting; while
    ``at_once`` batches are, the next one gathers, ``at_most`` commands long.
    """

    def __init__(
        self, answer: Callable[[Sequence[C]], Awaitable[Sequence[A]]], *, at_once: int, at_most: int = 500
    ) -> None:
        self._answer = answer
        self._at_once = at_once
        self._at_most = at_most
        self._waiting: list[tuple[C, asyncio.Future[A]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._is_called = False

    async def __call__(self, command: C) -> A:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.append((command, future))
        if not self._is_called and len(self._running) < self._at_once:
            self._is_called = True
            loop.call_soon(self._begin)  # what arrives in this turn of the loop goes along
        try:
            return await future
        finally:
            del future  # what it raises has this frame in its traceback: it would keep itself alive

    def _begin(self) -> None:
        self._is_called = False
        while self._waiting and len(self._running) < self._at_once:
            batch, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._begin()

    async def _run(self, batch: "list[tuple[C, asyncio.Future[A]]]") -> None:
        wanted = [(command, future) for command, future in batch if not future.done()]
        if not wanted:
            return
        try:
            answers = await self._answer([command for command, _ in wanted])
        except BaseException as error:  # noqa: BLE001  # whoever waits must hear of it
            for _, future in wanted:
                if not future.done():
                    future.set_exception(_one_s_own(error))
            return
        for (_, future), answer in zip(wanted, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _one_s_own(error: BaseException) -> BaseException:
    """A copy for each who waits: a traceback grows wherever its exception is raised."""
    if isinstance(error, asyncio.CancelledError):
        return StoreUnavailable("the store is closing")
    copied = copy.copy(error)
    return copied.with_traceback(error.__traceback__)
