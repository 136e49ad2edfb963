"""GetCallerIdentity of the Security Token Service (STS), API version 2011-06-15, in the AWS query protocol: a form or a
query in, XML out. As the STS API Reference has it ("GetCallerIdentity", "Common Errors").
"""

from collections.abc import Mapping
from html import escape  # PERF: that of xml.sax imports urllib.request, 7 ms
from typing import ClassVar

import msgspec

from postern.api import form
from postern.api.errors import (
    ExpiredCredentialsException,
    IncompleteSignatureException,
    InvalidRequestException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    ModelledError,
    UnrecognizedClientException,
)
from postern.api.response import Response, fields_of

SIGNING_NAME = "sts"
VERSION = "2011-06-15"
NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"
GET_CALLER_IDENTITY = "GetCallerIdentity"


class StsError(ModelledError):
    """An error of STS that no other service here has."""

    code: ClassVar[str]

    @classmethod
    def wire_name(cls) -> str:
        return cls.code


class MissingActionException(StsError):
    code = "MissingAction"
    default_description = "The request is missing an action."


class InvalidActionException(StsError):
    """GetCallerIdentity of one version is all that there is."""

    code = "InvalidAction"
    default_description = "The action or operation requested is invalid. Verify that the action is typed correctly."


class ThrottlingException(StsError):
    code = "Throttling"
    retryable = True
    default_description = "Rate exceeded"


class InternalFailureException(StsError):
    code = "InternalFailure"
    status = 500
    retryable = True
    default_description = "The request processing has failed because of an unknown error, exception or failure."


# How STS names what other services answer too, and with which status.
_CODES: Mapping[type[ModelledError], tuple[int, str]] = {
    MissingAuthenticationTokenException: (403, "MissingAuthenticationToken"),
    IncompleteSignatureException: (400, "IncompleteSignature"),
    InvalidSignatureException: (403, "SignatureDoesNotMatch"),
    UnrecognizedClientException: (403, "InvalidClientTokenId"),
    ExpiredCredentialsException: (403, "ExpiredToken"),
    InvalidRequestException: (400, "ValidationError"),
}
_FAULTS_OF_OURS = 500


class CallerIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Whose credentials a request was signed with. ``user_id`` is the unique id of a user, ``role id:session name`` of
    an assumed role, the account of a root.
    """

    arn: str
    user_id: str
    account: str


def require_action(text: bytes) -> None:
    """Read what a form or a query asks for: GetCallerIdentity has no members besides.

    Raises:
        InvalidRequestException: it is not a form as `postern.api.form` reads them.
        MissingActionException, InvalidActionException: it does not ask for GetCallerIdentity of the one version.
    """
    given = form.parameters(text)
    if not given.get("Action"):
        raise MissingActionException(reason="there is no Action")
    if given["Action"] != GET_CALLER_IDENTITY:
        raise InvalidActionException(reason="the Action is not GetCallerIdentity")
    if given.get("Version") != VERSION:
        raise InvalidActionException(reason="the Version is not the one of STS")


def write(identity: CallerIdentity, request_id: str) -> Response:
    """The response that says who it is."""
    members = (("Arn", identity.arn), ("UserId", identity.user_id), ("Account", identity.account))
    result = "".join(f"<{name}>{escape(value, quote=False)}</{name}>" for name, value in members)
    return _response(
        200,
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult>{result}</GetCallerIdentityResult>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        request_id,
    )


def write_error(error: ModelledError, request_id: str) -> Response:
    """The response of a refused call."""
    status, code = next(
        (found for kind, found in _CODES.items() if isinstance(error, kind)), (error.status, error.wire_name())
    )
    side = "Receiver" if status >= _FAULTS_OF_OURS else "Sender"
    return _response(
        status,
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{side}</Type><Code>{code}</Code>'
        f"<Message>{escape(error.description, quote=False)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>",
        request_id,
    )


def _response(status: int, text: str, request_id: str) -> Response:
    body = text.encode()
    return Response(status=status, fields=fields_of(body, b"text/xml", request_id), body=body)
