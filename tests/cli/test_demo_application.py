"""The demo's application, over several starts."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from postern.cli import demo_application
from postern.cli.context import opened_store
from postern.cli.demo_application import DemoApplication
from postern.core.directory.records import AccessKey, AccessKeyStatus, ApplicationAssignment
from postern.core.records import Instance, User, UserStatus
from postern.core.service import new_instance
from postern.core.store import ConfigurationChange, Store
from postern.server.settings import Settings, load

NOW = 1_790_000_000
PERSON = User(
    user_id="00000000-0000-4000-8000-000000000001",
    instance_id="ssoins-0123456789abcdef",
    user_name="demo",
    canonical_name="demo",
    display_name="Demo User",
    email="",
    password_hash="",
    status=UserStatus.ENABLED,
    created_at=NOW,
)


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """A data folder on which the demo is started again and again."""

    settings: Settings
    store: Store
    instance: Instance

    async def start(self) -> DemoApplication:
        return await demo_application.prepare(self.settings, self.store, self.instance, PERSON)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    settings = load(environment={}, overrides={"server.data": str(tmp_path)})
    async with opened_store(settings, create=True) as store:
        await store.create_user(PERSON)
        yield Demo(settings=settings, store=store, instance=await store.ensure_instance(new_instance(NOW)))


async def test_a_second_start_keeps_application_and_key(demo: Demo) -> None:
    first = await demo.start()
    (assignment,) = await demo.store.list_configuration(ApplicationAssignment)
    assert (assignment.application_arn, assignment.principal_id) == (first.application_arn, PERSON.user_id)
    assert await demo.start() == first
    assert await demo.store.list_configuration(ApplicationAssignment) == [assignment]


async def test_a_person_who_was_taken_out_stays_out(demo: Demo) -> None:
    await demo.start()
    (assignment,) = await demo.store.list_configuration(ApplicationAssignment)
    await demo.store.change_configuration(ConfigurationChange(remove=(assignment,)))
    await demo.start()
    assert await demo.store.list_configuration(ApplicationAssignment) == []


async def test_a_key_that_was_disabled_stays_so_and_another_is_used(demo: Demo) -> None:
    first = await demo.start()
    (key,) = await demo.store.list_configuration(AccessKey)
    inactive = msgspec.structs.replace(key, status=AccessKeyStatus.INACTIVE)
    await demo.store.change_configuration(ConfigurationChange(replace=((key, inactive),)))
    second = await demo.start()
    assert second.access_key_id != first.access_key_id
    assert second.secret_access_key != first.secret_access_key
    assert await demo.start() == second
    keys = {each.access_key_id: each.status for each in await demo.store.list_configuration(AccessKey)}
    assert keys == {
        first.access_key_id: AccessKeyStatus.INACTIVE,
        second.access_key_id: AccessKeyStatus.ACTIVE,
    }
