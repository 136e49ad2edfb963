"""The store for tests and sandboxes: dictionaries. It forgets everything when the process ends."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import msgspec

from postern.core.directory.records import (
    Account,
    AccountAssignment,
    Application,
    ApplicationAssignment,
    ExternalId,
    Group,
    GroupMembership,
    PermissionSet,
    PrincipalType,
    TrustedTokenIssuer,
    account_key,
)
from postern.core.records import (
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DevicePoll,
    DeviceStatus,
    Instance,
    Record,
    TokenFamily,
    User,
)
from postern.core.store import AlreadyExists
from postern.stores.row_store import RowStore
from postern.stores.rows import KINDS, Rows, key_of

T = TypeVar("T")
R = TypeVar("R", bound=Record)

_UNIQUE: dict[type[Record], tuple[tuple[str, ...], ...]] = {
    User: (("instance_id", "canonical_name"),),
    DeviceAuthorization: (("user_code_digest",),),
    Instance: (("name",), ("identity_store_id",)),
    Group: (("instance_id", "display_name"),),
    PermissionSet: (("instance_id", "name"),),
    TrustedTokenIssuer: (("name",),),
    Application: (("name",),),
}
_INDEXED: dict[type[Record], tuple[str, ...]] = {
    User: ("email",),
    GroupMembership: ("group_id", "user_id"),
    ExternalId: ("user_id",),
    ApplicationAssignment: ("application_arn", "principal_id"),
    AccountAssignment: ("principal_id", "account_id", "permission_set_arn"),
}
Columns = tuple[str, ...]


class MemoryStore(RowStore):
    """Every verb runs between two awaits, so none sees another half done."""

    def __init__(self) -> None:
        self._rows = _MemoryRows()

    async def _read(self, work: Callable[[Rows], T]) -> T:
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
        self._unique: dict[tuple[type[Record], Columns], dict[object, object]] = {
            (kind, columns): {} for kind, each in _UNIQUE.items() for columns in each
        }
        self._indexes: dict[tuple[type[Record], str], dict[object, dict[object, None]]] = {
            (kind, column): {} for kind, columns in _INDEXED.items() for column in columns
        }

    def copy(self) -> "_MemoryRows":
        copied = _MemoryRows()
        copied._tables = {kind: dict(table) for kind, table in self._tables.items()}
        copied._unique = {which: dict(keys) for which, keys in self._unique.items()}
        copied._indexes = {
            which: {value: dict(keys) for value, keys in index.items()} for which, index in self._indexes.items()
        }
        return copied

    def find(self, kind: type[R], key: object) -> R | None:
        return cast("R | None", self._tables[kind].get(key))

    def find_for_update(self, kind: type[R], key: object) -> R | None:
        return self.find(kind, key)

    def find_for_share(self, kind: type[R], key: object) -> R | None:
        return self.find(kind, key)

    def find_each(self, kind: type[R], keys: Sequence[str]) -> list[R]:
        return [found for key in sorted(keys) if (found := self.find(kind, key)) is not None]

    def all(self, kind: type[R]) -> list[R]:
        return cast("list[R]", list(self._tables[kind].values()))

    def where(self, kind: type[R], column: str, value: str) -> list[R]:
        keys = self._indexes[kind, column].get(value, {})
        return [cast("R", self._tables[kind][key]) for key in keys]

    def insert(self, record: Record) -> None:
        if key_of(record) in self._tables[type(record)]:
            raise AlreadyExists(type(record).__name__)
        self._require_unique(record)
        self.put(record)

    def update(self, record: Record) -> None:
        if key_of(record) in self._tables[type(record)]:
            self._require_unique(record)
            self.put(record)

    def _require_unique(self, record: Record) -> None:
        for columns in _UNIQUE.get(type(record), ()):
            owner = self._unique[type(record), columns].get(_values(record, columns))
            if owner is not None and owner != key_of(record):
                raise AlreadyExists(f"{type(record).__name__} {columns[-1]}")

    def put(self, record: Record) -> None:
        kind, key = type(record), key_of(record)
        self._unindex(self._tables[kind].get(key))
        self._tables[kind][key] = record
        for columns in _UNIQUE.get(kind, ()):
            self._unique[kind, columns][_values(record, columns)] = key
        for column in _INDEXED.get(kind, ()):
            self._indexes[kind, column].setdefault(getattr(record, column), {})[key] = None

    def delete(self, kind: type[Record], key: object) -> None:
        self._unindex(self._tables[kind].pop(key, None))

    def _unindex(self, record: Record | None) -> None:
        if record is None:
            return
        kind, key = type(record), key_of(record)
        for columns in _UNIQUE.get(kind, ()):
            del self._unique[kind, columns][_values(record, columns)]
        for column in _INDEXED.get(kind, ()):
            del self._indexes[kind, column][getattr(record, column)][key]

    def device_poll(self, authorization_id: int) -> DevicePoll | None:
        whole = self.find(DeviceAuthorization, authorization_id)
        if whole is None:
            return None
        return DevicePoll(**{name: getattr(whole, name) for name in DevicePoll.__struct_fields__})

    def device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None:
        key = self._unique[DeviceAuthorization, ("user_code_digest",)].get((user_code_digest,))
        return self.find(DeviceAuthorization, key)

    def user_by_name(self, instance_id: str, canonical_name: str) -> User | None:
        key = self._unique[User, ("instance_id", "canonical_name")].get((instance_id, canonical_name))
        return self.find(User, key)

    def assigned_account_ids(
        self, principal_type: PrincipalType, principal_id: str, after: str, limit: int
    ) -> list[str]:
        ids = {
            each.account_id
            for each in self.where(AccountAssignment, "principal_id", principal_id)
            if each.principal_type is principal_type and each.account_id > after
        }
        return sorted(ids)[:limit]

    def account_assignments(
        self, principal_type: PrincipalType, principal_id: str, account_id: str
    ) -> list[AccountAssignment]:
        return [
            each
            for each in self.where(AccountAssignment, "principal_id", principal_id)
            if each.principal_type is principal_type and each.account_id == account_id
        ]

    def all_assignments(self, principal_type: PrincipalType, principal_id: str) -> list[tuple[str, str]]:
        assigned = self.where(AccountAssignment, "principal_id", principal_id)
        return [
            (each.account_id, each.permission_set_arn) for each in assigned if each.principal_type is principal_type
        ]

    def all_assigned_accounts(self, principal_type: PrincipalType, principal_id: str) -> list[Account]:
        assigned = self.where(AccountAssignment, "principal_id", principal_id)
        keys = {
            account_key(each.instance_id, each.account_id) for each in assigned if each.principal_type is principal_type
        }
        return [account for key in keys if (account := self.find(Account, key)) is not None]

    def live_families_of(self, user_id: str, now: int) -> list[TokenFamily]:
        return [family for family in self.all_live_families(now) if family.user_id == user_id]

    def live_families_of_client(self, client_digest: bytes, now: int) -> list[TokenFamily]:
        return [family for family in self.all_live_families(now) if family.client_digest == client_digest]

    def all_live_families(self, now: int) -> list[TokenFamily]:
        live = [family for family in self.all(TokenFamily) if family.is_live(now)]
        return sorted(live, key=lambda family: family.family_id, reverse=True)

    def revoke_families_of(self, user_id: str, reason: str, now: int) -> None:
        self._revoke(lambda family: family.user_id == user_id, reason, now)

    def revoke_families_of_client(self, client_digest: bytes, reason: str, now: int) -> None:
        self._revoke(lambda family: family.client_digest == client_digest, reason, now)

    def withdraw_approvals_of(self, user_id: str) -> None:
        self._withdraw(lambda approved: approved.user_id == user_id)

    def withdraw_approvals_of_client(self, client_digest: bytes) -> None:
        self._withdraw(lambda approved: approved.client_digest == client_digest)

    def _withdraw(self, chosen: Callable[[DeviceAuthorization | AuthorizationCode], bool]) -> None:
        for device in self.all(DeviceAuthorization):
            if device.status is DeviceStatus.APPROVED and chosen(device):
                self.put(msgspec.structs.replace(device, user_id=None))
        for code in self.all(AuthorizationCode):
            if code.redeemed_at is None and chosen(code):
                self.delete(AuthorizationCode, code.code_id)

    def _revoke(self, chosen: Callable[[TokenFamily], bool], reason: str, now: int) -> None:
        for family in self.all(TokenFamily):
            if family.revoked_at is None and chosen(family):
                self.put(msgspec.structs.replace(family, revoked_at=now, revocation_reason=reason))

    def end_browser_sessions_of(self, user_id: str, keeps: bytes = b"") -> None:
        for session in self.all(BrowserSession):
            if session.user_id == user_id and session.session_digest != keeps:
                self.delete(BrowserSession, session.session_digest)

    def delete_expired(self, kind: type[Record], now: int, limit: int) -> int:
        expired = [key for key, record in self._tables[kind].items() if _expires_at(record) <= now][:limit]
        for key in expired:
            self.delete(kind, key)
        return len(expired)

    def end_refreshing(self) -> None:
        for family in self.all(TokenFamily):
            self.put(msgspec.structs.replace(family, idle_expires_at=0))

    def revoke_all_families(self, reason: str, now: int) -> None:
        self._revoke(lambda family: True, reason, now)

    def withdraw_all(self) -> None:
        for device in self.all(DeviceAuthorization):
            if device.redeemed_at is None:
                self.put(msgspec.structs.replace(device, expires_at=0, user_id=None))
        for code in self.all(AuthorizationCode):
            if code.redeemed_at is None:
                self.delete(AuthorizationCode, code.code_id)
        for session in self.all(BrowserSession):
            self.delete(BrowserSession, session.session_digest)


def _expires_at(record: Record) -> int:
    expires_at: int = getattr(record, "expires_at")  # noqa: B009
    return expires_at


def _values(record: Record, columns: Columns) -> tuple[object, ...]:
    return tuple(getattr(record, column) for column in columns)
