"""An access key in the small world."""

import pytest

from tests.core.iam.signing import Desk, open_desk
from tests.core.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)
