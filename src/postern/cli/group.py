"""``postern group``: add, list, update, remove, join, leave, members."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Mapping

import msgspec

from postern.cli.configuring import chosen_instance, create, remove, replace
from postern.cli.context import opened_store, public, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, now, show, utc
from postern.core import users
from postern.core.directory import groups
from postern.core.directory.records import Group, GroupMembership
from postern.core.records import User
from postern.core.store import AlreadyExists


def add(options: argparse.Namespace) -> None:
    group = asyncio.run(_add(options))
    show(options, _shown(group), f"added {group.display_name}")


def list_all(options: argparse.Namespace) -> None:
    found, sizes = asyncio.run(_list(options))
    rows = [(group.display_name, str(sizes[group.group_id]), utc(group.created_at), group.group_id) for group in found]
    table = columns(rows, ("NAME", "MEMBERS", "ADDED", "GROUP ID"))
    shown = [{**_shown(group), "members": sizes[group.group_id]} for group in found]
    show(options, shown, table if found else "no group yet: postern group add NAME")


def update(options: argparse.Namespace) -> None:
    group = asyncio.run(_update(options))
    show(options, _shown(group), f"changed {group.display_name}")


def delete(options: argparse.Namespace) -> None:
    group = asyncio.run(_delete(options))
    show(options, _shown(group), f"removed {group.display_name}, its memberships and its assignments")


def join(options: argparse.Namespace) -> None:
    group, user = asyncio.run(_join(options))
    show(options, _membership(group, user), f"{user.user_name} is in {group.display_name}")


def leave(options: argparse.Namespace) -> None:
    group, user = asyncio.run(_leave(options))
    show(options, _membership(group, user), f"{user.user_name} has left {group.display_name}")


def members(options: argparse.Namespace) -> None:
    group, people = asyncio.run(_members(options))
    shown = [public(user, "user_id", "user_name", "display_name", "status") for user in people]
    table = columns(
        [(user.user_name, user.display_name, user.status.value) for user in people], ("USER NAME", "NAME", "STATUS")
    )
    show(options, shown, table if people else f"nobody is in {group.display_name}")


async def _add(options: argparse.Namespace) -> Group:
    async with opened_store(settings_from(options), create=True) as store:
        instance = await chosen_instance(options, store)
        group = groups.new_group(instance, display_name=options.name, description=options.description, now=now())
        await create(store, group, f"there is a group {group.display_name!r} already")
    return group


async def _list(options: argparse.Namespace) -> tuple[list[Group], Counter[str]]:
    """The groups by name, and how many people are in each."""
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        known = [group for group in await store.list_configuration(Group) if group.instance_id == instance.instance_id]
        found = sorted(known, key=lambda group: group.display_name)
        memberships = await store.list_configuration(GroupMembership)
    return found, Counter(membership.group_id for membership in memberships)


async def _update(options: argparse.Namespace) -> Group:
    async with opened_store(settings_from(options)) as store:
        old = await groups.find_by_name_or_id(store, options.name, await chosen_instance(options, store))
        given = {"display_name": options.new_name, "description": options.description}
        members = {name: text for name, text in given.items() if text is not None}
        changed = groups.require_valid(msgspec.structs.replace(old, **members))
        try:
            await replace(store, old, changed)
        except AlreadyExists:
            raise CommandFailed(f"there is a group {changed.display_name!r} already") from None
        return changed


async def _delete(options: argparse.Namespace) -> Group:
    async with opened_store(settings_from(options)) as store:
        group = await groups.find_by_name_or_id(store, options.name, await chosen_instance(options, store))
        await remove(store, group)
        return group


async def _join(options: argparse.Namespace) -> tuple[Group, User]:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        group = await groups.find_by_name_or_id(store, options.name, instance)
        user = await users.require_user(store, options.user_name, instance)
        complaint = f"{user.user_name} is in {group.display_name} already"
        await create(store, groups.membership(group, user), complaint)
        return group, user


async def _leave(options: argparse.Namespace) -> tuple[Group, User]:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        group = await groups.find_by_name_or_id(store, options.name, instance)
        user = await users.require_user(store, options.user_name, instance)
        membership = groups.membership(group, user)
        if membership not in await store.list_configuration(GroupMembership):
            raise CommandFailed(f"{user.user_name} is not in {group.display_name}")
        await remove(store, membership)
        return group, user


async def _members(options: argparse.Namespace) -> tuple[Group, list[User]]:
    async with opened_store(settings_from(options)) as store:
        group = await groups.find_by_name_or_id(store, options.name, await chosen_instance(options, store))
        memberships = await store.list_configuration(GroupMembership)
        inside = {membership.user_id for membership in memberships if membership.group_id == group.group_id}
        return group, [user for user in await store.list_users() if user.user_id in inside]


def _shown(group: Group) -> dict[str, object]:
    return dict(public(group, "group_id", "display_name", "description", "created_at"))


def _membership(group: Group, user: User) -> Mapping[str, object]:
    return {
        "group_id": group.group_id,
        "display_name": group.display_name,
        "user_id": user.user_id,
        "user_name": user.user_name,
    }
