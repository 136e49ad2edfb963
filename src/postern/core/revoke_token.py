"""Revocation (RFC 7009): an application has no more use for a token of its own, and the sign-in behind it ends.

Whether an access or a refresh token is presented, and whether it has expired, makes no difference: every token of the
sign-in ends, and what was exchanged for it.
"""

from postern.api.oauth import RevokeTokenRequest, RevokeTokenResponse
from postern.core import tokens
from postern.core.audit import EventName
from postern.core.caller import Caller
from postern.core.end_sign_in import end_sign_in
from postern.core.iam.actor_policy import Action
from postern.core.iam.authorization import authorize
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.tokens import Kind


async def revoke_token(service: Service, request: RevokeTokenRequest, caller: Caller) -> RevokeTokenResponse:
    """End the sign-in. What is no token, or not this application's, is left alone and answered all the same.

    Raises:
        InvalidClientException, AccessDeniedException: the caller may not do this for the application.
    """
    application = await authorize(service, request.client_id, caller, Action.REVOKE_TOKEN_WITH_IAM)
    family = await _find_family(service, request.token)
    if family is not None and family.application_arn == application.application_arn:
        reason = "the application revoked it"
        await end_sign_in(service, family, reason, caller, EventName.REVOKE_TOKEN_WITH_IAM)
    return RevokeTokenResponse()


async def _find_family(service: Service, text: str) -> TokenFamily | None:
    for kind in (Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN):
        if (claims := tokens.open_value(service.ring, kind, text)) is not None:
            return await service.store.find_token_family(claims.row_id)
    return None
