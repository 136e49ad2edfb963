"""The authorization code grant with PKCE: RFC 6749 4.1.3, RFC 7636 4.6, statements 61 to 70 of the security design."""

import asyncio

import pytest

from postern.api.errors import InvalidGrantException, InvalidRequestException, InvalidScopeException
from postern.core.audit import EventName
from postern.core.store import REDEEMED_CODE_STAY
from tests.core.world import (
    ACCOUNT_ACCESS,
    PRESENTED_URI,
    REDIRECT_URI,
    VERIFIER,
    Client,
    World,
    challenge_of,
    present,
    refused,
)

WRONG_VERIFIER = "w" * 43


@pytest.fixture
async def client(world: World) -> Client:
    return await world.register()


@pytest.fixture
async def code(world: World, client: Client) -> str:
    return await world.code(client)


async def test_the_pair_of_rfc_7636_appendix_b_signs_in(world: World, client: Client, code: str) -> None:
    assert (await world.redeem(client, code)).access_token


async def test_the_code_lives_a_minute(world: World, client: Client, code: str) -> None:
    world.clock.advance(59)
    assert (await world.redeem(client, code)).access_token
    late = await world.code(client)
    world.clock.advance(60)
    with refused(InvalidGrantException, "expired"):
        await world.redeem(client, late)


async def test_the_code_can_be_redeemed_once(world: World, client: Client, code: str) -> None:
    """RFC 6749 4.1.2: if used more than once, the server MUST deny it and SHOULD revoke all tokens issued from it."""
    first = await world.redeem(client, code)
    world.clock.advance(11)
    with refused(InvalidGrantException, "revoked") as refusal:
        await world.redeem(client, code)
    assert refusal.value.description == "Invalid authorization code provided"
    assert (await world.family_of(first)).revoked_at == world.now
    assert EventName.CODE_REUSE in world.event_names()
    with refused(InvalidGrantException):
        await world.refresh(client, present(first.refresh_token))


async def test_within_the_replay_window_the_answer_is_identical(world: World, client: Client, code: str) -> None:
    first = await world.redeem(client, code)
    world.clock.advance(10)
    again = await world.redeem(client, code)
    assert (again.access_token, again.refresh_token) == (first.access_token, first.refresh_token)


async def test_a_retry_is_answered_even_when_the_code_expired_meanwhile(
    world: World, client: Client, code: str
) -> None:
    world.clock.advance(59)
    first = await world.redeem(client, code)
    world.clock.advance(5)
    assert (await world.redeem(client, code)).access_token == first.access_token


async def test_concurrent_redemptions_get_one_sign_in(world: World, client: Client, code: str) -> None:
    responses = await asyncio.gather(*(world.redeem(client, code) for _ in range(32)))
    assert len({response.access_token for response in responses}) == 1
    assert len(await world.store.list_token_families(world.person.user_id, world.now)) == 1


@pytest.mark.parametrize(
    "redirect_uri",
    [
        REDIRECT_URI,
        "http://127.0.0.1:53413/oauth/callback",
        "http://127.0.0.1:53412/oauth/callback/",
        "http://127.0.0.1:53412/oauth/Callback",
        "http://localhost:53412/oauth/callback",
        "https://127.0.0.1:53412/oauth/callback",
        "http://127.0.0.1:53412/oauth/callback?",
        " http://127.0.0.1:53412/oauth/callback",
        "https://evil.example/",
        "\ud800",
    ],
)
async def test_the_redirect_uri_must_be_identical_port_included(
    world: World, client: Client, code: str, redirect_uri: str
) -> None:
    """RFC 6749 4.1.3: their values MUST be identical. A wrong one consumes nothing."""
    with refused(InvalidGrantException, "redirect URI"):
        await world.redeem(client, code, redirect_uri=redirect_uri)
    assert (await world.redeem(client, code)).access_token


@pytest.mark.parametrize("verifier", [None, ""])
async def test_a_missing_verifier_is_refused(world: World, client: Client, code: str, verifier: str | None) -> None:
    """CVE-2023-48228: leaving it out must not leave out the check."""
    with refused(InvalidRequestException):
        await world.redeem(client, code, code_verifier=verifier)
    assert (await world.redeem(client, code)).access_token


@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, VERIFIER + "=", VERIFIER + "\n", " " + VERIFIER, "é" * 43])
async def test_a_verifier_outside_the_grammar_is_refused_and_never_normalised(
    world: World, client: Client, code: str, verifier: str
) -> None:
    for _ in range(5):
        with refused(InvalidRequestException, "RFC 7636"):
            await world.redeem(client, code, code_verifier=verifier)
    assert (await world.redeem(client, code)).access_token


async def test_a_wrong_verifier_is_refused_and_two_do_not_burn_the_code(
    world: World, client: Client, code: str
) -> None:
    for _ in range(2):
        with refused(InvalidGrantException, "does not fit"):
            await world.redeem(client, code, code_verifier=WRONG_VERIFIER)
    assert (await world.redeem(client, code)).access_token


async def test_three_wrong_verifiers_burn_the_code(world: World, client: Client, code: str) -> None:
    for _ in range(3):
        with refused(InvalidGrantException, "does not fit"):
            await world.redeem(client, code, code_verifier=WRONG_VERIFIER)
    with refused(InvalidGrantException, "burnt"):
        await world.redeem(client, code)


async def test_another_client_burns_no_code(world: World, client: Client, code: str) -> None:
    thief = await world.register()
    for _ in range(10):
        with refused(InvalidGrantException, "another client"):
            await world.redeem(thief, code, code_verifier=WRONG_VERIFIER)
    assert (await world.redeem(client, code)).access_token


async def test_the_challenge_itself_is_no_verifier(world: World, client: Client) -> None:
    """A downgrade to ``plain`` does not happen on the way back either."""
    code = await world.code(client)
    with refused(InvalidGrantException):
        await world.redeem(client, code, code_verifier=challenge_of(VERIFIER))


async def test_a_code_injected_into_another_session_fails_because_of_the_challenge(
    world: World, client: Client
) -> None:
    """RFC 9700 4.5: the honest client redeems an attacker's code with its own verifier."""
    injected = await world.code(client, code_challenge=challenge_of("a" * 43))
    with refused(InvalidGrantException, "does not fit"):
        await world.redeem(client, injected)


async def test_a_thief_without_the_verifier_revokes_no_sign_in(world: World, client: Client, code: str) -> None:
    first = await world.redeem(client, code)
    world.clock.advance(30)
    with refused(InvalidGrantException):
        await world.redeem(client, code, code_verifier=WRONG_VERIFIER)
    assert (await world.family_of(first)).revoked_at is None


async def test_the_scopes_are_those_that_were_consented_to(world: World) -> None:
    client = await world.register(scopes=(ACCOUNT_ACCESS, "openid"))
    code = await world.code(client, scopes="openid")
    with refused(InvalidScopeException):
        await world.redeem(client, code, scope=(ACCOUNT_ACCESS,))
    first = await world.redeem(client, code)
    assert (await world.family_of(first)).scopes == ("openid",)
    with pytest.raises(InvalidScopeException):  # in the replay window neither
        await world.redeem(client, code, scope=(ACCOUNT_ACCESS,))
    assert await world.redeem(client, code) == first


async def test_a_swept_code_is_invalid(world: World, client: Client, code: str) -> None:
    await world.store.sweep(world.now + 60 + REDEEMED_CODE_STAY, 1000)
    with refused(InvalidGrantException, "unknown"):
        await world.redeem(client, code)


async def test_the_code_is_not_stored(world: World, client: Client, code: str) -> None:
    assert code not in repr(vars(getattr(world.store, "_rows")))  # noqa: B009
    assert PRESENTED_URI in repr(vars(getattr(world.store, "_rows")))  # noqa: B009
