"""The demo's account, over several starts."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from postern.cli import demo_directory
from postern.cli.context import opened_store
from postern.core.directory import accounts
from postern.core.directory.records import Account, AccountAssignment, PermissionSet
from postern.core.records import Instance, User
from postern.core.service import new_instance
from postern.core.store import ConfigurationChange, Store
from postern.core.users import new_person
from postern.server.settings import load

NOW = 1_790_000_000


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """A store on which the demo is started again and again."""

    store: Store
    instance: Instance
    person: User

    async def start(self) -> list[tuple[str, str]]:
        """What the person may be then."""
        await demo_directory.prepare(self.store, self.instance, self.person)
        found = await self.store.list_all_assigned_roles(self.person.user_id)
        return [(each.account.account_id, each.permission_set.name) for each in found]

    async def change(self, **changes: object) -> None:
        await self.store.change_configuration(msgspec.structs.replace(ConfigurationChange(now=NOW), **changes))


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    settings = load(environment={}, overrides={"server.data": str(tmp_path)})
    async with opened_store(settings, create=True) as store:
        instance = await store.ensure_instance(new_instance(NOW))
        person = new_person(instance, user_name="demo", now=NOW)
        await store.create_user(person)
        yield Demo(store=store, instance=instance, person=person)


BOTH = [("111122223333", "Admin"), ("111122223333", "ReadOnly")]


async def test_a_second_start_changes_nothing(demo: Demo) -> None:
    assert await demo.start() == BOTH
    before = [await demo.store.list_configuration(kind) for kind in (Account, PermissionSet)]
    assert await demo.start() == BOTH
    assert [await demo.store.list_configuration(kind) for kind in (Account, PermissionSet)] == before


async def test_a_role_that_was_taken_from_the_person_stays_so(demo: Demo) -> None:
    await demo.start()
    first, *_ = await demo.store.list_configuration(AccountAssignment)
    await demo.change(remove=(first,))
    assert len(await demo.start()) == 1


async def test_a_permission_set_that_was_removed_stays_so(demo: Demo) -> None:
    await demo.start()
    (admin,) = [each for each in await demo.store.list_configuration(PermissionSet) if each.name == "Admin"]
    await demo.change(remove=(admin,))
    assert await demo.start() == BOTH[1:]


async def test_an_account_that_was_renamed_stays_so(demo: Demo) -> None:
    await demo.start()
    (account,) = await demo.store.list_configuration(Account)
    renamed = msgspec.structs.replace(account, name="Mine")
    await demo.change(replace=((account, renamed),))
    assert await demo.start() == BOTH
    assert await demo.store.list_configuration(Account) == [renamed]


async def test_a_permission_set_that_is_there_already_is_used(demo: Demo) -> None:
    own = accounts.new_permission_set(demo.instance, name="Admin", session_duration=7200, now=NOW)
    await demo.change(create=(own,))
    assert await demo.start() == BOTH
    assert own in await demo.store.list_configuration(PermissionSet)
