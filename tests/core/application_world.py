"""Applications in the small world: one with all grants, its principal, a trusted issuer with real keys, and what they
do.
"""

import itertools
import json

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey, Key

from postern.api.sso_oidc import CreateTokenWithIamRequest, CreateTokenWithIamResponse
from postern.core import authorize, tokens
from postern.core.caller import Caller, Principal
from postern.core.clients import AUTHORIZATION_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE
from postern.core.create_token_with_iam import create_token_with_iam
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    PrincipalType,
    RefreshTokenOptions,
    TokenExchangeOptions,
    TrustedTokenIssuer,
    assignment_id,
)
from postern.core.issuer_keys import IssuerUnavailable
from postern.core.records import Instance, TokenFamily
from postern.core.store import ConfigurationChange
from tests.core.world import CHALLENGE, PHONE, VERIFIER, World, present

ACCOUNT = "111122223333"
PRINCIPAL = Principal(arn=f"arn:aws:iam::{ACCOUNT}:role/reports", access_key_id="AKIDREPORTS")
APPLICATION_CALLER = Caller(address="192.0.2.44", user_agent="Boto3/1.40", principal=PRINCIPAL)
REDIRECT_URI = "https://mywebapp.example/redirect"
ISSUER_URL = "https://issuer.example/v2.0"
AUDIENCE = "6cb04018-a3f5-46a7-b995-940c78f5aef3"
ISSUER_ARN = f"arn:aws:sso::{ACCOUNT}:trustedTokenIssuer/ssoins-1111111111111111/tti-1"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": PRINCIPAL.arn},
                "Action": "sso-oauth:CreateTokenWithIAM",
                "Resource": "*",
            }
        ],
    }
)
ALL_GRANTS = ApplicationGrants(
    authorization_code=AuthorizationCodeOptions(redirect_uris=(REDIRECT_URI,)),
    refresh_token=RefreshTokenOptions(),
    jwt_bearer=JwtBearerOptions(
        authorized_token_issuers=(
            AuthorizedTokenIssuer(trusted_token_issuer_arn=ISSUER_ARN, authorized_audiences=(AUDIENCE,)),
        )
    ),
    token_exchange=TokenExchangeOptions(),
)
DEFAULT_SCOPES = ("openid", "aws", "sts:identity_context")
_numbers = itertools.count(1)


class Issuer:
    """An OIDC issuer: it signs what it is told, and is where the service looks for keys. ``asked`` counts that."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "issuer-1", "alg": "ES256", "use": "sig"})
        self.asked = 0
        self.is_down = False

    async def find(self, issuer_url: str, key_id: str | None) -> Key | None:
        self.asked += 1
        if self.is_down:
            raise IssuerUnavailable("the issuer is down")
        return self.key if issuer_url == ISSUER_URL and key_id in (None, "issuer-1") else None

    def assertion(self, world: World, **claims: object) -> str:
        """A good assertion about the world's person; a claim that is ``None`` is left out."""
        good: dict[str, object] = {
            "iss": ISSUER_URL,
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "aud": AUDIENCE,
            "iat": world.now,
            "nbf": world.now,
            "exp": world.now + 300,
            "jti": f"assertion-{next(_numbers)}",
            "preferred_username": world.person.user_name,
        }
        kept = {name: value for name, value in (good | claims).items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": "issuer-1", "typ": "JWT"}, kept, self.key)


async def open_issuer(world: World) -> Issuer:
    """An issuer that the directory trusts."""
    issuer = Issuer()
    world.service.issuer_keys = issuer
    record = TrustedTokenIssuer(
        trusted_token_issuer_arn=ISSUER_ARN,
        name="example",
        issuer_url=ISSUER_URL,
        claim_attribute_path="preferred_username",
        identity_store_attribute_path="userName",
        algorithms=("RS256", "ES256"),
        created_at=world.now,
    )
    await world.store.change_configuration(ConfigurationChange(create=(record,)))
    return issuer


async def add_application(
    world: World, instance: Instance | None = None, *, assigned: bool = True, **changes: object
) -> Application:
    number, instance_id = next(_numbers), (instance or world.service.instance).instance_id
    application = msgspec.structs.replace(
        Application(
            application_arn=f"arn:aws:sso::{ACCOUNT}:application/{instance_id}/apl-{number:016x}",
            name=f"application {number}",
            grants=ALL_GRANTS,
            actor_policy=POLICY,
            created_at=world.now,
        ),
        **changes,
    )
    await world.store.change_configuration(ConfigurationChange(create=(application,)))
    if assigned:
        await assign(world, application)
    return application


async def assign(world: World, application: Application) -> ApplicationAssignment:
    user_id = world.person.user_id
    assignment = ApplicationAssignment(
        assignment_id=assignment_id(application.application_arn, PrincipalType.USER, user_id),
        application_arn=application.application_arn,
        principal_type=PrincipalType.USER,
        principal_id=user_id,
    )
    await world.store.change_configuration(ConfigurationChange(create=(assignment,)))
    return assignment


async def change(world: World, application: Application, **changes: object) -> Application:
    changed = msgspec.structs.replace(application, **changes)
    await world.store.change_configuration(ConfigurationChange(replace=((application, changed),)))
    return changed


async def with_iam(
    world: World, application: Application, grant_type: str, **members: object
) -> CreateTokenWithIamResponse:
    return await with_iam_as(APPLICATION_CALLER, world, application, grant_type, **members)


async def with_iam_as(
    caller: Caller, world: World, application: Application, grant_type: str, **members: object
) -> CreateTokenWithIamResponse:
    base = CreateTokenWithIamRequest(client_id=application.application_arn, grant_type=grant_type)
    return await create_token_with_iam(world.service, msgspec.structs.replace(base, **members), caller)


async def code_of(world: World, application: Application, **query: str) -> str:
    """An authorization code for the application, after the person has approved."""
    asked = {
        "response_type": "code",
        "client_id": application.application_arn,
        "redirect_uri": REDIRECT_URI,
        "state": "a-state",
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
    } | query
    request = await authorize.validate(world.service, {name: value for name, value in asked.items() if value})
    url = await authorize.approve(world.service, await world.browser(), request, PHONE)
    return url.partition("code=")[2].partition("&")[0].replace("%3A", ":")


async def members_for(world: World, application: Application, issuer: Issuer, grant_type: str) -> dict[str, object]:
    """The members of a good request by each grant."""
    if grant_type == AUTHORIZATION_CODE:
        code = await code_of(world, application)
        return {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    if grant_type == REFRESH_TOKEN:
        first = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
        return {"refresh_token": first.refresh_token}
    if grant_type == JWT_BEARER:
        return {"assertion": issuer.assertion(world)}
    assert grant_type == TOKEN_EXCHANGE
    return subject(await subject_token(world, application, issuer))


async def subject_token(world: World, target: Application, issuer: Issuer) -> str:
    """An access token of another application, one of whose scopes names ``target``."""
    scope = AccessScope(scope="reports:read", authorized_targets=(target.application_arn,))
    other = await add_application(world, access_scopes=(scope,))
    answer = await with_iam(world, other, JWT_BEARER, assertion=issuer.assertion(world))
    return present(answer.access_token)


def subject(token: str) -> dict[str, object]:
    return {
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }


async def family_of(world: World, response: CreateTokenWithIamResponse) -> TokenFamily:
    claims = tokens.open_value(world.service.ring, tokens.Kind.ACCESS_TOKEN, present(response.access_token))
    return present(await world.store.find_token_family(present(claims).row_id))
