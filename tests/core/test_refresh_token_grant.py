"""The refresh token grant with rotation: RFC 6749 6, RFC 9700 4.14.2, statements 71 to 78 of the security design."""

import asyncio

import pytest

from postern.api.errors import InvalidGrantException, UnauthorizedException
from postern.api.sso_oidc import CreateTokenResponse
from postern.core import access_tokens, users
from postern.core.audit import EventName
from postern.core.policy import DAY, HOUR
from postern.core.records import UserStatus
from tests.core.world import ACCOUNT_ACCESS, Client, World, present, refused


@pytest.fixture
async def client(world: World) -> Client:
    return await world.register(scopes=(ACCOUNT_ACCESS, "openid"))


@pytest.fixture
async def first(world: World, client: Client) -> CreateTokenResponse:
    return await world.signed_in(client)


async def refresh(
    world: World, client: Client, response: CreateTokenResponse, scope: tuple[str, ...] | None = None
) -> CreateTokenResponse:
    return await world.refresh(client, present(response.refresh_token), scope)


async def is_alive(world: World, response: CreateTokenResponse) -> bool:
    try:
        await access_tokens.verify(world.service, present(response.access_token))
    except UnauthorizedException:
        return False
    return True


async def test_every_use_rotates(world: World, client: Client, first: CreateTokenResponse) -> None:
    seen = {first.refresh_token}
    response = first
    for _ in range(20):
        world.clock.advance(60)
        response = await refresh(world, client, response)
        assert response.refresh_token not in seen
        seen.add(response.refresh_token)
    assert await is_alive(world, response)


async def test_within_the_window_a_repetition_gets_the_identical_successor(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    second = await refresh(world, client, first)
    for _ in range(10):
        world.clock.advance(1)
        again = await refresh(world, client, first)
        assert (again.access_token, again.refresh_token) == (second.access_token, second.refresh_token)
    assert (await refresh(world, client, second)).refresh_token != second.refresh_token


async def test_eight_processes_with_one_token_get_one_successor(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    responses = await asyncio.gather(*(refresh(world, client, first) for _ in range(8)))
    assert len({response.refresh_token for response in responses}) == 1
    assert len({response.access_token for response in responses}) == 1


@pytest.mark.parametrize("window", [0, 1, 10, 60])
async def test_the_window_is_exact(world: World, client: Client, first: CreateTokenResponse, window: int) -> None:
    world.change("lifetimes", replay_window=window)
    await refresh(world, client, first)
    world.clock.advance(window)
    assert (await refresh(world, client, first)).access_token
    world.clock.advance(1)
    with refused(InvalidGrantException, "revoked"):
        await refresh(world, client, first)


async def test_reuse_after_the_window_revokes_the_whole_family(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    """RFC 9700 4.14.2: the server cannot tell who is the thief, so it revokes the active refresh token as well."""
    second = await refresh(world, client, first)
    world.clock.advance(11)
    with refused(InvalidGrantException, "revoked") as refusal:
        await refresh(world, client, first)
    assert refusal.value.description == "Invalid refresh token provided"
    assert not await is_alive(world, first)
    assert not await is_alive(world, second)
    with refused(InvalidGrantException):
        await refresh(world, client, second)
    (event,) = [event for event in world.events if event.event_name is EventName.REFRESH_TOKEN_REUSE]
    assert event.outcome == "Failure"
    assert event.reason
    assert event.client_name == "botocore-client-demo"


async def test_an_older_generation_within_the_window_is_theft_too(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    second = await refresh(world, client, first)
    third = await refresh(world, client, second)
    with refused(InvalidGrantException, "revoked"):
        await refresh(world, client, first)
    assert not await is_alive(world, third)


async def test_a_generation_that_was_never_issued_is_theft(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    """After a restore of an older backup: tokens that were issued since are refused and end the family."""
    family = await world.family_of(first)
    second = await refresh(world, client, first)
    third = await refresh(world, client, second)
    rows = getattr(world.store, "_rows")  # noqa: B009
    rows.put(family)
    with refused(InvalidGrantException, "revoked"):
        await refresh(world, client, third)


async def test_another_sign_in_is_not_touched_by_theft(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    other = await world.signed_in(client)
    await refresh(world, client, first)
    world.clock.advance(11)
    with refused(InvalidGrantException):
        await refresh(world, client, first)
    assert await is_alive(world, other)
    assert (await refresh(world, client, other)).access_token


async def test_a_clock_that_steps_back_revives_nothing(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    second = await refresh(world, client, first)
    third = await refresh(world, client, second)
    world.clock.advance(-DAY)
    with refused(InvalidGrantException):
        await refresh(world, client, first)
    with refused(InvalidGrantException):
        await refresh(world, client, third)


async def test_a_clock_that_steps_far_back_makes_no_old_token_a_recent_one(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    """Statement 74: a rotated token never becomes valid again."""
    await refresh(world, client, first)
    world.clock.advance(-11)
    with refused(InvalidGrantException, "revoked"):
        await refresh(world, client, first)


async def test_a_clock_that_steps_back_a_little_signs_nobody_out(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    second = await refresh(world, client, first)
    world.clock.advance(-10)
    assert (await refresh(world, client, first)).refresh_token == second.refresh_token


async def test_narrowing_narrows_only_the_access_token(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    """RFC 6749 6: the scope of a new refresh token MUST be identical to that of the one in the request."""
    narrow = await refresh(world, client, first, ("openid",))
    assert (await access_tokens.verify(world.service, present(narrow.access_token))).scopes == ("openid",)
    world.clock.advance(60)
    wide = await refresh(world, client, narrow)
    token = await access_tokens.verify(world.service, present(wide.access_token))
    assert set(token.scopes) == {ACCOUNT_ACCESS, "openid"}


async def test_a_repetition_with_another_scope_is_the_same_generation(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    wide = await refresh(world, client, first)
    narrow = await refresh(world, client, first, ("openid",))
    assert narrow.refresh_token == wide.refresh_token


async def test_rotation_does_not_extend_the_absolute_end(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    response = first
    for _ in range(15):
        world.clock.advance(1800)
        response = await refresh(world, client, response)
    assert response.expires_in == 1800
    world.clock.advance(1799)
    response = await refresh(world, client, response)
    assert response.expires_in == 1
    world.clock.advance(1)
    with refused(InvalidGrantException, "ended"):
        await refresh(world, client, response)
    assert not await is_alive(world, response)


async def test_a_sign_in_that_idles_for_too_long_ends(world: World, client: Client) -> None:
    world.change("lifetimes", sign_in=30 * DAY, sign_in_idle=2 * HOUR)
    response = await world.signed_in(client)
    for _ in range(5):
        world.clock.advance(2 * HOUR - 1)
        response = await refresh(world, client, response)
    world.clock.advance(2 * HOUR)
    with refused(InvalidGrantException, "idle"):
        await refresh(world, client, response)


async def test_nothing_minted_survives_a_revocation(world: World, client: Client, first: CreateTokenResponse) -> None:
    second = await refresh(world, client, first)
    family = await world.family_of(second)
    assert await world.store.revoke_token_family(family.family_id, "signed out", world.now)
    for response in (first, second):
        assert not await is_alive(world, response)
        with refused(InvalidGrantException):
            await refresh(world, client, response)
    assert not await world.store.revoke_token_family(family.family_id, "again", world.now)


async def test_a_new_password_ends_every_sign_in(world: World, client: Client, first: CreateTokenResponse) -> None:
    await users.set_password(
        world.store,
        world.hasher,
        user_name="mira",
        password="another password",
        instance=world.service.instance,
        now=world.now,
    )
    assert not await is_alive(world, first)
    with refused(InvalidGrantException, "ended"):
        await refresh(world, client, first)


async def test_enabling_a_person_again_revives_nothing(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    await world.disable()
    await users.set_status(
        world.store, user_name="mira", status=UserStatus.ENABLED, instance=world.service.instance, now=world.now
    )
    assert not await is_alive(world, first)
    with refused(InvalidGrantException):
        await refresh(world, client, first)


async def test_the_access_token_of_before_a_rotation_lives_to_its_end(
    world: World, client: Client, first: CreateTokenResponse
) -> None:
    world.clock.advance(HOUR - 1)
    await refresh(world, client, first)
    assert await is_alive(world, first)
    world.clock.advance(1)
    assert not await is_alive(world, first)


async def test_a_swept_family_is_unknown(world: World, client: Client, first: CreateTokenResponse) -> None:
    world.clock.advance(8 * HOUR)
    await world.store.sweep(world.now, 1000)
    with refused(InvalidGrantException, "unknown"):
        await refresh(world, client, first)
