"""The grant types, as tables: of CreateToken and of CreateTokenWithIAM. A new one is a file here and a line below."""

from postern.api.sso_oidc import CreateTokenRequest, CreateTokenWithIamRequest
from postern.core.grants import authorization_code, device_code, jwt_bearer, refresh_token, token_exchange
from postern.core.grants.base import Grant

GRANTS: dict[str, Grant[CreateTokenRequest]] = {
    grant.grant_type: grant for grant in (device_code.GRANT, authorization_code.GRANT, refresh_token.GRANT)
}
APPLICATION_GRANTS: dict[str, Grant[CreateTokenWithIamRequest]] = {
    grant.grant_type: grant
    for grant in (authorization_code.GRANT, refresh_token.GRANT, jwt_bearer.GRANT, token_exchange.GRANT)
}

__all__ = ["APPLICATION_GRANTS", "GRANTS", "Grant"]
