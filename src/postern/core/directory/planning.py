"""From a declaration to the change that makes it true: what is new is created, what differs is replaced, and what is
not named is left alone. Nothing is done here.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from postern.core.directory import applications, groups, trusted_token_issuers
from postern.core.directory.declaration import (
    Declaration,
    DeclaredAccessKey,
    DeclaredAccessScope,
    DeclaredApplication,
    DeclaredGroup,
    DeclaredJwtBearer,
    DeclaredTrustedTokenIssuer,
    InvalidDeclaration,
    Place,
    at,
)
from postern.core.directory.records import (
    AccessKey,
    AccessKeyStatus,
    AccessScope,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AuthorizedTokenIssuer,
    Group,
    GroupMembership,
    JwtBearerOptions,
    PrincipalType,
    TrustedTokenIssuer,
)
from postern.core.iam import actor_policy
from postern.core.iam.access_keys import new_access_key, secret_of
from postern.core.keys import MasterKey
from postern.core.records import Instance, Record, User
from postern.core.store import ConfigurationChange, Store
from postern.core.users import canonical_name

R = TypeVar("R", bound=Record)
T = TypeVar("T")
_HIDDEN = "(hidden)"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What there is already. ``users`` are by canonical name, access keys by id, the others by name or by key."""

    instance: Instance
    users: Mapping[str, User]
    groups: Mapping[str, Group]
    memberships: Mapping[str, GroupMembership]
    issuers: Mapping[str, TrustedTokenIssuer]
    access_keys: Mapping[str, AccessKey]
    applications: Mapping[str, Application]
    assignments: Mapping[str, ApplicationAssignment]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a plan. ``changed`` holds members of a replaced record: as they were, as they shall be."""

    action: Literal["create", "replace"]
    kind: str
    name: str
    changed: Mapping[str, tuple[object, object]] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    change: ConfigurationChange
    differences: tuple[Difference, ...]


async def read_known(store: Store, instance: Instance) -> Known:
    return Known(
        instance=instance,
        users={user.canonical_name: user for user in await store.list_users()},
        groups={group.display_name: group for group in await store.list_configuration(Group)},
        memberships={each.membership_id: each for each in await store.list_configuration(GroupMembership)},
        issuers={issuer.name: issuer for issuer in await store.list_configuration(TrustedTokenIssuer)},
        access_keys={key.access_key_id: key for key in await store.list_configuration(AccessKey)},
        applications={each.name: each for each in await store.list_configuration(Application)},
        assignments={each.assignment_id: each for each in await store.list_configuration(ApplicationAssignment)},
    )


def plan(
    declaration: Declaration, known: Known, *, secrets: Mapping[str, str], master: MasterKey | None, now: int
) -> Plan:
    """What to change, all of it at once. ``secrets`` are secret access keys by access key id; without access keys in
    the declaration ``master`` is not needed.

    Raises:
        InvalidDeclaration: a record would not be valid, or names what is not there.
    """
    steps = _Steps()
    everyone = _groups(declaration, known, steps, now)
    issuers = _issuers(declaration, known, steps, now)
    if declaration.access_key:
        if master is None:
            raise ValueError("access keys cannot be sealed without the master key")
        _access_keys(declaration, known, steps, now, secrets, master)
    _applications(declaration, known, steps, now, issuers, everyone)
    return steps.plan()


class _Steps:
    """The plan so far."""

    def __init__(self) -> None:
        self._create: list[Record] = []
        self._replace: list[tuple[Record, Record]] = []
        self._differences: list[Difference] = []

    def settle(self, kind: str, name: str, old: R | None, new: R) -> None:
        if old is None:
            self._create.append(new)
            self._differences.append(Difference(action="create", kind=kind, name=name))
        elif old != new:
            self._replace.append((old, new))
            changed = _changed(old, new)
            self._differences.append(Difference(action="replace", kind=kind, name=name, changed=changed))

    def plan(self) -> Plan:
        change = ConfigurationChange(create=tuple(self._create), replace=tuple(self._replace))
        return Plan(change=change, differences=tuple(self._differences))


def _changed(old: Record, new: Record) -> dict[str, tuple[object, object]]:
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    names = [name for name in after if before[name] != after[name]]
    return {
        _shown_name(name): (_HIDDEN, _HIDDEN) if name == "sealed_secret" else (before[name], after[name])
        for name in names
    }


def _shown_name(name: str) -> str:
    return "secret_access_key" if name == "sealed_secret" else name


def _groups(declaration: Declaration, known: Known, steps: _Steps, now: int) -> dict[str, Group]:
    """All groups by name, as they will be."""
    after = dict(known.groups)
    for position, declared in enumerate(declaration.group):
        place = ("group", position)
        old = known.groups.get(declared.name)
        with at(place):
            group = _group(declared, old, now)
        after[group.display_name] = group
        steps.settle("group", group.display_name, old, group)
        for user in _people(declared.members, known, (*place, "members")):
            membership = groups.membership(group, user)
            name = f"{user.user_name} in {group.display_name}"
            steps.settle("membership", name, known.memberships.get(membership.membership_id), membership)
    return after


def _group(declared: DeclaredGroup, old: Group | None, now: int) -> Group:
    new = groups.new_group(display_name=declared.name, description=declared.description, now=now)
    if old is None:
        return new
    return msgspec.structs.replace(new, group_id=old.group_id, created_at=old.created_at)


def _issuers(declaration: Declaration, known: Known, steps: _Steps, now: int) -> dict[str, TrustedTokenIssuer]:
    """All trusted token issuers by name, as they will be."""
    after = dict(known.issuers)
    for position, declared in enumerate(declaration.trusted_token_issuer):
        old = known.issuers.get(declared.name)
        with at(("trusted_token_issuer", position)):
            issuer = _issuer(declared, old, known.instance, now)
        after[issuer.name] = issuer
        steps.settle("trusted token issuer", issuer.name, old, issuer)
    return after


def _issuer(
    declared: DeclaredTrustedTokenIssuer, old: TrustedTokenIssuer | None, instance: Instance, now: int
) -> TrustedTokenIssuer:
    new = trusted_token_issuers.new_trusted_token_issuer(
        instance,
        name=declared.name,
        issuer_url=declared.issuer_url,
        claim_attribute_path=declared.claim_attribute_path,
        identity_store_attribute_path=declared.identity_store_attribute_path,
        algorithms=declared.algorithms,
        now=now,
    )
    arn = old.trusted_token_issuer_arn if old else new.trusted_token_issuer_arn
    return msgspec.structs.replace(
        new,
        trusted_token_issuer_arn=arn,
        created_at=old.created_at if old else now,
        status=declared.status or (old or new).status,
    )


def _access_keys(
    declaration: Declaration,
    known: Known,
    steps: _Steps,
    now: int,
    secrets: Mapping[str, str],
    master: MasterKey,
) -> None:
    for position, declared in enumerate(declaration.access_key):
        old = known.access_keys.get(declared.access_key_id)
        secret = secrets.get(declared.access_key_id)
        place = ("access_key", position)
        if old is None and secret is None:
            text = f"access key {declared.access_key_id} is new: set secret_access_key_file or secret_access_key_env"
            raise InvalidDeclaration(text, place)
        with at(place):
            key = _access_key(declared, old, secret, master, now)
        steps.settle("access key", key.access_key_id, old, key)


def _access_key(
    declared: DeclaredAccessKey, old: AccessKey | None, secret: str | None, master: MasterKey, now: int
) -> AccessKey:
    kept = secret_of(master, old) if old else None
    new, _ = new_access_key(
        master,
        principal_arn=declared.principal_arn,
        description=declared.description,
        access_key_id=declared.access_key_id,
        secret_access_key=kept if secret is None else secret,
        now=now,
    )
    if old is None:
        return msgspec.structs.replace(new, status=declared.status or AccessKeyStatus.ACTIVE)
    return msgspec.structs.replace(
        new,
        sealed_secret=old.sealed_secret if secret in (None, kept) else new.sealed_secret,
        status=declared.status or old.status,
        created_at=old.created_at,
    )


def _applications(
    declaration: Declaration,
    known: Known,
    steps: _Steps,
    now: int,
    issuers: Mapping[str, TrustedTokenIssuer],
    everyone: Mapping[str, Group],
) -> None:
    """In two rounds, since applications may name each other as targets."""
    begun = dict(known.applications)
    for position, declared in enumerate(declaration.application):
        with at(("application", position, "name")):
            begun.setdefault(declared.name, applications.new_application(known.instance, name=declared.name, now=now))
    for position, declared in enumerate(declaration.application):
        place = ("application", position)
        with at(place):
            application = _application(declared, begun, issuers, known.instance, place)
        steps.settle("application", application.name, known.applications.get(application.name), application)
        _assign(declared, application, known, everyone, steps, place)


def _application(
    declared: DeclaredApplication,
    begun: Mapping[str, Application],
    issuers: Mapping[str, TrustedTokenIssuer],
    instance: Instance,
    place: Place,
) -> Application:
    targets = {each.application_arn for each in begun.values()} | {instance.arn}
    find_target = _finder(targets, {each.name: each.application_arn for each in begun.values()}, "application")
    arns = {issuer.name: issuer.trusted_token_issuer_arn for issuer in issuers.values()}
    find_issuer = _finder(arns.values(), arns, "trusted token issuer")
    begun_as = begun[declared.name]
    application = msgspec.structs.replace(
        begun_as,
        description=declared.description,
        status=declared.status or begun_as.status,
        assignment_required=declared.assignment_required,
        grants=ApplicationGrants(
            authorization_code=declared.authorization_code,
            refresh_token=declared.refresh_token,
            jwt_bearer=_jwt_bearer(
                declared.jwt_bearer, find_issuer, (*place, "jwt_bearer", "authorized_token_issuers")
            ),
            token_exchange=declared.token_exchange,
        ),
        access_scopes=tuple(_scope(each, find_target, (*place, "access_scopes")) for each in declared.access_scopes),
        actor_policy=_actor_policy(declared, place),
    )
    return applications.require_valid(application)


def _finder(arns: Iterable[str], by_name: Mapping[str, str], kind: str) -> Callable[[str, Place], str]:
    """A function from name or ARN to ARN."""
    known = {**by_name, **{arn: arn for arn in arns}}
    return lambda text, place: _existing(known, text, f"there is no {kind} {text!r}", place)


def _existing(known: Mapping[str, T], name: str, otherwise: str, place: Place) -> T:
    found = known.get(name)
    if found is None:
        raise InvalidDeclaration(otherwise, place)
    return found


def _jwt_bearer(
    declared: DeclaredJwtBearer | None, find_issuer: Callable[[str, Place], str], place: Place
) -> JwtBearerOptions | None:
    if declared is None:
        return None
    return JwtBearerOptions(
        authorized_token_issuers=tuple(
            AuthorizedTokenIssuer(
                trusted_token_issuer_arn=find_issuer(each.trusted_token_issuer, place),
                authorized_audiences=each.authorized_audiences,
            )
            for each in declared.authorized_token_issuers
        )
    )


def _scope(declared: str | DeclaredAccessScope, find_target: Callable[[str, Place], str], place: Place) -> AccessScope:
    if isinstance(declared, str):
        return AccessScope(scope=declared)
    targets = tuple(find_target(target, place) for target in declared.authorized_targets)
    return AccessScope(scope=declared.scope, authorized_targets=targets)


def _actor_policy(declared: DeclaredApplication, place: Place) -> str:
    if declared.actor_policy is None:
        return applications.actor_policy_for(declared.principals) if declared.principals else ""
    try:
        text = json.dumps(declared.actor_policy, ensure_ascii=False, separators=(",", ":"))
    except TypeError:  # a date of TOML
        raise InvalidDeclaration("dates of a policy must stand in quotes", (*place, "actor_policy")) from None
    except (ValueError, RecursionError):
        text = "the policy has a number that is too long, or is nested too deeply"
        raise InvalidDeclaration(text, (*place, "actor_policy")) from None
    with at((*place, "actor_policy")):
        actor_policy.parse(text)
    return text


def _assign(
    declared: DeclaredApplication,
    application: Application,
    known: Known,
    everyone: Mapping[str, Group],
    steps: _Steps,
    place: Place,
) -> None:
    for user in _people(declared.assigned_users, known, (*place, "assigned_users")):
        made = applications.assignment(application, PrincipalType.USER, user.user_id)
        _settle_assignment(steps, known, made, f"user {user.user_name} to {application.name}")
    for name in dict.fromkeys(declared.assigned_groups):
        group = _existing(everyone, name, f"there is no group {name!r}", (*place, "assigned_groups"))
        made = applications.assignment(application, PrincipalType.GROUP, group.group_id)
        _settle_assignment(steps, known, made, f"group {group.display_name} to {application.name}")


def _settle_assignment(steps: _Steps, known: Known, made: ApplicationAssignment, name: str) -> None:
    steps.settle("assignment", name, known.assignments.get(made.assignment_id), made)


def _people(names: Sequence[str], known: Known, place: Place) -> list[User]:
    """Each of them once."""
    people = [
        _existing(known.users, canonical_name(name), f"there is no user {name!r}: add them first", place)
        for name in names
    ]
    return list({user.user_id: user for user in people}.values())
