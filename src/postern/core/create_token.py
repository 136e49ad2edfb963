"""CreateToken (RFC 6749 4.1.3, 6; RFC 8628 3.4): authenticate the client, choose the grant, require its members,
redeem, issue.
"""

from postern.api.errors import InvalidGrantException
from postern.api.sso_oidc import CreateTokenRequest, CreateTokenResponse
from postern.core import redemption, scopes, tokens
from postern.core.caller import Caller
from postern.core.grants import GRANTS
from postern.core.service import Service


async def create_token(service: Service, request: CreateTokenRequest, caller: Caller) -> CreateTokenResponse:
    """Exchange a grant for tokens."""
    client = service.authenticate_client(request.client_id, request.client_secret)
    family = await redemption.redeem(service, GRANTS, client, request, caller)
    issued = tokens.issue(service.ring, family, scopes.mask(request.scope, family.scopes), service.now())
    if issued is None:
        raise InvalidGrantException(
            GRANTS[request.grant_type].refusal, reason="the key of the token family has left the ring"
        )
    return issued
