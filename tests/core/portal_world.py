"""What the access portal stands on: accounts, permission sets, and who is assigned."""

from collections.abc import Sequence

from postern.core.directory.records import Account, Group, GroupMembership, PermissionSet, membership_id
from postern.core.records import Record, User
from postern.core.store import ConfigurationChange
from postern.testing import samples
from tests.core.world import World

ACCOUNT_ID = "111122223333"
OTHER_ACCOUNT_ID = "444455556666"


async def create(world: World, *records: Record) -> None:
    await world.store.change_configuration(ConfigurationChange(create=records))


async def remove(world: World, *records: Record) -> None:
    await world.store.change_configuration(ConfigurationChange(remove=records, now=world.now))


async def assign(
    world: World, account: Account, roles: Sequence[PermissionSet], to: User | Group | None = None
) -> None:
    """Without ``to`` it is the person of the world."""
    principal = to or world.person
    await create(world, *(samples.account_assignment(account, role, principal) for role in roles))


async def add_portal(world: World, *role_names: str) -> tuple[Account, list[PermissionSet]]:
    """An account where the person has these roles."""
    account, roles = samples.account(ACCOUNT_ID), [samples.permission_set(name) for name in role_names]
    await create(world, account, *roles)
    await assign(world, account, roles)
    return account, roles


async def add_group(world: World, name: str, *members: User) -> Group:
    group = samples.group(name)
    memberships = [
        GroupMembership(
            membership_id=membership_id(group.group_id, member.user_id), group_id=group.group_id, user_id=member.user_id
        )
        for member in members
    ]
    await create(world, group, *memberships)
    return group
