"""What a worker does besides answering: renew its snapshots of keys and denylist each second, sweep expired rows."""

import asyncio
import logging
import random

from postern.core.keys import MasterKeyError
from postern.core.service import Service
from postern.core.store import StoreError
from postern.server.clock import NodeClock
from postern.server.settings import StoreSettings

# What another node changed is known here within a second, the time it takes to read it included.
RENEWAL_INTERVAL = 0.75

_log = logging.getLogger(__name__)


async def renew_for_ever(service: Service, clock: NodeClock) -> None:
    """Whatever fails is tried again; until then the last snapshots hold."""
    while True:
        await asyncio.sleep(RENEWAL_INTERVAL)
        try:
            await clock.follow(service.store)
            await service.renew()
        except (StoreError, MasterKeyError) as error:
            _log.warning("keys and denylist were not renewed", extra={"fields": {"reason": str(error)}})
        except Exception:  # noqa: BLE001 - a worker without its house-keeping would run on stale keys
            _log.exception("keys and denylist were not renewed")


async def sweep_for_ever(service: Service, settings: StoreSettings) -> None:
    """Small transactions with pauses between them, so that no request waits long; at once again while there is much
    to delete.
    """
    while True:
        # Workers and nodes that started together shall not sweep together.
        await asyncio.sleep(settings.sweep_interval * random.uniform(0.75, 1.25))  # noqa: S311
        try:
            await sweep(service, settings.sweep_rows)
        except StoreError as error:
            _log.warning("expired rows were not swept", extra={"fields": {"reason": str(error)}})
        except Exception:  # noqa: BLE001 - a worker without its house-keeping would run on stale keys
            _log.exception("expired rows were not swept")


async def sweep(service: Service, rows: int) -> int:
    """Sweep until little is found; how many rows were deleted."""
    total = 0
    while deleted := await service.store.sweep(service.now(), rows):
        total += deleted
        if deleted < rows // 2:
            break
        await asyncio.sleep(0.05)
    return total
