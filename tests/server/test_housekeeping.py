"""What a worker does besides answering goes on whatever happens."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from postern.core.service import Service
from postern.server import housekeeping
from postern.server.clock import NodeClock
from postern.server.settings import StoreSettings


async def runs_again(work: Callable[[], Awaitable[None]], calls: "asyncio.Queue[None]") -> None:
    task = asyncio.ensure_future(work())
    async with asyncio.timeout(10):
        for _ in range(3):
            await calls.get()
    assert not task.done()
    task.cancel()


async def test_what_nobody_expected_ends_neither_renewal_nor_sweeping(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = asyncio.Queue[None]()

    async def fail(*_: object) -> None:
        calls.put_nowait(None)
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(housekeeping, "RENEWAL_INTERVAL", 0)
    monkeypatch.setattr(service, "renew", fail)
    monkeypatch.setattr(housekeeping, "sweep", fail)
    monkeypatch.setattr("random.uniform", lambda *_: 0)
    await runs_again(lambda: housekeeping.renew_for_ever(service, NodeClock()), calls)
    await runs_again(lambda: housekeeping.sweep_for_ever(service, StoreSettings()), calls)
    logged = [record for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert {record.getMessage() for record in logged} == {
        "keys and denylist were not renewed",
        "expired rows were not swept",
    }
