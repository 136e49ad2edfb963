"""Ending a sign-in: its token family is revoked, and every token of it on every node at once (RFC 7009 2.1)."""

from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.sign_in import ActiveSession


async def end_sign_in(
    service: Service, family: TokenFamily, reason: str, caller: Caller, event_name: EventName = EventName.LOGOUT
) -> None:
    """Revoke the family; one that has ended already stays as it is."""
    now = service.now()
    if await service.store.revoke_token_family(family.family_id, reason, now):
        service.record(_event(family, now, reason, caller, event_name))


async def end_all_others(service: Service, active: ActiveSession, caller: Caller) -> None:
    """End all that is signed in as the person, but this browser."""
    now, reason = service.now(), "all ended by the person"
    for family in await service.store.end_other_sign_ins(
        active.user.user_id, active.session.session_digest, reason, now
    ):
        service.record(_event(family, now, reason, caller, EventName.LOGOUT))
    service.record(
        AuditEvent(
            event_name=EventName.SIGN_OUT,
            event_time=now,
            user_id=active.user.user_id,
            source_address=caller.address,
            reason="all other browsers",
        )
    )


def _event(family: TokenFamily, now: int, reason: str, caller: Caller, event_name: EventName) -> AuditEvent:
    return AuditEvent(
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
