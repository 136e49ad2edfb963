"""The events of a call, and the request and response objects that listeners get."""

import asyncio
from typing import Any

import pytest

from postern.api.errors import (
    InternalServerException,
    InvalidGrantException,
)
from postern.client.errors import (
    ConfigurationError,
    ServiceError,
)
from postern.client.http import HttpResponse
from postern.client.request import EVENTS, BaseRequest
from postern.client.sso_oidc import AsyncSSOOIDC
from tests.client.calls import BROKEN, IAM, KEYS, SERVER_ERROR, TOKEN, WIRE_REFRESH
from tests.client.fakes import (
    AsyncScripted,
    Scripted,
    client,
    options,
    refusal,
)

# Events


def told(request: BaseRequest) -> list[str]:
    names: list[str] = []
    for event in EVENTS:
        request.on(event, lambda *arguments, event=event: names.append(event))
    return names


def test_the_events_of_a_good_call_in_their_order() -> None:
    request = client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH)
    names = told(request)
    assert request.send().access_token == "aoa"
    assert names == ["validate", "build", "send", "extract_data", "success", "complete"]


def test_a_signed_call_has_the_event_sign_before_each_try() -> None:
    request = client(Scripted(SERVER_ERROR, TOKEN), **KEYS).make_request("CreateTokenWithIAM", IAM)
    names = told(request)
    request.send()
    one_try = ["sign", "send", "extract_error", "retry", "sign", "send", "extract_data"]
    assert names == ["validate", "build", *one_try, "success", "complete"]


def test_the_events_of_a_refused_call_in_their_order() -> None:
    request = client(Scripted(refusal("InvalidGrantException", "invalid_grant"))).make_request(
        "createToken", WIRE_REFRESH
    )
    names = told(request)
    with pytest.raises(InvalidGrantException):
        request.send()
    assert names == ["validate", "build", "send", "extract_error", "retry", "error", "complete"]


def test_listeners_get_the_request_the_response_or_the_error() -> None:
    got: dict[str, tuple[Any, ...]] = {}
    request = client(Scripted(refusal("InvalidGrantException", "invalid_grant"))).make_request(
        "createToken", WIRE_REFRESH
    )
    for event in EVENTS:
        request.on(event, lambda *arguments, event=event: got.update({event: arguments}))
    with pytest.raises(InvalidGrantException) as caught:
        request.send()
    assert got["validate"] == got["build"] == (request,)
    assert got["send"] == got["extract_error"] == got["retry"] == got["complete"] == (request.response,)
    assert got["error"] == (caught.value, request.response)


def test_a_listener_may_change_what_is_sent() -> None:
    transport = Scripted(TOKEN)
    request = client(transport).make_request("createToken", WIRE_REFRESH)

    def add_header(request: BaseRequest) -> None:
        assert request.http_request is not None
        request.http_request.headers["X-Trace"] = "42"

    request.on("build", add_header).send()
    assert transport.requests[0].headers["X-Trace"] == "42"


def test_what_a_listener_adds_before_sign_is_signed() -> None:
    transport = Scripted(TOKEN)
    request = client(transport, **KEYS).make_request("createTokenWithIAM", IAM)

    def add_header(request: BaseRequest) -> None:
        assert request.http_request is not None
        request.http_request.headers["x-amz-trace"] = "42"

    request.on("sign", add_header).send()
    assert "x-amz-trace" in transport.requests[0].headers["Authorization"]


@pytest.mark.parametrize("event", ["validate", "build", "send", "extract_data", "success"])
def test_what_a_listener_raises_is_the_error_of_the_call(event: str) -> None:
    request = client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH)
    failure = RuntimeError("no")

    def fail(*arguments: object) -> None:
        raise failure

    completed: list[object] = []
    request.on(event, fail).on("complete", completed.append)
    with pytest.raises(RuntimeError) as caught:
        request.send()
    assert caught.value is failure
    assert completed == [request.response]
    assert request.response.error is failure


def test_what_a_listener_for_the_error_raises_is_the_error_and_the_others_are_told() -> None:
    request = client(Scripted(refusal("InvalidGrantException", "invalid_grant"))).make_request(
        "createToken", WIRE_REFRESH
    )
    failure = RuntimeError("no")

    def fail(*arguments: object) -> None:
        raise failure

    completed: list[object] = []
    with pytest.raises(RuntimeError):
        request.on("error", fail).on("complete", completed.append).send()
    assert (completed, request.response.error) == ([request.response], failure)


@pytest.mark.parametrize("failure", [SERVER_ERROR, HttpResponse(status=307, headers={"location": "/other"})])
def test_a_listener_can_refuse_another_try(failure: HttpResponse) -> None:
    transport = Scripted(failure, TOKEN)
    request = client(transport).make_request("createToken", WIRE_REFRESH)
    request.on("retry", lambda response: setattr(response, "retryable", False))
    with pytest.raises((InternalServerException, ServiceError)):
        request.send()
    assert len(transport.requests) == 1


def test_a_blocking_client_refuses_a_listener_that_would_have_to_be_awaited() -> None:
    async def listen(request: BaseRequest) -> None:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="cannot be a coroutine function"):
        client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH).on("build", listen).send()


def test_a_listener_can_ask_for_another_try() -> None:
    transport = Scripted(refusal("InvalidGrantException", "invalid_grant"), TOKEN)
    request = client(transport).make_request("createToken", WIRE_REFRESH)
    request.on("retry", lambda response: setattr(response, "retryable", True))
    assert request.send().access_token == "aoa"
    assert request.response.retry_count == 1


def test_listeners_are_called_in_order_and_can_be_removed() -> None:
    calls: list[str] = []

    def first(*arguments: object) -> None:
        calls.append("first")

    def second(*arguments: object) -> None:
        calls.append("second")

    def removed(*arguments: object) -> None:
        calls.append("removed")

    request = client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH)
    request.on("build", second).on("build", removed).on("build", first, prepend=True).remove_listener("build", removed)
    request.send()
    assert calls == ["first", "second"]


def test_there_are_no_other_events() -> None:
    with pytest.raises(ConfigurationError, match="no event 'sned': there is validate, build"):
        client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH).on("sned", print)


async def test_a_listener_may_be_a_coroutine_function_under_asyncio() -> None:
    async with AsyncSSOOIDC(**options(AsyncScripted(TOKEN))) as waiting:
        seen: list[str] = []

        async def listen(request: BaseRequest) -> None:
            await asyncio.sleep(0)
            seen.append(request.operation.name)

        result = await waiting.make_request("createToken", WIRE_REFRESH).on("build", listen)
    assert (seen, result.access_token) == (["CreateToken"], "aoa")


# Requests


def test_a_response_tells_what_became_of_the_call() -> None:
    request = client(Scripted(BROKEN, TOKEN)).make_request("createToken", WIRE_REFRESH)
    data = request.send()
    response = request.response
    assert (response.data, response.error, response.request_id) == (data, None, "request-2")
    assert (response.retry_count, response.redirect_count) == (1, 0)
    assert response.http_response is TOKEN


def test_a_callback_is_told_instead_of_raising() -> None:
    told_of: list[tuple[object, object]] = []
    client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH, lambda error, data: told_of.append((error, data)))
    client(Scripted(refusal("InvalidGrantException", "invalid_grant"))).make_request(
        "createToken", WIRE_REFRESH, lambda error, data: told_of.append((type(error), data))
    )
    (first_error, first_data), second = told_of
    assert (first_error, getattr(first_data, "access_token", "")) == (None, "aoa")
    assert second == (InvalidGrantException, None)


def test_an_unauthenticated_request_is_not_signed() -> None:
    transport = Scripted(TOKEN)
    client(transport, **KEYS).make_unauthenticated_request("createTokenWithIAM", IAM).send()
    assert "Authorization" not in transport.requests[0].headers


async def test_an_unauthenticated_request_is_not_signed_under_asyncio() -> None:
    transport = AsyncScripted(TOKEN)
    async with AsyncSSOOIDC(**options(transport, **KEYS)) as waiting:
        await waiting.make_unauthenticated_request("createTokenWithIAM", IAM)
    assert "Authorization" not in transport.requests[0].headers


def test_a_request_is_sent_once() -> None:
    request = client(Scripted(TOKEN)).make_request("createToken", WIRE_REFRESH)
    request.flow()
    with pytest.raises(ConfigurationError, match="sent already"):
        request.send()


@pytest.mark.parametrize("name", ["CreateToken", "createToken", "create_token"])
def test_an_operation_goes_by_any_spelling(name: str) -> None:
    assert client(Scripted(TOKEN)).make_request(name, WIRE_REFRESH).send().access_token == "aoa"


def test_an_operation_that_there_is_not() -> None:
    with pytest.raises(ConfigurationError, match="no operation 'revokeToken': there is RegisterClient"):
        client(Scripted(TOKEN)).make_request("revokeToken", {})
