"""Revocation (RFC 7009): an application ends a sign-in of its own, and nobody else's."""

from collections.abc import Awaitable, Callable

import pytest

from postern.api.errors import (
    AccessDeniedException,
    InvalidClientException,
    InvalidGrantException,
    UnauthorizedException,
)
from postern.api.oauth import RevokeTokenRequest, RevokeTokenResponse
from postern.api.sso_oidc import CreateTokenWithIamResponse
from postern.core import access_tokens
from postern.core.audit import EventName
from postern.core.caller import Caller, Principal
from postern.core.clients import JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE
from postern.core.directory.records import AccessScope, Application
from postern.core.policy import HOUR
from postern.core.revoke_token import revoke_token
from postern.core.store import StoreUnavailable
from tests.core.application_world import (
    ACCOUNT,
    APPLICATION_CALLER,
    PRINCIPAL,
    Issuer,
    add_application,
    code_of,
    family_of,
    open_issuer,
    subject,
    with_iam,
)
from tests.core.world import LAPTOP, World, present, refused

STRANGER = Caller(
    address="203.0.113.66", principal=Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/other", access_key_id="AKIDOTHER")
)


@pytest.fixture
async def issuer(world: World) -> Issuer:
    return await open_issuer(world)


@pytest.fixture
async def application(world: World, issuer: Issuer) -> Application:
    return await add_application(world)


@pytest.fixture
async def tokens(world: World, application: Application, issuer: Issuer) -> CreateTokenWithIamResponse:
    return await signed_in(world, application, issuer)


async def signed_in(world: World, application: Application, issuer: Issuer) -> CreateTokenWithIamResponse:
    return await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))


async def revoke(world: World, application: Application, token: str | None, hint: str | None = None) -> None:
    request = RevokeTokenRequest(token=present(token), client_id=application.application_arn, token_type_hint=hint)
    assert await revoke_token(world.service, request, APPLICATION_CALLER) == RevokeTokenResponse()


async def is_live(world: World, response: CreateTokenWithIamResponse) -> bool:
    return (await family_of(world, response)).is_live(world.now)


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "urn:x"])
async def test_rfc_7009_2_1_either_token_ends_the_sign_in(
    world: World, application: Application, tokens: CreateTokenWithIamResponse, which: str, hint: str | None
) -> None:
    await revoke(world, application, getattr(tokens, which), hint)
    with refused(UnauthorizedException, "has ended"):
        await access_tokens.verify(world.service, present(tokens.access_token))
    with refused(InvalidGrantException, "has ended"):
        await with_iam(world, application, REFRESH_TOKEN, refresh_token=tokens.refresh_token)


async def test_the_end_is_in_the_audit_log_once(
    world: World, application: Application, tokens: CreateTokenWithIamResponse
) -> None:
    world.events.clear()
    await revoke(world, application, tokens.access_token)
    await revoke(world, application, tokens.refresh_token)
    (event,) = world.events
    assert event.event_name is EventName.REVOKE_TOKEN_WITH_IAM
    assert (event.user_id, event.application_arn) == (world.person.user_id, application.application_arn)
    assert (event.principal_arn, event.source_address) == (PRINCIPAL.arn, APPLICATION_CALLER.address)


async def test_a_refresh_token_that_was_rotated_ends_it_too(
    world: World, application: Application, tokens: CreateTokenWithIamResponse
) -> None:
    await with_iam(world, application, REFRESH_TOKEN, refresh_token=tokens.refresh_token)
    await revoke(world, application, tokens.refresh_token)
    assert not await is_live(world, tokens)


async def test_an_access_token_that_has_expired_ends_it_too(
    world: World, application: Application, tokens: CreateTokenWithIamResponse
) -> None:
    world.clock.advance(HOUR)
    await revoke(world, application, tokens.access_token)
    assert not await is_live(world, tokens)


async def test_what_was_exchanged_ends_with_it(world: World, application: Application, issuer: Issuer) -> None:
    scope = AccessScope(scope="reports:read", authorized_targets=(application.application_arn,))
    front = await add_application(world, access_scopes=(scope,))
    parent = await signed_in(world, front, issuer)
    exchanged = await with_iam(world, application, TOKEN_EXCHANGE, **subject(present(parent.access_token)))
    await revoke(world, front, parent.access_token)
    with refused(UnauthorizedException, "has ended"):
        await access_tokens.verify(world.service, present(exchanged.access_token))


async def test_the_sign_in_that_it_was_exchanged_for_goes_on(
    world: World, application: Application, issuer: Issuer
) -> None:
    scope = AccessScope(scope="reports:read", authorized_targets=(application.application_arn,))
    front = await add_application(world, access_scopes=(scope,))
    parent = await signed_in(world, front, issuer)
    exchanged = await with_iam(world, application, TOKEN_EXCHANGE, **subject(present(parent.access_token)))
    await revoke(world, application, exchanged.access_token)
    assert not await is_live(world, exchanged)
    assert await is_live(world, parent)


Foreign = Callable[[World, Application, Issuer], Awaitable[str | None]]


async def _garbage(world: World, application: Application, issuer: Issuer) -> str:
    return "aor" + "A" * 40 + ":" + "A" * 43


async def _nothing(world: World, application: Application, issuer: Issuer) -> str:
    return ""


async def _surrogate(world: World, application: Application, issuer: Issuer) -> str:
    return "\ud800"


async def _code(world: World, application: Application, issuer: Issuer) -> str:
    return await code_of(world, application)


async def _id_token(world: World, application: Application, issuer: Issuer) -> str | None:
    return (await signed_in(world, application, issuer)).id_token


async def _access_token_of_another(world: World, application: Application, issuer: Issuer) -> str | None:
    return (await signed_in(world, await add_application(world), issuer)).access_token


async def _refresh_token_of_another(world: World, application: Application, issuer: Issuer) -> str | None:
    return (await signed_in(world, await add_application(world), issuer)).refresh_token


async def _access_token_for_it(world: World, application: Application, issuer: Issuer) -> str | None:
    scope = AccessScope(scope="reports:read", authorized_targets=(application.application_arn,))
    return (await signed_in(world, await add_application(world, access_scopes=(scope,)), issuer)).access_token


async def _access_token_of_a_public_client(world: World, application: Application, issuer: Issuer) -> str | None:
    return (await world.signed_in(await world.register())).access_token


@pytest.mark.parametrize(
    "token",
    [
        _garbage,
        _nothing,
        _surrogate,
        _code,
        _id_token,
        _access_token_of_another,
        _refresh_token_of_another,
        _access_token_for_it,
        _access_token_of_a_public_client,
    ],
    ids=lambda make: make.__name__.strip("_").replace("_", " "),
)
async def test_rfc_7009_2_2_what_is_not_its_own_token_is_answered_and_left_alone(
    world: World, application: Application, issuer: Issuer, token: Foreign
) -> None:
    text = await token(world, application, issuer)
    families = await world.store.list_token_families(world.person.user_id, world.now)
    world.events.clear()
    await revoke(world, application, text)
    assert await world.store.list_token_families(world.person.user_id, world.now) == families
    assert world.events == []


async def test_rfc_7009_2_2_1_a_failure_of_the_store_is_not_hidden(
    world: World, application: Application, tokens: CreateTokenWithIamResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(family_id: int, reason: str, now: int) -> bool:
        raise StoreUnavailable

    monkeypatch.setattr(world.store, "revoke_token_family", fail)
    request = RevokeTokenRequest(token=present(tokens.access_token), client_id=application.application_arn)
    with pytest.raises(StoreUnavailable):
        await revoke_token(world.service, request, APPLICATION_CALLER)


@pytest.mark.parametrize(
    "caller, error",
    [(STRANGER, AccessDeniedException), (LAPTOP, InvalidClientException)],
    ids=["not let in", "nobody"],
)
async def test_whoever_may_not_revokes_nothing(
    world: World,
    application: Application,
    tokens: CreateTokenWithIamResponse,
    caller: Caller,
    error: type[AccessDeniedException | InvalidClientException],
) -> None:
    request = RevokeTokenRequest(token=present(tokens.access_token), client_id=application.application_arn)
    with refused(error):
        await revoke_token(world.service, request, caller)
    assert await is_live(world, tokens)
