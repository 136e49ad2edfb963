"""Logout of the access portal: the token's whole family ends (RFC 7009 2.1), on every node at once."""

from postern.api.portal import LogoutRequest, LogoutResponse
from postern.core import access_tokens
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.service import Service


async def logout(service: Service, request: LogoutRequest, caller: Caller) -> LogoutResponse:
    """
    Raises:
        UnauthorizedException: the token is not a live access token.
    """
    token = await access_tokens.verify(service, request.access_token)
    now = service.now()
    await service.store.revoke_token_family(token.family.family_id, "signed out", now)
    service.record(
        AuditEvent(
            event_name=EventName.LOGOUT,
            event_time=now,
            user_id=token.family.user_id,
            client_name=token.family.client_name,
            client_digest=token.family.client_digest.hex(),
            source_address=caller.address,
        )
    )
    return LogoutResponse()
