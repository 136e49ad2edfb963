"""The device code grant: RFC 8628 3.4 and 3.5, statements 53 to 60 of the security design."""

import asyncio

import pytest

from postern.api.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    ExpiredTokenException,
    InvalidGrantException,
    InvalidScopeException,
    SlowDownException,
    UnauthorizedClientException,
)
from postern.api.sso_oidc import StartDeviceAuthorizationResponse
from postern.core.audit import EventName
from postern.core.records import DeviceStatus
from tests.core.world import Client, World, present, refused


@pytest.fixture
async def client(world: World) -> Client:
    return await world.register()


@pytest.fixture
async def started(world: World, client: Client) -> StartDeviceAuthorizationResponse:
    return await world.start(client)


async def poll(world: World, client: Client, started: StartDeviceAuthorizationResponse) -> object:
    return await world.poll(client, present(started.device_code))


async def test_nobody_has_decided_yet(world: World, client: Client, started: StartDeviceAuthorizationResponse) -> None:
    with refused(AuthorizationPendingException) as refusal:
        await poll(world, client, started)
    assert refusal.value.description == "Authorization is still pending"


async def test_the_aws_cli_polls_to_the_end_and_is_never_slowed_down(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    for pause in (0.0, 0.05, *[1.0] * 598):
        world.clock.advance(pause)
        with refused(AuthorizationPendingException):
            await poll(world, client, started)


async def test_polling_faster_than_the_interval_is_slowed_down_after_a_burst_of_two(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    for _ in range(2):
        with refused(AuthorizationPendingException):
            await poll(world, client, started)
    with refused(SlowDownException):
        await poll(world, client, started)
    world.clock.advance(2)
    with refused(SlowDownException):
        await poll(world, client, started)
    world.clock.advance(11)
    with refused(AuthorizationPendingException):
        await poll(world, client, started)


async def test_polls_that_overtake_each_other_win_nothing(
    world: World, client: Client, started: StartDeviceAuthorizationResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may answer the later of two polls first: that is no clock that was set back."""
    find, may_be_read = world.store.find_device_poll, asyncio.Event()
    waiting = [may_be_read.wait]

    async def find_late(authorization_id: int) -> object:
        if waiting:
            await waiting.pop()()
        return await find(authorization_id)

    monkeypatch.setattr(world.store, "find_device_poll", find_late)
    first = asyncio.ensure_future(poll(world, client, started))
    await asyncio.sleep(0)
    assert not waiting
    for _ in range(2):
        world.clock.advance(0.001)
        with refused(AuthorizationPendingException):
            await poll(world, client, started)
    may_be_read.set()
    with refused(SlowDownException):
        await first


async def test_one_code_that_is_hammered_slows_down_no_other(world: World, client: Client) -> None:
    hammered, other = await world.start(client), await world.start(client)
    for _ in range(10):
        with refused_in(AuthorizationPendingException, SlowDownException):
            await poll(world, client, hammered)
    with refused(AuthorizationPendingException):
        await poll(world, client, other)


def refused_in(*errors: type[Exception]) -> pytest.RaisesExc[Exception]:
    return pytest.raises(errors)


async def test_the_polls_of_an_approved_code_are_never_slowed_down(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    for _ in range(5):
        with refused_in(AuthorizationPendingException, SlowDownException):
            await poll(world, client, started)
    await world.decide(present(started.user_code))
    for _ in range(20):
        await poll(world, client, started)


async def test_denied_is_denied_for_ever(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    await world.decide(present(started.user_code), approve=False)
    for _ in range(3):
        with refused(AccessDeniedException, "denied"):
            await poll(world, client, started)
        world.clock.advance(250)


@pytest.mark.parametrize("swept", [False, True], ids=["kept", "swept"])
async def test_expired_is_told_also_after_the_row_was_swept(
    world: World, client: Client, started: StartDeviceAuthorizationResponse, swept: bool
) -> None:
    """It is the only thing that ends the loop of the AWS CLI cleanly."""
    world.clock.advance(599)
    with refused(AuthorizationPendingException):
        await poll(world, client, started)
    world.clock.advance(1)
    if swept:
        await world.store.sweep(world.now, 1000)
    for _ in range(10):
        with refused(ExpiredTokenException):
            await poll(world, client, started)
        world.clock.advance(86_400)


async def test_an_approved_code_expires_too(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    await world.decide(present(started.user_code))
    world.clock.advance(600)
    with refused(ExpiredTokenException):
        await poll(world, client, started)


async def test_an_approval_in_the_last_second_can_be_redeemed_in_it(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    world.clock.advance(599)
    await world.decide(present(started.user_code))
    assert await poll(world, client, started)


async def test_a_code_that_the_store_lost_before_its_end_is_invalid(
    world: World, client: Client, started: StartDeviceAuthorizationResponse
) -> None:
    await world.store.sweep(world.now + 600, 1000)
    with refused(InvalidGrantException, "unknown to the store"):
        await poll(world, client, started)


async def test_many_polls_at_once_get_one_sign_in(world: World, client: Client) -> None:
    """RFC 8628 3.5; peers created one per poll."""
    device_code = await world.approved(client)
    responses = await asyncio.gather(*(world.poll(client, device_code) for _ in range(32)))
    assert len({response.access_token for response in responses}) == 1
    assert len({response.refresh_token for response in responses}) == 1
    assert len(await world.store.list_token_families(world.person.user_id, world.now)) == 1


async def test_within_the_replay_window_the_answer_is_identical(world: World, client: Client) -> None:
    device_code = await world.approved(client)
    first = await world.poll(client, device_code)
    world.clock.advance(10)
    again = await world.poll(client, device_code)
    assert (again.access_token, again.refresh_token) == (first.access_token, first.refresh_token)


async def test_redeemed_again_after_the_window_the_sign_in_is_revoked(world: World, client: Client) -> None:
    """RFC 6749 4.1.2 by analogy."""
    device_code = await world.approved(client)
    first = await world.poll(client, device_code)
    world.clock.advance(11)
    with refused(InvalidGrantException, "revoked") as refusal:
        await world.poll(client, device_code)
    assert refusal.value.description == "Invalid device code provided"
    assert (await world.family_of(first)).revoked_at == world.now
    assert EventName.CODE_REUSE in world.event_names()
    with refused(InvalidGrantException):
        await world.refresh(client, present(first.refresh_token))


async def test_redeemed_again_after_a_refresh_the_sign_in_is_revoked(world: World, client: Client) -> None:
    device_code = await world.approved(client)
    first = await world.poll(client, device_code)
    await world.refresh(client, present(first.refresh_token))
    with refused(InvalidGrantException):
        await world.poll(client, device_code)
    assert (await world.family_of(first)).revoked_at is not None


async def test_a_window_of_zero_allows_no_later_repetition(world: World, client: Client) -> None:
    world.change("lifetimes", replay_window=0)
    device_code = await world.approved(client)
    await world.poll(client, device_code)
    world.clock.advance(1)
    with refused(InvalidGrantException):
        await world.poll(client, device_code)


async def test_a_clock_that_steps_back_does_not_make_a_repetition_theft(world: World, client: Client) -> None:
    device_code = await world.approved(client)
    first = await world.poll(client, device_code)
    world.clock.advance(-5)
    assert (await world.poll(client, device_code)).access_token == first.access_token


async def test_a_redeemed_code_of_an_ended_sign_in_is_invalid_and_no_alarm(world: World, client: Client) -> None:
    device_code = await world.approved(client)
    family = await world.family_of(await world.poll(client, device_code))
    await world.store.revoke_token_family(family.family_id, "signed out", world.now)
    world.events.clear()
    with refused(InvalidGrantException):
        await world.poll(client, device_code)
    assert world.events == []


async def test_a_switched_off_device_grant_redeems_nothing(world: World, client: Client) -> None:
    device_code = await world.approved(client)
    world.change("clients", device_grant=False)
    with refused(UnauthorizedClientException, "switched off"):
        await world.poll(client, device_code)


async def test_a_remembered_code_of_a_key_that_left_the_ring_is_invalid(world: World) -> None:
    """An emergency rotation ends codes that were polled for before it, too."""
    started = await world.start(await world.register())
    device_code, old = present(started.device_code), world.service.ring.active.key_id
    assert world.service.open_device_code(device_code) == world.service.open_device_code(device_code) is not None
    await world.rotate_keys()
    await world.store.remove_ring_keys([old])
    await world.service.renew()
    assert world.service.open_device_code(device_code) is None


async def test_only_device_codes_are_opened_as_device_codes(world: World, client: Client) -> None:
    signed_in = await world.signed_in(client)
    for other in (signed_in.refresh_token, signed_in.access_token, await world.code(client), "", "\ud800"):
        assert world.service.open_device_code(present(other)) is None


async def test_the_scopes_are_those_of_the_registration(world: World) -> None:
    client = await world.register(scopes=("sso:account:access", "openid"))
    response = await world.signed_in(client)
    family = await world.family_of(response)
    assert family.scopes == ("sso:account:access", "openid")
    assert family.user_id == world.person.user_id
    assert (await world.store.find_token_family(family.family_id)) == family


async def test_a_code_presented_again_with_more_scopes_gets_none(world: World) -> None:
    """RFC 6749 6: nothing beyond what was granted, in the replay window neither; and nothing is consumed."""
    client = await world.register(scopes=("codewhisperer:completions",))
    started = await world.start(client)
    await world.decide(present(started.user_code))
    code = present(started.device_code)
    first = await world.poll(client, code)
    with pytest.raises(InvalidScopeException):
        await world.poll(client, code, scope=("sso:account:access",))
    assert await world.poll(client, code) == first


async def test_redeeming_is_remembered(world: World, client: Client) -> None:
    started = await world.start(client)
    await world.decide(present(started.user_code))
    response = await world.poll(client, present(started.device_code))
    authorization = await world.authorization_of(present(started.user_code))
    assert authorization.status is DeviceStatus.REDEEMED
    assert authorization.family_id == (await world.family_of(response)).family_id
