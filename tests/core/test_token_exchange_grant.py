"""Token exchange (RFC 8693): statements 103 to 109."""

import msgspec
import pytest

from postern.api.errors import (
    AccessDeniedException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidScopeException,
    UnauthorizedClientException,
    UnauthorizedException,
)
from postern.core import access_tokens, end_sign_in
from postern.core.clients import JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE, client_digest
from postern.core.directory.records import AccessScope, Application, Status, TokenExchangeOptions
from postern.core.grants.token_exchange import MAX_LINEAGE
from postern.core.policy import DAY, HOUR
from tests.core.application_world import (
    ALL_GRANTS,
    DEFAULT_SCOPES,
    Issuer,
    add_application,
    change,
    family_of,
    open_issuer,
    subject,
    with_iam,
)
from tests.core.world import ACCOUNT_ACCESS, LAPTOP, World, present, refused

ACCESS_TYPE = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TYPE = "urn:ietf:params:oauth:token-type:refresh_token"
ID_TYPE = "urn:ietf:params:oauth:token-type:id_token"


@pytest.fixture
async def issuer(world: World) -> Issuer:
    return await open_issuer(world)


@pytest.fixture
async def target(world: World) -> Application:
    return await add_application(world)


@pytest.fixture
async def front(world: World, target: Application) -> Application:
    """The application that people use; its scope says that ``target`` may take its tokens."""
    scope = AccessScope(scope="reports:read", authorized_targets=(target.application_arn,))
    return await add_application(world, access_scopes=(scope,))


async def token_of(world: World, application: Application, issuer: Issuer, **members: object) -> str:
    answer = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world), **members)
    return present(answer.access_token)


@pytest.fixture
async def token(world: World, front: Application, issuer: Issuer) -> str:
    return await token_of(world, front, issuer)


@pytest.mark.parametrize("kind", [None, "", ID_TYPE, REFRESH_TYPE, "access_token", ACCESS_TYPE.upper()])
async def test_statement_103_the_subject_must_be_called_an_access_token(
    world: World, target: Application, token: str, kind: str | None
) -> None:
    with refused(InvalidRequestException):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token) | {"subject_token_type": kind})


@pytest.mark.parametrize("kind", [ID_TYPE, "refresh_token", "urn:ietf:params:oauth:token-type:jwt"])
async def test_statement_103_only_access_and_refresh_tokens_can_be_requested(
    world: World, target: Application, token: str, kind: str
) -> None:
    with refused(InvalidRequestException):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token), requested_token_type=kind)


async def test_statement_104_a_token_of_the_application_itself_is_refused(
    world: World, target: Application, issuer: Issuer
) -> None:
    own = AccessScope(scope="reports:read", authorized_targets=(target.application_arn,))
    target = await change(world, target, access_scopes=(own,))
    with refused(InvalidGrantException, "this very application"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(await token_of(world, target, issuer)))


@pytest.mark.parametrize("life", [HOUR, HOUR + 1, 9 * HOUR])
async def test_statement_104_an_expired_token_is_refused(
    world: World, target: Application, token: str, life: int
) -> None:
    world.clock.advance(life)
    with refused(InvalidGrantException, "expired"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))


async def test_statement_104_a_token_of_a_sign_in_that_ended_is_refused(
    world: World, target: Application, front: Application, issuer: Issuer
) -> None:
    answer = await with_iam(world, front, JWT_BEARER, assertion=issuer.assertion(world))
    await end_sign_in.end_sign_in(world.service, await family_of(world, answer), "signed out", LAPTOP)
    with refused(InvalidGrantException, "has ended"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(present(answer.access_token)))


@pytest.mark.parametrize("text", ["x", "aoa" + "A" * 40 + ":" + "A" * 43, "\ud800"])
async def test_statement_104_what_is_no_token_is_refused(world: World, target: Application, text: str) -> None:
    with refused(InvalidGrantException, "not issued by this server"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(text))


async def test_statement_105_a_token_whose_scopes_do_not_name_the_application_is_refused(
    world: World, front: Application, token: str
) -> None:
    stranger = await add_application(world)
    with refused(InvalidGrantException, "names this application as a target"):
        await with_iam(world, stranger, TOKEN_EXCHANGE, **subject(token))


async def test_statement_105_a_token_without_the_scope_that_names_it_is_refused(
    world: World, target: Application, front: Application, issuer: Issuer
) -> None:
    token = await token_of(world, front, issuer, scope=("openid", "aws"))
    with refused(InvalidGrantException, "names this application as a target"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))


async def test_statement_105_the_instance_as_a_target_means_all_of_its_applications(
    world: World, target: Application, issuer: Issuer
) -> None:
    scope = AccessScope(scope="reports:read", authorized_targets=(world.service.instance.arn,))
    front = await add_application(world, access_scopes=(scope,))
    token = await token_of(world, front, issuer)
    assert (await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))).access_token


async def test_statement_105_targets_are_judged_now_and_not_when_the_token_was_issued(
    world: World, target: Application, front: Application, token: str
) -> None:
    await change(world, front, access_scopes=(AccessScope(scope="reports:read"),))
    with refused(InvalidGrantException, "names this application as a target"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))


async def test_statement_105_an_issuing_application_that_is_disabled_vouches_for_nothing(
    world: World, target: Application, front: Application, token: str
) -> None:
    await change(world, front, status=Status.DISABLED)
    with refused(InvalidGrantException, "names this application as a target"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))


async def test_statement_106_what_is_issued_ends_with_the_sign_in_of_the_subject(
    world: World, target: Application, front: Application, issuer: Issuer
) -> None:
    world.change("lifetimes", sign_in=HOUR + 600)
    answer = await with_iam(world, front, JWT_BEARER, assertion=issuer.assertion(world))
    world.clock.advance(HOUR - 1)
    exchanged = await with_iam(world, target, TOKEN_EXCHANGE, **subject(present(answer.access_token)))
    assert exchanged.expires_in == 601


async def test_statement_106_the_end_of_the_sign_in_ends_what_was_exchanged_too(
    world: World, target: Application, front: Application, issuer: Issuer
) -> None:
    answer = await with_iam(world, front, JWT_BEARER, assertion=issuer.assertion(world))
    exchanged = await with_iam(
        world,
        target,
        TOKEN_EXCHANGE,
        **subject(present(answer.access_token)),
        requested_token_type=REFRESH_TYPE,
    )
    await access_tokens.verify(world.service, present(exchanged.access_token))
    await end_sign_in.end_sign_in(world.service, await family_of(world, answer), "signed out", LAPTOP)
    with refused(UnauthorizedException):
        await access_tokens.verify(world.service, present(exchanged.access_token))
    with refused(InvalidGrantException, "has ended"):
        await with_iam(world, target, REFRESH_TOKEN, refresh_token=exchanged.refresh_token)


async def test_statement_106_the_scopes_are_the_applications_and_not_the_subjects(
    world: World, target: Application, token: str
) -> None:
    assert (await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))).scope == DEFAULT_SCOPES
    with refused(InvalidScopeException):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token), scope=("reports:read",))


@pytest.mark.parametrize(
    "requested, issued", [(None, ACCESS_TYPE), (ACCESS_TYPE, ACCESS_TYPE), (REFRESH_TYPE, REFRESH_TYPE)]
)
async def test_statement_107_the_issued_token_type_is_right(
    world: World, target: Application, token: str, requested: str | None, issued: str
) -> None:
    answer = await with_iam(world, target, TOKEN_EXCHANGE, **subject(token), requested_token_type=requested)
    assert answer.issued_token_type == issued
    assert (answer.refresh_token is not None) == (issued == REFRESH_TYPE)


async def test_a_refresh_token_from_an_exchange_rotates(world: World, target: Application, token: str) -> None:
    answer = await with_iam(world, target, TOKEN_EXCHANGE, **subject(token), requested_token_type=REFRESH_TYPE)
    world.clock.advance(60)
    successor = await with_iam(world, target, REFRESH_TOKEN, refresh_token=answer.refresh_token)
    assert successor.refresh_token not in (None, answer.refresh_token)


async def test_a_refresh_token_is_refused_where_the_application_may_not_refresh(
    world: World, target: Application, token: str
) -> None:
    target = await change(world, target, grants=msgspec.structs.replace(ALL_GRANTS, refresh_token=None))
    with refused(UnauthorizedClientException):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token), requested_token_type=REFRESH_TYPE)
    assert (await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))).access_token


async def test_statement_109_the_person_must_be_assigned_to_the_second_application_too(
    world: World, front: Application, issuer: Issuer
) -> None:
    target = await add_application(world, assigned=False)
    front = await change(
        world, front, access_scopes=(AccessScope(scope="a", authorized_targets=(target.application_arn,)),)
    )
    with refused(AccessDeniedException):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(await token_of(world, front, issuer)))


async def test_a_subject_token_may_be_exchanged_again(world: World, target: Application, token: str) -> None:
    """It is a bearer token, not a one-time code: each exchange is a family of its own."""
    first = await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))
    second = await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))
    assert first.access_token != second.access_token


async def test_a_chain_of_exchanges_has_an_end(world: World, issuer: Issuer) -> None:
    scope = AccessScope(scope="next", authorized_targets=(world.service.instance.arn,))
    applications = [await add_application(world, access_scopes=(scope,)) for _ in range(MAX_LINEAGE + 1)]
    token = await token_of(world, applications[0], issuer)
    for application in applications[1:MAX_LINEAGE]:
        token = present((await with_iam(world, application, TOKEN_EXCHANGE, **subject(token))).access_token)
        await access_tokens.verify(world.service, token)
    with refused(InvalidGrantException, "too often"):
        await with_iam(world, applications[MAX_LINEAGE], TOKEN_EXCHANGE, **subject(token))


# Tokens of public clients


@pytest.fixture
async def accepting(world: World) -> Application:
    options = TokenExchangeOptions(accepted_scopes=(ACCOUNT_ACCESS,))
    return await add_application(world, grants=msgspec.structs.replace(ALL_GRANTS, token_exchange=options))


async def test_a_public_clients_token_is_for_the_applications_that_accept_its_scope(
    world: World, accepting: Application, target: Application
) -> None:
    token = present((await world.signed_in(await world.register())).access_token)
    assert (await with_iam(world, accepting, TOKEN_EXCHANGE, **subject(token))).access_token
    with refused(InvalidGrantException, "names this application as a target"):
        await with_iam(world, target, TOKEN_EXCHANGE, **subject(token))


async def test_a_public_clients_token_without_scopes_is_for_none(world: World, accepting: Application) -> None:
    token = present((await world.signed_in(await world.register_legacy())).access_token)
    with refused(InvalidGrantException, "names this application as a target"):
        await with_iam(world, accepting, TOKEN_EXCHANGE, **subject(token))


async def test_a_token_of_a_revoked_client_is_for_none(world: World, accepting: Application) -> None:
    client = await world.register()
    token = present((await world.signed_in(client)).access_token)
    world.service.revoked_clients = frozenset({client_digest(client.client_id)})
    with refused(InvalidGrantException, "revoked"):
        await with_iam(world, accepting, TOKEN_EXCHANGE, **subject(token))


async def test_a_sign_in_of_days_makes_no_exchanged_token_of_days(world: World, accepting: Application) -> None:
    world.change("lifetimes", sign_in=30 * DAY)
    token = present((await world.signed_in(await world.register())).access_token)
    family = await family_of(world, await with_iam(world, accepting, TOKEN_EXCHANGE, **subject(token)))
    assert family.expires_at == world.now + HOUR
