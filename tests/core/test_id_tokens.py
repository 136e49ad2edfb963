"""ID tokens: which claims, from where, and when there is one at all (statement 137)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from postern.api.sso_oidc import CreateTokenWithIamResponse
from postern.core.clients import AUTHORIZATION_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE
from postern.core.contexts import ContextKind, open_context
from postern.core.directory.records import Application
from postern.core.id_tokens import IdToken, IdTokenClaims
from postern.core.policy import HOUR
from tests.core.application_world import (
    REDIRECT_URI,
    Issuer,
    add_application,
    code_of,
    family_of,
    members_for,
    open_issuer,
    with_iam,
)
from tests.core.world import PUBLIC_URL, VERIFIER, World, present

CONTEXT_SCOPE = "sts:identity_context"


@pytest.fixture
async def issuer(world: World) -> Issuer:
    return await open_issuer(world)


@pytest.fixture
async def application(world: World) -> Application:
    return await add_application(world)


def claims_of(world: World, response: CreateTokenWithIamResponse) -> dict[str, object]:
    """The claims of an ID token, verified with the published keys."""
    keys = KeySet.import_key_set(json.loads(world.service.signing_keys.jwks))
    return dict(jwt.decode(present(response.id_token), keys, algorithms=["ES256", "RS256"]).claims)


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


async def by_grant(
    world: World, application: Application, issuer: Issuer, grant_type: str, **more: object
) -> CreateTokenWithIamResponse:
    members = await members_for(world, application, issuer, grant_type) | more
    return await with_iam(world, application, grant_type, **members)


async def test_statement_137_the_claims_are_those_of_the_service(
    world: World, application: Application, issuer: Issuer
) -> None:
    response = await by_grant(world, application, issuer, JWT_BEARER)
    claims = claims_of(world, response)
    instance = world.service.instance
    assert len(str(claims.pop("aws:credential_id"))) == 32
    assert claims.pop("sts:audit_context")
    assert claims.pop("sts:identity_context") == present(response.aws_additional_details).identity_context
    assert claims == {
        "iss": PUBLIC_URL,
        "sub": world.person.user_id,
        "aud": application.application_arn,
        "iat": world.now,
        "exp": world.now + HOUR,
        "auth_time": iso(world.now),
        "aws:identity_store_id": instance.identity_store_id,
        "aws:identity_store_arn": f"arn:aws:identitystore::{instance.owner_account_id}:identitystore/"
        f"{instance.identity_store_id}",
        "aws:instance_arn": instance.arn,
        "aws:instance_account": instance.owner_account_id,
    }


async def test_auth_time_is_written_as_the_service_writes_it(
    world: World, application: Application, issuer: Issuer
) -> None:
    world.clock.now = 1_579_697_129
    assert (
        claims_of(world, await by_grant(world, application, issuer, JWT_BEARER))["auth_time"] == "2020-01-22T12:45:29Z"
    )


async def test_auth_time_is_when_the_person_signed_in(world: World, application: Application) -> None:
    signed_in_at = world.now
    code = await code_of(world, application)
    world.clock.advance(50)
    response = await with_iam(
        world, application, AUTHORIZATION_CODE, code=code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
    )
    claims = claims_of(world, response)
    assert (claims["auth_time"], claims["iat"]) == (iso(signed_in_at), signed_in_at + 50)


@pytest.mark.parametrize("nonce", ["n-0S6_WzA2Mj", 'ä\u2028"\\', "n" * 512], ids=["plain", "odd", "long"])
async def test_statement_137_the_nonce_is_echoed(world: World, application: Application, nonce: str) -> None:
    code = await code_of(world, application, nonce=nonce)
    response = await with_iam(
        world, application, AUTHORIZATION_CODE, code=code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
    )
    assert claims_of(world, response)["nonce"] == nonce


async def test_a_request_without_nonce_gets_none(world: World, application: Application, issuer: Issuer) -> None:
    assert "nonce" not in claims_of(world, await by_grant(world, application, issuer, AUTHORIZATION_CODE))


@pytest.mark.parametrize("grant_type", [AUTHORIZATION_CODE, JWT_BEARER, TOKEN_EXCHANGE])
async def test_every_grant_but_refreshing_gives_an_id_token(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    claims = claims_of(world, await by_grant(world, application, issuer, grant_type))
    assert claims["sub"] == world.person.user_id
    assert ("sts:audit_context" in claims) == (grant_type != TOKEN_EXCHANGE)
    assert "sts:identity_context" in claims


async def test_refreshing_gives_none(world: World, application: Application, issuer: Issuer) -> None:
    assert (await by_grant(world, application, issuer, REFRESH_TOKEN)).id_token is None


async def test_without_openid_there_is_none(world: World, application: Application, issuer: Issuer) -> None:
    response = await by_grant(world, application, issuer, JWT_BEARER, scope=("aws", CONTEXT_SCOPE))
    assert response.id_token is None
    assert response.aws_additional_details is None


async def test_without_its_scope_there_is_no_identity_context(
    world: World, application: Application, issuer: Issuer
) -> None:
    response = await by_grant(world, application, issuer, JWT_BEARER, scope=("openid",))
    assert CONTEXT_SCOPE not in claims_of(world, response)
    assert response.aws_additional_details is None


@pytest.mark.parametrize(
    "claim, kind", [("sts:identity_context", ContextKind.IDENTITY), ("sts:audit_context", ContextKind.AUDIT)]
)
async def test_the_contexts_open_and_are_about_the_same_sign_in(
    world: World, application: Application, issuer: Issuer, claim: str, kind: ContextKind
) -> None:
    claims = claims_of(world, await by_grant(world, application, issuer, JWT_BEARER))
    context = open_context(world.service, str(claims[claim]), kind)
    assert (context.sub, context.application_arn) == (world.person.user_id, application.application_arn)
    assert (context.iat, context.exp, context.aud) == (claims["iat"], claims["exp"], "sts")
    assert context.credential_id == claims["aws:credential_id"]
    assert context.instance_arn == world.service.instance.arn


async def test_a_repeated_redemption_is_told_the_same_facts(world: World, application: Application) -> None:
    """Across a key rotation too: only signatures and ciphertexts differ."""
    members = {"code": await code_of(world, application), "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    first = claims_of(world, await with_iam(world, application, AUTHORIZATION_CODE, **members))
    await world.rotate_keys()
    world.clock.advance(5)
    await world.service.renew()
    again = claims_of(world, await with_iam(world, application, AUTHORIZATION_CODE, **members))
    for claim, kind in (("sts:identity_context", ContextKind.IDENTITY), ("sts:audit_context", ContextKind.AUDIT)):
        once, twice = (open_context(world.service, str(claims.pop(claim)), kind) for claims in (first, again))
        assert once == twice
    assert first == again


async def test_the_credential_id_is_another_for_another_sign_in_and_no_part_of_a_token(
    world: World, application: Application, issuer: Issuer
) -> None:
    responses = [await by_grant(world, application, issuer, JWT_BEARER) for _ in range(2)]
    first, second = (str(claims_of(world, response)["aws:credential_id"]) for response in responses)
    assert first != second
    assert first not in present(responses[0].access_token) + present(responses[0].refresh_token)


async def test_it_ends_with_the_access_token(world: World, application: Application, issuer: Issuer) -> None:
    world.change("lifetimes", access_token=900)
    response = await by_grant(world, application, issuer, JWT_BEARER)
    assert claims_of(world, response)["exp"] == (await family_of(world, response)).access_expires_at == world.now + 900


async def test_statement_137_the_subject_is_short_ascii(world: World, application: Application, issuer: Issuer) -> None:
    subject = str(claims_of(world, await by_grant(world, application, issuer, JWT_BEARER))["sub"])
    assert subject.isascii()
    assert len(subject) <= 255


def test_no_repr_shows_the_token_or_a_context() -> None:
    members: dict[str, Any] = dict.fromkeys(IdTokenClaims.__struct_fields__, "")
    claims = IdTokenClaims(**members | {"identity_context": "canary", "audit_context": "canary"})
    assert "canary" not in repr([claims, IdToken("canary", "canary")])
