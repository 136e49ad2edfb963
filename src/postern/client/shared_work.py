"""Work that several tasks wait for. Any of them may be cancelled without breaking it off for the others."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Work(Generic[T]):
    def __init__(self, task: "asyncio.Task[T]") -> None:
        self.task = task
        self.waiting = 0


class SharedWork(Generic[T]):
    """What is under way, by what it is for. When the last of those who wait for something is cancelled, it is cancelled
    too, in the background: what must not be broken off then goes on to its end, and `ended` waits for it.
    """

    def __init__(self) -> None:
        self._joinable: dict[float, _Work[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    async def result(self, purpose: float, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of what is under way for this purpose, or of what is begun now; or what it raises."""
        work = self._joinable.get(purpose)
        if work is None:
            work = self._joinable[purpose] = _Work(self._begun(purpose, begin()))
        work.waiting += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if not work.waiting and not work.task.done():
                self._leave(purpose, work.task)
                work.task.cancel()

    async def ended(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begun(self, purpose: float, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._end(purpose, task))
        return task

    def _end(self, purpose: float, task: "asyncio.Task[T]") -> None:
        self._tasks.discard(task)
        self._leave(purpose, task)
        if not task.cancelled():
            task.exception()  # Perhaps nobody waits for it any more, and asyncio would complain.

    def _leave(self, purpose: float, task: "asyncio.Task[T]") -> None:
        """Nobody may join it any more."""
        work = self._joinable.get(purpose)
        if work is not None and work.task is task:
            del self._joinable[purpose]
