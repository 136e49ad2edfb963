"""Records as rows: which table keeps which record, and the few conversions between Python and SQL values."""

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from postern.core.directory.records import (
    AccessKey,
    Account,
    AccountAssignment,
    Application,
    ApplicationAssignment,
    CredentialSource,
    ExternalId,
    Group,
    GroupMembership,
    PermissionSet,
    TrustedTokenIssuer,
    UsedAssertion,
)
from postern.core.records import (
    Attempts,
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    Epoch,
    Instance,
    Mark,
    Record,
    RevokedClient,
    RingKeyRecord,
    RsaKeyRecord,
    TokenFamily,
    User,
)

R = TypeVar("R", bound=Record)
Value = str | int | bytes | None
ToSql = Callable[[Any], Value]
FromSql = Callable[[Any], Any]

_PLAIN = (str, int, bytes)


class Dialect(msgspec.Struct, frozen=True):
    """In what one engine's SQL differs: whether it has a type for true and false, and how parameters are marked.
    ``text`` makes its statement of one whose parameters are question marks.
    """

    has_booleans: bool
    text: Callable[[str], str]


def _conversion(kind: Any, dialect: Dialect) -> tuple[ToSql, FromSql] | None:
    """How a member of this type becomes an SQL value and back; ``None`` if it is one already."""
    if kind in _PLAIN or (isinstance(kind, UnionType) and set(get_args(kind)) <= {*_PLAIN, type(None)}):
        return None
    if kind is bool:
        return None if dialect.has_booleans else (int, bool)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return str, {member.value: member for member in kind}.__getitem__
    if get_origin(kind) is tuple and get_args(kind) == (str, ...):
        return _join, _split
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(kind).decode
    return lambda value: encode(value).decode(), decode


def _join(words: Any) -> str:
    return " ".join(words)


def _split(text: object) -> tuple[str, ...]:
    return tuple(str(text).split())


def _converted(values: tuple[Any, ...], conversions: list[tuple[int, ToSql]]) -> list[Value]:
    """PERF: by place, since most columns need no conversion: 0.4 µs for sixteen, against 1.9 µs by name."""
    row: list[Value] = list(values)
    for place, convert in conversions:
        row[place] = convert(values[place])
    return row


class Table(Generic[R]):
    """One table: its statements, and rows to records and back. Columns are the record's fields, in their order."""

    def __init__(self, name: str, kind: type[R], unchanging: tuple[str, ...], dialect: Dialect) -> None:
        self.name = name
        self.kind = kind
        self.columns = tuple(field.name for field in msgspec.structs.fields(kind))
        self.key = self.columns[0]
        hints = get_type_hints(kind)
        conversions = {column: _conversion(hints[column], dialect) for column in self.columns}
        to_sql = {column: found[0] for column, found in conversions.items() if found}
        self._from_sql = [(column, found[1]) for column, found in conversions.items() if found]
        self.changing = tuple(column for column in self.columns if column != self.key and column not in unchanging)
        changes = (*self.changing, self.key)
        self._get_changes: Callable[[Record], tuple[Any, ...]] = attrgetter(*changes)
        self._row_to_sql = [(place, to_sql[column]) for place, column in enumerate(self.columns) if column in to_sql]
        self._changes_to_sql = [(place, to_sql[column]) for place, column in enumerate(changes) if column in to_sql]
        columns, marks = ", ".join(self.columns), ", ".join("?" * len(self.columns))
        insert = f"INSERT INTO {name} ({columns}) VALUES ({marks})"  # noqa: S608
        replaced = ", ".join(f"{column} = excluded.{column}" for column in self.columns if column != self.key)
        assignments = ", ".join(f"{column} = ?" for column in self.changing)
        text = dialect.text
        self.select = select(kind)
        self.find = text(f"{self.select} WHERE {self.key} = ?")
        self.insert = text(insert)
        self.put = text(f"{insert} ON CONFLICT ({self.key}) DO UPDATE SET {replaced}")
        self.update = text(f"UPDATE {name} SET {assignments} WHERE {self.key} = ?")  # noqa: S608
        self.delete = text(f"DELETE FROM {name} WHERE {self.key} = ?")  # noqa: S608

    def record(self, row: tuple[Value, ...]) -> R:
        """PERF: the statements name exactly these columns, so ``zip`` need not count them (nor be told so): 1.7 µs for
        twenty, against 2.1 µs.
        """
        values: dict[str, object] = dict(zip(self.columns, row))  # noqa: B905
        for column, convert in self._from_sql:
            values[column] = convert(values[column])
        return self.kind(**values)

    def row(self, record: Record) -> list[Value]:
        return _converted(msgspec.structs.astuple(record), self._row_to_sql)

    def changes(self, record: Record) -> list[Value]:
        """The parameters of ``update``: what may change, then the key."""
        return _converted(self._get_changes(record), self._changes_to_sql)


_APPROVAL = ("client_digest", "client_name", "scopes", "issues_refresh_token", "created_at", "expires_at")
_ASKED_FOR = ("application_arn", "authenticated_at", "nonce")

_KINDS: tuple[tuple[str, type[Record], tuple[str, ...]], ...] = (
    ("instance", Instance, ()),
    ("ring_key", RingKeyRecord, ()),
    ("user_account", User, ()),
    ("revoked_client", RevokedClient, ()),
    (
        "device_authorization",
        DeviceAuthorization,
        (*_APPROVAL, "user_code_digest", "requester_address", "requester_agent", "instance_id"),
    ),
    (
        "authorization_code",
        AuthorizationCode,
        (*_APPROVAL, *_ASKED_FOR, "user_id", "redirect_uri", "code_challenge"),
    ),
    (
        "token_family",
        TokenFamily,
        (*_APPROVAL, *_ASKED_FOR, "key_id", "user_id", "grant_type", "parent_family_id"),
    ),
    ("browser_session", BrowserSession, ()),
    ("attempts", Attempts, ()),
    ("rsa_key", RsaKeyRecord, ()),
    ("directory_group", Group, ()),
    ("group_membership", GroupMembership, ()),
    ("external_id", ExternalId, ()),
    ("trusted_token_issuer", TrustedTokenIssuer, ()),
    ("application", Application, ()),
    ("application_assignment", ApplicationAssignment, ()),
    ("access_key", AccessKey, ()),
    ("used_assertion", UsedAssertion, ()),
    ("account", Account, ()),
    ("permission_set", PermissionSet, ()),
    ("account_assignment", AccountAssignment, ()),
    ("credential_source", CredentialSource, ()),
    ("epoch", Epoch, ()),
    ("store_mark", Mark, ()),
)


_NAMES = {kind: name for name, kind, _ in _KINDS}


def name_of(kind: type[Record]) -> str:
    return _NAMES[kind]


def select(kind: type[Record]) -> str:
    """The beginning of every statement whose rows become records of a kind."""
    columns = ", ".join(field.name for field in msgspec.structs.fields(kind))
    return f"SELECT {columns} FROM {_NAMES[kind]}"  # noqa: S608


def tables(dialect: Dialect) -> dict[type[Record], Table[Record]]:
    return {kind: Table(name, kind, unchanging, dialect) for name, kind, unchanging in _KINDS}
