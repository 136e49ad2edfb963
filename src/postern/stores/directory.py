"""Applications, groups and what hangs on them, on top of `Rows`: what is looked up there, and how it is changed."""

from postern.core.directory.records import (
    Application,
    ApplicationAssignment,
    ApplicationStanding,
    ExternalId,
    Group,
    GroupMembership,
    PrincipalType,
    assignment_id,
)
from postern.core.records import Record, User
from postern.core.store import ConfigurationChange, Conflict
from postern.stores.rows import Rows, key_of


def users_by_attribute(rows: Rows, path: str, value: str) -> list[User]:
    if not value:  # an empty address is none
        return []
    if path == "userName":
        named = rows.user_by_name(value)
        return [named] if named else []
    if path == "emails.value":
        return rows.where(User, "email", value)[:2]
    if path == "externalIds.id":
        known = rows.find(ExternalId, value)
        user = rows.find(User, known.user_id) if known else None
        return [user] if user else []
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


def change_configuration(rows: Rows, change: ConfigurationChange) -> None:
    for record in (*(old for old, _ in change.replace), *change.remove):
        if rows.find(type(record), key_of(record)) != record:
            raise Conflict(f"this {type(record).__name__} was changed by somebody else: try again")
    for record in change.remove:
        _remove_dependants(rows, record)
        rows.delete(type(record), key_of(record))
    for _, new in change.replace:
        rows.update(new)
    for record in change.create:
        rows.insert(record)


def _remove_dependants(rows: Rows, record: Record) -> None:
    if isinstance(record, Group):
        for membership in rows.where(GroupMembership, "group_id", record.group_id):
            rows.delete(GroupMembership, membership.membership_id)
        for assignment in rows.where(ApplicationAssignment, "principal_id", record.group_id):
            if assignment.principal_type is PrincipalType.GROUP:
                rows.delete(ApplicationAssignment, assignment.assignment_id)
    elif isinstance(record, Application):
        for assignment in rows.where(ApplicationAssignment, "application_arn", record.application_arn):
            rows.delete(ApplicationAssignment, assignment.assignment_id)
