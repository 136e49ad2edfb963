"""Connections to PostgreSQL: a pool that comes back by itself, and the one place that tries again."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from postern.core.store import StoreUnavailable
from postern.stores.postgres.address import Address
from postern.stores.postgres.faults import ANY, CONFLICTS, LOST, came_of, translated
from postern.stores.postgres.hosts import Hosts
from postern.stores.postgres.session import Session

T = TypeVar("T")
Connection = Any  # asyncpg hands out proxies of its own class

# How long a request is held while the database is restarting or another one takes over. Longer, and clients would
# rather be told to come back.
_PATIENCE = 1.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_CONNECT_TIMEOUT = 3.0
# What the server itself ends after the time-outs of the URL is heard of by then.
_GRACE = 2.0
_SETTINGS = """
SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', '15000', false)
"""
# Where the server answers before a commit is on disk, we do not.
_DURABLE = """
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit', true) = 'off'
"""
# A snapshot that was taken before a lock was waited for does not have what the lock's holder wrote: a token could be
# issued to a person who was disabled meanwhile. Under READ COMMITTED each statement sees what was committed before it,
# under SERIALIZABLE the database notices.
_EACH_STATEMENT_SEES = """
SELECT set_config('default_transaction_isolation', 'read committed', false)
WHERE current_setting('default_transaction_isolation', true) = 'repeatable read'
"""
# A plan is made once for a connection's life, or until the tables were analyzed, which may be while they are all but
# empty: then reading a table from end to end is the cheapest way, and stays it when there are a million rows. All that
# is asked for often is asked for by its key, so the ways that read whole tables are taken only where there is no other.
_BY_KEYS = """
SELECT set_config(name, 'off', false) FROM unnest($1::text[]) AS name WHERE current_setting(name, true) = 'on'
"""
_OTHER_WAYS = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit"]


class Connections:
    """A pool for one event loop, opened on first use."""

    def __init__(self, address: Address, prepare: Callable[[Connection], Awaitable[object]]) -> None:
        """``prepare`` is run once, on the first connection, before anything else."""
        self._address = address
        self._hosts = Hosts(address.urls)
        self._answer_within = address.statement_timeout / 1000 + _GRACE
        self._prepare_store = prepare
        self._pool: Any = None
        self._closed = False
        self._opening = asyncio.Lock()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``work`` on a connection of the pool. It is run again when another transaction was in the way, and, for
        a while, when the connection was lost: so ``work`` is such that to run it twice is to run it once.

        Raises:
            StoreUnavailable: no connection could be had, or the statement took too long.
            AlreadyExists: a unique value is taken.
        """
        deadline = time.monotonic() + _PATIENCE
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._run_once(work)
            except ANY as error:
                if not isinstance(error, (*LOST, *CONFLICTS)) or time.monotonic() + pause > deadline:
                    raise translated(error) from None
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError) and self._pool is not None:
                    await self._pool.expire_connections()  # another server is the primary now
            # Who waited for the same thing shall not come back together.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        pool = self._pool or await self._open()
        async with pool.acquire(timeout=_CONNECT_TIMEOUT) as connection:
            host = connection.host
            try:
                return await work(connection)
            except asyncio.CancelledError:
                connection.terminate()
                raise
            except ANY as error:
                if came_of(error, asyncio.CancelledError):
                    raise asyncio.CancelledError from None
                if not came_of(error, TimeoutError):
                    raise
                self._hosts.distrust(host)  # it has failed, it is cut off from us, or its standby has left it
                await pool.expire_connections()
                raise StoreUnavailable(f"the store cannot be used: no answer in {self._answer_within:g} s") from None

    async def _open(self) -> Any:
        async with self._opening:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if self._pool is None:
                address = self._address
                pool = await asyncpg.create_pool(
                    connect=self._hosts.connect,
                    connection_class=Session,
                    min_size=0,
                    max_size=address.pool_size,
                    timeout=_CONNECT_TIMEOUT,
                    command_timeout=self._answer_within,
                    init=self._set_up,
                    reset=_leave,
                    statement_cache_size=500 if address.prepared_statements else 0,
                    max_cached_statement_lifetime=0,
                )
                try:
                    async with pool.acquire() as connection:
                        await self._prepare_store(connection)
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            return self._pool

    async def _set_up(self, connection: Connection) -> None:
        await connection.execute(_SETTINGS, str(self._address.statement_timeout), str(self._address.lock_timeout))
        await connection.execute(_DURABLE)
        await connection.execute(_EACH_STATEMENT_SEES)
        await connection.execute(_BY_KEYS, _OTHER_WAYS)

    async def close(self) -> None:
        self._closed = True
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


async def _leave(connection: Connection) -> None:
    """PERF: nothing in a connection is ever changed, so it is not reset between two uses, which takes as long as a
    query.
    """
