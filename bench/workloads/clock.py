"""Doing something for a while, and telling how often it was done."""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

IN_FLIGHT = 32
_WARM_UP = 50


def until(seconds: float, once: Callable[[], object]) -> None:
    for _ in range(_WARM_UP):
        once()
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for _ in range(20):
            once()
        count += 20
    report(count, elapsed)


async def until_async(seconds: float, once: Callable[[], Awaitable[object]]) -> None:
    import asyncio

    await asyncio.gather(*(once() for _ in range(_WARM_UP)))
    started = time.perf_counter()

    async def worker() -> int:
        count = 0
        while time.perf_counter() - started < seconds:
            await once()
            count += 1
        return count

    counts = await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    report(sum(counts), time.perf_counter() - started)


def report(calls: int, seconds: float) -> None:
    # Not by getrusage: a process inherits the peak of the one that started it.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    memory = int(peak.split()[1]) / 1024
    print(json.dumps({"calls": calls, "seconds": seconds, "memory": memory}))
