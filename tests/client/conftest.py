from collections.abc import Iterator

import pytest

from postern.client.global_config import config
from tests.client.fakes import Either


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest) -> Either:
    return Either(request.param)


@pytest.fixture
def fresh_config() -> Iterator[None]:
    config.clear()
    yield
    config.clear()
