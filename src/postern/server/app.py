"""The ASGI application: a dictionary from path to operation, one place that turns errors into responses, and the
pages for the rest.
"""

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from postern.api import form, portal, query, restjson
from postern.api.errors import (
    InvalidRequestException,
    MethodNotAllowedException,
    ModelledError,
    UnauthorizedException,
)
from postern.api.operation import Authentication, Operation, Shape
from postern.api.sigv4 import decoded_query
from postern.api.sts import GET_CALLER_IDENTITY
from postern.core.caller import Caller
from postern.core.iam.authentication import authenticate
from postern.core.iam.signed_request import MAX_PARAMETERS, SignedRequest
from postern.core.service import Service
from postern.core.store import StoreBusy, StoreUnavailable
from postern.server import sts
from postern.server.callers import caller_of
from postern.server.logs import ACCESS_LOGGER
from postern.server.operations import ENDPOINTS, Endpoint
from postern.server.request_ids import new_request_id
from postern.server.wires import STS, Wire, wire_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)
_access = logging.getLogger(ACCESS_LOGGER)
_BEARER = portal.BEARER_HEADER.encode()
_CLOSE = (b"connection", b"close")
_AWS_IAM = b"aws_iam=t"
_FORM = form.CONTENT_TYPE.encode()
_NOT_FOUND = 404


class ProtocolApp:
    """Serves the operations itself and hands every other request to ``pages``."""

    def __init__(self, service: Service, pages: AsgiApp, *, max_body: int, log_requests: bool) -> None:
        self._service = service
        self._pages = pages
        self._max_body = max_body
        self._log_requests = log_requests
        self._routes: dict[str, dict[str, Endpoint]] = {}
        for endpoint in ENDPOINTS:
            self._routes.setdefault(endpoint.operation.path, {})[endpoint.operation.query] = endpoint

    @property
    def paths(self) -> frozenset[bytes]:
        """Of the operations, STS apart, which shares its path with a page."""
        return frozenset(path.encode() for path in self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = self.respond(scope, receive)
        if answering is None:
            await self._serve_page(scope, receive, send)
            return
        response = await answering
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    def respond(self, scope: Scope, receive: Receive) -> Awaitable[restjson.Response] | None:
        """The response to a call of an operation; ``None`` if the request is for a page."""
        variants = self._routes.get(scope["path"])
        request_id = new_request_id()
        if variants is not None:
            endpoint = variants[_variant(scope["query_string"])] if len(variants) > 1 else variants[""]
            operation = endpoint.operation
            answering = self._serve(endpoint, scope, receive, request_id)
            return self._answer_and_log(operation.name, wire_of(operation), answering, scope, request_id)
        if sts.is_called(scope["path"], scope["method"], scope["query_string"]):
            answering = self._serve_sts(scope, receive, request_id)
            return self._answer_and_log(GET_CALLER_IDENTITY, STS, answering, scope, request_id)
        return None

    async def _answer_and_log(
        self, name: str, wire: Wire, answering: Awaitable[restjson.Response], scope: Scope, request_id: str
    ) -> restjson.Response:
        started = time.perf_counter()
        response, refusal = await _answer(answering, wire, request_id)
        if self._log_requests:
            _log_access(name, response.status, started, request_id, scope, refusal)
        return response

    async def _serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, request_id: str) -> restjson.Response:
        """The response to one call of an operation.

        Raises:
            ModelledError, ClientGone, StoreUnavailable: and whatever else goes wrong; see `_answer`.
        """
        operation = endpoint.operation
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if scope["method"] != operation.method:
            return _method_not_allowed(operation, request_id)
        caller = caller_of(scope)
        if operation.authentication is Authentication.BEARER_HEADER:
            request: Shape = _bearer_request(operation, headers, scope["query_string"])
        elif operation.authentication is Authentication.SIGV4:
            request, caller = await self._read_signed(operation, scope, receive, caller)
        else:
            request = restjson.read(await self._read_body(headers, receive), operation.input)
        answer = await endpoint.rule(self._service, request, caller)
        if operation.authentication is Authentication.BEARER_HEADER and not answer.__struct_fields__:
            return restjson.write_empty(request_id)
        return restjson.write(answer, request_id)

    async def _serve_sts(self, scope: Scope, receive: Receive, request_id: str) -> restjson.Response:
        """As `_serve`, for STS."""
        request = await self._receive_signed(scope, receive)
        return await sts.serve(self._service, request, caller_of(scope), request_id)

    async def _read_body(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> bytes:
        for name, value in headers:
            if name == b"content-type" and not restjson.is_json(value):
                raise _not_json()
            if name == b"content-length" and int(value) > self._max_body:
                raise BodyTooLarge
        return await self._receive(receive)

    async def _read_signed(
        self, operation: Operation[Any, Any], scope: Scope, receive: Receive, caller: Caller
    ) -> tuple[Shape, Caller]:
        """The request and its caller with the principal. Nothing of the body is looked at before its signer is known.

        Raises:
            SignatureRefused: one of its kinds.
        """
        signed = await self._receive_signed(scope, receive)
        principal = await authenticate(self._service, signed, caller)
        return _parse(operation, signed.headers, signed.body), msgspec.structs.replace(caller, principal=principal)

    async def _receive_signed(self, scope: Scope, receive: Receive) -> SignedRequest:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if any(name == b"content-length" and int(value) > self._max_body for name, value in headers):
            raise BodyTooLarge
        return SignedRequest(
            method=scope["method"],
            path=scope.get("raw_path") or scope["path"].encode(),
            query=scope["query_string"],
            headers=headers,
            body=await self._receive(receive),
        )

    async def _receive(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        while len(body) <= self._max_body and message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        if len(body) > self._max_body:
            raise BodyTooLarge
        if message["type"] == "http.disconnect":
            raise ClientGone
        return body

    async def _serve_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def note_status(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._pages(scope, receive, note_status)
        if self._log_requests and not scope["path"].startswith(("/healthz/", "/static/")):
            _log_access("page", status, started, request_id, scope, None)


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class BodyTooLarge(InvalidRequestException):
    """The body is over the cap; the connection is closed rather than read on."""

    shape = "InvalidRequestException"
    default_description = "The request body is too large"


async def _answer(
    answering: Awaitable[restjson.Response], wire: Wire, request_id: str
) -> tuple[restjson.Response, ModelledError | None]:
    """The response, and the refusal if it is one. Here, and nowhere else, errors become responses."""
    refusal: ModelledError
    try:
        return await answering, None
    except ModelledError as refused:
        refusal = refused.with_traceback(None)
    except ClientGone:
        return restjson.Response(400, [(b"content-length", b"0")], b""), None
    except StoreBusy as late:
        refusal = wire.busy(reason=str(late))
    except StoreUnavailable as failure:
        _log.error("store unavailable", extra={"fields": {"request_id": request_id, "reason": str(failure)}})
        refusal = wire.failure(reason="store unavailable")
    except Exception:  # noqa: BLE001  # whatever it is, the caller learns nothing of it
        _log.exception("unexpected error", extra={"fields": {"request_id": request_id}})
        refusal = wire.failure(reason="unexpected error")
    response = wire.write_error(refusal, request_id)
    if isinstance(refusal, BodyTooLarge):
        response.headers.append(_CLOSE)
    return response, refusal


def _variant(query_string: bytes) -> str:
    """Which operation of a path the query selects: exactly one ``aws_iam``, which is ``t``, is CreateTokenWithIAM. It
    is read as the signature reads it.
    """
    if not query_string or query_string == _AWS_IAM:
        return query_string.decode()
    if query_string.count(b"&") >= MAX_PARAMETERS:  # nobody is proved yet: a long query must not cost long work
        return ""
    pairs = decoded_query(query_string.decode("utf-8", "surrogateescape"))
    return "aws_iam=t" if [value for name, value in pairs if name == b"aws_iam"] == [b"t"] else ""


def _parse(operation: Operation[Any, Any], headers: list[tuple[bytes, bytes]], body: bytes) -> Shape:
    """The body of a request whose signer is known."""
    for name, value in headers:
        if name != b"content-type":
            continue
        if operation.is_form and value.partition(b";")[0].strip().lower() != _FORM:
            raise InvalidRequestException(f"Content-Type must be {form.CONTENT_TYPE}", reason="content type is no form")
        if not operation.is_form and not restjson.is_json(value):
            raise _not_json()
    reader = form.read if operation.is_form else restjson.read
    request: Shape = reader(body, operation.input)
    return request


def _not_json() -> InvalidRequestException:
    return InvalidRequestException("Content-Type must be application/json", reason="content type is not JSON")


def _bearer_request(operation: Operation[Any, Any], headers: list[tuple[bytes, bytes]], query_string: bytes) -> Shape:
    """A body is not looked at: no operation of the portal has one."""
    values = [value for name, value in headers if name == _BEARER]
    if len(values) != 1 or not values[0]:
        raise UnauthorizedException(reason="no bearer token, or more than one")
    request: Shape = query.read(query_string, operation, access_token=values[0].decode("latin-1"))
    return request


def _method_not_allowed(operation: Operation[Any, Any], request_id: str) -> restjson.Response:
    is_portal = operation.authentication is Authentication.BEARER_HEADER
    refusal = (MethodNotAllowedException if is_portal else InvalidRequestException)(
        f"This operation is called with {operation.method}"
    )
    response = restjson.write_error(refusal, request_id)
    return restjson.Response(405, [*response.headers, (b"allow", operation.method.encode()), _CLOSE], response.body)


def _log_access(
    operation: str, status: int, started: float, request_id: str, scope: Scope, refusal: ModelledError | None
) -> None:
    """One line per request. Neither query, nor body, nor any header but the address is part of it."""
    fields: dict[str, object] = {
        "operation": operation,
        "status": status,
        "milliseconds": round((time.perf_counter() - started) * 1000, 2),
        "request_id": request_id,
        "address": caller_of(scope).address,
    }
    if operation == "page":
        # A path that is none of ours may be anything, a secret in the wrong place too.
        fields |= {"method": scope["method"], "path": scope["path"] if status != _NOT_FOUND else "(unknown)"}
    if refusal is not None:
        fields |= {"error": refusal.wire_name(), "reason": refusal.reason}
    _access.info("request", extra={"fields": fields})
