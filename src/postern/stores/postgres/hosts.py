"""Which of several servers takes writes now."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

_HEAD_START = 0.3


class Hosts:
    """The servers that a URL names. They are asked one after the other, each a moment after the one before and not
    after its answer, so that one from which nothing comes back keeps nobody waiting. The one that was found last is
    asked first: a former primary that is back is not returned to.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = list(urls)

    async def connect(self, *_: object, **options: Any) -> Any:
        """A connection to the first that is as the URL wants it. The options are the driver's.

        Raises:
            Exception: what the driver raised for one of them, if there is none.
        """
        waiting = list(self._urls)
        attempts: dict[asyncio.Task[Any], str] = {}
        failures: list[BaseException] = []
        try:
            while len(failures) < len(self._urls):
                if waiting:
                    url = waiting.pop(0)
                    attempts[asyncio.ensure_future(asyncpg.connect(url, **options))] = url
                finished = await _first(attempts, _HEAD_START if waiting else None)
                for attempt in finished:
                    failure = attempt.exception()
                    if failure is None:
                        return self._found(attempts.pop(attempt), attempt.result())
                    failures.append(failure)
                    del attempts[attempt]
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_hang_up)
        raise _most_telling(failures)

    def _found(self, url: str, connection: Any) -> Any:
        self._urls.remove(url)
        self._urls.insert(0, url)
        connection.host = url
        return connection

    def distrust(self, url: str) -> None:
        """Ask it last: it may be one that was replaced, and whose commits wait for ever."""
        self._urls.sort(key=lambda other: other == url)


async def _first(attempts: dict["asyncio.Task[Any]", str], patience: float | None) -> Sequence["asyncio.Task[Any]"]:
    """Those that have ended, in the order in which they were begun."""
    await asyncio.wait(attempts, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    return [attempt for attempt in attempts if attempt.done()]


def _hang_up(attempt: "asyncio.Task[Any]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


def _most_telling(failures: Sequence[BaseException]) -> BaseException:
    """That one is a standby is expected; why the other is not there is what an operator wants to know."""
    unexpected = [each for each in failures if not isinstance(each, asyncpg.TargetServerAttributeNotMatched)]
    return (unexpected or failures)[0]
