"""What waits goes together, and nobody waits who need not."""

import asyncio
from collections.abc import Sequence

import pytest

from postern.stores.postgres.gathering import Gatherer


class Slow:
    """It answers a batch when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def __call__(self, commands: Sequence[int]) -> list[str]:
        self.batches.append(list(commands))
        await self.go.acquire()
        if self.error is not None:
            raise self.error
        return [f"answer {command}" for command in commands]


async def test_what_comes_at_once_goes_at_once_and_what_comes_meanwhile_goes_next() -> None:
    slow = Slow()
    gather = Gatherer(slow, at_once=1, at_most=3)
    calls = [asyncio.ensure_future(gather(number)) for number in range(2)]
    await asyncio.sleep(0.01)
    calls += [asyncio.ensure_future(gather(number)) for number in range(2, 7)]
    await asyncio.sleep(0.01)
    assert slow.batches == [[0, 1]]
    for _ in range(3):
        slow.go.release()
    assert await asyncio.gather(*calls) == [f"answer {number}" for number in range(7)]
    assert slow.batches == [[0, 1], [2, 3, 4], [5, 6]]


async def test_of_a_batch_that_fails_everybody_hears_and_the_next_goes_on() -> None:
    slow = Slow()
    slow.error = OSError("the network")
    gather = Gatherer(slow, at_once=1)
    calls = [asyncio.ensure_future(gather(number)) for number in range(3)]
    slow.go.release()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["the network"] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3  # a traceback is one caller's
    slow.error = None
    slow.go.release()
    assert await gather(7) == "answer 7"


async def test_who_gave_up_is_left_out() -> None:
    slow = Slow()
    gather = Gatherer(slow, at_once=1)
    first, second = asyncio.ensure_future(gather(1)), asyncio.ensure_future(gather(2))
    await asyncio.sleep(0.01)
    third, fourth = asyncio.ensure_future(gather(3)), asyncio.ensure_future(gather(4))
    await asyncio.sleep(0.01)
    third.cancel()
    slow.go.release()
    slow.go.release()
    assert [await first, await second, await fourth] == ["answer 1", "answer 2", "answer 4"]
    assert slow.batches == [[1, 2], [4]]
    with pytest.raises(asyncio.CancelledError):
        await third
