from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.client.global_config import config
from tests.client.fakes import Either
from tests.client.transports.certificates import Certificates


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest) -> Either:
    return Either(request.param)


@pytest.fixture
def fresh_config() -> Iterator[None]:
    config.clear()
    yield
    config.clear()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return Certificates(folder)
