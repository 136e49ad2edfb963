"""`SqliteRows`: the rows of one connection, inside whatever transaction it is in."""

import sqlite3
from typing import TypeVar, cast

from postern.core.records import BrowserSession, DeviceAuthorization, Record, TokenFamily, User
from postern.core.store import AlreadyExists
from postern.stores.sqlite.tables import TABLES, Value

R = TypeVar("R", bound=Record)

_USER_BY_NAME = f"{TABLES[User].select} WHERE canonical_name = ?"
_DEVICE_BY_USER_CODE = f"{TABLES[DeviceAuthorization].select} WHERE user_code_digest = ?"
_LIVE_FAMILIES = (
    f"{TABLES[TokenFamily].select} WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY family_id DESC"
)
_END_SESSIONS = f"DELETE FROM {TABLES[BrowserSession].name} WHERE user_id = ?"  # noqa: S608


class SqliteRows:
    """See `postern.stores.rows.Rows`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._cursors: dict[type[Record], Value] = {}

    def find(self, kind: type[R], key: object) -> R | None:
        return self._one(kind, TABLES[kind].find, key)

    def all(self, kind: type[R]) -> list[R]:
        return self._many(kind, TABLES[kind].select)

    def insert(self, record: Record) -> None:
        table = TABLES[type(record)]
        try:
            self._execute(table.insert, table.row(record))
        except sqlite3.IntegrityError:
            raise AlreadyExists(table.name) from None

    def update(self, record: Record) -> None:
        table = TABLES[type(record)]
        self._execute(table.update, table.changes(record))

    def put(self, record: Record) -> None:
        table = TABLES[type(record)]
        self._execute(table.put, table.row(record))

    def delete(self, kind: type[Record], key: object) -> None:
        self._execute(TABLES[kind].delete, (key,))

    def device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None:
        return self._one(DeviceAuthorization, _DEVICE_BY_USER_CODE, user_code_digest)

    def user_by_name(self, canonical_name: str) -> User | None:
        return self._one(User, _USER_BY_NAME, canonical_name)

    def live_families_of(self, user_id: str, now: int) -> list[TokenFamily]:
        return self._many(TokenFamily, _LIVE_FAMILIES, user_id, now)

    def end_browser_sessions_of(self, user_id: str) -> None:
        self._execute(_END_SESSIONS, (user_id,))

    def delete_expired(self, kind: type[Record], now: int, limit: int) -> int:
        """Keys grow with time, so walking them in order meets the old first; no index on the end of life is needed."""
        table = TABLES[kind]
        key, name = table.key, table.name
        after = self._cursors.get(kind)
        where, parameters = (f"WHERE {key} > ?", (after, limit)) if after is not None else ("", (limit,))
        window = self._execute(
            f"SELECT {key}, expires_at FROM {name} {where} ORDER BY {key} LIMIT ?",  # noqa: S608
            parameters,
        ).fetchall()
        expired = [(row_key,) for row_key, expires_at in window if expires_at <= now]
        for parameter in expired:
            self._execute(table.delete, parameter)
        self._cursors[kind] = window[-1][0] if len(window) == limit else None
        return len(expired)

    def _one(self, kind: type[R], statement: str, key: object) -> R | None:
        row = self._execute(statement, (key,)).fetchone()
        return None if row is None else cast("R", TABLES[kind].record(row))

    def _many(self, kind: type[R], statement: str, *parameters: Value) -> list[R]:
        table = TABLES[kind]
        return [cast("R", table.record(row)) for row in self._execute(statement, parameters).fetchall()]
