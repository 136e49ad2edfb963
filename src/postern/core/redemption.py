"""What CreateToken and CreateTokenWithIAM have in common once the client is known: choose the grant, require its
members, redeem, and write down what happened.
"""

from collections.abc import Mapping
from typing import TypeVar

from postern.api.errors import (
    InvalidRequestException,
    InvalidScopeException,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
)
from postern.core import scopes
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.clients import REFRESH_TOKEN, Client
from postern.core.grants.base import Grant, Reused, TokenRequest
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.store import AlreadyExists

RequestT = TypeVar("RequestT", bound=TokenRequest)

_WIRE_NAMES = {
    "device_code": "deviceCode",
    "code": "code",
    "refresh_token": "refreshToken",
    "redirect_uri": "redirectUri",
    "assertion": "assertion",
    "subject_token": "subjectToken",
    "subject_token_type": "subjectTokenType",
}


async def redeem(
    service: Service, grants: Mapping[str, Grant[RequestT]], client: Client, request: RequestT, caller: Caller
) -> TokenFamily:
    """The token family that the request's grant proves, or rotates.

    Raises:
        SsoOidcError: the grant is not offered, not the client's, incomplete, or no good.
    """
    grant = _choose_grant(grants, client, request)
    _require_members(grant, request)
    try:
        family = await _try(service, grant, client, request)
    except Reused as reuse:
        name = EventName.REFRESH_TOKEN_REUSE if grant.grant_type == REFRESH_TOKEN else EventName.CODE_REUSE
        service.record(
            event_of(service, client, grant.grant_type, caller, name, outcome="Failure", reason=reuse.reason)
        )
        raise
    if family.generation == 0:
        name = EventName.CREATE_TOKEN_WITH_IAM if client.application_arn else EventName.CREATE_TOKEN
        service.record(event_of(service, client, grant.grant_type, caller, name, user_id=family.user_id))
    return family


async def _try(service: Service, grant: Grant[RequestT], client: Client, request: RequestT) -> TokenFamily:
    """Two workers may make the same row number in the same millisecond: once in minutes, at thousands a second."""
    try:
        return await grant.redeem(service, client, request)
    except AlreadyExists:
        return await grant.redeem(service, client, request)


def _choose_grant(grants: Mapping[str, Grant[RequestT]], client: Client, request: RequestT) -> Grant[RequestT]:
    grant = grants.get(request.grant_type)
    if grant is None:
        raise UnsupportedGrantTypeException(reason="grant type is not offered")
    if grant.grant_type not in client.grant_types:
        raise UnauthorizedClientException(reason="client may not use this grant type")
    return grant


def _require_members(grant: Grant[RequestT], request: RequestT) -> None:
    for member in grant.requires:
        if getattr(request, member) is None:
            raise InvalidRequestException(
                f"{_WIRE_NAMES[member]} is required", reason="member required by the grant is missing"
            )
    if request.scope is not None and len(request.scope) > scopes.MAX_SCOPES:
        raise InvalidScopeException(reason="too many scopes")


def event_of(
    service: Service, client: Client, grant_type: str, caller: Caller, name: EventName, **members: str | None
) -> AuditEvent:
    """What happened to a client's grant; ``members`` are further ones of the event."""
    return AuditEvent(
        event_name=name,
        event_time=service.now(),
        client_name=client.name,
        client_digest=client.digest.hex(),
        grant_type=grant_type,
        source_address=caller.address,
        application_arn=client.application_arn,
        principal_arn=caller.principal.arn if caller.principal else None,
        **members,  # type: ignore[arg-type]
    )
