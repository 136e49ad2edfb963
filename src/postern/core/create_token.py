"""CreateToken (RFC 6749 4.1.3, 6; RFC 8628 3.4): authenticate the client, choose the grant, require its members,
redeem, issue.
"""

from postern.api.errors import (
    InvalidGrantException,
    InvalidRequestException,
    InvalidScopeException,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
)
from postern.api.sso_oidc import CreateTokenRequest, CreateTokenResponse
from postern.core import scopes, tokens
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.client_registration import REFRESH_TOKEN, Client
from postern.core.grants import GRANTS, Grant
from postern.core.grants.base import Reused
from postern.core.records import TokenFamily
from postern.core.service import Service
from postern.core.store import AlreadyExists

_WIRE_NAMES = {
    "device_code": "deviceCode",
    "code": "code",
    "refresh_token": "refreshToken",
    "redirect_uri": "redirectUri",
    "code_verifier": "codeVerifier",
}


async def create_token(service: Service, request: CreateTokenRequest, caller: Caller) -> CreateTokenResponse:
    """Exchange a grant for tokens."""
    client = service.authenticate_client(request.client_id, request.client_secret)
    grant = _choose_grant(client, request)
    _require_members(grant, request)
    try:
        family = await _redeem(service, grant, client, request)
    except Reused as reuse:
        service.record(_reuse_event(service, client, grant, caller, reuse))
        raise
    if family.generation == 0:
        service.record(_sign_in_event(service, client, grant, caller, family))
    issued = tokens.issue(service.ring, family, scopes.mask(request.scope, family.scopes), service.now())
    if issued is None:
        raise InvalidGrantException(grant.refusal, reason="the key of the token family has left the ring")
    return issued


async def _redeem(service: Service, grant: Grant, client: Client, request: CreateTokenRequest) -> TokenFamily:
    """Two workers may make the same row number in the same millisecond: once in minutes, at thousands a second."""
    try:
        return await grant.redeem(service, client, request)
    except AlreadyExists:
        return await grant.redeem(service, client, request)


def _choose_grant(client: Client, request: CreateTokenRequest) -> Grant:
    grant = GRANTS.get(request.grant_type)
    if grant is None:
        raise UnsupportedGrantTypeException(reason="grant type is not offered")
    if grant.grant_type not in client.grant_types:
        raise UnauthorizedClientException(reason="client is not registered for this grant type")
    return grant


def _require_members(grant: Grant, request: CreateTokenRequest) -> None:
    for member in grant.requires:
        if getattr(request, member) is None:
            raise InvalidRequestException(
                f"{_WIRE_NAMES[member]} is required", reason="member required by the grant is missing"
            )
    if request.scope is not None and len(request.scope) > scopes.MAX_SCOPES:
        raise InvalidScopeException(reason="too many scopes")


def _sign_in_event(service: Service, client: Client, grant: Grant, caller: Caller, family: TokenFamily) -> AuditEvent:
    return AuditEvent(
        event_name=EventName.CREATE_TOKEN,
        event_time=service.now(),
        user_id=family.user_id,
        client_name=client.registration.name,
        client_digest=client.digest.hex(),
        grant_type=grant.grant_type,
        source_address=caller.address,
    )


def _reuse_event(service: Service, client: Client, grant: Grant, caller: Caller, reuse: Reused) -> AuditEvent:
    refreshing = grant.grant_type == REFRESH_TOKEN
    return AuditEvent(
        event_name=EventName.REFRESH_TOKEN_REUSE if refreshing else EventName.CODE_REUSE,
        event_time=service.now(),
        outcome="Failure",
        client_name=client.registration.name,
        client_digest=client.digest.hex(),
        grant_type=grant.grant_type,
        source_address=caller.address,
        reason=reuse.reason,
    )
