"""The modelled errors of SSO OIDC and of the access portal, one class each. The server raises what the client raises.

::

    ModelledError                         what goes over the wire
     ├── SsoOidcError                     body {"error", "error_description"}
     │    ├── InvalidRequestException         400 invalid_request
     │    ├── InvalidRequestRegionException   400 invalid_request
     │    ├── InvalidClientException          401 invalid_client
     │    ├── InvalidGrantException           400 invalid_grant
     │    ├── UnauthorizedClientException     400 unauthorized_client
     │    ├── UnsupportedGrantTypeException   400 unsupported_grant_type
     │    ├── InvalidScopeException           400 invalid_scope
     │    ├── AuthorizationPendingException   400 authorization_pending
     │    ├── SlowDownException               400 slow_down
     │    ├── AccessDeniedException           400 access_denied
     │    ├── ExpiredTokenException           400 expired_token
     │    ├── InvalidClientMetadataException  400 invalid_client_metadata
     │    ├── InvalidRedirectUriException     400 invalid_redirect_uri
     │    └── InternalServerException         500 server_error
     ├── PortalError                      body {"message", "__type"}
     │    ├── PortalInvalidRequestException   400 InvalidRequestException
     │    ├── UnauthorizedException           401
     │    ├── ForbiddenException              403: no operation models it, the portal answers it all the same
     │    ├── ResourceNotFoundException       404
     │    ├── MethodNotAllowedException       405: as ForbiddenException
     │    ├── TooManyRequestsException        429
     │    └── PortalInternalServerException   500 InternalServerException: as ForbiddenException
     └── SignatureRefused                 403, body {"message"}: no operation models them, every AWS service has them
          ├── MissingAuthenticationTokenException
          ├── IncompleteSignatureException
          ├── InvalidSignatureException
          ├── UnrecognizedClientException
          └── ExpiredCredentialsException     ExpiredTokenException on the wire

Names, codes and statuses: AWS SSO OIDC API 2019-06-10, SSO Portal API 2019-06-10; codes by RFC 6749 5.2, RFC 8628
3.5, RFC 7591 3.2.2.
"""

from collections.abc import Mapping
from typing import ClassVar, Self


class ModelledError(Exception):
    """An error that the service model names.

    ``description`` goes out and tells an attacker nothing new; ``reason`` goes to the log and says which check failed.
    At a client, ``reason`` is the member of that name (a fault of a KMS key) and ``status`` what was really answered.
    """

    shape: ClassVar[str]
    status: int = 400
    retryable: ClassVar[bool] = False
    says_more: ClassVar[bool] = False  # than its class and description do
    default_description: ClassVar[str]

    def __init__(
        self, description: str | None = None, *, reason: str | None = None, request_id: str | None = None
    ) -> None:
        self.description = self.default_description if description is None else description
        self.reason = reason
        self.request_id = request_id
        super().__init__(self.description)

    @classmethod
    def from_members(cls, members: Mapping[str, object]) -> Self:
        """The error that a client raises for this body; members that are no strings count as absent."""
        return cls(_text(members, "message"))

    @classmethod
    def wire_name(cls) -> str:
        """The value of the ``x-amzn-ErrorType`` header."""
        return getattr(cls, "shape", cls.__name__)

    def members(self) -> dict[str, str]:
        """The body of the response, in wire order."""
        return {"message": self.description}


class SsoOidcError(ModelledError):
    """An error of the SSO OIDC service."""

    error: ClassVar[str]

    @classmethod
    def from_members(cls, members: Mapping[str, object]) -> Self:
        return cls(_text(members, "error_description"), reason=_text(members, "reason"))

    @property
    def error_description(self) -> str:
        return self.description

    def members(self) -> dict[str, str]:
        return {"error": self.error, "error_description": self.description}


def _text(members: Mapping[str, object], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


class InvalidRequestException(SsoOidcError):
    error = "invalid_request"
    default_description = "Invalid request"


class InvalidRequestRegionException(SsoOidcError):
    """The application lives in another region: ``endpoint`` and ``region`` say where."""

    error = "invalid_request"
    says_more = True
    default_description = "Invalid region"

    def __init__(
        self, description: str | None = None, *, endpoint: str = "", region: str = "", reason: str | None = None
    ) -> None:
        super().__init__(description, reason=reason)
        self.endpoint = endpoint
        self.region = region

    @classmethod
    def from_members(cls, members: Mapping[str, object]) -> Self:
        return cls(
            _text(members, "error_description"),
            endpoint=_text(members, "endpoint") or "",
            region=_text(members, "region") or "",
            reason=_text(members, "reason"),
        )

    def members(self) -> dict[str, str]:
        return super().members() | {"endpoint": self.endpoint, "region": self.region}


class InvalidClientException(SsoOidcError):
    error = "invalid_client"
    status = 401
    default_description = "Invalid client provided"


class InvalidGrantException(SsoOidcError):
    error = "invalid_grant"
    default_description = "Invalid grant provided"


class UnauthorizedClientException(SsoOidcError):
    error = "unauthorized_client"
    default_description = "Client is unauthorized"


class UnsupportedGrantTypeException(SsoOidcError):
    error = "unsupported_grant_type"
    default_description = "Unsupported grant type provided"


class InvalidScopeException(SsoOidcError):
    error = "invalid_scope"
    default_description = "Invalid scope provided"


class AuthorizationPendingException(SsoOidcError):
    error = "authorization_pending"
    retryable = True
    default_description = "Authorization is still pending"


class SlowDownException(SsoOidcError):
    error = "slow_down"
    retryable = True
    default_description = "Too many requests"


class AccessDeniedException(SsoOidcError):
    error = "access_denied"
    default_description = "Access denied"


class ExpiredTokenException(SsoOidcError):
    error = "expired_token"
    default_description = "Expired token provided"


class InvalidClientMetadataException(SsoOidcError):
    error = "invalid_client_metadata"
    default_description = "Invalid client metadata provided"


class InvalidRedirectUriException(SsoOidcError):
    error = "invalid_redirect_uri"
    default_description = "Invalid redirect uri provided"


class InternalServerException(SsoOidcError):
    error = "server_error"
    status = 500
    retryable = True
    default_description = "Internal server error"


class PortalError(ModelledError):
    """An error of the access portal. Its body carries ``message`` and ``__type``."""

    @property
    def message(self) -> str:
        return self.description

    def members(self) -> dict[str, str]:
        return super().members() | {"__type": f"com.amazonaws.switchboard.portal#{self.wire_name()}"}


class PortalInvalidRequestException(PortalError):
    shape = "InvalidRequestException"
    default_description = "Invalid request"


class UnauthorizedException(PortalError):
    status = 401
    default_description = "Session token not found or invalid"


class ForbiddenException(PortalError):
    """The account or role is not assigned, or there is none of that name: one answer for both."""

    status = 403
    default_description = "No access"


class ResourceNotFoundException(PortalError):
    status = 404
    default_description = "Resource not found"


class MethodNotAllowedException(PortalError):
    status = 405
    default_description = "Method not allowed"


class TooManyRequestsException(PortalError):
    status = 429
    retryable = True
    default_description = "Too many requests"


class PortalInternalServerException(PortalError):
    shape = "InternalServerException"
    status = 500
    retryable = True
    default_description = "Internal server error"


class SignatureRefused(ModelledError):
    """What every AWS service answers before it looks at a request: its signature (SigV4) does not do."""

    status = 403

    @property
    def message(self) -> str:
        return self.description


class MissingAuthenticationTokenException(SignatureRefused):
    default_description = "Missing Authentication Token"


class IncompleteSignatureException(SignatureRefused):
    default_description = "The request signature does not conform to AWS standards."


class InvalidSignatureException(SignatureRefused):
    default_description = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )


class UnrecognizedClientException(SignatureRefused):
    default_description = "The security token included in the request is invalid."


class ExpiredCredentialsException(SignatureRefused):
    """Temporary credentials that have expired."""

    shape = "ExpiredTokenException"
    default_description = "The security token included in the request is expired"
