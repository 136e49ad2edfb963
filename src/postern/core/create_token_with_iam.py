"""CreateTokenWithIAM: an application, whose signature was verified, exchanges a grant for tokens and an ID token.

Which members are in which answer is as the service's reference shows it: no ID token when refreshing, no refresh token
from token exchange unless one is asked for.
"""

from postern.api.errors import InvalidGrantException, InvalidRequestRegionException, SsoOidcError
from postern.api.sso_oidc import AwsAdditionalDetails, CreateTokenWithIamRequest, CreateTokenWithIamResponse
from postern.core import id_tokens, redemption, scopes, tokens
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.clients import REFRESH_TOKEN
from postern.core.directory.applications import ARN, as_client
from postern.core.grants import APPLICATION_GRANTS, token_exchange
from postern.core.grants.base import Reused
from postern.core.iam.actor_policy import Action
from postern.core.iam.authorization import authorize
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.tokens import Kind


async def create_token_with_iam(
    service: Service, request: CreateTokenWithIamRequest, caller: Caller
) -> CreateTokenWithIamResponse:
    """Exchange a grant for tokens. ``caller.principal`` is who signed the request."""
    _require_own_region(service, request)  # first: the application of such a token is not known here either
    application = await authorize(service, request.client_id, caller, Action.CREATE_TOKEN_WITH_IAM)
    try:
        family = await redemption.redeem(service, APPLICATION_GRANTS, as_client(application), request, caller)
    except Reused:  # which has an event of its own
        raise
    except SsoOidcError as refusal:
        service.record(_refusal_event(service, request, caller, refusal))
        raise
    return await _issue(service, request, family)


async def _issue(
    service: Service, request: CreateTokenWithIamRequest, family: TokenFamily
) -> CreateTokenWithIamResponse:
    granted = scopes.distinct(request.scope) or family.scopes
    issued = tokens.issue(service.ring, family, scopes.mask(granted, family.scopes), service.now())
    if issued is None:
        refusal = APPLICATION_GRANTS[request.grant_type].refusal
        raise InvalidGrantException(refusal, reason="the key of the token family has left the ring")
    id_token = None if request.grant_type == REFRESH_TOKEN else await id_tokens.write(service, family, granted)
    context = id_token.identity_context if id_token else None
    return CreateTokenWithIamResponse(
        access_token=issued.access_token,
        token_type=issued.token_type,
        expires_in=issued.expires_in,
        refresh_token=issued.refresh_token,
        id_token=id_token.text if id_token else None,
        issued_token_type=token_exchange.REFRESH_TOKEN if issued.refresh_token else token_exchange.ACCESS_TOKEN,
        scope=granted,
        aws_additional_details=AwsAdditionalDetails(identity_context=context) if context else None,
    )


def _require_own_region(service: Service, request: CreateTokenWithIamRequest) -> None:
    """
    Raises:
        InvalidRequestRegionException: what is presented was made by the server of a sibling region.
    """
    if not service.sibling_regions:
        return
    presented = (
        (Kind.AUTHORIZATION_CODE, request.code),
        (Kind.REFRESH_TOKEN, request.refresh_token),
        (Kind.ACCESS_TOKEN, request.subject_token),
    )
    for kind, text in presented:
        home = service.sibling_regions.get(tokens.region_tag(kind, text or ""))
        if home is not None:
            region, endpoint = home
            raise InvalidRequestRegionException(endpoint=endpoint, region=region, reason="made in another region")


def _refusal_event(
    service: Service, request: CreateTokenWithIamRequest, caller: Caller, refusal: SsoOidcError
) -> AuditEvent:
    """Grant type and client id are told only where they are known ones: a caller may have put anything there."""
    application_arn = request.client_id if ARN.fullmatch(request.client_id) else None
    return AuditEvent(
        event_name=EventName.CREATE_TOKEN_WITH_IAM,
        event_time=service.now(),
        outcome="Failure",
        grant_type=request.grant_type if request.grant_type in APPLICATION_GRANTS else None,
        source_address=caller.address,
        reason=f"{refusal.wire_name()}: {refusal.reason}",
        application_arn=application_arn,
        principal_arn=caller.principal.arn if caller.principal else None,
    )
