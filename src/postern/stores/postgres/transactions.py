"""Transactions of which it is told when nobody knows whether they were carried out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from postern.core.store import StoreUnavailable
from postern.stores.postgres.connections import Connection
from postern.stores.postgres.faults import LOST

READ_COMMITTED = "read_committed"


@asynccontextmanager
async def transaction(connection: Connection, isolation: str = READ_COMMITTED) -> AsyncIterator[None]:
    """
    Raises:
        StoreUnavailable: the connection was lost while it was being committed. It may have been carried out, so it is
            not tried again here: what it did would be met as somebody else's.
    """
    block = connection.transaction(isolation=isolation)
    await block.start()
    try:
        yield
    except BaseException:
        await block.rollback()
        raise
    try:
        await block.commit()
    except LOST as error:
        raise StoreUnavailable("the connection was lost in a commit: it may have been carried out") from error
