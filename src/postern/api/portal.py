"""The access portal, API version 2019-06-10: what the person of an access token may be, and the credentials for it.

Its operations are not signed: the access token travels in the header ``x-amz-sso_bearer_token``, everything else in the
query, in names of its own. GetConsoleUrl is not AWS's but ours.
"""

from postern.api import errors
from postern.api.operation import Authentication, Constraint, Operation, ServiceModel, Shape

BEARER_HEADER = Authentication.BEARER_HEADER.value
MAX_RESULTS = 100

_ERRORS = (
    errors.PortalInvalidRequestException,
    errors.UnauthorizedException,
    errors.ResourceNotFoundException,
    errors.TooManyRequestsException,
)
_SIZES = {"maxResults": Constraint(min=1, max=MAX_RESULTS)}
_PAGE = {"next_token": "next_token", "max_results": "max_result"}


class LogoutRequest(Shape, frozen=True, kw_only=True):
    """The body is empty or ``{}``."""

    access_token: str


class LogoutResponse(Shape, frozen=True, kw_only=True):
    """Logout answers with an empty body."""


class ListAccountsRequest(Shape, frozen=True, kw_only=True):
    """``max_results`` is 1 to `MAX_RESULTS`; ``next_token`` is that of the page before."""

    next_token: str | None = None
    max_results: int | None = None
    access_token: str


class AccountInfo(Shape, frozen=True, kw_only=True):
    account_id: str | None = None
    account_name: str | None = None
    email_address: str | None = None


class ListAccountsResponse(Shape, frozen=True, kw_only=True):
    """``next_token`` is absent on the last page."""

    next_token: str | None = None
    account_list: tuple[AccountInfo, ...] | None = None


class ListAccountRolesRequest(Shape, frozen=True, kw_only=True):
    next_token: str | None = None
    max_results: int | None = None
    access_token: str
    account_id: str


class RoleInfo(Shape, frozen=True, kw_only=True):
    """``role_name`` is the name of a permission set."""

    role_name: str | None = None
    account_id: str | None = None


class ListAccountRolesResponse(Shape, frozen=True, kw_only=True):
    """``next_token`` is absent on the last page."""

    next_token: str | None = None
    role_list: tuple[RoleInfo, ...] | None = None


class GetRoleCredentialsRequest(Shape, frozen=True, kw_only=True):
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


class GetConsoleUrlRequest(Shape, frozen=True, kw_only=True):
    """``destination`` is where in the console to begin, a URL of the console."""

    role_name: str
    account_id: str
    destination: str | None = None
    access_token: str


class GetConsoleUrlResponse(Shape, frozen=True, kw_only=True):
    """``console_url`` signs whoever opens it in to the console as the role: it is a secret, good for some minutes."""

    console_url: str | None = None


LIST_ACCOUNTS = Operation(
    name="ListAccounts",
    method="GET",
    path="/assignment/accounts",
    input=ListAccountsRequest,
    output=ListAccountsResponse,
    errors=_ERRORS,
    authentication=Authentication.BEARER_HEADER,
    constraints=_SIZES,
    query_members=_PAGE,
)

LIST_ACCOUNT_ROLES = Operation(
    name="ListAccountRoles",
    method="GET",
    path="/assignment/roles",
    input=ListAccountRolesRequest,
    output=ListAccountRolesResponse,
    errors=_ERRORS,
    authentication=Authentication.BEARER_HEADER,
    constraints=_SIZES,
    query_members={**_PAGE, "account_id": "account_id"},
)

GET_ROLE_CREDENTIALS = Operation(
    name="GetRoleCredentials",
    method="GET",
    path="/federation/credentials",
    input=GetRoleCredentialsRequest,
    output=GetRoleCredentialsResponse,
    errors=_ERRORS,
    authentication=Authentication.BEARER_HEADER,
    query_members={"role_name": "role_name", "account_id": "account_id"},
)

GET_CONSOLE_URL = Operation(
    name="GetConsoleUrl",
    method="GET",
    path="/federation/console",
    input=GetConsoleUrlRequest,
    output=GetConsoleUrlResponse,
    errors=_ERRORS,
    authentication=Authentication.BEARER_HEADER,
    query_members={"role_name": "role_name", "account_id": "account_id", "destination": "destination"},
)

LOGOUT = Operation(
    name="Logout",
    method="POST",
    path="/logout",
    input=LogoutRequest,
    output=LogoutResponse,
    errors=(errors.PortalInvalidRequestException, errors.UnauthorizedException, errors.TooManyRequestsException),
    authentication=Authentication.BEARER_HEADER,
)

SERVICE = ServiceModel(
    identifier="sso",
    service_id="SSO",
    config_key="sso",
    versions=("2019-06-10",),
    endpoint_prefix="portal.sso",
    signing_name="awsssoportal",
    operations=(LIST_ACCOUNTS, LIST_ACCOUNT_ROLES, GET_ROLE_CREDENTIALS, LOGOUT, GET_CONSOLE_URL),
)
