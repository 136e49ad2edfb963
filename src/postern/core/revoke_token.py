"""Revocation (RFC 7009): an application has no more use for a token of its own, and the sign-in behind it ends.

Whether an access or a refresh token is presented, and whether it has expired, makes no difference: every token of the
sign-in ends, and what was exchanged for it.
"""

from postern.api.oauth import RevokeTokenRequest, RevokeTokenResponse
from postern.core import tokens
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.directory.records import Application
from postern.core.iam.actor_policy import Action
from postern.core.iam.authorization import authorize
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.tokens import Kind

_REASON = "the application revoked it"


async def revoke_token(service: Service, request: RevokeTokenRequest, caller: Caller) -> RevokeTokenResponse:
    """End the sign-in. What is no token, or not this application's, is left alone and answered all the same.

    Raises:
        InvalidClientException, AccessDeniedException: the caller may not do this for the application.
    """
    application = await authorize(service, request.client_id, caller, Action.REVOKE_TOKEN_WITH_IAM)
    family = await _find_family(service, request.token)
    if family is not None and family.application_arn == application.application_arn:
        await _end(service, family, application, caller)
    return RevokeTokenResponse()


async def _find_family(service: Service, text: str) -> TokenFamily | None:
    for kind in (Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN):
        if (claims := tokens.open_value(service.ring, kind, text)) is not None:
            return await service.store.find_token_family(claims.row_id)
    return None


async def _end(service: Service, family: TokenFamily, application: Application, caller: Caller) -> None:
    now = service.now()
    if not await service.store.revoke_token_family(family.family_id, _REASON, now):
        return
    service.record(
        AuditEvent(
            event_name=EventName.REVOKE_TOKEN_WITH_IAM,
            event_time=now,
            user_id=family.user_id,
            client_name=family.client_name,
            client_digest=family.client_digest.hex(),
            source_address=caller.address,
            reason=_REASON,
            application_arn=application.application_arn,
            principal_arn=caller.principal.arn if caller.principal else None,
        )
    )
