"""Local people and their passwords."""

import pytest

from postern.core import passwords, users
from postern.core.passwords import PasswordTooWeak
from postern.core.records import User, UserStatus
from postern.core.store import AlreadyExists, NotFound
from postern.core.users import InvalidUser
from tests.core.world import PASSWORD, World, present


async def add(world: World, user_name: str, password: str = PASSWORD) -> User:
    return await users.add_user(
        world.store,
        world.hasher,
        user_name=user_name,
        password=password,
        instance=world.service.instance,
        now=world.now,
    )


async def test_a_person_is_enabled_and_found_by_name(world: World) -> None:
    user = await add(world, " Zoë ")
    assert user.enabled
    assert (user.user_name, user.display_name, user.created_at) == ("Zoë", "Zoë", world.now)
    assert await users.require_user(world.store, "ZOË", world.service.instance) == user
    assert await users.require_user(world.store, "zoe\u0308", world.service.instance) == user


@pytest.mark.parametrize("user_name", ["mira", "MIRA", " Mira ", "\uff4dira", "m\u0131ra".replace("\u0131", "i")])
async def test_another_spelling_is_the_same_person(world: World, user_name: str) -> None:
    with pytest.raises(AlreadyExists):
        await add(world, user_name)
    assert len(await world.store.list_users()) == 1


@pytest.mark.parametrize(
    "user_name", ["", " ", "a" * 129, "a\nb", "a\x00b", "a\x1b[31m", "a\u202eb", "a\u2028b", "\ud800"]
)
async def test_names_that_are_not_acceptable(world: World, user_name: str) -> None:
    with pytest.raises(InvalidUser):
        await add(world, user_name)


@pytest.mark.parametrize("password", ["", "a" * 7, "a" * 257])
async def test_a_password_has_8_to_256_characters(world: World, password: str) -> None:
    with pytest.raises(PasswordTooWeak):
        await add(world, "new", password)
    with pytest.raises(PasswordTooWeak):
        await users.set_password(
            world.store,
            world.hasher,
            user_name="mira",
            password=password,
            instance=world.service.instance,
            now=world.now,
        )


@pytest.mark.parametrize("password", ["a" * 8, "a" * 256, "päss wörd", "\U0001f600" * 8])
def test_any_characters_will_do(password: str) -> None:
    assert passwords.require_acceptable(password) == password


async def test_a_password_is_not_stored(world: World) -> None:
    user = await add(world, "new")
    assert PASSWORD not in user.password_hash
    assert user.password_hash not in repr(user)


async def test_a_new_password_replaces_the_old(world: World) -> None:
    await users.set_password(
        world.store,
        world.hasher,
        user_name="MIRA",
        password="another password",
        instance=world.service.instance,
        now=world.now,
    )
    user = present(await world.store.find_user(world.person.user_id))
    assert await world.hasher.verify(user.password_hash, "another password")
    assert not await world.hasher.verify(user.password_hash, PASSWORD)


async def test_disabling_and_enabling(world: World) -> None:
    await world.disable()
    assert not present(await world.store.find_user(world.person.user_id)).enabled
    await users.set_status(
        world.store, user_name="mira", status=UserStatus.ENABLED, instance=world.service.instance, now=world.now
    )
    assert present(await world.store.find_user(world.person.user_id)).enabled


async def test_nobody_has_that_name(world: World) -> None:
    with pytest.raises(NotFound):
        await users.require_user(world.store, "nobody", world.service.instance)
    with pytest.raises(NotFound):
        await users.set_status(
            world.store, user_name="nobody", status=UserStatus.DISABLED, instance=world.service.instance, now=world.now
        )
    with pytest.raises(NotFound):
        await users.set_password(
            world.store,
            world.hasher,
            user_name="nobody",
            password=PASSWORD,
            instance=world.service.instance,
            now=world.now,
        )
