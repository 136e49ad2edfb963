"""A network for each test."""

import pytest

from tests.remote.network import Network


@pytest.fixture
def network() -> Network:
    return Network()
