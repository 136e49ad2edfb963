"""What OAuth has and the SSO OIDC service has not: introspection (RFC 7662) and revocation (RFC 7009) of tokens.

Members are spelt as the RFCs spell them. Applications prove who they are as they do for CreateTokenWithIAM: by SigV4,
with the signing name of SSO OIDC.
"""

from postern.api import errors
from postern.api.operation import Authentication, Constraint, Operation, Shape

INTROSPECTION_PATH = "/introspect"
REVOCATION_PATH = "/revoke"


class OAuthShape(Shape, frozen=True, kw_only=True, rename=None):
    """Base of shapes whose names on the wire are snake_case too."""


class IntrospectTokenRequest(OAuthShape, frozen=True, kw_only=True):
    """``client_id`` is the ARN of the application that asks."""

    token: str
    client_id: str
    token_type_hint: str | None = None


class IntrospectTokenResponse(OAuthShape, frozen=True, kw_only=True):
    """``scope`` has spaces between; ``exp`` and ``iat`` are Unix seconds; ``client_id`` is the application that the
    token was issued to, absent if that is a public client; ``aud`` is the application that asked.
    """

    active: bool
    scope: str | None = None
    client_id: str | None = None
    username: str | None = None
    token_type: str | None = None
    exp: int | None = None
    iat: int | None = None
    sub: str | None = None
    aud: str | None = None
    iss: str | None = None


class RevokeTokenRequest(OAuthShape, frozen=True, kw_only=True):
    """``client_id`` is the ARN of the application that asks."""

    token: str
    client_id: str
    token_type_hint: str | None = None


class RevokeTokenResponse(OAuthShape, frozen=True, kw_only=True):
    """Nothing: an unknown token is no error (RFC 7009 2.2)."""


_ERRORS = (
    errors.InvalidRequestException,
    errors.InvalidClientException,
    errors.AccessDeniedException,
    errors.InternalServerException,
)
_CONSTRAINTS = {"token": Constraint(min=1), "client_id": Constraint(min=1)}

INTROSPECT_TOKEN = Operation(
    name="IntrospectTokenWithIAM",
    method="POST",
    path=INTROSPECTION_PATH,
    input=IntrospectTokenRequest,
    output=IntrospectTokenResponse,
    errors=_ERRORS,
    authentication=Authentication.SIGV4,
    constraints=_CONSTRAINTS,
    is_form=True,
)

REVOKE_TOKEN = Operation(
    name="RevokeTokenWithIAM",
    method="POST",
    path=REVOCATION_PATH,
    input=RevokeTokenRequest,
    output=RevokeTokenResponse,
    errors=_ERRORS,
    authentication=Authentication.SIGV4,
    constraints=_CONSTRAINTS,
    is_form=True,
)
