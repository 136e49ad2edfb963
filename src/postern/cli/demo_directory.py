"""The demo's account: what the demo person may be, so that a sign-in leads somewhere."""

from postern.cli.output import now
from postern.core.directory import accounts
from postern.core.directory.records import Account, PermissionSet
from postern.core.records import Instance, User
from postern.core.store import ConfigurationChange, Store

ACCOUNT_ID = "111122223333"
ACCOUNT_NAME = "Demo account"
ROLES = ("Admin", "ReadOnly")


async def prepare(store: Store, instance: Instance, person: User) -> None:
    """The account with its permission sets, to all of which the person is assigned. Nothing is done where the account
    is there: what an operator has changed since stays changed.
    """
    known = await store.list_configuration(Account)
    if any((each.instance_id, each.account_id) == (instance.instance_id, ACCOUNT_ID) for each in known):
        return
    account = accounts.new_account(instance, account_id=ACCOUNT_ID, name=ACCOUNT_NAME, now=now())
    roles = await _roles(store, instance)
    new = [
        accounts.new_permission_set(instance, name=name, description="Made by postern demo", now=now())
        for name in ROLES
        if name not in roles
    ]
    assignments = [accounts.account_assignment(account, role, person) for role in (*roles.values(), *new)]
    await store.change_configuration(ConfigurationChange(create=(account, *new, *assignments)))


async def _roles(store: Store, instance: Instance) -> dict[str, PermissionSet]:
    """Those of the demo's that are there already, by name."""
    known = await store.list_configuration(PermissionSet)
    return {each.name: each for each in known if each.instance_id == instance.instance_id and each.name in ROLES}
