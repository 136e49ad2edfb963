"""Access tokens in use, and Logout: statements 130 and 133 of the security design."""

import pytest

from postern.api.errors import InvalidGrantException, UnauthorizedException
from postern.api.portal import LogoutRequest
from postern.core import access_tokens
from postern.core.audit import EventName
from postern.core.clients import client_digest
from postern.core.logout import logout
from postern.core.policy import DAY, HOUR
from postern.core.records import RevokedClient
from tests.core.world import ACCOUNT_ACCESS, LAPTOP, World, present, refused


async def test_a_live_token_says_whose_it_is_and_what_for(world: World) -> None:
    response = await world.signed_in(await world.register())
    token = await access_tokens.verify(world.service, present(response.access_token))
    assert token.family.user_id == world.person.user_id
    assert token.scopes == (ACCOUNT_ACCESS,)
    assert token.expires_at == world.now + HOUR


async def test_an_access_token_ends_on_the_second(world: World) -> None:
    response = await world.signed_in(await world.register())
    world.clock.advance(HOUR - 1)
    await access_tokens.verify(world.service, present(response.access_token))
    world.clock.advance(1)
    with refused(UnauthorizedException, "expired"):
        await access_tokens.verify(world.service, present(response.access_token))


async def test_no_other_value_is_an_access_token(world: World) -> None:
    client = await world.register()
    response = await world.signed_in(client)
    started = await world.start(client)
    for other in (
        present(response.refresh_token),
        present(started.device_code),
        await world.code(client),
        client.client_secret,
        present(response.access_token)[:-1],
        present(response.access_token) + "A",
        "",
        "Bearer x",
        "\ud800",
    ):
        with refused(UnauthorizedException) as refusal:
            await access_tokens.verify(world.service, other)
        assert refusal.value.description == "Session token not found or invalid"


async def test_logout_ends_the_whole_sign_in_at_once(world: World) -> None:
    client = await world.register()
    first = await world.signed_in(client)
    second = await world.refresh(client, present(first.refresh_token))
    await logout(world.service, LogoutRequest(access_token=present(second.access_token)), LAPTOP)
    for response in (first, second):
        with refused(UnauthorizedException, "ended"):
            await access_tokens.verify(world.service, present(response.access_token))
        with refused(InvalidGrantException, "ended"):
            await world.refresh(client, present(response.refresh_token))
    assert world.events[-1].event_name is EventName.LOGOUT
    assert world.events[-1].user_id == world.person.user_id


async def test_logout_touches_no_other_sign_in(world: World) -> None:
    client = await world.register()
    here, there = await world.signed_in(client), await world.signed_in(client)
    await logout(world.service, LogoutRequest(access_token=present(here.access_token)), LAPTOP)
    await access_tokens.verify(world.service, present(there.access_token))


@pytest.mark.parametrize("access_token", ["", "x", "aoa", "é", "a" * 100_000])
async def test_logout_with_anything_else_is_unauthorized(world: World, access_token: str) -> None:
    with refused(UnauthorizedException):
        await logout(world.service, LogoutRequest(access_token=access_token), LAPTOP)
    assert EventName.LOGOUT not in world.event_names()


async def test_logging_out_twice_is_unauthorized(world: World) -> None:
    response = await world.signed_in(await world.register())
    request = LogoutRequest(access_token=present(response.access_token))
    await logout(world.service, request, LAPTOP)
    with refused(UnauthorizedException):
        await logout(world.service, request, LAPTOP)


async def test_a_disabled_persons_token_is_dead(world: World) -> None:
    response = await world.signed_in(await world.register())
    await world.disable()
    with refused(UnauthorizedException):
        await access_tokens.verify(world.service, present(response.access_token))


async def test_a_swept_familys_token_is_dead(world: World) -> None:
    world.change("lifetimes", legacy_access_token=60)
    response = await world.signed_in(await world.register_legacy())
    await world.store.sweep(world.now + 60, 1000)
    with refused(UnauthorizedException, "ended"):
        await access_tokens.verify(world.service, present(response.access_token))


async def test_revoking_a_client_ends_the_sign_ins_that_began_with_it(world: World) -> None:
    revoked, other = await world.register(), await world.register()
    dead, alive = await world.signed_in(revoked), await world.signed_in(other)
    digest = client_digest(revoked.client_id)
    await world.store.revoke_client(
        RevokedClient(client_digest=digest, revoked_at=world.now, expires_at=world.now + DAY)
    )
    with refused(UnauthorizedException):
        await access_tokens.verify(world.service, present(dead.access_token))
    await access_tokens.verify(world.service, present(alive.access_token))


async def test_a_sign_in_begun_before_this_node_knew_of_the_revocation_is_dead_too(world: World) -> None:
    client = await world.register()
    response = await world.signed_in(client)
    world.service.revoked_clients = frozenset([client_digest(client.client_id)])
    with refused(UnauthorizedException):
        await access_tokens.verify(world.service, present(response.access_token))
