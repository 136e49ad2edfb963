from collections.abc import Iterator

import pytest

from postern.client.transports.options import TransportOptions
from tests.client.transports.pools import AsyncPool, BlockingPool, OpenPool, Pool, UvloopPool


@pytest.fixture(params=[BlockingPool, AsyncPool, UvloopPool], ids=["blocking", "asyncio", "uvloop"])
def open_pool(request: pytest.FixtureRequest) -> Iterator[OpenPool]:
    """Opens pools, of each kind in turn, that are closed in the end."""
    opened: list[Pool] = []

    def open_one(options: TransportOptions | None = None) -> Pool:
        pool: Pool = request.param(options)
        opened.append(pool)
        return pool

    yield open_one
    for pool in opened:
        pool.leave()


@pytest.fixture
def pool(open_pool: OpenPool) -> Pool:
    """A pool with the options that everybody gets."""
    return open_pool()
