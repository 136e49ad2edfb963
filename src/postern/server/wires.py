"""How each service writes errors, and which of them say that the server failed or has too much to do."""

from collections.abc import Callable
from typing import Any, NamedTuple

from postern.api import restjson, sts
from postern.api.errors import (
    InternalServerException,
    ModelledError,
    PortalInternalServerException,
    SlowDownException,
    TooManyRequestsException,
)
from postern.api.operation import Authentication, Operation
from postern.api.response import Response


class Wire(NamedTuple):
    """``busy`` is what a service says whose server has more to do than it can do in time. Clients of SSO OIDC send a
    request again up to four times after a 5xx or 429, and do not after a SlowDownException; the model of the portal
    has nothing but its 429.
    """

    write_error: Callable[[ModelledError, str], Response]
    failure: type[ModelledError]
    busy: type[ModelledError]


SSO_OIDC = Wire(restjson.write_error, InternalServerException, SlowDownException)
PORTAL = Wire(restjson.write_error, PortalInternalServerException, TooManyRequestsException)
STS = Wire(sts.write_error, sts.InternalFailureException, sts.ThrottlingException)


def wire_of(operation: Operation[Any, Any]) -> Wire:
    return PORTAL if operation.authentication is Authentication.BEARER_HEADER else SSO_OIDC
