"""The SSO OIDC service, API version 2019-06-10: its four operations and their shapes.

Members, required members and errors are those of the AWS service model; a test holds this file against the model that
botocore ships.
"""

from postern.api import errors
from postern.api.operation import Authentication, Operation, Shape

API_VERSION = "2019-06-10"
SIGNING_NAME = "sso-oauth"
ENDPOINT_PREFIX = "oidc"


class RegisterClientRequest(Shape, frozen=True, kw_only=True):
    client_name: str
    client_type: str
    scopes: tuple[str, ...] | None = None
    redirect_uris: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    issuer_url: str | None = None
    entitled_application_arn: str | None = None


class RegisterClientResponse(Shape, frozen=True, kw_only=True):
    """``client_id_issued_at`` and ``client_secret_expires_at`` are Unix seconds."""

    client_id: str | None = None
    client_secret: str | None = None
    client_id_issued_at: int | None = None
    client_secret_expires_at: int | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None


class StartDeviceAuthorizationRequest(Shape, frozen=True, kw_only=True):
    client_id: str
    client_secret: str
    start_url: str


class StartDeviceAuthorizationResponse(Shape, frozen=True, kw_only=True):
    """``expires_in`` and ``interval`` are seconds from now."""

    device_code: str | None = None
    user_code: str | None = None
    verification_uri: str | None = None
    verification_uri_complete: str | None = None
    expires_in: int | None = None
    interval: int | None = None


class CreateTokenRequest(Shape, frozen=True, kw_only=True):
    client_id: str
    client_secret: str
    grant_type: str
    device_code: str | None = None
    code: str | None = None
    refresh_token: str | None = None
    scope: tuple[str, ...] | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None


class CreateTokenResponse(Shape, frozen=True, kw_only=True):
    """``expires_in`` is seconds from now."""

    access_token: str | None = None
    token_type: str | None = None
    expires_in: int | None = None
    refresh_token: str | None = None
    id_token: str | None = None


class CreateTokenWithIamRequest(Shape, frozen=True, kw_only=True):
    client_id: str
    grant_type: str
    code: str | None = None
    refresh_token: str | None = None
    assertion: str | None = None
    scope: tuple[str, ...] | None = None
    redirect_uri: str | None = None
    subject_token: str | None = None
    subject_token_type: str | None = None
    requested_token_type: str | None = None
    code_verifier: str | None = None


class AwsAdditionalDetails(Shape, frozen=True, kw_only=True):
    identity_context: str | None = None


class CreateTokenWithIamResponse(Shape, frozen=True, kw_only=True):
    """``expires_in`` is seconds from now."""

    access_token: str | None = None
    token_type: str | None = None
    expires_in: int | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    issued_token_type: str | None = None
    scope: tuple[str, ...] | None = None
    aws_additional_details: AwsAdditionalDetails | None = None


REGISTER_CLIENT = Operation(
    name="RegisterClient",
    method="POST",
    path="/client/register",
    input=RegisterClientRequest,
    output=RegisterClientResponse,
    errors=(
        errors.InvalidRequestException,
        errors.InvalidScopeException,
        errors.InvalidClientMetadataException,
        errors.InternalServerException,
        errors.InvalidRedirectUriException,
        errors.UnsupportedGrantTypeException,
        errors.SlowDownException,
    ),
)

START_DEVICE_AUTHORIZATION = Operation(
    name="StartDeviceAuthorization",
    method="POST",
    path="/device_authorization",
    input=StartDeviceAuthorizationRequest,
    output=StartDeviceAuthorizationResponse,
    errors=(
        errors.InvalidRequestException,
        errors.InvalidClientException,
        errors.UnauthorizedClientException,
        errors.SlowDownException,
        errors.InternalServerException,
    ),
)

_TOKEN_ERRORS = (
    errors.InvalidRequestException,
    errors.InvalidClientException,
    errors.InvalidGrantException,
    errors.UnauthorizedClientException,
    errors.UnsupportedGrantTypeException,
    errors.InvalidScopeException,
    errors.AuthorizationPendingException,
    errors.SlowDownException,
    errors.AccessDeniedException,
    errors.ExpiredTokenException,
    errors.InternalServerException,
)

CREATE_TOKEN = Operation(
    name="CreateToken",
    method="POST",
    path="/token",
    input=CreateTokenRequest,
    output=CreateTokenResponse,
    errors=_TOKEN_ERRORS,
)

CREATE_TOKEN_WITH_IAM = Operation(
    name="CreateTokenWithIAM",
    method="POST",
    path="/token",
    query="aws_iam=t",
    input=CreateTokenWithIamRequest,
    output=CreateTokenWithIamResponse,
    errors=(*_TOKEN_ERRORS, errors.InvalidRequestRegionException),
    authentication=Authentication.SIGV4,
)

OPERATIONS = (REGISTER_CLIENT, START_DEVICE_AUTHORIZATION, CREATE_TOKEN, CREATE_TOKEN_WITH_IAM)
