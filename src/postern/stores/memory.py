"""The store for tests and sandboxes: dictionaries. It forgets everything when the process ends."""

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from postern.core.directory.records import Application, Group, TrustedTokenIssuer
from postern.core.records import (
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DevicePoll,
    DeviceStatus,
    Record,
    TokenFamily,
    User,
)
from postern.core.store import AlreadyExists
from postern.stores.embedded import EmbeddedStore
from postern.stores.rows import KINDS, Rows, key_of

T = TypeVar("T")
V = TypeVar("V")
R = TypeVar("R", bound=Record)

_UNIQUE: dict[type[Record], str] = {
    Group: "display_name",
    TrustedTokenIssuer: "name",
    Application: "name",
}


class MemoryStore(EmbeddedStore):
    """Every verb runs between two awaits, so none sees another half done."""

    def __init__(self) -> None:
        self._rows = _MemoryRows()

    def _read(self, work: Callable[[Rows], T]) -> T:
        return work(self._rows)

    async def _write(self, work: Callable[[Rows], T]) -> T:
        return work(self._rows)

    async def _write_whole(self, work: Callable[[Rows], T]) -> T:
        before = self._rows.copy()
        try:
            return work(self._rows)
        except BaseException:
            self._rows = before
            raise

    async def check(self, *, thoroughly: bool = False) -> None:
        return

    async def close(self) -> None:
        return


class _MemoryRows:
    def __init__(self) -> None:
        self._tables: dict[type[Record], dict[object, Record]] = {kind: {} for kind in KINDS}
        self._names: dict[str, str] = {}
        self._user_codes: dict[bytes, int] = {}

    def copy(self) -> "_MemoryRows":
        copied = _MemoryRows()
        copied._tables = {kind: dict(table) for kind, table in self._tables.items()}
        copied._names, copied._user_codes = dict(self._names), dict(self._user_codes)
        return copied

    def find(self, kind: type[R], key: object) -> R | None:
        return cast("R | None", self._tables[kind].get(key))

    def all(self, kind: type[R]) -> list[R]:
        return cast("list[R]", list(self._tables[kind].values()))

    def where(self, kind: type[R], column: str, value: str) -> list[R]:
        return [record for record in self.all(kind) if getattr(record, column) == value]

    def insert(self, record: Record) -> None:
        if key_of(record) in self._tables[type(record)]:
            raise AlreadyExists(type(record).__name__)
        if isinstance(record, User):
            _claim(self._names, record.canonical_name, record.user_id)
        if isinstance(record, DeviceAuthorization):
            _claim(self._user_codes, record.user_code_digest, record.authorization_id)
        self._require_unique(record)
        self.put(record)

    def update(self, record: Record) -> None:
        if key_of(record) in self._tables[type(record)]:
            self._require_unique(record)
            self.put(record)

    def _require_unique(self, record: Record) -> None:
        column = _UNIQUE.get(type(record))
        if column is None:
            return
        for other in self.all(type(record)):
            if getattr(other, column) == getattr(record, column) and key_of(other) != key_of(record):
                raise AlreadyExists(f"{type(record).__name__} {column}")

    def put(self, record: Record) -> None:
        self._tables[type(record)][key_of(record)] = record

    def delete(self, kind: type[Record], key: object) -> None:
        record = self._tables[kind].pop(key, None)
        if isinstance(record, DeviceAuthorization):
            del self._user_codes[record.user_code_digest]

    def device_poll(self, authorization_id: int) -> DevicePoll | None:
        whole = self.find(DeviceAuthorization, authorization_id)
        if whole is None:
            return None
        return DevicePoll(**{name: getattr(whole, name) for name in DevicePoll.__struct_fields__})

    def device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None:
        return self.find(DeviceAuthorization, self._user_codes.get(user_code_digest))

    def user_by_name(self, canonical_name: str) -> User | None:
        return self.find(User, self._names.get(canonical_name))

    def live_families_of(self, user_id: str, now: int) -> list[TokenFamily]:
        mine = [family for family in self.all(TokenFamily) if family.user_id == user_id and family.is_live(now)]
        return sorted(mine, key=lambda family: family.family_id, reverse=True)

    def revoke_families_of(self, user_id: str, reason: str, now: int) -> None:
        self._revoke(lambda family: family.user_id == user_id, reason, now)

    def revoke_families_of_client(self, client_digest: bytes, reason: str, now: int) -> None:
        self._revoke(lambda family: family.client_digest == client_digest, reason, now)

    def withdraw_approvals_of(self, user_id: str) -> None:
        for device in self.all(DeviceAuthorization):
            if device.user_id == user_id and device.status is DeviceStatus.APPROVED:
                self.put(msgspec.structs.replace(device, user_id=None))
        for code in self.all(AuthorizationCode):
            if code.user_id == user_id and code.redeemed_at is None:
                self.delete(AuthorizationCode, code.code_id)

    def _revoke(self, chosen: Callable[[TokenFamily], bool], reason: str, now: int) -> None:
        for family in self.all(TokenFamily):
            if family.revoked_at is None and chosen(family):
                self.put(msgspec.structs.replace(family, revoked_at=now, revocation_reason=reason))

    def end_browser_sessions_of(self, user_id: str) -> None:
        for session in self.all(BrowserSession):
            if session.user_id == user_id:
                self.delete(BrowserSession, session.session_digest)

    def delete_expired(self, kind: type[Record], now: int, limit: int) -> int:
        expired = [key for key, record in self._tables[kind].items() if _expires_at(record) <= now][:limit]
        for key in expired:
            self.delete(kind, key)
        return len(expired)


def _expires_at(record: Record) -> int:
    expires_at: int = getattr(record, "expires_at")  # noqa: B009
    return expires_at


def _claim(index: dict[T, V], value: T, owner: V) -> None:
    if value in index:
        raise AlreadyExists("unique value")
    index[value] = owner
