"""Introspection (RFC 7662): what an application learns of a token, and that it learns nothing of any other."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from postern.api.errors import AccessDeniedException, InvalidClientException
from postern.api.oauth import IntrospectTokenRequest, IntrospectTokenResponse
from postern.api.sso_oidc import CreateTokenWithIamResponse
from postern.core.caller import Caller, Principal
from postern.core.clients import JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationGrants,
    Status,
    TokenExchangeOptions,
)
from postern.core.introspect_token import introspect_token
from postern.core.policy import HOUR
from postern.core.store import ConfigurationChange
from tests.core.application_world import (
    ACCOUNT,
    ALL_GRANTS,
    APPLICATION_CALLER,
    Issuer,
    add_application,
    assign,
    change,
    code_of,
    family_of,
    open_issuer,
    subject,
    with_iam,
)
from tests.core.world import ACCOUNT_ACCESS, LAPTOP, PUBLIC_URL, World, present, refused

INACTIVE = {"active": False}
STRANGER = Caller(
    address="203.0.113.66", principal=Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/other", access_key_id="AKIDOTHER")
)
REFRESH_TYPE = "urn:ietf:params:oauth:token-type:refresh_token"


@pytest.fixture
async def issuer(world: World) -> Issuer:
    return await open_issuer(world)


@pytest.fixture
async def application(world: World, issuer: Issuer) -> Application:
    return await add_application(world)


@pytest.fixture
async def front(world: World, application: Application) -> Application:
    """An application whose tokens with the scope ``reports:read`` are for ``application``."""
    scope = AccessScope(scope="reports:read", authorized_targets=(application.application_arn,))
    return await add_application(world, access_scopes=(scope,))


async def signed_in(
    world: World, application: Application, issuer: Issuer, **members: object
) -> CreateTokenWithIamResponse:
    return await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world), **members)


async def ask(world: World, application: Application, token: str | None, hint: str | None = None) -> dict[str, object]:
    """The answer, as it goes out."""
    request = IntrospectTokenRequest(token=present(token), client_id=application.application_arn, token_type_hint=hint)
    answer: IntrospectTokenResponse = await introspect_token(world.service, request, APPLICATION_CALLER)
    members: dict[str, object] = msgspec.json.decode(msgspec.json.encode(answer))
    return members


async def test_an_access_token_of_its_own(world: World, application: Application, issuer: Issuer) -> None:
    response = await signed_in(world, application, issuer, scope=("openid", "aws"))
    world.clock.advance(60)
    assert await ask(world, application, response.access_token) == {
        "active": True,
        "scope": "openid aws",
        "client_id": application.application_arn,
        "username": world.person.user_name,
        "token_type": "Bearer",
        "exp": world.now - 60 + HOUR,
        "iat": world.now - 60,
        "sub": world.person.user_id,
        "aud": application.application_arn,
        "iss": PUBLIC_URL,
    }


async def test_a_refresh_token_of_its_own_is_not_taken_for_an_access_token(
    world: World, application: Application, issuer: Issuer
) -> None:
    response = await signed_in(world, application, issuer)
    answer = await ask(world, application, response.refresh_token)
    assert (answer["active"], answer["token_type"]) == (True, "N_A")
    assert answer["exp"] == (await family_of(world, response)).expires_at


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "urn:x", ""])
async def test_rfc_7662_2_1_a_wrong_hint_does_not_matter(
    world: World, application: Application, issuer: Issuer, hint: str
) -> None:
    response = await signed_in(world, application, issuer)
    for token in (response.access_token, response.refresh_token):
        assert (await ask(world, application, token, hint))["active"] is True


async def test_an_access_token_that_names_it_as_a_target(
    world: World, application: Application, front: Application, issuer: Issuer
) -> None:
    answer = await ask(world, application, (await signed_in(world, front, issuer)).access_token)
    assert answer["active"] is True
    assert (answer["client_id"], answer["aud"]) == (front.application_arn, application.application_arn)


async def test_a_public_clients_token_whose_scope_it_accepts(world: World, issuer: Issuer) -> None:
    options = TokenExchangeOptions(accepted_scopes=(ACCOUNT_ACCESS,))
    application = await add_application(world, grants=ApplicationGrants(token_exchange=options))
    answer = await ask(world, application, (await world.signed_in(await world.register())).access_token)
    assert (answer["active"], answer["scope"]) == (True, ACCOUNT_ACCESS)
    assert "client_id" not in answer


async def test_the_issue_time_of_a_token_before_the_current_one(
    world: World, application: Application, issuer: Issuer
) -> None:
    first = await signed_in(world, application, issuer)
    issued_at = world.now
    world.clock.advance(600)
    second = await with_iam(world, application, REFRESH_TOKEN, refresh_token=first.refresh_token)
    assert "iat" not in await ask(world, application, first.access_token)  # of tokens before, nothing remembers it
    assert (await ask(world, application, second.access_token))["iat"] == issued_at + 600


# What is inactive

Token = Callable[[World, Application, Application, Issuer], Awaitable[str | None]]


async def _garbage(world: World, application: Application, front: Application, issuer: Issuer) -> str:
    return "aoa" + "A" * 40 + ":" + "A" * 43


async def _id_token(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    return (await signed_in(world, application, issuer)).id_token


async def _code(world: World, application: Application, front: Application, issuer: Issuer) -> str:
    return await code_of(world, application)


async def _tampered(world: World, application: Application, front: Application, issuer: Issuer) -> str:
    text = present((await signed_in(world, application, issuer)).access_token)
    return text[:-1] + ("A" if text[-1] != "A" else "B")


async def _of_another(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    return (await signed_in(world, await add_application(world), issuer)).access_token


async def _without_the_scope(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    return (await signed_in(world, front, issuer, scope=("openid", "aws"))).access_token


async def _refresh_token_of_front(
    world: World, application: Application, front: Application, issuer: Issuer
) -> str | None:
    return (await signed_in(world, front, issuer)).refresh_token


async def _of_a_public_client(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    return (await world.signed_in(await world.register())).access_token


async def _expired(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    token = (await signed_in(world, application, issuer)).access_token
    world.clock.advance(HOUR)
    return token


async def _refresh_token_after_the_sign_in(
    world: World, application: Application, front: Application, issuer: Issuer
) -> str | None:
    token = (await signed_in(world, application, issuer)).refresh_token
    world.clock.advance(8 * HOUR)
    return token


async def _idle(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    world.change("lifetimes", sign_in_idle=600)
    token = (await signed_in(world, application, issuer)).refresh_token
    world.clock.advance(600)
    return token


async def _rotated(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    token = (await signed_in(world, application, issuer)).refresh_token
    await with_iam(world, application, REFRESH_TOKEN, refresh_token=token)
    return token


async def _revoked(world: World, application: Application, front: Application, issuer: Issuer) -> str | None:
    response = await signed_in(world, application, issuer)
    family = await family_of(world, response)
    await world.store.revoke_token_family(family.family_id, "signed out", world.now)
    return response.access_token


async def _refresh_token_of_a_revoked(
    world: World, application: Application, front: Application, issuer: Issuer
) -> str | None:
    response = await signed_in(world, application, issuer)
    family = await family_of(world, response)
    await world.store.revoke_token_family(family.family_id, "signed out", world.now)
    return response.refresh_token


async def _of_a_disabled_person(
    world: World, application: Application, front: Application, issuer: Issuer
) -> str | None:
    token = (await signed_in(world, application, issuer)).access_token
    await world.disable()
    return token


async def _from_an_application_that_was_disabled(
    world: World, application: Application, front: Application, issuer: Issuer
) -> str | None:
    token = (await signed_in(world, front, issuer)).access_token
    await change(world, front, status=Status.DISABLED)
    return token


async def _from_a_grant_that_was_withdrawn(
    world: World, application: Application, front: Application, issuer: Issuer
) -> str | None:
    token = (await signed_in(world, application, issuer)).access_token
    await change(world, application, grants=msgspec.structs.replace(ALL_GRANTS, jwt_bearer=None))
    return token


@pytest.mark.parametrize(
    "token",
    [
        _garbage,
        _id_token,
        _code,
        _tampered,
        _of_another,
        _without_the_scope,
        _refresh_token_of_front,
        _of_a_public_client,
        _expired,
        _refresh_token_after_the_sign_in,
        _idle,
        _rotated,
        _revoked,
        _refresh_token_of_a_revoked,
        _of_a_disabled_person,
        _from_an_application_that_was_disabled,
        _from_a_grant_that_was_withdrawn,
    ],
    ids=lambda make: make.__name__.strip("_").replace("_", " "),
)
async def test_rfc_7662_2_2_an_inactive_token_says_nothing_else(
    world: World, application: Application, front: Application, issuer: Issuer, token: Token
) -> None:
    text = await token(world, application, front, issuer)
    assert await ask(world, application, text) == INACTIVE


@pytest.mark.parametrize("text", ["", "x", "é", "\ud800", "\x00", "a" * 60000])
async def test_what_is_no_token_is_inactive(world: World, application: Application, text: str) -> None:
    assert await ask(world, application, text) == INACTIVE


async def test_a_person_who_is_not_assigned_any_more(world: World, issuer: Issuer) -> None:
    application = await add_application(world, assigned=False)
    assignment = await assign(world, application)
    token = (await signed_in(world, application, issuer)).access_token
    assert (await ask(world, application, token))["active"] is True
    await world.store.change_configuration(ConfigurationChange(remove=(assignment,)))
    assert await ask(world, application, token) == INACTIVE


async def test_a_person_who_may_not_use_the_application_that_asks(world: World, issuer: Issuer) -> None:
    application = await add_application(world, assigned=False)
    scope = AccessScope(scope="reports:read", authorized_targets=(application.application_arn,))
    front = await add_application(world, access_scopes=(scope,))
    token = (await signed_in(world, front, issuer)).access_token
    assert await ask(world, application, token) == INACTIVE
    await assign(world, application)
    assert (await ask(world, application, token))["active"] is True


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_an_exchanged_token_after_its_parents_end(
    world: World, application: Application, front: Application, issuer: Issuer, which: str
) -> None:
    parent = await signed_in(world, front, issuer)
    exchanged = await with_iam(
        world,
        application,
        TOKEN_EXCHANGE,
        **subject(present(parent.access_token)),
        requested_token_type=REFRESH_TYPE,
    )
    token = getattr(exchanged, which)
    assert (await ask(world, application, token))["active"] is True
    await world.store.revoke_token_family((await family_of(world, parent)).family_id, "signed out", world.now)
    assert await ask(world, application, token) == INACTIVE


# Who may ask


async def test_whoever_the_policy_does_not_let_in_is_refused_before_the_token_is_looked_at(
    world: World, application: Application, issuer: Issuer
) -> None:
    token = present((await signed_in(world, application, issuer)).access_token)
    request = IntrospectTokenRequest(token=token, client_id=application.application_arn)
    with refused(AccessDeniedException, "does not allow"):
        await introspect_token(world.service, request, STRANGER)


async def test_nobody_is_refused(world: World, application: Application) -> None:
    request = IntrospectTokenRequest(token="x", client_id=application.application_arn)
    with refused(InvalidClientException):
        await introspect_token(world.service, request, LAPTOP)


async def test_an_unknown_application_is_refused(world: World, application: Application) -> None:
    request = IntrospectTokenRequest(token="x", client_id=application.application_arn + "0")
    with refused(InvalidClientException, "no such application"):
        await introspect_token(world.service, request, APPLICATION_CALLER)


async def test_a_disabled_application_is_refused(world: World, application: Application) -> None:
    await change(world, application, status=Status.DISABLED)
    request = IntrospectTokenRequest(token="x", client_id=application.application_arn)
    with refused(InvalidClientException, "disabled"):
        await introspect_token(world.service, request, APPLICATION_CALLER)
