"""STS at the server's root: ``POST /`` with a form, and ``GET /`` with an action in its query."""

import re

from postern.api import form, sts
from postern.api.errors import InvalidRequestException
from postern.api.response import Response
from postern.core.caller import Caller
from postern.core.get_caller_identity import get_caller_identity
from postern.core.iam.authentication import authenticate
from postern.core.iam.signed_request import SignedRequest
from postern.core.service import Service

PATH = "/"
_FORM = form.CONTENT_TYPE.encode()
_ACTION = re.compile(rb"(?:^|&)Action=")


def is_called(path: str, method: str, query: bytes) -> bool:
    """Whether a request is for STS, and not for the page at that address."""
    return path == PATH and (method == "POST" or (method == "GET" and _ACTION.search(query) is not None))


async def serve(service: Service, request: SignedRequest, caller: Caller, request_id: str) -> Response:
    """The action is looked at before the signature: STS has actions that want none, and who asks for one of those shall
    hear that it is not here. A region is not asked of the signature: that of a person's workloads says nothing of this
    server.

    Raises:
        InvalidRequestException, MissingActionException, InvalidActionException: see `sts.require_action`.
        SignatureRefused: one of its kinds.
    """
    sts.require_action(request.query if request.method == "GET" else _form_of(request))
    principal = await authenticate(service, request, caller, signing_name=sts.SIGNING_NAME, any_region=True)
    return sts.write(get_caller_identity(service, principal, caller), request_id)


def _form_of(request: SignedRequest) -> bytes:
    for name, value in request.headers:
        if name == b"content-type" and value.partition(b";")[0].strip().lower() != _FORM:
            raise InvalidRequestException(f"Content-Type must be {form.CONTENT_TYPE}", reason="content type is no form")
    return request.body
