"""A new password of one's own: proved by the current one, no way around the counters, and the end of all that was."""

import msgspec
import pytest

from postern.core import sign_in
from postern.core.audit import EventName
from postern.core.change_password import PasswordUnchanged, change_password
from postern.core.passwords import MAX_LENGTH, HasherBusy, PasswordTooWeak
from postern.core.records import UserStatus
from postern.core.sign_in import ActiveSession, SignInRefused, TooManyAttempts
from tests.core.world import PASSWORD, PHONE, World, present

NEW = "another horse, another battery"


async def active(world: World) -> ActiveSession:
    secret = await sign_in.sign_in(world.service, user_name="Mira", password=PASSWORD, caller=PHONE, replaces=None)
    return present(await sign_in.find_session(world.service, secret))


async def change(world: World, by: ActiveSession, current: str = PASSWORD, new: str = NEW) -> str:
    return await change_password(world.service, by, current=current, new=new, caller=PHONE)


async def signs_in(world: World, password: str) -> bool:
    try:
        await sign_in.sign_in(world.service, user_name="Mira", password=password, caller=PHONE, replaces=None)
    except SignInRefused:
        return False
    return True


async def test_the_new_password_is_good_and_the_old_one_no_longer(world: World) -> None:
    await change(world, await active(world))
    assert await signs_in(world, NEW)
    assert not await signs_in(world, PASSWORD)


async def test_every_sign_in_and_browser_ends_and_one_session_begins(world: World) -> None:
    client = await world.register()
    await world.signed_in(client)
    here, elsewhere = await active(world), await active(world)
    secret = await change(world, here)
    assert await world.store.list_token_families(world.person.user_id, world.now) == []
    for session in (here.session, elsewhere.session):
        assert await world.store.find_browser_session(session.session_digest) is None
    assert present(await sign_in.find_session(world.service, secret)).user.user_id == world.person.user_id
    assert world.events[-1].event_name is EventName.PASSWORD_CHANGED
    assert world.events[-1].user_id == world.person.user_id


@pytest.mark.parametrize("new", ["", "short", "seven77", "x" * (MAX_LENGTH + 1)])
async def test_a_password_that_is_no_good_is_refused_and_the_current_one_not_looked_at(world: World, new: str) -> None:
    by = await active(world)
    before = len(world.hasher.verified)
    with pytest.raises(PasswordTooWeak):
        await change(world, by, "wrong password", new)
    with pytest.raises(PasswordTooWeak):
        await change(world, by, PASSWORD, new)
    assert len(world.hasher.verified) == before
    assert await signs_in(world, PASSWORD)


async def test_the_same_password_again_is_no_change(world: World) -> None:
    by = await active(world)
    with pytest.raises(PasswordUnchanged):
        await change(world, by, PASSWORD, PASSWORD)
    assert await world.store.find_browser_session(by.session.session_digest) == by.session


async def test_a_wrong_current_password_changes_nothing_and_is_recorded(world: World) -> None:
    by = await active(world)
    with pytest.raises(SignInRefused):
        await change(world, by, "wrong password")
    assert (world.events[-1].event_name, world.events[-1].outcome) == (EventName.USER_AUTHENTICATION, "Failure")
    assert await world.store.find_browser_session(by.session.session_digest) == by.session
    assert await signs_in(world, PASSWORD)


async def test_guesses_here_count_as_guesses_at_sign_in_do(world: World) -> None:
    """Whoever finds a browser open guesses no faster than at the door, nor there afterwards."""
    by = await active(world)
    for _ in range(2):
        with pytest.raises(SignInRefused):
            await change(world, by, "wrong password")
    with pytest.raises(TooManyAttempts):
        await change(world, by)
    with pytest.raises(TooManyAttempts):
        await signs_in(world, PASSWORD)
    world.clock.advance(1)
    await change(world, by)


async def test_while_the_hasher_is_busy_one_is_asked_to_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    by = await active(world)

    async def busy(password_hash: str | None, password: str) -> bool:
        raise HasherBusy

    monkeypatch.setattr(world.hasher, "verify", busy)
    with pytest.raises(TooManyAttempts):
        await change(world, by)


@pytest.mark.parametrize("meanwhile", [{"password_hash": "of an administrator"}, {"status": UserStatus.DISABLED}])
async def test_what_an_administrator_does_meanwhile_is_not_undone(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, object]
) -> None:
    by = await active(world)
    hash_ = world.hasher.hash
    changed = msgspec.structs.replace(world.person, **meanwhile)

    async def slowly(password: str) -> str:
        if password == NEW:
            if changed.enabled:
                await world.store.set_password(changed.user_id, changed.password_hash, world.now)
            else:
                await world.store.set_user_status(changed.user_id, changed.status, world.now)
        return await hash_(password)

    monkeypatch.setattr(world.hasher, "hash", slowly)
    with pytest.raises(SignInRefused):
        await change(world, by)
    assert await world.store.find_user(changed.user_id) == changed
    assert EventName.PASSWORD_CHANGED not in world.event_names()
