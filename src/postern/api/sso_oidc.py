"""The SSO OIDC service, API version 2019-06-10: its four operations and their shapes.

Members, required members and errors are those of the AWS service model; a test holds this file against the model that
botocore ships.
"""

from postern.api import errors
from postern.api.operation import Authentication, Constraint, Operation, ServiceModel, Shape

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


_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"

# The service model has no constraints. These are what its documentation and the RFCs say of the members.
_PRESENT = Constraint(min=1)
_SCOPES = Constraint(min=1, max_items=25, pattern=r"[A-Za-z0-9_-]{1,50}(:[A-Za-z0-9_-]{1,50}){0,2}|sso-portal:\*")
_URL = Constraint(min=1, max=2048, pattern=r"https?://[!-~]+")
_APPLICATION_ARN = Constraint(min=10, max=1224, pattern=r"arn:aws[a-z-]*:sso::[0-9]{12}:application/[!-~]+")
_CODE_VERIFIER = Constraint(min=43, max=128, pattern=r"[A-Za-z0-9._~-]+")  # RFC 7636 4.1

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
    constraints={
        "clientName": _PRESENT,
        "clientType": Constraint(min=1, enum=("public",)),
        "scopes": _SCOPES,
        "grantTypes": Constraint(min=1, enum=("authorization_code", _DEVICE_CODE, "refresh_token")),
        "issuerUrl": _URL,
        "entitledApplicationArn": _APPLICATION_ARN,
    },
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
    constraints={"clientId": _PRESENT, "clientSecret": _PRESENT, "startUrl": _URL},
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
    constraints={
        "clientId": _PRESENT,
        "clientSecret": _PRESENT,
        "grantType": Constraint(min=1, enum=("authorization_code", _DEVICE_CODE, "refresh_token")),
        "scope": _SCOPES,
        "codeVerifier": _CODE_VERIFIER,
    },
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
    constraints={
        "clientId": _APPLICATION_ARN,
        "grantType": Constraint(min=1, enum=("authorization_code", "refresh_token", _JWT_BEARER, _TOKEN_EXCHANGE)),
        "scope": _SCOPES,
        "subjectTokenType": Constraint(min=1, enum=(_ACCESS_TOKEN,)),
        "requestedTokenType": Constraint(min=1, enum=(_ACCESS_TOKEN, _REFRESH_TOKEN)),
        "codeVerifier": _CODE_VERIFIER,
    },
)

OPERATIONS = (REGISTER_CLIENT, START_DEVICE_AUTHORIZATION, CREATE_TOKEN, CREATE_TOKEN_WITH_IAM)

SERVICE = ServiceModel(
    identifier="ssooidc",
    service_id="SSO OIDC",
    config_key="sso_oidc",
    versions=(API_VERSION,),
    endpoint_prefix=ENDPOINT_PREFIX,
    signing_name=SIGNING_NAME,
    operations=OPERATIONS,
)
