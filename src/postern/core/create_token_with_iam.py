"""CreateTokenWithIAM. Its grants are not built yet: no application exists, so no caller can be authorized for one."""

from postern.api.errors import UnauthorizedClientException
from postern.api.sso_oidc import CreateTokenWithIamRequest, CreateTokenWithIamResponse
from postern.core.caller import Caller
from postern.core.service import Service


async def create_token_with_iam(
    service: Service, request: CreateTokenWithIamRequest, caller: Caller
) -> CreateTokenWithIamResponse:
    """
    Raises:
        UnauthorizedClientException: always.
    """
    raise UnauthorizedClientException(reason="no application is configured for CreateTokenWithIAM")
