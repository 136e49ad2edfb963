"""The access portal, API version 2019-06-10. Of its four operations the server serves Logout, and the client also asks
for role credentials; the others come with the directory.
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


class GetRoleCredentialsRequest(Shape, frozen=True, kw_only=True):
    """``role_name`` and ``account_id`` travel in the query as they are spelt here, ``access_token`` in the header
    ``x-amz-sso_bearer_token``.
    """

    role_name: str
    account_id: str
    access_token: str


class RoleCredentials(Shape, frozen=True, kw_only=True):
    """``expiration`` is Unix *milliseconds*."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    expiration: int | None = None


class GetRoleCredentialsResponse(Shape, frozen=True, kw_only=True):
    role_credentials: RoleCredentials | None = None


GET_ROLE_CREDENTIALS = Operation(
    name="GetRoleCredentials",
    method="GET",
    path="/federation/credentials",
    input=GetRoleCredentialsRequest,
    output=GetRoleCredentialsResponse,
    errors=(
        errors.PortalInvalidRequestException,
        errors.UnauthorizedException,
        errors.ResourceNotFoundException,
        errors.TooManyRequestsException,
    ),
    authentication=Authentication.BEARER_HEADER,
)

OPERATIONS = (LOGOUT,)
