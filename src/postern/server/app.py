"""The ASGI application: a dictionary from path to operation, one place that turns errors into responses, and the
pages for the rest.
"""

import logging
import time
from collections.abc import Awaitable, MutableMapping
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
from postern.api.response import Headers, Response
from postern.api.sigv4 import decoded_query
from postern.api.sts import GET_CALLER_IDENTITY
from postern.core.caller import Caller
from postern.core.iam.authentication import authenticate
from postern.core.iam.signed_request import MAX_PARAMETERS, SignedRequest
from postern.core.service import Service
from postern.core.store import StoreBusy, StoreUnavailable
from postern.server import sts
from postern.server.asgi import AsgiApp, Receive, Scope, Send
from postern.server.call import BodyTooLarge, Call, ClientGone
from postern.server.callers import address_of
from postern.server.logs import ACCESS_LOGGER
from postern.server.operations import ENDPOINTS, Endpoint
from postern.server.reading import BodyReader
from postern.server.request_ids import new_request_id
from postern.server.wires import STS, Wire, wire_of

_log = logging.getLogger(__name__)
_access = logging.getLogger(ACCESS_LOGGER)
_BEARER = portal.BEARER_HEADER.encode()
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
        self._bodies = BodyReader()
        self._routes: dict[str, dict[str, tuple[Endpoint, Wire]]] = {}
        for endpoint in ENDPOINTS:
            wired = endpoint, wire_of(endpoint.operation)
            self._routes.setdefault(endpoint.operation.path, {})[endpoint.operation.query] = wired

    @property
    def paths(self) -> frozenset[bytes]:
        """Of the operations, STS apart, which shares its path with a page."""
        return frozenset(path.encode() for path in self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = self.respond(Call.of(scope, receive))
        if answering is None:
            await self._serve_page(scope, receive, send)
            return
        response = await answering
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    def respond(self, call: Call) -> Awaitable[Response] | None:
        """The response to a call of an operation; ``None`` if the request is for a page."""
        variants = self._routes.get(call.path)
        if variants is not None:
            endpoint, wire = variants[_variant(call.query)] if len(variants) > 1 else variants[""]
            request_id = new_request_id()
            return self._answer(
                endpoint.operation.name, wire, self._serve(endpoint, call, request_id), call, request_id
            )
        if sts.is_called(call.path, call.method, call.query):
            request_id = new_request_id()
            return self._answer(GET_CALLER_IDENTITY, STS, self._serve_sts(call, request_id), call, request_id)
        return None

    async def _answer(
        self, name: str, wire: Wire, answering: Awaitable[Response], call: Call, request_id: str
    ) -> Response:
        """Here, and nowhere else, errors become responses."""
        started = time.perf_counter()
        refusal: ModelledError | None = None
        try:
            response = await answering
        except ModelledError as refused:
            # PERF: with its traceback, which has this frame, it would be a cycle. Collecting those took a tenth of the
            # time of a pending poll, and all others waited 20 ms now and then.
            refusal = refused.with_traceback(None)
            response = wire.write_error(refusal, request_id)
            if isinstance(refusal, BodyTooLarge):
                response = msgspec.structs.replace(response, closes=True)
        except ClientGone:
            response = Response(status=400, fields=b"content-length: 0\r\n", body=b"")
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller learns nothing of it
            refusal = _failure(error, wire, request_id)
            response = wire.write_error(refusal, request_id)
        if self._log_requests:
            _log_access(name, response.status, started, request_id, call.address, refusal)
        return response

    async def _serve(self, endpoint: Endpoint, call: Call, request_id: str) -> Response:
        """The response to one call of an operation.

        Raises:
            ModelledError, ClientGone, StoreUnavailable: and whatever else goes wrong; see `_answer`.
        """
        operation = endpoint.operation
        if call.method != operation.method:
            return _method_not_allowed(operation, request_id)
        caller = call.caller
        if operation.authentication is Authentication.BEARER_HEADER:
            request: Shape = _bearer_request(operation, call.headers, call.query)
        elif operation.authentication is Authentication.SIGV4:
            request, caller = await self._read_signed(operation, call, caller)
        else:
            call.require_at_most(self._max_body)
            _require_json(call.headers)
            request = self._bodies.read(await call.read_body(self._max_body), operation.input)
        answer = await endpoint.rule(self._service, request, caller)
        if operation.authentication is Authentication.BEARER_HEADER and not answer.__struct_fields__:
            return restjson.write_empty(request_id)
        return restjson.write(answer, request_id)

    async def _serve_sts(self, call: Call, request_id: str) -> Response:
        """As `_serve`, for STS."""
        return await sts.serve(self._service, await self._signed(call), call.caller, request_id)

    async def _read_signed(self, operation: Operation[Any, Any], call: Call, caller: Caller) -> tuple[Shape, Caller]:
        """The request and its caller with the principal. Nothing of the body is looked at before its signer is known.

        Raises:
            SignatureRefused: one of its kinds.
        """
        signed = await self._signed(call)
        principal = await authenticate(self._service, signed, caller)
        return _parse(operation, signed.headers, signed.body), msgspec.structs.replace(caller, principal=principal)

    async def _signed(self, call: Call) -> SignedRequest:
        return SignedRequest(
            method=call.method,
            path=call.raw_path,
            query=call.query,
            headers=call.headers,
            body=await call.read_body(self._max_body),
        )

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
            # A path that is none of ours may be anything, a secret in the wrong place too.
            path = scope["path"] if status != _NOT_FOUND else "(unknown)"
            page = {"method": scope["method"], "path": path}
            _log_access("page", status, started, request_id, address_of(scope), None, **page)


def _failure(error: Exception, wire: Wire, request_id: str) -> ModelledError:
    """What is said of an error that no operation names."""
    if isinstance(error, StoreBusy):
        return wire.busy(reason=str(error))
    if isinstance(error, StoreUnavailable):
        _log.error("store unavailable", extra={"fields": {"request_id": request_id, "reason": str(error)}})
        return wire.failure(reason="store unavailable")
    _log.error("unexpected error", exc_info=error, extra={"fields": {"request_id": request_id}})
    return wire.failure(reason="unexpected error")


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


def _parse(operation: Operation[Any, Any], headers: Headers, body: bytes) -> Shape:
    """The body of a request whose signer is known."""
    if not operation.is_form:
        _require_json(headers)
    elif any(name == b"content-type" and value.partition(b";")[0].strip().lower() != _FORM for name, value in headers):
        raise InvalidRequestException(f"Content-Type must be {form.CONTENT_TYPE}", reason="content type is no form")
    reader = form.read if operation.is_form else restjson.read
    request: Shape = reader(body, operation.input)
    return request


def _require_json(headers: Headers) -> None:
    for name, value in headers:
        if name == b"content-type" and not restjson.is_json(value):
            raise _not_json()


def _not_json() -> InvalidRequestException:
    return InvalidRequestException("Content-Type must be application/json", reason="content type is not JSON")


def _bearer_request(operation: Operation[Any, Any], headers: Headers, query_string: bytes) -> Shape:
    """A body is not looked at: no operation of the portal has one."""
    values = [value for name, value in headers if name == _BEARER]
    if len(values) != 1 or not values[0]:
        raise UnauthorizedException(reason="no bearer token, or more than one")
    request: Shape = query.read(query_string, operation, access_token=values[0].decode("latin-1"))
    return request


def _method_not_allowed(operation: Operation[Any, Any], request_id: str) -> Response:
    is_portal = operation.authentication is Authentication.BEARER_HEADER
    refusal = (MethodNotAllowedException if is_portal else InvalidRequestException)(
        f"This operation is called with {operation.method}"
    )
    response = restjson.write_error(refusal, request_id)
    allow = b"allow: %s\r\n" % operation.method.encode()
    return Response(status=405, fields=response.fields + allow, body=response.body, closes=True)


def _log_access(
    operation: str,
    status: int,
    started: float,
    request_id: str,
    address: str,
    refusal: ModelledError | None,
    **page: str,
) -> None:
    """One line per request. Neither query, nor body, nor any header but the address is part of it."""
    fields: dict[str, object] = {
        "operation": operation,
        "status": status,
        "milliseconds": round((time.perf_counter() - started) * 1000, 2),
        "request_id": request_id,
        "address": address,
        **page,
    }
    if refusal is not None:
        fields |= {"error": refusal.wire_name(), "reason": refusal.reason}
    _access.info("request", extra={"fields": fields})
