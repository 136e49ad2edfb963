"""Fixtures of the page tests."""

import pytest

from tests.server.pages.world import World, open_world


@pytest.fixture
async def world() -> World:
    return await open_world()
