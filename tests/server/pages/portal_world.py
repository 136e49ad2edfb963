"""Accounts and roles for the people of a world."""

from collections.abc import Sequence

import msgspec

from postern.core.directory.records import (
    Account,
    ConsoleOptions,
    CredentialSource,
    LocalSource,
    PermissionSet,
    WebIdentitySource,
    account_key,
)
from postern.core.records import Instance, Record, User
from postern.core.store import ConfigurationChange
from postern.testing import samples
from tests.server.pages.world import World

ACCOUNT_ID = "111122223333"
ROLE = {"account_id": ACCOUNT_ID, "role_name": "Admin"}


async def person(world: World, user_name: str = "ada") -> User:
    found = await world.store.find_user_by_name(world.service.instance.instance_id, user_name)
    assert found is not None
    return found


async def create(world: World, *records: Record) -> None:
    await world.store.change_configuration(ConfigurationChange(create=records))


async def assign(
    world: World,
    user: User,
    account_id: str = ACCOUNT_ID,
    roles: Sequence[str] = ("Admin",),
    *,
    name: str = "Production",
    description: str = "",
    source: str = "",
) -> None:
    """An account, and these roles for the person there."""
    instance = world.service.instances.by_id[user.instance_id]
    account = _account(instance, account_id, name, source)
    stored = await world.store.list_configuration(PermissionSet)
    known = {each.name: each for each in stored if each.instance_id == instance.instance_id}
    made = {role: _permission_set(instance, role, description) for role in roles if role not in known}
    of_account = [(known | made)[role] for role in roles]
    await create(world, account, *made.values())
    await create(world, *(samples.account_assignment(account, role, user) for role in of_account))


async def add_source(world: World, options: LocalSource | WebIdentitySource, name: str = "a-source") -> str:
    await create(world, CredentialSource(name=name, options=options, created_at=samples.NOW))
    await world.service.renew()
    return name


async def add_console(world: World, console: ConsoleOptions) -> str:
    return await add_source(world, LocalSource(console=console), "console")


def _account(instance: Instance, account_id: str, name: str, source: str) -> Account:
    return samples.account(
        account_id,
        account_key=account_key(instance.instance_id, account_id),
        instance_id=instance.instance_id,
        name=name,
        credential_source=source,
    )


def _permission_set(instance: Instance, name: str, description: str) -> PermissionSet:
    made = samples.permission_set(name, instance_id=instance.instance_id, description=description)
    arn = made.permission_set_arn.replace(samples.INSTANCE_ID, instance.instance_id)
    return msgspec.structs.replace(made, permission_set_arn=arn)
