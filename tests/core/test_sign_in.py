"""Signing in at the pages: statements 119, 126 and 127 of the security design, attacks 27, 32, 33 and 34."""

import asyncio

import msgspec
import pytest

from postern.core import sign_in, users
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.passwords import HasherBusy
from postern.core.policy import DAY, HOUR
from postern.core.records import UserStatus
from postern.core.sign_in import SignInRefused, TooManyAttempts
from tests.core.world import LAPTOP, PASSWORD, PHONE, STRANGER, World, present


async def enter(
    world: World,
    password: str = PASSWORD,
    *,
    user_name: str = "Mira",
    caller: Caller = PHONE,
    replaces: str | None = None,
) -> str:
    return await sign_in.sign_in(
        world.service, user_name=user_name, password=password, caller=caller, replaces=replaces
    )


async def guess(world: World, times: int, *, user_name: str = "Mira", caller: Caller = STRANGER) -> int:
    """So many wrong passwords, each as soon as it may be tried; how many seconds that took."""
    begin = world.clock.now
    for _ in range(times):
        try:
            await enter(world, "wrong password", user_name=user_name, caller=caller)
        except TooManyAttempts as refusal:
            world.clock.advance(refusal.retry_after)
            with pytest.raises(SignInRefused):
                await enter(world, "wrong password", user_name=user_name, caller=caller)
        except SignInRefused:
            pass
    return int(world.clock.now - begin)


def address(number: int) -> Caller:
    return Caller(address=f"203.0.113.{number}")


async def test_the_right_password_begins_a_session(world: World) -> None:
    secret = await enter(world)
    active = present(await sign_in.find_session(world.service, secret))
    assert active.user == world.person
    assert active.session.expires_at == world.now + 8 * HOUR
    assert world.events[-1].event_name is EventName.USER_AUTHENTICATION
    assert (world.events[-1].outcome, world.events[-1].user_id) == ("Success", world.person.user_id)


@pytest.mark.parametrize("typed", ["Mira", "mira", "MIRA", " mira ", "\uff2d\uff49\uff52\uff41"])
async def test_a_name_is_one_person_however_it_is_typed(world: World, typed: str) -> None:
    assert await enter(world, user_name=typed)


async def test_a_password_is_the_same_on_every_keyboard(world: World) -> None:
    """RFC 8265 4.2: normalisation form C."""
    await users.add_user(
        world.store,
        world.hasher,
        user_name="zoe",
        password="Zo\u00eb's password",
        instance=world.service.instance,
        now=world.now,
    )
    assert await enter(world, "Zoe\u0308's password", user_name="zoe")


@pytest.mark.parametrize(
    "password", ["", "wrong password", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "a" * 100_000]
)
async def test_a_wrong_password_is_refused(world: World, password: str) -> None:
    with pytest.raises(SignInRefused):
        await enter(world, password)
    assert world.events[-1].outcome == "Failure"


async def test_an_unknown_person_costs_the_same_work_and_gets_the_same_answer(world: World) -> None:
    """Attack 34: CVE-2026-23511, CVE-2024-41952."""
    with pytest.raises(SignInRefused) as wrong:
        await enter(world, "wrong password")
    with pytest.raises(SignInRefused) as unknown:
        await enter(world, "wrong password", user_name="nobody")
    assert repr(wrong.value) == repr(unknown.value)
    assert world.hasher.verified == [world.person.password_hash, None]


async def test_an_unknown_person_is_locked_alike(world: World) -> None:
    assert await guess(world, 12) == await guess(world, 12, user_name="nobody", caller=address(1))


async def test_a_disabled_person_is_refused_as_if_the_password_were_wrong(world: World) -> None:
    await world.disable()
    with pytest.raises(SignInRefused):
        await enter(world)
    assert world.hasher.verified == [world.person.password_hash]


async def test_a_soft_lock_slows_guesses_from_one_source(world: World) -> None:
    """Kanidm's soft lock: 1 s, then 3 s, 5 s, 10 s, then a minute; the first is free, for a double click."""
    await guess(world, 2)
    with pytest.raises(TooManyAttempts) as refusal:
        await enter(world, caller=STRANGER)
    assert refusal.value.retry_after == 1
    assert world.events[-1].event_name is EventName.PASSWORD_THROTTLED
    world.clock.advance(1)
    assert await enter(world, caller=STRANGER)


async def test_a_double_click_is_not_locked(world: World) -> None:
    assert all(await asyncio.gather(enter(world), enter(world)))


async def test_guesses_side_by_side_are_counted_before_they_are_checked(world: World) -> None:
    outcomes = await asyncio.gather(*(enter(world, "wrong password") for _ in range(20)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SignInRefused"] * 2 + ["TooManyAttempts"] * 18
    assert len(world.hasher.verified) == 2


async def test_while_locked_the_password_is_not_looked_at(world: World) -> None:
    await guess(world, 2, caller=PHONE)
    looked_at = len(world.hasher.verified)
    for _ in range(10):
        with pytest.raises(TooManyAttempts):
            await enter(world)
    assert len(world.hasher.verified) == looked_at


async def test_twenty_five_guesses_take_minutes(world: World) -> None:
    assert await guess(world, 25) == 1 + 3 * 6 + 5 * 16


@pytest.mark.parametrize("typed", ["mira", "MIRA", " Mira", "\uff2d\uff49\uff52\uff41"])
async def test_another_spelling_is_no_new_counter(world: World, typed: str) -> None:
    """Attack 33, CVE-2025-24806."""
    await guess(world, 2)
    with pytest.raises(TooManyAttempts):
        await enter(world, "wrong password", user_name=typed, caller=STRANGER)


async def test_a_right_password_forgets_the_soft_lock(world: World) -> None:
    await guess(world, 8, caller=PHONE)
    world.clock.advance(3)
    await enter(world)
    await guess(world, 2, caller=PHONE)
    with pytest.raises(TooManyAttempts) as refusal:
        await enter(world)
    assert refusal.value.retry_after == 1


async def test_a_lock_cannot_shut_the_person_out(world: World) -> None:
    """Attack 32, GHSA-cq42-vhv7-xr7p: who guesses from elsewhere locks only elsewhere."""
    await guess(world, 30, caller=STRANGER)
    assert await enter(world, caller=PHONE)


async def test_guesses_from_everywhere_together_meet_a_cap_for_the_day(world: World) -> None:
    for number in range(100):
        with pytest.raises(SignInRefused):
            await enter(world, "wrong password", caller=address(number))
    with pytest.raises(TooManyAttempts) as refusal:
        await enter(world, "wrong password", caller=address(200))
    assert refusal.value.retry_after == HOUR
    world.clock.advance(HOUR)
    with pytest.raises(SignInRefused):
        await enter(world, "wrong password", caller=address(201))
    with pytest.raises(TooManyAttempts):
        await enter(world, "wrong password", caller=address(202))


async def test_the_cap_does_not_hold_where_the_person_signed_in_lately(world: World) -> None:
    await enter(world, caller=PHONE)
    world.clock.advance(29 * DAY)
    for number in range(100):
        with pytest.raises(SignInRefused):
            await enter(world, "wrong password", caller=address(number))
    with pytest.raises(TooManyAttempts):
        await enter(world, caller=LAPTOP)
    assert await enter(world, caller=PHONE)


async def test_a_source_is_known_for_thirty_days(world: World) -> None:
    await enter(world, caller=PHONE)
    world.clock.advance(30 * DAY)
    for number in range(100):
        with pytest.raises(SignInRefused):
            await enter(world, "wrong password", caller=address(number))
    with pytest.raises(TooManyAttempts):
        await enter(world, caller=PHONE)


async def test_signing_in_from_a_known_source_gives_no_guess_back_to_others(world: World) -> None:
    await enter(world, caller=PHONE)
    for number in range(100):
        with pytest.raises(SignInRefused):
            await enter(world, "wrong password", caller=address(number))
    for _ in range(5):
        await enter(world, caller=PHONE)
        with pytest.raises(TooManyAttempts):
            await enter(world, "wrong password", caller=address(200))


async def test_known_sources_together_have_a_cap_ten_times_as_high(world: World) -> None:
    world.change("limits", sign_in_failures_per_day=2)
    world.service.sign_in_pacer = None
    for number in range(4):
        await enter(world, caller=address(number))
    for number in range(20):
        world.clock.advance(10)
        with pytest.raises(SignInRefused):
            await enter(world, "wrong password", caller=address(number % 4))
    world.clock.advance(10)
    with pytest.raises(TooManyAttempts) as refusal:
        await enter(world, caller=address(3))
    assert refusal.value.retry_after == HOUR - 10
    world.clock.advance(HOUR)
    assert await enter(world, caller=address(3))


async def test_names_made_up_by_one_address_meet_its_limit_before_anything_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst = world.service.policy.limits.sign_in_burst
    for number in range(burst):
        with pytest.raises(SignInRefused):
            await enter(world, user_name=f"nobody{number}", caller=STRANGER)
    with monkeypatch.context() as patch:
        patch.setattr(world.service, "store", None)
        with pytest.raises(TooManyAttempts) as refusal:
            await enter(world, user_name="nobody else", caller=STRANGER)
    assert refusal.value.retry_after == 1
    assert world.events[-1].event_name is EventName.PASSWORD_THROTTLED
    assert len(world.hasher.verified) == burst
    assert await enter(world, caller=PHONE)
    world.clock.advance(1)
    assert await enter(world, caller=STRANGER)


async def test_when_too_many_wait_for_the_hasher_the_guess_is_given_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> bool:
        raise HasherBusy

    with monkeypatch.context() as patch:
        patch.setattr(world.hasher, "verify", busy)
        for _ in range(10):
            with pytest.raises(TooManyAttempts) as refusal:
                await enter(world)
            assert refusal.value.retry_after == 1
    assert await guess(world, 2, caller=PHONE) == 0


async def test_the_addresses_of_one_ipv6_network_are_one_source(world: World) -> None:
    await guess(world, 2, caller=Caller(address="2001:db8::1"))
    with pytest.raises(TooManyAttempts):
        await enter(world, caller=Caller(address="2001:db8::2"))
    assert world.events[-1].source_address == "2001:db8::2"
    assert await enter(world, caller=Caller(address="2001:db8:0:1::1"))


async def test_right_passwords_use_up_no_cap(world: World) -> None:
    for number in range(120):
        assert await enter(world, caller=address(number))


async def test_a_rotation_of_keys_resets_no_counter(world: World) -> None:
    await guess(world, 2, caller=PHONE)
    await world.rotate_keys()
    with pytest.raises(TooManyAttempts):
        await enter(world)


# Browser sessions


async def test_the_session_that_the_browser_had_before_is_over(world: World) -> None:
    """Attack 27, CVE-2026-7507: an id that was planted before signing in is dead afterwards."""
    planted = await enter(world)
    fresh = await enter(world, replaces=planted)
    assert fresh != planted
    assert await sign_in.find_session(world.service, planted) is None
    assert await sign_in.find_session(world.service, fresh) is not None


@pytest.mark.parametrize("planted", ["x", "", "\ud800", "a" * 100_000])
async def test_a_planted_id_never_becomes_a_session(world: World, planted: str) -> None:
    secret = await enter(world, replaces=planted)
    assert secret != planted
    assert await sign_in.find_session(world.service, planted) is None


async def test_a_failed_sign_in_leaves_the_old_session_alone(world: World) -> None:
    before = await enter(world)
    with pytest.raises(SignInRefused):
        await enter(world, "wrong password", replaces=before)
    assert await sign_in.find_session(world.service, before) is not None


@pytest.mark.parametrize("secret", [None, "", "x", "é", "\ud800", "a" * 100_000])
async def test_no_session_for_anything_else(world: World, secret: str | None) -> None:
    assert await sign_in.find_session(world.service, secret) is None


async def test_a_session_ends_on_the_second(world: World) -> None:
    secret = await enter(world)
    world.clock.advance(8 * HOUR - 1)
    assert await sign_in.find_session(world.service, secret) is not None
    world.clock.advance(1)
    assert await sign_in.find_session(world.service, secret) is None


async def test_disabling_a_person_ends_their_sessions(world: World) -> None:
    secret = await enter(world)
    await world.disable()
    assert await sign_in.find_session(world.service, secret) is None
    await users.set_status(
        world.store, user_name="mira", status=UserStatus.ENABLED, instance=world.service.instance, now=world.now
    )
    assert await sign_in.find_session(world.service, secret) is None


async def test_a_new_password_ends_their_sessions(world: World) -> None:
    secret = await enter(world)
    await users.set_password(
        world.store,
        world.hasher,
        user_name="mira",
        password="another password",
        instance=world.service.instance,
        now=world.now,
    )
    assert await sign_in.find_session(world.service, secret) is None


async def test_a_password_that_changes_while_the_old_one_is_checked_begins_no_session(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = world.hasher.verify

    async def changed_meanwhile(password_hash: str | None, password: str) -> bool:
        right = await verify(password_hash, password)
        await users.set_password(
            world.store,
            world.hasher,
            user_name="mira",
            password="another one",
            instance=world.service.instance,
            now=world.now,
        )
        return right

    monkeypatch.setattr(sign_in, "new_secret", lambda: "a secret")
    monkeypatch.setattr(world.hasher, "verify", changed_meanwhile)
    with pytest.raises(SignInRefused):
        await enter(world)
    assert await sign_in.find_session(world.service, "a secret") is None
    assert all(event.outcome != "Success" for event in world.events)


async def test_signing_out_ends_this_session_only(world: World) -> None:
    here, there = await enter(world), await enter(world)
    await sign_in.sign_out(world.service, present(await sign_in.find_session(world.service, here)), PHONE)
    assert await sign_in.find_session(world.service, here) is None
    assert await sign_in.find_session(world.service, there) is not None
    assert world.events[-1].event_name is EventName.SIGN_OUT


async def test_the_secret_of_a_session_is_256_bits_and_not_stored(world: World) -> None:
    secret = await enter(world)
    assert len(secret) >= 43
    assert secret not in repr(present(await sign_in.find_session(world.service, secret)))
    assert len({sign_in.new_secret() for _ in range(100)}) == 100


async def test_no_event_carries_a_password_or_a_typed_name(world: World) -> None:
    """People type passwords into the field for names."""
    with pytest.raises(SignInRefused):
        await enter(world, "canary password", user_name="canary name")
    await enter(world)
    written = msgspec.json.encode(world.events).decode()
    assert "canary" not in written
    assert PASSWORD not in written


# Page tokens: a decision belongs to the page that was seen


def test_a_page_token_holds_for_its_binding_only(world: World) -> None:
    token = sign_in.page_token(world.service, "device", b"session", "user", "BCDF-GHJK")
    assert sign_in.is_page_token(world.service, token, "device", b"session", "user", "BCDF-GHJK")
    for other in (
        ("consent", b"session", "user", "BCDF-GHJK"),
        ("device", b"session2", "user", "BCDF-GHJK"),
        ("device", b"session", "user2", "BCDF-GHJK"),
        ("device", b"session", "user", "ZXWV-TSRQ"),
        ("device", b"session", "userBCDF-GHJK"),
        ("device", b"session", "user", "BCDF-GHJK", ""),
        ("device", b"sessionuser", "", "BCDF-GHJK"),
        (),
    ):
        assert not sign_in.is_page_token(world.service, token, *other)


def test_every_prefix_and_every_single_character_change_of_a_page_token_is_refused(world: World) -> None:
    token = sign_in.page_token(world.service, "device")
    changed = [
        token[:position] + other + token[position + 1 :]
        for position in range(len(token))
        for other in "0A-_. \x00é\u0661\ud800"
        if other != token[position]
    ]
    for text in (*changed, *(token[:end] for end in range(len(token))), token + "A", token + "\n", token.upper()):
        assert not sign_in.is_page_token(world.service, text, "device")


@pytest.mark.parametrize(
    "token", ["", ".", "x", "-1.", "0x1.", "_", "\ud800", "é.é", "1_0.", "f" * 100_000, "." * 100_000]
)
def test_rubbish_is_no_page_token(world: World, token: str) -> None:
    assert not sign_in.is_page_token(world.service, token, "device")


async def test_a_page_token_holds_across_a_rotation_of_keys(world: World) -> None:
    token = sign_in.page_token(world.service, "device")
    await world.rotate_keys()
    assert sign_in.is_page_token(world.service, token, "device")
    assert sign_in.page_token(world.service, "device") != token
