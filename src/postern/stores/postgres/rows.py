"""`PostgresRows`: the rows of one connection. Its calls wait by `bridge.awaited`."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from postern.core.directory.records import Account, AccountAssignment, PrincipalType
from postern.core.records import (
    DeviceAuthorization,
    DevicePoll,
    DeviceStatus,
    Record,
    TokenFamily,
    User,
)
from postern.stores import statements
from postern.stores.postgres.bridge import awaited
from postern.stores.postgres.connections import Connection
from postern.stores.postgres.dialect import INSERT_MANY, TABLES, numbered

R = TypeVar("R", bound=Record)
_ROWS_PER_STATEMENT = 1000
_AT_LENGTH = 24 * 3600.0
_WITHOUT_HURRY = "SELECT set_config('statement_timeout', '0', true)"

_USER_BY_NAME = numbered(statements.USER_BY_NAME)
_ACCOUNT_IDS = numbered(statements.ACCOUNT_IDS)
_ASSIGNMENTS = numbered(statements.ASSIGNMENTS)
_ALL_ASSIGNMENTS = numbered(statements.ALL_ASSIGNMENTS)
_ASSIGNED_ACCOUNTS = numbered(statements.ASSIGNED_ACCOUNTS)
_DEVICE_BY_USER_CODE = numbered(statements.DEVICE_BY_USER_CODE)
_DEVICE_POLL = numbered(statements.DEVICE_POLL)
_LIVE_FAMILIES = numbered(statements.LIVE_FAMILIES)
_LIVE_OF_CLIENT = numbered(statements.LIVE_OF_CLIENT) + " FOR UPDATE"  # whoever lists them is about to end them
_ALL_LIVE = numbered(statements.ALL_LIVE)
_REVOKE_OF_USER = numbered(statements.REVOKE_OF_USER)
_REVOKE_OF_CLIENT = numbered(statements.REVOKE_OF_CLIENT)
_WITHDRAW_DEVICES_OF_USER = numbered(statements.WITHDRAW_DEVICES_OF_USER)
_WITHDRAW_DEVICES_OF_CLIENT = numbered(statements.WITHDRAW_DEVICES_OF_CLIENT)
_WITHDRAW_CODES_OF_USER = numbered(statements.WITHDRAW_CODES_OF_USER)
_WITHDRAW_CODES_OF_CLIENT = numbered(statements.WITHDRAW_CODES_OF_CLIENT)
_END_SESSIONS = numbered(statements.END_SESSIONS)
_REVOKE_ALL = numbered(statements.REVOKE_ALL)
_DEVICE_STATUS = {status.value: status for status in DeviceStatus}
_APPROVED = DeviceStatus.APPROVED.value


class PostgresRows:
    """See `postern.stores.rows.Rows`.

    Records that are inserted are held back until the next other call, so that many go in one statement; that a value
    is taken is heard of then.
    """

    def __init__(self, connection: Connection, cursors: dict[type[Record], object]) -> None:
        self._connection = connection
        self._cursors = cursors
        self._held_back: list[Record] = []

    # Statements

    def _fetch(self, statement: str, *parameters: object) -> list[Any]:
        self.flush()
        if any(isinstance(parameter, str) and "\0" in parameter for parameter in parameters):
            return []  # no text of the database holds one
        rows: list[Any] = awaited(self._connection.fetch(statement, *parameters))
        return rows

    def _execute(self, statement: str, *parameters: object) -> None:
        self.flush()
        awaited(self._connection.execute(statement, *parameters))

    def _one(self, kind: type[R], statement: str, *parameters: object) -> R | None:
        found = self._many(kind, statement, *parameters)
        return found[0] if found else None

    def _many(self, kind: type[R], statement: str, *parameters: object) -> list[R]:
        table = TABLES[kind]
        return [cast("R", table.record(row)) for row in self._fetch(statement, *parameters)]

    def flush(self) -> None:
        """Write what was held back."""
        held_back, self._held_back = self._held_back, []
        while held_back:
            kind = type(held_back[0])
            alike = [record for record in held_back[:_ROWS_PER_STATEMENT] if type(record) is kind]
            held_back = [record for record in held_back[:_ROWS_PER_STATEMENT] if type(record) is not kind] + held_back[
                _ROWS_PER_STATEMENT:
            ]
            table = TABLES[kind]
            columns = zip(*(table.row(record) for record in alike), strict=True)
            awaited(self._connection.execute(INSERT_MANY[kind], *(list(column) for column in columns)))

    # Any kind

    def find(self, kind: type[R], key: object) -> R | None:
        return self._one(kind, TABLES[kind].find, key)

    def find_for_update(self, kind: type[R], key: object) -> R | None:
        return self._one(kind, f"{TABLES[kind].find} FOR UPDATE", key)

    def find_for_share(self, kind: type[R], key: object) -> R | None:
        return self._one(kind, f"{TABLES[kind].find} FOR SHARE", key)

    def find_each(self, kind: type[R], keys: Sequence[str]) -> list[R]:
        table = TABLES[kind]
        return self._many(kind, f"{table.select} WHERE {table.key} = ANY($1::text[]) ORDER BY {table.key}", list(keys))

    def all(self, kind: type[R]) -> list[R]:
        return self._many(kind, TABLES[kind].select)

    def where(self, kind: type[R], column: str, value: str) -> list[R]:
        table = TABLES[kind]
        if column not in table.columns:
            raise ValueError(f"{table.name} has no column {column}")
        return self._many(kind, f"{table.select} WHERE {column} = $1", value)

    def insert(self, record: Record) -> None:
        self._held_back.append(record)

    def update(self, record: Record) -> None:
        table = TABLES[type(record)]
        self._execute(table.update, *table.changes(record))

    def put(self, record: Record) -> None:
        table = TABLES[type(record)]
        self._execute(table.put, *table.row(record))

    def delete(self, kind: type[Record], key: object) -> None:
        self._execute(TABLES[kind].delete, key)

    # One kind

    def device_poll(self, authorization_id: int) -> DevicePoll | None:
        rows = self._fetch(_DEVICE_POLL, authorization_id)
        return device_poll(rows[0]) if rows else None

    def device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None:
        return self._one(DeviceAuthorization, _DEVICE_BY_USER_CODE, user_code_digest)

    def user_by_name(self, instance_id: str, canonical_name: str) -> User | None:
        return self._one(User, _USER_BY_NAME, instance_id, canonical_name)

    def assigned_account_ids(
        self, principal_type: PrincipalType, principal_id: str, after: str, limit: int
    ) -> list[str]:
        rows = self._fetch(_ACCOUNT_IDS, principal_id, principal_type.value, after, limit)
        return [row[0] for row in rows]

    def account_assignments(
        self, principal_type: PrincipalType, principal_id: str, account_id: str
    ) -> list[AccountAssignment]:
        return self._many(AccountAssignment, _ASSIGNMENTS, principal_id, principal_type.value, account_id)

    def all_assignments(self, principal_type: PrincipalType, principal_id: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._fetch(_ALL_ASSIGNMENTS, principal_id, principal_type.value)]

    def all_assigned_accounts(self, principal_type: PrincipalType, principal_id: str) -> list[Account]:
        return self._many(Account, _ASSIGNED_ACCOUNTS, principal_id, principal_type.value)

    def live_families_of(self, user_id: str, now: int) -> list[TokenFamily]:
        return self._many(TokenFamily, _LIVE_FAMILIES, user_id, now)

    def live_families_of_client(self, client_digest: bytes, now: int) -> list[TokenFamily]:
        """Reads the whole table, as `revoke_families_of_client`."""
        self._execute(_WITHOUT_HURRY)
        fetching = self._connection.fetch(_LIVE_OF_CLIENT, client_digest, now, timeout=_AT_LENGTH)
        return [cast("TokenFamily", TABLES[TokenFamily].record(row)) for row in awaited(fetching)]

    def all_live_families(self, now: int) -> list[TokenFamily]:
        return self._many(TokenFamily, _ALL_LIVE, now)

    def revoke_families_of(self, user_id: str, reason: str, now: int) -> None:
        self._execute(_REVOKE_OF_USER, now, reason, user_id)

    def revoke_families_of_client(self, client_digest: bytes, reason: str, now: int) -> None:
        """Reads the whole table: revoking a client is rare, and an index would be paid for by every sign-in."""
        self._execute_at_length(_REVOKE_OF_CLIENT, now, reason, client_digest)

    def withdraw_approvals_of(self, user_id: str) -> None:
        """Reads both tables, which are as short as their rows' lives."""
        self._execute(_WITHDRAW_DEVICES_OF_USER, _APPROVED, user_id)
        self._execute(_WITHDRAW_CODES_OF_USER, user_id)

    def withdraw_approvals_of_client(self, client_digest: bytes) -> None:
        """Likewise."""
        self._execute(_WITHDRAW_DEVICES_OF_CLIENT, _APPROVED, client_digest)
        self._execute(_WITHDRAW_CODES_OF_CLIENT, client_digest)

    def end_browser_sessions_of(self, user_id: str, keeps: bytes = b"") -> None:
        self._execute(_END_SESSIONS, user_id, keeps)

    def delete_expired(self, kind: type[Record], now: int, limit: int) -> int:
        """As in SQLite: a window at the front, where the old ones are, then one that goes round the table."""
        deleted, _ = self._delete_expired_after(None, kind, now, limit)
        if deleted >= limit // 2:
            return deleted
        further, self._cursors[kind] = self._delete_expired_after(self._cursors.get(kind), kind, now, limit - deleted)
        return deleted + further

    def _delete_expired_after(self, after: object, kind: type[Record], now: int, limit: int) -> tuple[int, object]:
        start, parameters = (
            ("", (now, limit)) if after is None else (f"WHERE {TABLES[kind].key} > $3", (now, limit, after))
        )
        ((deleted, seen, last),) = self._fetch(_sweep(kind, start), *parameters)
        return deleted, last if seen == limit else None

    def end_refreshing(self) -> None:
        self._execute_at_length(statements.END_REFRESHING)

    def revoke_all_families(self, reason: str, now: int) -> None:
        self._execute_at_length(_REVOKE_ALL, now, reason)

    def withdraw_all(self) -> None:
        for statement in (statements.EXPIRE_DEVICES, statements.WITHDRAW_ALL_CODES, statements.END_ALL_SESSIONS):
            self._execute_at_length(statement)

    def _execute_at_length(self, statement: str, *parameters: object) -> None:
        """Of a whole table, however long that takes."""
        self._execute(_WITHOUT_HURRY)
        awaited(self._connection.execute(statement, *parameters, timeout=_AT_LENGTH))


def _sweep(kind: type[Record], start: str) -> str:
    """One window of rows, of which the expired are deleted; how many were, how many it saw, and the last key. What
    expired is asked of the row as it is when it is deleted: a counter of guesses may have started anew.

    PERF: the keys go into the DELETE as an array. Joined, they are planned as a tenth of the table once the plan is one
    for all parameters, and then every step reads all of it: 118 ms for 500 of 300,000 rows, where this takes 1.
    """
    name, key = TABLES[kind].name, TABLES[kind].key
    return f"""
    WITH seen AS (SELECT {key} FROM {name} {start} ORDER BY {key} LIMIT $2),
         gone AS (DELETE FROM {name}
                  WHERE {key} = ANY(ARRAY(SELECT {key} FROM seen)) AND expires_at <= $1 RETURNING 1)
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM seen),
           (SELECT {key} FROM seen ORDER BY {key} DESC LIMIT 1)
    """  # noqa: S608


def device_poll(row: Any) -> DevicePoll:
    authorization_id, client_digest, status, expires_at = row
    return DevicePoll(
        authorization_id=authorization_id,
        client_digest=client_digest,
        status=_DEVICE_STATUS[status],
        expires_at=expires_at,
    )
