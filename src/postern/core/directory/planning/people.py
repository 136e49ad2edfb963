"""Instances, people and groups."""

from typing import TypeVar

import msgspec

from postern.core.directory import groups, instances
from postern.core.directory.declaration import (
    Declaration,
    DeclaredGroup,
    DeclaredInstance,
    DeclaredUser,
    InvalidDeclaration,
    Place,
    at,
)
from postern.core.directory.planning.draft import Draft
from postern.core.directory.planning.known import Named
from postern.core.directory.records import ExternalId, Group
from postern.core.records import Instance, Record, User
from postern.core.users import canonical_name, new_person

R = TypeVar("R", bound=Record)

# What an instance keeps for all its life, and how a declaration calls it.
_IDS = {"instance_id": "id", "identity_store_id": "identity_store_id", "owner_account_id": "owner_account_id"}


def declare_instances(draft: Draft, declaration: Declaration) -> None:
    primary = draft.known.instance
    known = {**draft.known.instances, primary.name: primary}
    for position, declared in enumerate(declaration.instance):
        place = ("instance", position)
        old = primary if declared.primary else known.get(declared.name)
        with at(place):
            instance = _instance(draft, declared, old, place)
        draft.instances.pop(old.name if old else "", None)
        if instance.name in draft.instances:
            raise InvalidDeclaration(f"another instance is called {instance.name!r}", (*place, "name"))
        draft.instances[instance.name] = instance
        _settle(draft, old, instance, place)
    if primary.name not in draft.known.instances and not any(each.is_primary for each in declaration.instance):
        _settle(draft, None, primary, ())
    for position, declared in enumerate(declaration.instance):
        with at(("instance", position, "start_url_aliases")):
            instances.require_own_aliases(draft.instances[declared.name], draft.instances.values())


def _settle(draft: Draft, old: Instance | None, new: Instance, place: Place) -> None:
    """The primary one that is in no store yet is created."""
    stored = old if old is not None and old.name in draft.known.instances else None
    draft.settle("instances", stored.name if stored else new.name, new.name, stored, new, place)


def _instance(draft: Draft, declared: DeclaredInstance, old: Instance | None, place: Place) -> Instance:
    made = instances.new_instance(
        name=declared.name,
        instance_id=declared.id or (old.instance_id if old else None),
        identity_store_id=declared.identity_store_id or (old.identity_store_id if old else None),
        owner_account_id=declared.owner_account_id or (old.owner_account_id if old else None),
        start_url_aliases=declared.start_url_aliases,
        is_primary=old.is_primary if old else False,
        now=old.created_at if old else draft.now,
    )
    for member, key in _IDS.items():
        if old is not None and getattr(made, member) != getattr(old, member):
            raise InvalidDeclaration(f"the {key} of instance {old.name!r} is {getattr(old, member)}", (*place, key))
    return made


def declare_users(draft: Draft, declaration: Declaration) -> None:
    for position, declared in enumerate(declaration.user):
        place = ("user", position)
        instance = draft.instance_of(declared, place)
        key = (instance.instance_id, canonical_name(declared.user_name))
        old_key = draft.key_of(draft.known.users, key, declared.id, "user", place)
        old = draft.known.users.get(old_key)
        with at(place):
            user = _user(draft, declared, instance, old, position)
        _move(draft.users, old_key, key, user)
        draft.settle("users", old_key, user.user_name, old, user, place)
        _declare_external_ids(draft, declared, user, place)


def _move(records: dict[Named, R], old_key: Named, key: Named, record: R) -> None:
    records.pop(old_key, None)
    records[key] = record


def _user(draft: Draft, declared: DeclaredUser, instance: Instance, old: User | None, position: int) -> User:
    made = new_person(
        instance,
        user_name=declared.user_name,
        display_name=declared.display_name,
        given_name=declared.given_name,
        family_name=declared.family_name,
        email=declared.email,
        user_id=declared.id,
        now=draft.now,
    )
    if old is not None and declared.id not in (None, old.user_id):
        raise InvalidDeclaration(f"user {old.user_name!r} has the id {old.user_id}", ("user", position, "id"))
    kept = old or made
    return msgspec.structs.replace(
        made,
        user_id=kept.user_id,
        created_at=kept.created_at,
        status=declared.status or kept.status,
        password_hash=draft.password_hashes.get(position, kept.password_hash),
    )


def _declare_external_ids(draft: Draft, declared: DeclaredUser, user: User, place: Place) -> None:
    for each in declared.external_ids:
        with at((*place, "external_ids")):
            record: ExternalId = groups.external_id(user, each.issuer, each.id)
        old = draft.known.external_ids.get(record.external_id)
        if old is not None and old.user_id != user.user_id:
            raise InvalidDeclaration(f"the external id {each.id!r} is somebody else's", (*place, "external_ids"))
        draft.settle("external_ids", record.external_id, f"{each.id} of {user.user_name}", old, record, place)


def declare_groups(draft: Draft, declaration: Declaration) -> None:
    for position, declared in enumerate(declaration.group):
        place = ("group", position)
        instance = draft.instance_of(declared, place)
        key = (instance.instance_id, declared.name)
        old_key = draft.key_of(draft.known.groups, key, declared.id, "group", place)
        old = draft.known.groups.get(old_key)
        with at(place):
            group = _group(draft, declared, instance, old, place)
        _move(draft.groups, old_key, key, group)
        draft.settle("groups", old_key, group.display_name, old, group, place)
        _declare_members(draft, declared, group, place)


def _declare_members(draft: Draft, declared: DeclaredGroup, group: Group, place: Place) -> None:
    instance = draft.instance_of(declared, place)
    for user in draft.people(declared.members, instance, (*place, "members")):
        membership = groups.membership(group, user)
        old = draft.known.memberships.get(membership.membership_id)
        title = f"{user.user_name} in {group.display_name}"
        draft.settle("memberships", membership.membership_id, title, old, membership, place)


def _group(draft: Draft, declared: DeclaredGroup, instance: Instance, old: Group | None, place: Place) -> Group:
    made = groups.new_group(
        instance, display_name=declared.name, description=declared.description, group_id=declared.id, now=draft.now
    )
    if old is None:
        return made
    if declared.id not in (None, old.group_id):
        raise InvalidDeclaration(f"group {old.display_name!r} has the id {old.group_id}", (*place, "id"))
    return msgspec.structs.replace(made, group_id=old.group_id, created_at=old.created_at)
