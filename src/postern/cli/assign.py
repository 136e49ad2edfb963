"""``postern assign``, ``unassign`` and ``assignments``: who may be what where."""

import argparse
import asyncio

import msgspec

from postern.cli.configuring import chosen_instance
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import columns, show
from postern.core import users
from postern.core.directory import accounts, groups
from postern.core.directory.records import Account, AccountAssignment, Group, PermissionSet, PrincipalType
from postern.core.records import Instance, User
from postern.core.store import AlreadyExists, ConfigurationChange, Store


class Named(msgspec.Struct, frozen=True):
    """An assignment as people say it."""

    account_id: str
    account_name: str
    permission_set: str
    principal_type: str
    principal: str
    principal_id: str


def assign(options: argparse.Namespace) -> None:
    """
    Raises:
        CommandFailed: all of them are assigned already.
    """
    made, known = asyncio.run(_assign(options))
    if not made:
        raise CommandFailed("that is assigned already")
    text = f"{len(made)} {'assignment' if len(made) == 1 else 'assignments'} made"
    were_there = f", {known} {'was' if known == 1 else 'were'} there" if known else ""
    show(options, [_shown(each) for each in made], text + were_there)


def unassign(options: argparse.Namespace) -> None:
    """
    Raises:
        CommandFailed: none of them is assigned.
    """
    gone = asyncio.run(_unassign(options))
    if not gone:
        raise CommandFailed("that is not assigned")
    text = f"{len(gone)} {'assignment' if len(gone) == 1 else 'assignments'} removed"
    show(options, [_shown(each) for each in gone], text)


def assignments(options: argparse.Namespace) -> None:
    found = asyncio.run(_list(options))
    rows = [
        (each.account_id, each.account_name, each.permission_set, each.principal_type.lower(), each.principal)
        for each in found
    ]
    table = columns(rows, ("ACCOUNT ID", "ACCOUNT", "PERMISSION SET", "TYPE", "WHO"))
    shown = [msgspec.to_builtins(each) for each in found]
    show(options, shown, table if rows else "nothing is assigned: postern assign ACCOUNT PERMISSION_SET --user NAME")


async def _assign(options: argparse.Namespace) -> tuple[list[AccountAssignment], int]:
    """Those that were made, and how many were there."""
    async with opened_store(settings_from(options)) as store:
        wanted = await _meant(options, store)
        there = await _known(store)
        made = [each for each in wanted if each.assignment_id not in there]
        try:
            await store.change_configuration(ConfigurationChange(create=tuple(made)))
        except AlreadyExists:
            raise CommandFailed("somebody else assigned that at the same time: try again") from None
        return made, len(wanted) - len(made)


async def _unassign(options: argparse.Namespace) -> list[AccountAssignment]:
    async with opened_store(settings_from(options)) as store:
        wanted = await _meant(options, store)
        there = await _known(store)
        gone = [each for each in wanted if each.assignment_id in there]
        await store.change_configuration(ConfigurationChange(remove=tuple(gone)))
        return gone


async def _meant(options: argparse.Namespace, store: Store) -> list[AccountAssignment]:
    """
    Raises:
        UsageError: neither a person nor a group is given.
        NotFound: something that is named does not exist.
    """
    if not options.user and not options.group:
        raise UsageError("to whom? give --user or --group, once or more")
    instance = await chosen_instance(options, store)
    account = await accounts.find_account(store, options.account, instance)
    role = await accounts.find_permission_set(store, options.permission_set, instance)
    principals: list[User | Group] = [await users.require_user(store, name, instance) for name in options.user or ()]
    principals += [await groups.find_by_name_or_id(store, name, instance) for name in options.group or ()]
    return list(dict.fromkeys(accounts.account_assignment(account, role, each) for each in principals))


async def _known(store: Store) -> set[str]:
    return {each.assignment_id for each in await store.list_configuration(AccountAssignment)}


async def _list(options: argparse.Namespace) -> list[Named]:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        wanted = await _filters(options, store, instance)
        found = [
            each
            for each in await store.list_configuration(AccountAssignment)
            if each.instance_id == instance.instance_id
            and all(getattr(each, member) in values for member, values in wanted.items())
        ]
        return sorted(await _named(store, found), key=msgspec.structs.astuple)


async def _filters(options: argparse.Namespace, store: Store, instance: Instance) -> dict[str, set[str]]:
    """Which values members of an assignment shall have."""
    wanted: dict[str, set[str]] = {}
    if options.account:
        wanted["account_id"] = {(await accounts.find_account(store, options.account, instance)).account_id}
    if options.permission_set:
        role = await accounts.find_permission_set(store, options.permission_set, instance)
        wanted["permission_set_arn"] = {role.permission_set_arn}
    if options.user:
        user = await users.require_user(store, options.user, instance)
        its_groups = await store.list_groups_of(user.user_id)
        wanted["principal_id"] = {user.user_id, *(group.group_id for group in its_groups)}
    if options.group:
        wanted["principal_id"] = {(await groups.find_by_name_or_id(store, options.group, instance)).group_id}
    return wanted


async def _named(store: Store, found: list[AccountAssignment]) -> list[Named]:
    names = {user.user_id: user.user_name for user in await store.list_users()}
    names |= {group.group_id: group.display_name for group in await store.list_configuration(Group)}
    roles = {role.permission_set_arn: role.name for role in await store.list_configuration(PermissionSet)}
    account_names = {(each.instance_id, each.account_id): each.name for each in await store.list_configuration(Account)}
    return [
        Named(
            account_id=each.account_id,
            account_name=account_names.get((each.instance_id, each.account_id), "?"),
            permission_set=roles.get(each.permission_set_arn, "?"),
            principal_type=each.principal_type.value,
            principal=names.get(each.principal_id, "?"),
            principal_id=each.principal_id,
        )
        for each in found
    ]


def _shown(assignment: AccountAssignment) -> dict[str, object]:
    return {
        "account_id": assignment.account_id,
        "permission_set_arn": assignment.permission_set_arn,
        "principal_type": PrincipalType(assignment.principal_type).value,
        "principal_id": assignment.principal_id,
    }
