"""Ending a sign-in: its token family is revoked, and every token of it on every node at once (RFC 7009 2.1)."""

from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.records import TokenFamily
from postern.core.service import Service


async def end_sign_in(
    service: Service, family: TokenFamily, reason: str, caller: Caller, event_name: EventName = EventName.LOGOUT
) -> None:
    """Revoke the family; one that has ended already stays as it is."""
    now = service.now()
    if not await service.store.revoke_token_family(family.family_id, reason, now):
        return
    service.record(
        AuditEvent(
            event_name=event_name,
            event_time=now,
            user_id=family.user_id,
            client_name=family.client_name,
            client_digest=family.client_digest.hex(),
            source_address=caller.address,
            reason=reason,
            application_arn=family.application_arn,
            principal_arn=caller.principal.arn if caller.principal else None,
        )
    )
