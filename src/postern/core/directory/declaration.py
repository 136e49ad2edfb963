"""What a declarative file may say: its tables, as they come out of TOML, read strictly. What becomes of it is in
`postern.core.directory.planning`.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import msgspec

from postern.core.directory.accounts import DEFAULT_SESSION_DURATION
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import (
    AccessKeyStatus,
    AuthorizationCodeOptions,
    ConsoleOptions,
    RefreshTokenOptions,
    Status,
    TokenExchangeOptions,
)
from postern.core.directory.trusted_token_issuers import DEFAULT_ALGORITHMS
from postern.core.iam.access_keys import InvalidAccessKey
from postern.core.iam.actor_policy import InvalidPolicy
from postern.core.records import PRIMARY_NAME, UserStatus
from postern.core.users import InvalidUser

# Keys and positions that lead to a part of the file: ("application", 1, "jwt_bearer").
Place = tuple[str | int, ...]


class InvalidDeclaration(ValueError):
    """The file says something that cannot be; ``place`` is where."""

    def __init__(self, text: str, place: Place = ()) -> None:
        super().__init__(text)
        self.place = place


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what stands in the file."""


class OfInstance(Table, frozen=True, kw_only=True):
    """Base of what belongs to an instance: ``instance`` is its name, empty for the primary one."""

    instance: str = ""


class DeclaredInstance(Table, frozen=True, kw_only=True):
    """The primary one is called `PRIMARY_NAME`, or says that it is ``primary``. Ids are for new instances; where there
    is one, they have to be its own.
    """

    name: str = PRIMARY_NAME
    primary: bool = False
    id: str | None = None
    identity_store_id: str | None = None
    owner_account_id: str | None = None
    start_url_aliases: tuple[str, ...] = ()

    @property
    def is_primary(self) -> bool:
        return self.primary or self.name == PRIMARY_NAME


class DeclaredExternalId(Table, frozen=True, kw_only=True):
    """The id that another directory has for the person."""

    issuer: str
    id: str


class DeclaredUser(OfInstance, frozen=True, kw_only=True):
    """The password stands in a file or an environment variable, of which only the name is here; without one it stays,
    and a new person has none.
    """

    user_name: str
    id: str | None = None
    display_name: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    external_ids: tuple[DeclaredExternalId, ...] = ()
    status: UserStatus | None = None
    password_file: str | None = None
    password_env: str | None = None


class DeclaredGroup(OfInstance, frozen=True, kw_only=True):
    """``members`` are user names."""

    name: str
    id: str | None = None
    description: str = ""
    members: tuple[str, ...] = ()


class DeclaredAccount(OfInstance, frozen=True, kw_only=True):
    account_id: str
    name: str
    email: str = ""
    credential_source: str = ""


class DeclaredPermissionSet(OfInstance, frozen=True, kw_only=True):
    """``session_duration`` is in seconds, or a text like ``4h`` or ``PT4H``."""

    name: str
    id: str | None = None
    description: str = ""
    session_duration: int | str = DEFAULT_SESSION_DURATION
    relay_state: str = ""
    credential_source: str = ""


class DeclaredAssignment(OfInstance, frozen=True, kw_only=True):
    """Everybody who is named gets every permission set in every account."""

    accounts: tuple[str, ...]
    permission_sets: tuple[str, ...]
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class DeclaredCredentialSource(Table, frozen=True, kw_only=True):
    """What a ``type`` has no use for may not be there. The secret of an access key stands in a file or an environment
    variable, of which only the name is here.
    """

    name: str
    type: Literal["local", "web-identity", "assume-role"]
    description: str = ""
    endpoint: str | None = None
    region: str | None = None
    audience: str | None = None
    token_profile: str | None = None
    algorithm: str | None = None
    role_arn: str | None = None
    policies: tuple[str, ...] | None = None
    access_key_id: str | None = None
    secret_access_key_file: str | None = None
    secret_access_key_env: str | None = None
    external_id: str | None = None
    session_tags: dict[str, str] | None = None
    transitive_tag_keys: tuple[str, ...] | None = None
    source_identity: str | None = None
    allow_http: bool | None = None
    console: ConsoleOptions | None = None


class DeclaredTrustedTokenIssuer(OfInstance, frozen=True, kw_only=True):
    name: str
    arn: str | None = None
    issuer_url: str
    claim_attribute_path: str
    identity_store_attribute_path: str
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    status: Status | None = None


class DeclaredAccessKey(Table, frozen=True, kw_only=True):
    """The secret stands in a file or an environment variable, of which only the name is here."""

    access_key_id: str
    principal_arn: str
    secret_access_key_file: str | None = None
    secret_access_key_env: str | None = None
    description: str = ""
    status: AccessKeyStatus | None = None


class DeclaredAuthorizedIssuer(Table, frozen=True, kw_only=True):
    """``trusted_token_issuer`` is a name or an ARN."""

    trusted_token_issuer: str
    authorized_audiences: tuple[str, ...]


class DeclaredJwtBearer(Table, frozen=True, kw_only=True):
    authorized_token_issuers: tuple[DeclaredAuthorizedIssuer, ...]


class DeclaredAccessScope(Table, frozen=True, kw_only=True):
    """``authorized_targets`` are names or ARNs of applications, or the instance's ARN."""

    scope: str
    authorized_targets: tuple[str, ...] = ()


class DeclaredApplication(OfInstance, frozen=True, kw_only=True):
    """``actor_policy`` is an IAM policy; ``principals`` are ARNs, where all that it would say is that these may."""

    name: str
    arn: str | None = None
    description: str = ""
    status: Status | None = None
    assignment_required: bool = True
    authorization_code: AuthorizationCodeOptions | None = None
    refresh_token: RefreshTokenOptions | None = None
    jwt_bearer: DeclaredJwtBearer | None = None
    token_exchange: TokenExchangeOptions | None = None
    access_scopes: tuple[str | DeclaredAccessScope, ...] = ()
    actor_policy: dict[str, object] | None = None
    principals: tuple[str, ...] = ()
    assigned_users: tuple[str, ...] = ()
    assigned_groups: tuple[str, ...] = ()


class Declaration(Table, frozen=True, kw_only=True):
    """A whole file. What is left out has its default, but ``status``, which then stays as it is."""

    instance: tuple[DeclaredInstance, ...] = ()
    user: tuple[DeclaredUser, ...] = ()
    group: tuple[DeclaredGroup, ...] = ()
    credential_source: tuple[DeclaredCredentialSource, ...] = ()
    account: tuple[DeclaredAccount, ...] = ()
    permission_set: tuple[DeclaredPermissionSet, ...] = ()
    assignment: tuple[DeclaredAssignment, ...] = ()
    trusted_token_issuer: tuple[DeclaredTrustedTokenIssuer, ...] = ()
    access_key: tuple[DeclaredAccessKey, ...] = ()
    application: tuple[DeclaredApplication, ...] = ()


_TABLES: Mapping[tuple[str, ...], type[msgspec.Struct]] = {
    (): Declaration,
    ("instance",): DeclaredInstance,
    ("user",): DeclaredUser,
    ("user", "external_ids"): DeclaredExternalId,
    ("group",): DeclaredGroup,
    ("credential_source",): DeclaredCredentialSource,
    ("credential_source", "console"): ConsoleOptions,
    ("account",): DeclaredAccount,
    ("permission_set",): DeclaredPermissionSet,
    ("assignment",): DeclaredAssignment,
    ("trusted_token_issuer",): DeclaredTrustedTokenIssuer,
    ("access_key",): DeclaredAccessKey,
    ("application",): DeclaredApplication,
    ("application", "authorization_code"): AuthorizationCodeOptions,
    ("application", "refresh_token"): RefreshTokenOptions,
    ("application", "jwt_bearer"): DeclaredJwtBearer,
    ("application", "jwt_bearer", "authorized_token_issuers"): DeclaredAuthorizedIssuer,
    ("application", "token_exchange"): TokenExchangeOptions,
    ("application", "access_scopes"): DeclaredAccessScope,
}
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`", re.DOTALL)
_UNKNOWN_VALUE = "Invalid enum value"
_STEP = re.compile(r"\.(?P<key>\w+)|\[(?P<position>\d+)\]")


def read(values: Mapping[str, object]) -> Declaration:
    """The declaration that decoded TOML holds.

    Raises:
        InvalidDeclaration: a key is unknown, a value is of the wrong type, or something is declared twice.
    """
    try:
        declaration = msgspec.convert(values, Declaration)
    except msgspec.ValidationError as error:
        raise _readable(str(error)) from None
    _require_distinct("instance", [each.name for each in declaration.instance])
    _require_one_primary(declaration.instance)
    _require_distinct("user", [each.user_name for each in declaration.user], declaration.user)
    _require_distinct("group", [each.name for each in declaration.group], declaration.group)
    _require_distinct("credential_source", [each.name for each in declaration.credential_source])
    _require_distinct("account", [each.account_id for each in declaration.account], declaration.account)
    _require_distinct("permission_set", [each.name for each in declaration.permission_set], declaration.permission_set)
    _require_distinct("trusted_token_issuer", [each.name for each in declaration.trusted_token_issuer])
    _require_distinct("access_key", [each.access_key_id for each in declaration.access_key])
    _require_distinct("application", [each.name for each in declaration.application])
    for position, each in enumerate(declaration.access_key):
        _require_one(("access_key", position), each, "secret_access_key_file", "secret_access_key_env")
    for position, source in enumerate(declaration.credential_source):
        _require_one(("credential_source", position), source, "secret_access_key_file", "secret_access_key_env")
    for position, user in enumerate(declaration.user):
        _require_one(("user", position), user, "password_file", "password_env")
    for position, application in enumerate(declaration.application):
        _require_one(("application", position), application, "actor_policy", "principals")
    return declaration


@contextmanager
def at(place: Place) -> Iterator[None]:
    """What the rules refuse within is wrong at this place of the file."""
    try:
        yield
    except (InvalidDirectoryRecord, InvalidPolicy, InvalidAccessKey, InvalidUser) as error:
        raise InvalidDeclaration(str(error), place) from None


def _require_distinct(table: str, names: Sequence[str], owners: Sequence[OfInstance] = ()) -> None:
    """Once in an instance, or once at all where nothing has one."""
    seen: set[tuple[str, str]] = set()
    for position, name in enumerate(names):
        whole = (owners[position].instance if owners else "", name)
        if whole in seen:
            raise InvalidDeclaration(f"{table} {name!r} is declared twice", (table, position))
        seen.add(whole)


def _require_one_primary(instances: Sequence[DeclaredInstance]) -> None:
    for place in [place for place, each in enumerate(instances) if each.is_primary][1:]:
        raise InvalidDeclaration("two instances are primary", ("instance", place))


def _require_one(place: Place, table: Table, first: str, second: str) -> None:
    if getattr(table, first) and getattr(table, second):
        raise InvalidDeclaration(f"{first} and {second}: set one of them", (*place, second))


def _readable(error: str) -> InvalidDeclaration:
    text, _, path = error.partition(" - at `$")
    place = tuple(step["key"] or int(step["position"]) for step in _STEP.finditer(path))
    if text.startswith(_UNKNOWN_VALUE):
        text += f": it is {' or '.join(_values(place))}"
    unknown = _UNKNOWN.fullmatch(text)
    if unknown is None:
        return InvalidDeclaration(f"{dotted(place)}: {text}", place)
    key = unknown["key"]
    return InvalidDeclaration(f"{dotted((*place, key))} is not known{_suggestion(key, place)}", (*place, key))


def _values(place: Place) -> Iterable[str]:
    """The values that can stand there: a status, or the type of a credential source."""
    if place[-1] == "type":
        return ("local", "web-identity", "assume-role")
    return AccessKeyStatus if place[0] == "access_key" else Status


def dotted(place: Place) -> str:
    """``application.jwt_bearer``: a place as people would say it, without positions."""
    return ".".join(step for step in place if isinstance(step, str))


def _suggestion(key: str, place: Place) -> str:
    table = _TABLES.get(tuple(step for step in place if isinstance(step, str)))
    known = table.__struct_fields__ if table else ()
    close = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {close[0]}?" if close else ""
