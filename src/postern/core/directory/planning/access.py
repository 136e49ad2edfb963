"""Accounts, permission sets, who is assigned, and where role credentials come from."""

from typing import Any

import msgspec

from postern.core.directory import accounts, credential_sources
from postern.core.directory.declaration import (
    Declaration,
    DeclaredCredentialSource,
    DeclaredPermissionSet,
    InvalidDeclaration,
    Place,
    at,
)
from postern.core.directory.planning.draft import Draft, existing
from postern.core.directory.records import (
    Account,
    AssumeRoleSource,
    CredentialSource,
    Group,
    LocalSource,
    PermissionSet,
    WebIdentitySource,
    account_key,
)
from postern.core.keys import MasterKeyError
from postern.core.records import Instance, User
from postern.core.role_credentials.secrets import seal_secret, unseal_secret

_KINDS: dict[str, type[LocalSource | WebIdentitySource | AssumeRoleSource]] = {
    "local": LocalSource,
    "web-identity": WebIdentitySource,
    "assume-role": AssumeRoleSource,
}
_NOT_OPTIONS = {"name", "type", "description", "secret_access_key_file", "secret_access_key_env"}


def secret_name(source_name: str) -> str:
    """What the secret of a source is called among the secrets of a plan."""
    return f"source {source_name}"


def declare_sources(draft: Draft, declaration: Declaration) -> None:
    for position, declared in enumerate(declaration.credential_source):
        place = ("credential_source", position)
        old = draft.known.sources.get(declared.name)
        options = _options(draft, declared, old, place)
        with at(place):
            source = credential_sources.new_credential_source(
                name=declared.name,
                options=options,
                description=declared.description,
                now=old.created_at if old else draft.now,
            )
        draft.sources[source.name] = source
        draft.settle("sources", source.name, source.name, old, source, place)


def _options(
    draft: Draft, declared: DeclaredCredentialSource, old: CredentialSource | None, place: Place
) -> LocalSource | WebIdentitySource | AssumeRoleSource:
    kind = _KINDS[declared.type]
    members: dict[str, Any] = {
        name: getattr(declared, name)
        for name in declared.__struct_fields__
        if name not in _NOT_OPTIONS and getattr(declared, name) is not None
    }
    for name in members:
        if name not in kind.__struct_fields__:
            raise InvalidDeclaration(f"{name} is not for a credential source of type {declared.type}", (*place, name))
    if kind is AssumeRoleSource:
        members["sealed_secret"] = _sealed_secret(draft, declared, old, place)
    missing = [field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in members]
    if missing:
        raise InvalidDeclaration(f"a credential source of type {declared.type} needs {missing[0]}", place)
    return kind(**members)


def _sealed_secret(
    draft: Draft, declared: DeclaredCredentialSource, old: CredentialSource | None, place: Place
) -> bytes:
    """That which is kept, if it is the same: sealed again it would look like another."""
    secret, key_id = draft.secrets.get(secret_name(declared.name)), declared.access_key_id or ""
    before = old.options if old and isinstance(old.options, AssumeRoleSource) else None
    if before is not None and before.access_key_id == key_id:
        if secret is None:
            return before.sealed_secret
        try:
            if unseal_secret(draft.require_master(), declared.name, key_id, before.sealed_secret) == secret:
                return before.sealed_secret
        except MasterKeyError:
            pass  # it is sealed anew
    if secret is None:
        text = "the secret access key is not known here: set secret_access_key_file or secret_access_key_env"
        raise InvalidDeclaration(text, place)
    return seal_secret(draft.require_master(), declared.name, key_id, secret)


def declare_accounts(draft: Draft, declaration: Declaration) -> None:
    for position, declared in enumerate(declaration.account):
        place = ("account", position)
        instance = draft.instance_of(declared, place)
        key = account_key(instance.instance_id, declared.account_id)
        old = draft.known.accounts.get(key)
        _require_source(draft, declared.credential_source, place)
        with at(place):
            account = accounts.new_account(
                instance,
                account_id=declared.account_id,
                name=declared.name,
                email=declared.email,
                credential_source=declared.credential_source,
                now=old.created_at if old else draft.now,
            )
        draft.accounts[key] = account
        draft.settle("accounts", key, f"{account.account_id} ({account.name})", old, account, place)


def declare_permission_sets(draft: Draft, declaration: Declaration) -> None:
    for position, declared in enumerate(declaration.permission_set):
        place = ("permission_set", position)
        instance = draft.instance_of(declared, place)
        key = (instance.instance_id, declared.name)
        arn = accounts.permission_set_arn(instance, declared.id) if declared.id else None
        old_key = draft.key_of(draft.known.permission_sets, key, arn, "permission set", place)
        old = draft.known.permission_sets.get(old_key)
        _require_source(draft, declared.credential_source, place)
        with at(place):
            made = _permission_set(draft, declared, old, instance, place)
        draft.permission_sets.pop(old_key, None)
        draft.permission_sets[key] = made
        draft.settle("permission_sets", old_key, made.name, old, made, place)


def _permission_set(
    draft: Draft, declared: DeclaredPermissionSet, old: PermissionSet | None, instance: Instance, place: Place
) -> PermissionSet:
    if old is not None and declared.id not in (None, old.permission_set_id):
        raise InvalidDeclaration(f"permission set {old.name!r} has the id {old.permission_set_id}", (*place, "id"))
    duration = declared.session_duration
    return accounts.new_permission_set(
        instance,
        name=declared.name,
        description=declared.description,
        session_duration=accounts.seconds_of(duration) if isinstance(duration, str) else duration,
        relay_state=declared.relay_state,
        credential_source=declared.credential_source,
        permission_set_id=old.permission_set_id if old else declared.id,
        now=old.created_at if old else draft.now,
    )


def _require_source(draft: Draft, name: str, place: Place) -> None:
    if name and name != credential_sources.LOCAL_NAME:
        existing(draft.sources, name, "credential source", name, (*place, "credential_source"))


def declare_assignments(draft: Draft, declaration: Declaration) -> None:
    """Everybody gets every permission set in every account. PERF: a hundred thousand of them take a second."""
    for position, declared in enumerate(declaration.assignment):
        place = ("assignment", position)
        instance = draft.instance_of(declared, place)
        where = [
            existing(draft.accounts, account_key(instance.instance_id, each), "account", each, (*place, "accounts"))
            for each in declared.accounts
        ]
        what = [
            existing(
                draft.permission_sets,
                (instance.instance_id, each),
                "permission set",
                each,
                (*place, "permission_sets"),
            )
            for each in declared.permission_sets
        ]
        who: list[User | Group] = [*draft.people(declared.users, instance, (*place, "users"))]
        who += draft.groups_called(declared.groups, instance, (*place, "groups"))
        for account in where:
            for role in what:
                for principal in who:
                    _assign(draft, account, role, principal, place)


def _assign(draft: Draft, account: Account, role: PermissionSet, principal: User | Group, place: Place) -> None:
    made = accounts.account_assignment(account, role, principal)
    if draft.is_named("account_assignments", made.assignment_id):
        return
    name = principal.user_name if isinstance(principal, User) else principal.display_name
    title = f"{name} as {role.name} in {account.account_id}"
    old = draft.known.account_assignments.get(made.assignment_id)
    draft.settle("account_assignments", made.assignment_id, title, old, made, place)
