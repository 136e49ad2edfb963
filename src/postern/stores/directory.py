"""The directory on top of `Rows`: what is looked up there, and how it is changed."""

from postern.core.directory.records import (
    Account,
    AccountAssignment,
    Application,
    ApplicationAssignment,
    ApplicationStanding,
    CredentialSource,
    ExternalId,
    Group,
    GroupMembership,
    PermissionSet,
    PrincipalType,
    TrustedTokenIssuer,
    account_key,
    assignment_id,
)
from postern.core.records import Instance, Record, User
from postern.core.store import ConfigurationChange, Conflict, NotFound
from postern.stores.rows import Rows, key_of

_OF_AN_INSTANCE: tuple[type[Record], ...] = (User, Group, Account, PermissionSet, Application, TrustedTokenIssuer)


def users_by_attribute(rows: Rows, instance_id: str, path: str, value: str) -> list[User]:
    if not value:  # an empty address is none
        return []
    if path == "userName":
        named = rows.user_by_name(instance_id, value)
        return [named] if named else []
    if path == "emails.value":
        return [user for user in rows.where(User, "email", value) if user.instance_id == instance_id][:2]
    if path == "externalIds.id":
        known = rows.find(ExternalId, value)
        user = rows.find(User, known.user_id) if known else None
        return [user] if user and user.instance_id == instance_id else []
    return []


def find_standing(rows: Rows, application_arn: str, user_id: str) -> ApplicationStanding:
    application = rows.find(Application, application_arn)
    if application is None or not application.assignment_required:
        return ApplicationStanding(application=application, is_assigned=application is not None)
    return ApplicationStanding(application=application, is_assigned=_is_assigned(rows, application_arn, user_id))


def _is_assigned(rows: Rows, application_arn: str, user_id: str) -> bool:
    principals = [(PrincipalType.USER, user_id)]
    principals += [(PrincipalType.GROUP, each.group_id) for each in rows.where(GroupMembership, "user_id", user_id)]
    return any(
        rows.find(ApplicationAssignment, assignment_id(application_arn, kind, principal_id)) is not None
        for kind, principal_id in principals
    )


def end_everything_of(rows: Rows, user_id: str, reason: str, now: int, keeps: bytes = b"") -> None:
    """Approvals first: where redemptions run beside it, one that was too early to be stopped has made its family by
    then, and the family is revoked.
    """
    rows.withdraw_approvals_of(user_id)
    rows.revoke_families_of(user_id, reason, now)
    rows.end_browser_sessions_of(user_id, keeps)


# Changing


def change_configuration(rows: Rows, change: ConfigurationChange) -> None:
    for record in (*(old for old, _ in change.replace), *change.remove):
        if rows.find_for_update(type(record), key_of(record)) != record:
            raise Conflict(f"this {type(record).__name__} was changed by somebody else: try again")
    for record in change.remove:
        _remove_dependants(rows, record, change.now)
        rows.delete(type(record), key_of(record))
    for old, new in change.replace:
        rows.update(new)
        if isinstance(old, User) and isinstance(new, User):
            _end_sign_ins(rows, old, new, change.now)
    for record in change.create:
        rows.insert(record)
    for record in change.remove:
        _require_not_needed(rows, record)
    _require_referents(rows, [record for record in change.create if isinstance(record, AccountAssignment)])


def _end_sign_ins(rows: Rows, old: User, new: User, now: int | None) -> None:
    if old.enabled and not new.enabled:
        end_everything_of(rows, new.user_id, "the person was disabled", _required(now))
    elif old.password_hash != new.password_hash:
        end_everything_of(rows, new.user_id, "the password was changed", _required(now))


def _required(now: int | None) -> int:
    if now is None:
        raise ValueError("a change that ends sign-ins needs the time")
    return now


def _remove_dependants(rows: Rows, record: Record, now: int | None) -> None:
    if isinstance(record, User):
        end_everything_of(rows, record.user_id, "the person was removed", _required(now))
        _delete_where(rows, GroupMembership, "user_id", record.user_id)
        _delete_where(rows, ExternalId, "user_id", record.user_id)
        _delete_assignments(rows, PrincipalType.USER, record.user_id)
    elif isinstance(record, Group):
        _delete_where(rows, GroupMembership, "group_id", record.group_id)
        _delete_assignments(rows, PrincipalType.GROUP, record.group_id)
    elif isinstance(record, Application):
        _delete_where(rows, ApplicationAssignment, "application_arn", record.application_arn)
    elif isinstance(record, PermissionSet):
        _delete_where(rows, AccountAssignment, "permission_set_arn", record.permission_set_arn)
    elif isinstance(record, Account):
        for assignment in rows.where(AccountAssignment, "account_id", record.account_id):
            if assignment.instance_id == record.instance_id:
                rows.delete(AccountAssignment, assignment.assignment_id)


def _delete_assignments(rows: Rows, principal_type: PrincipalType, principal_id: str) -> None:
    assignments: tuple[ApplicationAssignment | AccountAssignment, ...] = (
        *rows.where(ApplicationAssignment, "principal_id", principal_id),
        *rows.where(AccountAssignment, "principal_id", principal_id),
    )
    for assignment in assignments:
        if assignment.principal_type is principal_type:
            rows.delete(type(assignment), assignment.assignment_id)


def _delete_where(rows: Rows, kind: type[Record], column: str, value: str) -> None:
    for record in rows.where(kind, column, value):
        rows.delete(kind, key_of(record))


def _require_not_needed(rows: Rows, record: Record) -> None:
    if isinstance(record, CredentialSource):
        names = {each.credential_source for each in rows.all(Account)}
        names |= {each.credential_source for each in rows.all(PermissionSet)}
        if record.name in names:
            raise Conflict(f"credential source {record.name} is in use: give its accounts and permission sets another")
    elif isinstance(record, Instance):
        if record.is_primary:
            raise Conflict("the primary instance stays")
        for kind in _OF_AN_INSTANCE:
            if any(getattr(each, "instance_id") == record.instance_id for each in rows.all(kind)):  # noqa: B009
                raise Conflict(f"instance {record.name} is not empty: remove what is in it first")


def _require_referents(rows: Rows, assignments: list[AccountAssignment]) -> None:
    """PERF: each once, however many assignments refer to it: 100,000 assignments have some thousand referents."""
    _require_each(
        rows, Account, {account_key(each.instance_id, each.account_id): each.instance_id for each in assignments}
    )
    _require_each(rows, PermissionSet, {each.permission_set_arn: each.instance_id for each in assignments})
    for kind, principal_type in ((User, PrincipalType.USER), (Group, PrincipalType.GROUP)):
        of_type = {each.principal_id: each.instance_id for each in assignments if each.principal_type is principal_type}
        _require_each(rows, kind, of_type)


def _require_each(rows: Rows, kind: type[User | Group | Account | PermissionSet], wanted: dict[str, str]) -> None:
    for key, instance_id in wanted.items():
        found = rows.find(kind, key)
        if found is None or found.instance_id != instance_id:
            raise NotFound(f"the {_KIND_NAMES[kind]} of an assignment does not exist")


_KIND_NAMES: dict[type[Record], str] = {
    User: "person",
    Group: "group",
    Account: "account",
    PermissionSet: "permission set",
}
