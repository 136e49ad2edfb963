"""What an answer means: the result of the operation, or the error that it says."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from postern.api import restjson
from postern.api.errors import ForbiddenException, ModelledError
from postern.api.operation import Authentication, Operation
from postern.client.errors import ServiceError, UnreadableResponse
from postern.client.http import HttpResponse

_NOTHING: Mapping[str, object] = MappingProxyType({})
_MAX_MESSAGE = 300
_MIN_SECRET = 6
_REDIRECTS = frozenset({301, 302, 307, 308})


def is_redirect(answer: HttpResponse) -> bool:
    return answer.status in _REDIRECTS and "location" in answer.headers


def result(
    answer: HttpResponse, operation: Operation[Any, Any], *, convert: bool, sent: Mapping[str, object] = _NOTHING
) -> Any:
    """The result: a shape, or without ``convert`` the members as they came. ``sent`` are the parameters of the call.

    Raises:
        ModelledError: the service refused, and the model says how.
        UnreadableResponse: it is a success that cannot be read.
        ServiceError: anything else.
    """
    if not 200 <= answer.status < 300:
        raise error_of(answer, operation, sent)
    try:
        if convert:
            return restjson.read_response(answer.body, operation.output)
        return restjson.read_response_members(answer.body)
    except restjson.Unreadable as failure:
        raise UnreadableResponse(
            "UnreadableResponse",
            f"the answer to {operation.name} cannot be read: {failure}{_said_by(answer)}",
            status=answer.status,
            request_id=request_id_of(answer),
        ) from None


def error_of(answer: HttpResponse, operation: Operation[Any, Any], sent: Mapping[str, object] = _NOTHING) -> Exception:
    """The error that an answer says: the class that the server raised, or a `ServiceError`. Its texts are fit for a
    terminal, and what was ``sent`` is not repeated in them.
    """
    name, said = restjson.read_error(answer.headers, answer.body)
    members = {key: _harmless(value, sent) if isinstance(value, str) else value for key, value in said.items()}
    modelled = _modelled(name, members, operation)
    if modelled is not None:
        error: ModelledError = modelled.from_members(members)
        error.request_id, error.status = request_id_of(answer), answer.status
        return error
    message = next((text for key in ("message", "Message", "error_description") if (text := members.get(key))), "")
    return ServiceError(
        printable(name) or str(answer.status),
        str(message) or f"HTTP status {answer.status}{_said_by(answer)}",
        status=answer.status,
        request_id=request_id_of(answer),
    )


def request_id_of(answer: HttpResponse) -> str | None:
    return answer.headers.get("x-amzn-requestid")


def _modelled(name: str, members: Mapping[str, object], operation: Operation[Any, Any]) -> "type[ModelledError] | None":
    """The class of an error. What stands before the service refuses signatures under names that the service has too,
    but not in its form; what stands in between may have dropped the header that has the name.
    """
    code = members.get("error")
    if operation.authentication is Authentication.SIGV4 and code is None:
        return None
    if operation.authentication is Authentication.BEARER_HEADER and name == ForbiddenException.wire_name():
        return ForbiddenException  # no model has it, and the portal answers it
    if name:
        return next((each for each in operation.errors if each.wire_name().lower() == name.lower()), None)
    return next((each for each in operation.errors if getattr(each, "error", None) == code is not None), None)


def _harmless(text: str, sent: Mapping[str, object]) -> str:
    for value in sent.values():
        if isinstance(value, str) and len(value) >= _MIN_SECRET:
            text = text.replace(value, "***")
    return printable(text)


def printable(text: str) -> str:
    """A server's text, fit for a terminal and a log: no control characters, and not endless."""
    return "".join(character if character.isprintable() else " " for character in text[:_MAX_MESSAGE])


def _said_by(answer: HttpResponse) -> str:
    """A hint at who answered, when it is hardly the service: a proxy, a captive portal, another server."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not answer.body or kind in ("application/json", "application/x-amz-json-1.1"):
        return ""
    return f"; it is {printable(kind) or 'of no type'} and not JSON: is this the address of the service?"
