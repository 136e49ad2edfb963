"""The JWT bearer grant: RFC 7523 2.1 and 4, statements 99 and 102, attacks 22 and 24 of the security design."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from postern.api.errors import (
    AccessDeniedException,
    InvalidClientException,
    InvalidGrantException,
    InvalidScopeException,
    ModelledError,
    UnauthorizedClientException,
)
from postern.api.sso_oidc import CreateTokenWithIamRequest
from postern.core import assertions
from postern.core.assertions import Assertion
from postern.core.clients import JWT_BEARER
from postern.core.directory.applications import as_client
from postern.core.directory.records import Application, ApplicationGrants, JwtBearerOptions, RefreshTokenOptions, Status
from postern.core.grants import jwt_bearer
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.store import ConfigurationChange
from tests.core.application_world import (
    ALL_GRANTS,
    ISSUER_ARN,
    ISSUER_URL,
    Issuer,
    add_application,
    change,
    open_issuer,
)
from tests.core.world import World, present, refused


@pytest.fixture
async def issuer(world: World) -> Issuer:
    return await open_issuer(world)


@pytest.fixture
async def application(world: World, issuer: Issuer) -> Application:
    return await add_application(world)


async def redeem(world: World, application: Application, assertion: str, *scope: str) -> TokenFamily:
    """As the application is when its request has been authorized."""
    request = CreateTokenWithIamRequest(
        client_id=application.application_arn, grant_type=JWT_BEARER, assertion=assertion, scope=scope or None
    )
    return await jwt_bearer.redeem(world.service, as_client(application), request)


def after_the_proof(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[None]]) -> None:
    """What happens between the proof of an assertion and the transaction, which therefore looks again."""
    verify = assertions.verify

    async def verify_then(service: Service, application_arn: str, text: str) -> Assertion:
        verified = await verify(service, application_arn, text)
        await happens()
        return verified

    monkeypatch.setattr(assertions, "verify", verify_then)


async def test_an_assertion_becomes_a_sign_in_of_its_person(
    world: World, application: Application, issuer: Issuer
) -> None:
    family = await redeem(world, application, issuer.assertion(world, auth_time=world.now - 5))
    assert family.user_id == world.person.user_id
    assert family.application_arn == application.application_arn
    assert family.authenticated_at == world.now - 5
    assert family.scopes == as_client(application).scopes


async def test_99_an_assertion_is_good_once(world: World, application: Application, issuer: Issuer) -> None:
    text = issuer.assertion(world)
    await redeem(world, application, text)
    with refused(InvalidGrantException, "assertion was presented before"):
        await redeem(world, application, text)


async def test_99_nor_is_another_with_its_jti(world: World, application: Application, issuer: Issuer) -> None:
    await redeem(world, application, issuer.assertion(world, jti="the same"))
    with refused(InvalidGrantException, "assertion was presented before"):
        await redeem(world, application, issuer.assertion(world, jti="the same", exp=world.now + 100))


async def test_99_nor_by_another_application(world: World, application: Application, issuer: Issuer) -> None:
    text = issuer.assertion(world)
    await redeem(world, application, text)
    with refused(InvalidGrantException, "assertion was presented before"):
        await redeem(world, await add_application(world), text)


async def test_99_until_it_has_expired_and_sweeping_does_not_change_that(
    world: World, application: Application, issuer: Issuer
) -> None:
    text = issuer.assertion(world)
    await redeem(world, application, text)
    for _ in range(361):
        world.clock.advance(1)
        await world.store.sweep(world.now, 100)
        with refused(InvalidGrantException):
            await redeem(world, application, text)


async def test_99_of_32_at_once_one_is_accepted(world: World, application: Application, issuer: Issuer) -> None:
    text = issuer.assertion(world)

    async def attempt() -> str:
        try:
            return f"family {(await redeem(world, application, text)).family_id}"
        except InvalidGrantException as refusal:
            return present(refusal.reason)

    outcomes = await asyncio.gather(*(attempt() for _ in range(32)))
    assert sum(outcome.startswith("family") for outcome in outcomes) == 1
    assert outcomes.count("assertion was presented before") == 31


async def test_a_refused_assertion_is_not_used_up(world: World, issuer: Issuer) -> None:
    application = await add_application(world, assigned=False)
    text = issuer.assertion(world)
    with refused(AccessDeniedException, "is not assigned to"):
        await redeem(world, application, text)
    application = await change(world, application, assignment_required=False)
    assert (await redeem(world, application, text)).user_id == world.person.user_id


async def test_102_scope_is_within_the_applications(world: World, application: Application, issuer: Issuer) -> None:
    with refused(InvalidScopeException, "goes beyond"):
        await redeem(world, application, issuer.assertion(world), "openid", "sso:account:access")
    assert (await redeem(world, application, issuer.assertion(world), "openid")).scopes == ("openid",)


@pytest.mark.parametrize("refresh", [RefreshTokenOptions(), None], ids=["with the grant", "without"])
async def test_102_a_refresh_token_comes_with_its_grant(
    world: World, issuer: Issuer, refresh: RefreshTokenOptions | None
) -> None:
    grants = msgspec.structs.replace(ALL_GRANTS, refresh_token=refresh)
    family = await redeem(world, await add_application(world, grants=grants), issuer.assertion(world))
    assert family.issues_refresh_token == (refresh is not None)


async def test_24_a_disabled_person_gets_nothing(world: World, application: Application, issuer: Issuer) -> None:
    await world.disable()
    with refused(InvalidGrantException, "the person is disabled"):
        await redeem(world, application, issuer.assertion(world))


CHANGES = [
    pytest.param({"status": Status.DISABLED}, InvalidClientException, "the application is disabled", id="disabled"),
    pytest.param(
        {"grants": ApplicationGrants(refresh_token=RefreshTokenOptions())},
        UnauthorizedClientException,
        "has no such grant",
        id="without the grant",
    ),
    pytest.param(
        {"grants": ApplicationGrants(jwt_bearer=JwtBearerOptions(authorized_token_issuers=()))},
        InvalidGrantException,
        "not trusted by the application any more",
        id="without the issuer",
    ),
]


@pytest.mark.parametrize("changes,error,reason", CHANGES)
async def test_24_an_application_that_changes_meanwhile(
    world: World,
    application: Application,
    issuer: Issuer,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    error: type[ModelledError],
    reason: str,
) -> None:

    async def meanwhile() -> None:
        await change(world, application, **changes)

    after_the_proof(monkeypatch, meanwhile)
    with refused(error, reason):
        await redeem(world, application, issuer.assertion(world))


async def test_24_an_issuer_that_is_disabled_meanwhile(
    world: World, application: Application, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def meanwhile() -> None:
        trusted = present(await world.store.find_trusted_token_issuer(ISSUER_ARN))
        disabled = msgspec.structs.replace(trusted, status=Status.DISABLED)
        await world.store.change_configuration(ConfigurationChange(replace=((trusted, disabled),)))

    after_the_proof(monkeypatch, meanwhile)
    with refused(InvalidGrantException, "the issuer is disabled"):
        await redeem(world, application, issuer.assertion(world))


async def test_the_issuer_is_asked_for_keys_once_per_assertion(
    world: World, application: Application, issuer: Issuer
) -> None:
    await redeem(world, application, issuer.assertion(world))
    with refused(InvalidGrantException, "iss is not"):
        await redeem(world, application, issuer.assertion(world, iss=f"{ISSUER_URL}/"))
    assert issuer.asked == 1
