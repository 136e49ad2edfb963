"""`PostgresStore`: any number of nodes share one database. See `postern.core.store.Store` for the promises.

What is asked for most goes by statements of its own, many callers in one: polls, access tokens, new device
authorizations, redemptions, rotations. Everything else is the verbs of `RowStore`, each in one transaction.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from postern.api.errors import ModelledError
from postern.core import attempts
from postern.core.directory.records import Account, AssignedRole, PermissionSet
from postern.core.records import Attempts, DeviceAuthorization, DevicePoll, Instance, Record, TokenFamily
from postern.core.store import (
    AlreadyExists,
    RedeemAuthorizationCode,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
    StoreError,
    StoreUnavailable,
)
from postern.stores.postgres import assigned_roles, bridge
from postern.stores.postgres.address import Address, parse
from postern.stores.postgres.connections import Connection, Connections
from postern.stores.postgres.decisions import C, Decisions, Outcome, code_redemptions, device_redemptions, rotations
from postern.stores.postgres.dialect import TABLES, by_column, insert_many, with_values
from postern.stores.postgres.gathering import Gatherer
from postern.stores.postgres.rows import PostgresRows, device_poll
from postern.stores.postgres.schema import migrate, missing_migrations
from postern.stores.postgres.transactions import transaction
from postern.stores.row_store import EXPIRING, RowStore, delete_expired
from postern.stores.rows import Rows

T = TypeVar("T")

_TRIES = 3  # of a decision that was overtaken, before it locks its rows
_READS_AT_ONCE = 2
_WRITES_AT_ONCE = 2
_GATE = "SELECT gate FROM configuration_gate FOR UPDATE"
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
_POLLS = (
    "SELECT authorization_id, client_digest, status, expires_at FROM device_authorization "
    "WHERE authorization_id = ANY($1::bigint[])"
)
_FAMILIES = f"{TABLES[TokenFamily].select} WHERE family_id = ANY($1::bigint[])"
_UNLESS_TAKEN = "ON CONFLICT DO NOTHING RETURNING authorization_id, user_code_digest"
# The counter as it is, or anew; in either case nobody else changes it until we are done.
_CLAIM_COUNTER = (
    "INSERT INTO attempts (counter_digest, failures, last_failure_at, blocked_until, expires_at) "
    "VALUES ($1, 0, 0, 0, 0) ON CONFLICT (counter_digest) DO UPDATE SET failures = attempts.failures "
    "RETURNING counter_digest, failures, last_failure_at, blocked_until, expires_at"
)


class PostgresStore(RowStore):
    """Made by `open_postgres`; it connects on first use."""

    def __init__(self, address: Address, *, create: bool) -> None:
        self._connections = Connections(address, migrate if create else _require_current)
        self._cursors: dict[type[Record], object] = {}
        self._polls = self._reader(_POLLS, device_poll)
        self._families = self._reader(_FAMILIES, _family)
        self._new_devices = Gatherer(self._insert_devices, at_once=_WRITES_AT_ONCE)
        self._rotations = self._decider(rotations(self._connections))
        self._device_redemptions = self._decider(device_redemptions(self._connections))
        self._code_redemptions = self._decider(code_redemptions(self._connections))

    # The verbs of `RowStore`, each on one connection

    async def _read(self, work: Callable[[Rows], T]) -> T:
        return await self._connections.run(lambda connection: self._bridged(connection, work))

    async def _write(self, work: Callable[[Rows], T]) -> T:
        return await self._connections.run(lambda connection: self._transaction(connection, work))

    async def _write_whole(self, work: Callable[[Rows], T]) -> T:
        async def alone(connection: Connection) -> T:
            async with transaction(connection):
                await connection.fetch(_GATE)
                return await self._bridged(connection, work)

        return await self._connections.run(alone)

    async def _write_decision(self, work: Callable[[Rows], T]) -> T:
        """It sees everything as it was at one moment; if what it holds was changed since, it begins anew."""

        def decide() -> Awaitable[T]:
            return self._connections.run(lambda connection: self._transaction(connection, work, "repeatable_read"))

        try:
            return await decide()
        except AlreadyExists:  # two used the same assertion at once: the second sees it now
            return await decide()

    async def _transaction(
        self, connection: Connection, work: Callable[[Rows], T], isolation: str = "read_committed"
    ) -> T:
        async with transaction(connection, isolation):
            return await self._bridged(connection, work)

    async def _bridged(self, connection: Connection, work: Callable[[Rows], T]) -> T:
        rows = PostgresRows(connection, self._cursors)

        def all_of_it() -> T:
            result = work(rows)
            rows.flush()
            return result

        return await bridge.run(all_of_it)

    # Reads and writes of many callers in one statement

    def _reader(self, statement: str, record: Callable[[Any], T]) -> Gatherer[int, T | None]:
        async def read(keys: Sequence[int]) -> list[T | None]:
            distinct = list(set(keys))
            rows = await self._connections.run(lambda connection: connection.fetch(statement, distinct))
            found = {row[0]: record(row) for row in rows}
            return [found.get(key) for key in keys]

        return Gatherer(read, at_once=_READS_AT_ONCE)

    def _decider(self, decisions: Decisions[C]) -> Gatherer[C, Outcome]:
        return Gatherer(decisions, at_once=_WRITES_AT_ONCE)

    async def _decide(self, batches: Gatherer[C, Outcome], command: C) -> TokenFamily | None:
        """The answer; ``None`` if others were faster again and again."""
        for _ in range(_TRIES):
            step = await batches(command)
            if isinstance(step, StoreError):
                raise step
            if step is not None:
                if isinstance(step.answer, ModelledError):
                    raise step.answer
                return step.answer
        return None

    async def _insert_devices(self, devices: Sequence[DeviceAuthorization]) -> list[bool]:
        table = TABLES[DeviceAuthorization]
        columns = with_values(by_column(table.columns, (table.row(device) for device in devices)))
        statement = f"{insert_many(DeviceAuthorization, tuple(columns))} {_UNLESS_TAKEN}"
        rows = await self._connections.run(lambda connection: connection.fetch(statement, *columns.values()))
        inserted = {tuple(row) for row in rows}
        return [(device.authorization_id, device.user_code_digest) in inserted for device in devices]

    async def create_device_authorization(self, authorization: DeviceAuthorization) -> None:
        if not await self._new_devices(authorization):
            raise AlreadyExists("device_authorization")

    async def find_device_poll(self, authorization_id: int) -> DevicePoll | None:
        return await self._polls(authorization_id)

    async def find_token_family(self, family_id: int) -> TokenFamily | None:
        return await self._families(family_id)

    async def redeem_device_authorization(self, command: RedeemDeviceAuthorization) -> TokenFamily:
        answer = await self._decide(self._device_redemptions, command)
        return answer or await super().redeem_device_authorization(command)

    async def redeem_authorization_code(self, command: RedeemAuthorizationCode) -> TokenFamily:
        # What an application may is looked up beside it, and is the slower way's.
        answer = await self._decide(self._code_redemptions, command) if command.application_arn is None else None
        return answer or await super().redeem_authorization_code(command)

    async def rotate_refresh_token(self, command: RotateRefreshToken) -> TokenFamily:
        answer = await self._decide(self._rotations, command) if command.application_arn is None else None
        return answer or await super().rotate_refresh_token(command)

    # Statements of their own

    async def reserve_attempt(self, counter_digest: bytes, schedule: attempts.Schedule, now: int) -> int:
        async def reserve(connection: Connection) -> int:
            async with transaction(connection):
                (row,) = await connection.fetch(_CLAIM_COUNTER, counter_digest)
                current = Attempts(**dict(row))
                counted, wait = attempts.reserve(counter_digest, current, schedule, now)
                if counted is not None:
                    table = TABLES[Attempts]
                    await connection.execute(table.update, *table.changes(counted))
                return wait

        return await self._connections.run(reserve)

    async def list_assigned_accounts(self, user_id: str, after: str, limit: int) -> list[Account]:
        return await self._connections.run(
            lambda connection: assigned_roles.accounts(connection, user_id, after, limit)
        )

    async def list_assigned_roles(self, user_id: str, account_id: str) -> list[PermissionSet]:
        return await self._connections.run(lambda connection: assigned_roles.roles(connection, user_id, account_id))

    async def find_assigned_role(self, user_id: str, account_id: str, role_name: str) -> AssignedRole | None:
        return await self._connections.run(
            lambda connection: assigned_roles.role(connection, user_id, account_id, role_name)
        )

    async def sweep(self, now: int, limit: int) -> int:
        """Kind by kind, so that no lock is held longer than one kind takes."""
        swept = 0
        for kind, stay in EXPIRING.items():
            swept += await self._read(partial(delete_expired, kind=kind, now=now - stay, limit=limit))
        return swept

    async def read_clock(self) -> float:
        """Unix seconds by the clock of the database, which all nodes share."""
        seconds: float = await self._connections.run(lambda connection: connection.fetchval(_CLOCK))
        return seconds

    async def check(self, *, thoroughly: bool = False) -> None:
        await self._read(lambda rows: rows.all(Instance))
        if thoroughly:
            for table in TABLES.values():
                # Every row is read and decoded, so what is damaged is met.
                await self._connections.run(partial(_read_through, statement=table.select))

    async def close(self) -> None:
        await self._connections.close()


def open_postgres(url: str, *, create: bool = True) -> PostgresStore:
    """The store in a PostgreSQL database. It connects on first use, and brings the schema up to date then unless
    ``create`` is false.

    Raises:
        BadAddress: the URL has an option that it cannot have.
    """
    return PostgresStore(parse(url), create=create)


def _family(row: Any) -> TokenFamily:
    return cast("TokenFamily", TABLES[TokenFamily].record(row))


async def _require_current(connection: Connection) -> None:
    if await missing_migrations(connection):
        raise StoreUnavailable("there is no store of this version in the database: run `postern store migrate`")


async def _read_through(connection: Connection, statement: str) -> None:
    async with connection.transaction():
        async for _ in connection.cursor(statement, prefetch=1000):
            pass
