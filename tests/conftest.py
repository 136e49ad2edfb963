"""Fixtures that more than one floor uses. Everything else stands beside its tests."""

import pytest

from postern.core.audit import AuditEvent
from postern.core.service import Service
from tests.core.world import PlainHasher, VirtualClock, World, open_world


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def hasher() -> PlainHasher:
    return PlainHasher()


@pytest.fixture
def events() -> list[AuditEvent]:
    """The audit events so far, in order."""
    return []


@pytest.fixture
async def world(clock: VirtualClock, events: list[AuditEvent], hasher: PlainHasher) -> World:
    return await open_world(clock, events, hasher)


@pytest.fixture
def service(world: World) -> Service:
    return world.service
