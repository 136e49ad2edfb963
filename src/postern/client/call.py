"""The flow of one call: validate, build, then sign and send until there is an answer to keep.

It decides everything and does nothing: what is sent, how long is waited and who listens is yielded to a driver.
"""

from collections.abc import Mapping
from typing import Any

from postern.api import restjson
from postern.api.operation import Authentication, Operation
from postern.client import answers, retries
from postern.client.effects import Flow, Send, Sleep
from postern.client.errors import ParamValidationError, TransportError
from postern.client.http import HttpRequest, HttpResponse
from postern.client.observers import Attempt
from postern.client.request import BaseRequest
from postern.client.validation import members_of


def call(request: BaseRequest) -> Flow[object]:
    """Make the call; its result.

    Raises:
        ModelledError: the service refused.
        ClientError: anything else went wrong.
    """
    service, response = request.service, request.response
    started_at = service.now()
    try:
        yield from _make(request, started_at)
    except Exception as error:  # noqa: BLE001  # it is raised below, after all who listen were told
        response.error, response.data = error, None
        yield from _tell_of_error(request, error)
    for observer in service.observers:
        observer.completed(request, started_at)
    yield from request.emit("complete", response)
    if response.error is not None:
        raise response.error
    return response.data


def _tell_of_error(request: BaseRequest, error: Exception) -> Flow[None]:
    try:
        yield from request.emit("error", error, request.response)
    except Exception as raised:  # noqa: BLE001  # what a listener raises becomes the call's error
        request.response.error = raised


def _make(request: BaseRequest, started_at: float) -> Flow[None]:
    service, response = request.service, request.response
    yield from request.emit("validate", request)
    _validate(request)
    request.http_request = http_request = _build(request)
    yield from request.emit("build", request)
    cost = 0
    while (error := (yield from _attempt(request, http_request))) is not None:
        yield from request.emit("extract_error", response)
        cost = (yield from _prepare_another(request, http_request, error, started_at)) or cost
    yield from request.emit("extract_data", response)
    service.quota.give_back(cost or 1)
    response.error = None
    yield from request.emit("success", response)


def _validate(request: BaseRequest) -> None:
    validator = request.service.validator(request.operation)
    if validator is None:
        return
    found = validator.problems(request.params)
    if found:
        raise ParamValidationError(found)


def _build(request: BaseRequest) -> HttpRequest:
    """The request without its signature."""
    service, operation = request.service, request.operation
    base = service.base_url
    if operation.host_prefix and service.configuration.host_prefix_enabled:
        base = service.endpoint.with_host_prefix(_host_prefix(request)).base
    headers = {"Content-Type": "application/json", "User-Agent": service.user_agent}
    members = request.params
    if operation.authentication is Authentication.BEARER_HEADER:
        members = dict(members)
        headers[Authentication.BEARER_HEADER.value] = str(members.pop("accessToken", ""))
    if operation.method == "GET":
        del headers["Content-Type"]
        url = f"{base}{operation.path}{_query(operation, members)}"
        return HttpRequest(method=operation.method, url=url, headers=headers, body=b"")
    try:
        body = restjson.write_request(members)
    except (UnicodeEncodeError, TypeError):
        # Of no use to anyone, and it would carry the value.
        raise ParamValidationError(["a parameter cannot be written as JSON"]) from None
    return HttpRequest(method=operation.method, url=f"{base}{operation.request_uri}", headers=headers, body=body)


def _query(operation: Operation[Any, Any], members: Mapping[str, object]) -> str:
    """With its question mark; nothing where there is nothing to say."""
    from urllib.parse import quote, urlencode

    wire = {member.name: name for name, member in members_of(operation.input).items()}
    named = {name: members[wire[member]] for member, name in operation.query_members.items() if wire[member] in members}
    try:
        return f"?{urlencode(named, quote_via=quote)}" if named else ""
    except UnicodeEncodeError:
        raise ParamValidationError(["a parameter cannot be written in a query"]) from None


def _host_prefix(request: BaseRequest) -> str:
    try:
        return request.operation.host_prefix.format_map(request.params)
    except KeyError as missing:
        raise ParamValidationError([f"missing parameter {missing}, which is a part of the host name"]) from None


def _attempt(request: BaseRequest, http_request: HttpRequest) -> Flow[Exception | None]:
    """Sign and send once; what went wrong, or None if there is a result."""
    service, response = request.service, request.response
    access_key_id = None
    if is_signed(request):
        yield from request.emit("sign", request)
        access_key_id = yield from service.signer.sign(http_request)
    yield from request.emit("send", response)
    started_at = service.now()
    try:
        answer: HttpResponse = yield Send(http_request)
    except TransportError as failure:
        response.http_response = response.request_id = None
        error: Exception | None = failure
    else:
        error = _take(request, answer)
    if service.observers:
        attempt = Attempt(
            started_at=started_at, latency=service.now() - started_at, error=error, access_key_id=access_key_id
        )
        for observer in service.observers:
            observer.attempted(request, attempt)
    return error


def is_signed(request: BaseRequest) -> bool:
    return request.signed and request.operation.authentication is Authentication.SIGV4


def _take(request: BaseRequest, answer: HttpResponse) -> Exception | None:
    """Keep what was answered; the error that it says."""
    response = request.response
    response.http_response = answer
    response.request_id = answer.headers.get("x-amzn-requestid")
    try:
        response.data = answers.result(answer, request.operation, convert=request.convert, sent=request.params)
    except Exception as error:  # noqa: BLE001  # an answer that says so; whether it is final is decided later
        return error
    return None


def _prepare_another(request: BaseRequest, http_request: HttpRequest, error: Exception, started_at: float) -> Flow[int]:
    """Make ready for another try and wait; what that takes from the quota, 0 for nothing.

    Raises:
        Exception: ``error`` itself, if it is final.
    """
    service, response = request.service, request.response
    answer = response.http_response
    response.error = error
    redirected = answer is not None and answers.is_redirect(answer)
    mended = is_signed(request) and answer is not None and service.signer.mend(error, answer, http_request)
    response.retryable = redirected or mended or retries.is_retryable(error)
    yield from request.emit("retry", response)
    if not response.retryable:
        raise error
    if redirected and answer is not None:
        from postern.client import redirects

        redirects.follow(http_request, answer, response, limit=service.configuration.max_redirects)
        return 0
    delay = _delay(request, error, answer, mended=mended)
    if delay is None or retries.may_be_spent(request.params, error, service.now() + delay - started_at):
        raise error
    cost = service.quota.take(error)
    if cost is None:
        raise error
    response.retry_count += 1
    yield Sleep(delay)
    return cost


def _delay(request: BaseRequest, error: Exception, answer: HttpResponse | None, *, mended: bool) -> float | None:
    """Seconds until the next try, or None if there is to be none."""
    policy, count = request.service.configuration.retry, request.response.retry_count
    if count >= policy.max_retries:
        return None
    if mended:
        return 0.0
    delay = policy.delay(count, error)
    if delay is None or policy.custom_backoff is not None or answer is None:
        return delay
    return max(delay, retries.retry_after(answer.headers))
