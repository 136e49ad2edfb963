"""The access portal, API version 2019-06-10. Of its four operations Logout is described; the others come with the
directory.
"""

from postern.api import errors
from postern.api.operation import Authentication, Operation, Shape

BEARER_HEADER = Authentication.BEARER_HEADER.value


class LogoutRequest(Shape, frozen=True, kw_only=True):
    """``access_token`` travels in the header ``x-amz-sso_bearer_token``; the body is empty or ``{}``."""

    access_token: str


class LogoutResponse(Shape, frozen=True, kw_only=True):
    """Logout answers with an empty body."""


LOGOUT = Operation(
    name="Logout",
    method="POST",
    path="/logout",
    input=LogoutRequest,
    output=LogoutResponse,
    errors=(errors.PortalInvalidRequestException, errors.UnauthorizedException, errors.TooManyRequestsException),
    authentication=Authentication.BEARER_HEADER,
)

OPERATIONS = (LOGOUT,)
