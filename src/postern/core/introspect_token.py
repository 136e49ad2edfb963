"""Introspection (RFC 7662): an application asks what a token is that somebody presented to it.

It is told of its own tokens, and of access tokens that are meant for it. All else is inactive, and nothing more is
said: neither that a token exists nor why it is no good.
"""

from postern.api.errors import UnauthorizedException
from postern.api.oauth import IntrospectTokenRequest, IntrospectTokenResponse
from postern.core import access_tokens, tokens
from postern.core.access_tokens import AccessToken
from postern.core.caller import Caller
from postern.core.directory.records import Application
from postern.core.directory.targets import accepts, names_target
from postern.core.grants.base import refusal_to_issue
from postern.core.iam.actor_policy import Action
from postern.core.iam.authorization import authorize
from postern.core.records import TokenFamily, User
from postern.core.service import Service

INACTIVE = IntrospectTokenResponse(active=False)
ACCESS_TOKEN_TYPE = "Bearer"
# RFC 8693 2.2.1: what is no access token must not be taken for one.
REFRESH_TOKEN_TYPE = "N_A"


async def introspect_token(
    service: Service, request: IntrospectTokenRequest, caller: Caller
) -> IntrospectTokenResponse:
    """What the token is to the application that asks. ``token_type_hint`` is not needed: a token says its type.

    Raises:
        InvalidClientException, AccessDeniedException: the caller may not do this for the application.
    """
    application = await authorize(service, request.client_id, caller, Action.INTROSPECT_TOKEN_WITH_IAM)
    token, token_type = await _find_live(service, request.token)
    if token is None:
        return INACTIVE
    family = token.family
    is_own = family.application_arn == application.application_arn
    if not is_own and (token_type == REFRESH_TOKEN_TYPE or not await _is_for(service, token, application)):
        return INACTIVE
    user = await _find_entitled(service, family, application)
    if user is None:
        return INACTIVE
    return IntrospectTokenResponse(
        active=True,
        scope=" ".join(token.scopes) or None,
        client_id=family.application_arn,
        username=user.user_name,
        token_type=token_type,
        exp=token.expires_at,
        iat=family.rotated_at if token.generation == family.generation else None,
        sub=user.user_id,
        aud=application.application_arn,
        iss=service.policy.public_url,
    )


async def _find_live(service: Service, text: str) -> tuple[AccessToken | None, str]:
    """The token and its type; a refresh token is described as if it were an access token."""
    if (claims := tokens.open_value(service.ring, tokens.Kind.REFRESH_TOKEN, text)) is not None:
        family = await _find_live_family(service, claims.row_id)
        if family is None or claims.generation != family.generation or service.now() >= family.idle_expires_at:
            return None, REFRESH_TOKEN_TYPE
        end = min(family.idle_expires_at, family.expires_at)
        return AccessToken(family, family.scopes, end, family.generation), REFRESH_TOKEN_TYPE
    try:
        return await access_tokens.verify(service, text), ACCESS_TOKEN_TYPE
    except UnauthorizedException:
        return None, ACCESS_TOKEN_TYPE


async def _find_live_family(service: Service, family_id: int) -> TokenFamily | None:
    family = await service.store.find_token_family(family_id)
    now = service.now()
    if family is None or not family.is_live(now) or not await access_tokens.has_live_ancestors(service, family, now):
        return None
    return family


async def _is_for(service: Service, token: AccessToken, application: Application) -> bool:
    """Whether the application could have the token in exchange for one of its own, as far as scopes say it."""
    issuer_arn = token.family.application_arn
    if issuer_arn is None:
        return accepts(application, token.scopes)
    issuer = await service.store.find_application(issuer_arn)
    instance_arn = service.instances.of_application(application.application_arn).arn
    return issuer is not None and names_target(issuer, token.scopes, application.application_arn, instance_arn)


async def _find_entitled(service: Service, family: TokenFamily, application: Application) -> User | None:
    """The person of a token, who may still use the application that has it, and the one that asks."""
    store, user_id = service.store, family.user_id
    user = await store.find_user(user_id)
    issued_to = family.application_arn
    standing = await store.find_standing(issued_to, user_id) if issued_to else None
    if refusal_to_issue(user, standing, family.grant_type, "") is not None:
        return None
    if issued_to == application.application_arn:
        return user
    if user is None or user.instance_id != application.instance_id:
        return None
    return user if (await store.find_standing(application.application_arn, user_id)).is_assigned else None
