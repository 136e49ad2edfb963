"""Answers that are none, parameters that do not fit, and calls that are broken off."""

import asyncio

import pytest

from postern.api.errors import (
    AuthorizationPendingException,
    InvalidGrantException,
)
from postern.client.errors import (
    ParamValidationError,
    ServiceError,
    UnreadableResponse,
)
from postern.client.http import HttpRequest, HttpResponse
from postern.client.sso_oidc import AsyncSSOOIDC
from tests.client.calls import REFRESH, TOKEN
from tests.client.fakes import (
    NOW,
    AsyncScripted,
    Either,
    Scripted,
    answer,
    client,
    options,
)

# Answers that are none


@pytest.mark.parametrize(
    "body, kind, said",
    [
        (b"<html><title>Sign in to the hotel</title>", "text/html", "is this the address of the service"),
        (b"[]", "application/json", "not a JSON object"),
        (b'{"accessToken": "aoa"', "application/json", "not a JSON object"),
        (b'{"accessToken": 1.5}', "application/json", "accessToken has a wrong type"),
        (b'{"expiresIn": "soon"}', "application/json", "expiresIn has a wrong type"),
        (b"\xff\xfe{}", "application/json", "not a JSON object"),
        (b"[" * 100_000, "application/json", "not a JSON object"),
    ],
)
def test_a_success_that_cannot_be_read_is_an_error(either: Either, body: bytes, kind: str, said: str) -> None:
    unreadable = HttpResponse(status=200, headers={"content-type": kind}, body=body)
    with pytest.raises(UnreadableResponse, match=said) as caught:
        either.call("create_token", [unreadable], REFRESH)
    assert (caught.value.status, caught.value.retryable) == (200, False)
    assert "aoa" not in str(caught.value)


@pytest.mark.parametrize(
    "unmodelled, code, message",
    [
        (
            answer(403, {"message": "no"}, x_amzn_errortype="InvalidSignatureException:http://x/"),
            "InvalidSignatureException",
            "no",
        ),
        (
            answer(400, {"__type": "com.amazonaws#Throttled\x1b[2J", "Message": "a\nb\x1b[31m"}),
            "Throttled\x1b[2J",
            "a b [31m",
        ),
        (answer(418), "418", "HTTP status 418"),
        (
            HttpResponse(status=404, headers={"content-type": "text/html"}, body=b"<h1>nginx"),
            "404",
            "is this the address",
        ),
        (answer(400, {"message": "x" * 5000}), "400", "x" * 300),
    ],
    ids=["header", "body", "nothing", "another server", "long"],
)
def test_an_error_that_the_model_does_not_name(
    either: Either, unmodelled: HttpResponse, code: str, message: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        either.call("create_token", [unmodelled], REFRESH, max_retries=0)
    assert (caught.value.code, caught.value.status) == (code.replace("\x1b", " "), unmodelled.status)
    assert message in caught.value.message
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("status, is_retryable", [(400, False), (403, False), (429, True), (500, True), (503, True)])
def test_an_unmodelled_error_says_whether_to_try_again(status: int, is_retryable: bool) -> None:
    with pytest.raises(ServiceError) as caught:
        client(Scripted(answer(status)), max_retries=0).create_token(**REFRESH)
    assert caught.value.retryable == is_retryable


def test_a_modelled_error_s_text_is_fit_for_a_terminal(either: Either) -> None:
    hostile = answer(
        400,
        {"error": "invalid_grant", "error_description": "x\x1b[2J\r\n" + "y" * 5000},
        x_amzn_errortype="InvalidGrantException",
    )
    with pytest.raises(InvalidGrantException) as caught:
        either.call("create_token", [hostile], REFRESH)
    assert str(caught.value).startswith("x [2J  yyy")
    assert len(str(caught.value)) == 300


def test_a_service_that_repeats_a_secret_is_not_quoted(either: Either) -> None:
    repeating = answer(
        400, {"message": "bad request: refreshToken=aor-a-secret"}, x_amzn_errortype="ValidationException"
    )
    with pytest.raises(ServiceError, match=r"bad request: refreshToken=\*\*\*"):
        either.call("create_token", [repeating], {**REFRESH, "refresh_token": "aor-a-secret"})


def test_an_error_whose_name_was_lost_on_the_way_is_known_by_its_code(either: Either) -> None:
    with pytest.raises(AuthorizationPendingException):
        either.call("create_token", [answer(400, {"error": "authorization_pending"})], REFRESH)


# Validation


@pytest.mark.parametrize("value", ["SECRET\ud800", "x\udfff"])
def test_what_cannot_be_written_is_refused_without_repeating_it(either: Either, value: str) -> None:
    with pytest.raises(ParamValidationError) as caught:
        either.call("create_token", [TOKEN], {**REFRESH, "client_secret": value})
    assert "SECRET" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_parameter_is_not_given_under_both_of_its_names(either: Either) -> None:
    with pytest.raises(ParamValidationError, match="client_id is given twice, also as clientId"):
        either.call("create_token", [TOKEN], {**REFRESH, "clientId": "other"})


def test_nothing_is_sent_that_does_not_fit(either: Either) -> None:
    transport = either.transport(TOKEN)
    with pytest.raises(ParamValidationError) as caught:
        either.call_over(transport, "create_token", {"client_id": 7, "grant_typ": "x", "scope": "openid"})
    assert caught.value.errors == [
        "missing required parameter client_secret (clientSecret)",
        "missing required parameter grant_type (grantType)",
        "client_id (clientId) must be a string, not int",
        "unknown parameter 'grant_typ', did you mean grant_type?",
        "scope (scope) must be a list of strings",
    ]
    assert transport.requests == []


# Cancellation


async def test_a_cancelled_call_ends_at_once_and_the_client_goes_on() -> None:
    class Hanging(AsyncScripted):
        async def send(self, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
            if not self.requests:
                self.answer(request)
                await asyncio.Event().wait()
            return self.answer(request)

    async with AsyncSSOOIDC(**options(Hanging(TOKEN))) as waiting:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await waiting.create_token(**REFRESH)
        assert (await waiting.create_token(**REFRESH)).access_token == "aoa"


def test_an_interrupt_passes_through_a_call() -> None:
    def interrupt(request: HttpRequest) -> HttpResponse:
        raise KeyboardInterrupt

    transport = Scripted(interrupt, TOKEN)
    service = client(transport)
    with pytest.raises(KeyboardInterrupt):
        service.create_token(**REFRESH)
    assert service.create_token(**REFRESH).access_token == "aoa"
    assert service.now() == NOW
