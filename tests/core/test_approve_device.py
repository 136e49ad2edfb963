"""A person finds a device by its user code and decides: RFC 8628 3.3, 5.1, 5.4; statements 37, 59, 121 to 125."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from postern.api.errors import AccessDeniedException, ExpiredTokenException
from postern.core import approve_device, decide_device
from postern.core.approve_device import StalePage, UserCodeRefused
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.records import DeviceAuthorization, DeviceStatus, User
from postern.core.sign_in import ActiveSession, TooManyAttempts
from postern.core.store import DecideDeviceAuthorization
from tests.core.test_create_token import APPROVED, DISABLED, ENABLED, NOW
from tests.core.world import LAPTOP, PHONE, World, present, refused


@pytest.fixture
async def user_code(world: World) -> str:
    return present((await world.start(await world.register())).user_code)


@pytest.fixture
async def active(world: World) -> ActiveSession:
    return await world.browser()


async def find(world: World, active: ActiveSession, typed: str, caller: Caller = PHONE) -> DeviceAuthorization:
    authorization, _ = await approve_device.find_pending(world.service, active, typed, caller)
    return authorization


@pytest.mark.parametrize("spelling", [str, str.lower, lambda code: code.replace("-", ""), " ".join])
async def test_typing_is_forgiven(
    world: World, active: ActiveSession, user_code: str, spelling: Callable[[str], str]
) -> None:
    authorization, shown = await approve_device.find_pending(world.service, active, spelling(user_code), PHONE)
    assert shown == user_code
    assert authorization.client_name == "botocore-client-demo"
    assert authorization.requester_address == LAPTOP.address


async def test_looking_up_decides_nothing(world: World, active: ActiveSession, user_code: str) -> None:
    """Consent is always asked, also with verificationUriComplete."""
    assert (await find(world, active, user_code)).status is DeviceStatus.PENDING
    assert (await find(world, active, user_code)).status is DeviceStatus.PENDING


async def test_unknown_malformed_expired_and_used_codes_get_one_answer(
    world: World, active: ActiveSession, user_code: str
) -> None:
    refusals = []
    await world.decide(user_code, active=active)
    for typed in (user_code, "BBBB-BBBB", "", "not a code"):
        with pytest.raises(UserCodeRefused) as refusal:
            await find(world, active, typed)
        refusals.append(repr(refusal.value))
    expired = present((await world.start(await world.register())).user_code)
    world.clock.advance(600)
    with pytest.raises(UserCodeRefused) as refusal:
        await find(world, active, expired)
    assert {*refusals, repr(refusal.value)} == {"UserCodeRefused()"}


async def test_five_wrong_codes_then_the_person_waits_twice_as_long_each_time(
    world: World, active: ActiveSession, user_code: str
) -> None:
    """RFC 8628 5.1: 34.5 bits bear five tries."""
    for _ in range(5):
        with pytest.raises(UserCodeRefused):
            await find(world, active, "BBBB-BBBB")
    for wait in (60, 120, 240):
        with pytest.raises(TooManyAttempts) as refusal:
            await find(world, active, user_code)
        assert refusal.value.retry_after == wait
        assert world.events[-1].event_name is EventName.USER_CODE_THROTTLED
        world.clock.advance(wait)
        with pytest.raises(UserCodeRefused):
            await find(world, active, "BBBB-BBBB")


async def test_while_waiting_no_code_is_looked_up(
    world: World, active: ActiveSession, user_code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        with pytest.raises(UserCodeRefused):
            await find(world, active, "BBBB-BBBB")
    monkeypatch.setattr(world.store, "find_device_authorization_by_user_code", None)
    with pytest.raises(TooManyAttempts):
        await find(world, active, user_code)


async def test_another_address_does_not_help_the_person_who_guesses(world: World, active: ActiveSession) -> None:
    for number in range(5):
        with pytest.raises(UserCodeRefused):
            await find(world, active, "BBBB-BBBB", Caller(address=f"203.0.113.{number}"))
    with pytest.raises(TooManyAttempts):
        await find(world, active, "BBBB-BBBB", Caller(address="203.0.113.99"))


async def test_thirty_wrong_codes_from_one_address_block_it_for_everyone_there(world: World) -> None:
    for number in range(10):
        browser = await world.browser(await world.add_person(f"person{number}"))
        for _ in range(3):
            with pytest.raises(UserCodeRefused):
                await find(world, browser, "BBBB-BBBB")
    with pytest.raises(TooManyAttempts) as refusal:
        await find(world, await world.browser(), "BBBB-BBBB")
    assert refusal.value.retry_after == 600


async def test_a_refusal_of_the_address_costs_the_person_no_try(
    world: World, active: ActiveSession, user_code: str
) -> None:
    world.change("limits", user_code_tries_per_address=1)
    with pytest.raises(UserCodeRefused):
        await find(world, await world.browser(await world.add_person("other")), "BBBB-BBBB")
    for _ in range(10):
        with pytest.raises(TooManyAttempts):
            await find(world, active, "BBBB-BBBB")
    await find(world, active, user_code, LAPTOP)


async def test_a_hit_gives_back_itself_and_no_guess_before_it(
    world: World, active: ActiveSession, user_code: str
) -> None:
    for _ in range(4):
        with pytest.raises(UserCodeRefused):
            await find(world, active, "BBBB-BBBB")
        await find(world, active, user_code)
    with pytest.raises(UserCodeRefused):
        await find(world, active, "BBBB-BBBB")
    with pytest.raises(TooManyAttempts):
        await find(world, active, "BBBB-BBBB")


async def test_looking_at_the_page_again_costs_no_try(world: World, active: ActiveSession, user_code: str) -> None:
    for _ in range(60):
        await find(world, active, user_code)


async def test_a_code_from_before_a_rotation_of_keys_is_found(
    world: World, active: ActiveSession, user_code: str
) -> None:
    await world.rotate_keys()
    await find(world, active, user_code)


async def test_approving_says_who_and_from_where(world: World, active: ActiveSession, user_code: str) -> None:
    decided = await world.decide(user_code, active=active)
    assert decided.status is DeviceStatus.APPROVED
    assert decided.user_id == world.person.user_id
    assert (decided.requester_address, decided.approver_address) == (LAPTOP.address, PHONE.address)
    event = world.events[-1]
    assert event.event_name is EventName.DEVICE_APPROVED
    assert (event.requester_address, event.source_address) == (LAPTOP.address, PHONE.address)


async def test_denying_is_remembered(world: World, active: ActiveSession, user_code: str) -> None:
    assert (await world.decide(user_code, approve=False, active=active)).status is DeviceStatus.DENIED
    assert world.events[-1].event_name is EventName.DEVICE_DENIED


@pytest.mark.parametrize("first", [True, False], ids=["approved", "denied"])
@pytest.mark.parametrize("second", [True, False], ids=["then approved", "then denied"])
async def test_the_first_decision_stands(world: World, user_code: str, first: bool, second: bool) -> None:
    """RFC 8628 3.3: both sides see one outcome."""
    decided = await world.decide(user_code, approve=first)
    late = await world.browser(await world.add_person("late"))
    again = await world.decide(user_code, approve=second, active=late)
    assert again == decided
    assert again.user_id == world.person.user_id


async def test_an_expired_authorization_is_not_decided(world: World, active: ActiveSession, user_code: str) -> None:
    world.clock.advance(599)
    token = approve_device.approval_token(world.service, active, user_code)
    world.clock.advance(1)
    with pytest.raises(UserCodeRefused):
        await approve_device.decide(world.service, active, user_code=user_code, token=token, approve=True, caller=PHONE)
    assert (await world.authorization_of(user_code)).status is DeviceStatus.PENDING


async def test_a_person_who_was_disabled_since_approves_nothing(
    world: World, active: ActiveSession, user_code: str
) -> None:
    await world.disable()
    with pytest.raises(UserCodeRefused):
        await world.decide(user_code, active=active)
    assert (await world.authorization_of(user_code)).status is DeviceStatus.PENDING


async def test_the_token_of_one_page_decides_on_no_other(world: World, active: ActiveSession, user_code: str) -> None:
    """Attack: CVE-2022-39222. Another code, another person, another browser, another kind of page, none."""
    other_code = present((await world.start(await world.register())).user_code)
    other_person = await world.browser(await world.add_person("other"))
    other_browser = await world.browser()
    for token in (
        approve_device.approval_token(world.service, active, other_code),
        approve_device.approval_token(world.service, other_person, user_code),
        approve_device.approval_token(world.service, other_browser, user_code),
        "",
        "rubbish",
    ):
        with pytest.raises(StalePage):
            await approve_device.decide(
                world.service, active, user_code=user_code, token=token, approve=True, caller=PHONE
            )
    assert (await world.authorization_of(user_code)).status is DeviceStatus.PENDING


async def test_nothing_is_decided_in_a_browser_session_that_has_ended_meanwhile(
    world: World, active: ActiveSession, user_code: str
) -> None:
    """Whoever holds a session's cookie approves nothing with it once the password was changed."""
    token = approve_device.approval_token(world.service, active, user_code)
    await world.store.set_password(active.user.user_id, "another", world.now)
    with pytest.raises(UserCodeRefused):
        await approve_device.decide(world.service, active, user_code=user_code, token=token, approve=True, caller=PHONE)
    assert (await world.authorization_of(user_code)).status is DeviceStatus.PENDING


async def test_a_code_that_was_swept_meanwhile_is_refused(world: World, active: ActiveSession, user_code: str) -> None:
    token = approve_device.approval_token(world.service, active, user_code)
    await world.store.sweep(world.now + 600, 1000)
    with pytest.raises(UserCodeRefused):
        await approve_device.decide(world.service, active, user_code=user_code, token=token, approve=True, caller=PHONE)


# The pure decision


COMMAND = DecideDeviceAuthorization(
    authorization_id=1, user_id="u", approve=True, approver_address="198.51.100.7", now=NOW
)


def pending() -> DeviceAuthorization:
    return replace(APPROVED, status=DeviceStatus.PENDING, user_id=None)


def test_a_decision_takes_the_time_and_the_person_of_its_command() -> None:
    decided = decide_device.decide(COMMAND, pending(), ENABLED)
    assert (decided.status, decided.user_id, decided.decided_at) == (DeviceStatus.APPROVED, "u", NOW)


@pytest.mark.parametrize("user", [DISABLED, None], ids=["disabled", "gone"])
def test_no_decision_by_a_person_who_is_disabled_or_gone(user: User | None) -> None:
    with refused(AccessDeniedException):
        decide_device.decide(COMMAND, pending(), user)


def test_no_decision_on_what_is_gone() -> None:
    with refused(ExpiredTokenException):
        decide_device.decide(COMMAND, None, ENABLED)


@pytest.mark.parametrize("status", [DeviceStatus.APPROVED, DeviceStatus.DENIED, DeviceStatus.REDEEMED])
def test_a_decided_authorization_is_returned_as_it_is(status: DeviceStatus) -> None:
    decided = replace(APPROVED, status=status)
    assert decide_device.decide(COMMAND, decided, DISABLED) is decided
