"""The life of one call: its events, its retries, the service's clock, redirects, and answers that are none."""

import asyncio
from typing import Any

import pytest

from postern.api.errors import (
    AuthorizationPendingException,
    InternalServerException,
    InvalidGrantException,
    SlowDownException,
)
from postern.client.credentials import CredentialProviderChain, Credentials
from postern.client.errors import (
    ConfigurationError,
    ConnectionBroken,
    ConnectionFailed,
    ParamValidationError,
    ReadTimeout,
    ServiceError,
    TlsError,
    TooManyRedirects,
    TransportError,
    UnreadableResponse,
)
from postern.client.http import HttpRequest, HttpResponse
from postern.client.request import EVENTS, BaseRequest
from postern.client.sso_oidc import AsyncSSOOIDC
from tests.client.fakes import (
    ENDPOINT,
    NOW,
    Answer,
    AsyncScripted,
    Either,
    Scripted,
    Trip,
    answer,
    client,
    options,
    refusal,
    signature_refusal,
)

REFRESH = {"client_id": "id", "client_secret": "s", "grant_type": "refresh_token", "refresh_token": "aor"}
WIRE_REFRESH = {"clientId": "id", "clientSecret": "s", "grantType": "refresh_token", "refreshToken": "aor"}
REGISTRATION = {"clientName": "a tool", "clientType": "public"}
IAM = {"clientId": "arn:aws:sso::111122223333:application/a/b", "grantType": "refresh_token", "refreshToken": "aor"}
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "region": "us-east-1"}
TOKEN = answer(200, {"accessToken": "aoa", "expiresIn": 3600}, x_amzn_requestid="request-2")
BROKEN = ConnectionBroken("cut off")
SERVER_ERROR = refusal("InternalServerException", "server_error", 500)


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


# Retries


@pytest.mark.parametrize(
    "failure",
    [
        BROKEN,
        SERVER_ERROR,
        answer(503, {}),
        answer(429, {}),
        answer(502),
        HttpResponse(status=504, headers={"content-type": "text/html"}, body=b"<html>"),
        signature_refusal("ThrottlingException"),
    ],
    ids=lambda failure: getattr(failure, "status", type(failure).__name__),
)
def test_what_may_pass_is_tried_again(either: Either, failure: Any) -> None:
    transport = either.transport(failure, failure, TOKEN)
    assert either.call_over(transport, "create_token", REFRESH).access_token == "aoa"
    assert len(transport.requests) == 3


@pytest.mark.parametrize(
    "failure, error",
    [
        (refusal("AuthorizationPendingException", "authorization_pending"), AuthorizationPendingException),
        (refusal("SlowDownException", "slow_down"), SlowDownException),
        (refusal("InvalidGrantException", "invalid_grant"), InvalidGrantException),
        (TlsError("bad certificate"), TlsError),
        (answer(404), ServiceError),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_final_is_not_tried_again(either: Either, failure: Any, error: type[Exception]) -> None:
    transport = either.transport(failure, TOKEN)
    with pytest.raises(error):
        either.call_over(transport, "create_token", REFRESH)
    assert len(transport.requests) == 1


def test_retries_come_to_an_end_with_the_last_error(either: Either) -> None:
    transport = either.transport(BROKEN, SERVER_ERROR, SERVER_ERROR, TOKEN)
    with pytest.raises(InternalServerException):
        either.call_over(transport, "create_token", REFRESH)
    assert len(transport.requests) == 3


def test_delays_are_a_random_share_of_a_bound_that_doubles() -> None:
    for _ in range(20):
        trip = Trip(Scripted(BROKEN))
        with pytest.raises(ConnectionBroken):
            trip.run(
                client(trip.transport, max_retries=9, retry_delay_options={"base": 1000})
                .make_request("registerClient", REGISTRATION)
                .flow()
            )
        bounds = [1, 2, 4, 8, 16, 20, 20, 20, 20]
        assert len(trip.slept) == 9
        assert all(0 <= delay <= bound for delay, bound in zip(trip.slept, bounds, strict=True))


def test_the_service_can_ask_for_a_longer_delay() -> None:
    trip = Trip(Scripted(answer(503, retry_after="7"), answer(503, retry_after="86400"), TOKEN))
    trip.run(client(trip.transport).make_request("registerClient", REGISTRATION).flow())
    assert trip.slept == [7, 60]


def test_an_outage_is_not_answered_with_retries_without_end() -> None:
    service = client(Scripted(SERVER_ERROR), max_retries=10)
    for _ in range(30):
        with pytest.raises(InternalServerException):
            service.create_token(**REFRESH)
    assert len(service.transport.requests) == 30 + 500 // 5  # type: ignore[attr-defined]


def test_a_legacy_retry_mode_has_no_quota() -> None:
    service = client(
        Scripted(SERVER_ERROR),
        max_retries=10,
        environment={"AWS_RETRY_MODE": "legacy", "AWS_CONFIG_FILE": "/nonexistent"},
    )
    for _ in range(30):
        with pytest.raises(InternalServerException):
            service.create_token(**REFRESH)
    assert len(service.transport.requests) == 30 * 11  # type: ignore[attr-defined]


def test_a_client_recovers_from_an_outage() -> None:
    service = client(Scripted(*[SERVER_ERROR] * 200, TOKEN), max_retries=10)
    for _ in range(100):
        with pytest.raises(InternalServerException):
            service.create_token(**REFRESH)
    for _ in range(30):
        service.create_token(**REFRESH)
    service.transport = Scripted(BROKEN, TOKEN)
    assert service.create_token(**REFRESH).access_token == "aoa"


def test_a_redirect_does_not_keep_what_the_retry_before_it_cost() -> None:
    each_time: list[Answer] = [BROKEN, redirect("/token"), TOKEN]
    service = client(Scripted(*each_time * 200))
    for _ in range(200):
        assert service.create_token(**REFRESH).access_token == "aoa"


@pytest.mark.parametrize(
    "failure, more, is_sent_again",
    [
        (ReadTimeout("silent"), {}, False),
        (ConnectionBroken("cut off"), {}, False),
        (answer(504), {}, False),
        (SERVER_ERROR, {}, False),
        (ConnectionFailed("refused"), {}, True),
        (answer(429), {}, True),
        (ReadTimeout("silent"), {"refreshToken": None}, True),
    ],
)
def test_a_one_time_secret_that_may_be_spent_is_not_sent_after_the_time_in_which_it_is_answered_again(
    failure: Answer, more: dict[str, object], is_sent_again: bool
) -> None:
    moment = iter([0, 0, 9, 9, 9, 9, 9])
    trip = Trip(Scripted(failure, TOKEN))
    request = client(trip.transport, now=lambda: NOW + next(moment)).make_request("createToken", WIRE_REFRESH | more)
    if is_sent_again:
        assert trip.run(request.flow()).access_token == "aoa"
    else:
        with pytest.raises((TransportError, ServiceError, InternalServerException)):
            trip.run(request.flow())
    assert len(trip.transport.requests) == 1 + is_sent_again


def test_a_retry_that_helped_gives_its_cost_back() -> None:
    broken_at_first: list[Answer] = [BROKEN, TOKEN]
    service = client(Scripted(*broken_at_first * 200))
    for _ in range(200):
        assert service.create_token(**REFRESH).access_token == "aoa"


# The service's clock


LATE = "Tue, 14 Nov 2023 23:13:20 GMT"  # an hour after NOW


def test_a_wrong_clock_is_corrected_when_that_is_asked_for(either: Either) -> None:
    refused = signature_refusal("InvalidSignatureException", date=LATE)
    transport = either.transport(refused, TOKEN)
    either.call_over(
        transport,
        "create_token_with_iam",
        {"client_id": IAM["clientId"], "grant_type": "refresh_token"},
        correct_clock_skew=True,
        **KEYS,
    )
    assert [request.headers["X-Amz-Date"] for request in transport.requests] == ["20231114T221320Z", "20231114T231320Z"]


def test_the_correction_stays_with_the_client() -> None:
    transport = Scripted(signature_refusal("RequestExpired", date=LATE), TOKEN)
    service = client(transport, correct_clock_skew=True, **KEYS)
    for _ in range(2):
        service.make_request("createTokenWithIAM", IAM).send()
    assert [request.headers["X-Amz-Date"][9:11] for request in transport.requests] == ["22", "23", "23"]


def test_a_clock_is_corrected_by_what_the_refused_request_was_signed_with() -> None:
    """Another thread may have corrected it meanwhile; then this refusal is worth another try all the same."""
    service = client(Scripted(TOKEN), correct_clock_skew=True, **KEYS)

    def refuse(request: HttpRequest) -> HttpResponse:
        service.signer.offset = 3600
        return signature_refusal("InvalidSignatureException", date=LATE)

    service.transport = Scripted(refuse, TOKEN)
    assert service.make_request("createTokenWithIAM", IAM).send().access_token == "aoa"


@pytest.mark.parametrize(
    "code, members",
    [
        ("AccessDeniedException", {"message": "not authorized to perform: sso-oauth:CreateTokenWithIAM"}),
        ("InvalidRequestException", {"Message": "not authorized"}),
    ],
)
def test_what_refuses_a_signature_under_a_name_of_the_service_is_not_taken_for_the_service(
    code: str, members: dict[str, str]
) -> None:
    transport = Scripted(answer(403, members, x_amzn_errortype=code))
    with pytest.raises(ServiceError, match="not authorized") as caught:
        client(transport, **KEYS).make_request("createTokenWithIAM", IAM).send()
    assert caught.value.code == code


def test_credentials_that_have_expired_are_fetched_again() -> None:
    keys = iter(["AKIDOLD", "AKIDNEW"])
    chain = CredentialProviderChain([lambda: Credentials(access_key_id=next(keys), secret_access_key="s")])
    expired = answer(403, {"message": "The security token is expired"}, x_amzn_errortype="ExpiredTokenException")
    transport = Scripted(expired, TOKEN)
    client(transport, region="us-east-1", credential_provider=chain).make_request("createTokenWithIAM", IAM).send()
    assert ["AKIDNEW/" in request.headers["Authorization"] for request in transport.requests] == [False, True]


@pytest.mark.parametrize(
    "refused, more",
    [
        (signature_refusal("InvalidSignatureException", date=LATE), {}),
        (
            signature_refusal("InvalidSignatureException", date="Tue, 14 Nov 2023 22:17:00 GMT"),
            {"correct_clock_skew": True},
        ),
        (signature_refusal("InvalidSignatureException", date="yesterday"), {"correct_clock_skew": True}),
        (signature_refusal("RequestExpired", date="Tue, 14 Nov 99999 23:13:20 GMT"), {"correct_clock_skew": True}),
        (signature_refusal("RequestExpired", date="Tue, 31 Feb 2023 23:13:20 GMT"), {"correct_clock_skew": True}),
        (signature_refusal("RequestExpired", date="Tue, 14 Nov 1000 23:13:20 GMT"), {"correct_clock_skew": True}),
        (signature_refusal("InvalidSignatureException"), {"correct_clock_skew": True}),
        (signature_refusal("AccessDenied", date=LATE), {"correct_clock_skew": True}),
    ],
    ids=["not asked for", "clock is right", "no date", "year", "day", "long ago", "no header", "another refusal"],
)
def test_a_signature_refused_for_another_reason_stays_refused(refused: HttpResponse, more: dict[str, Any]) -> None:
    transport = Scripted(refused, TOKEN)
    with pytest.raises(ServiceError) as caught:
        client(transport, **KEYS, **more).make_request("createTokenWithIAM", IAM).send()
    assert (caught.value.status, len(transport.requests)) == (403, 1)


# Redirects


def redirect(location: str, status: int = 307) -> HttpResponse:
    return HttpResponse(status=status, headers={"location": location})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", [f"{ENDPOINT}/other", "/other", "https://sso.example.test:8443/other"])
def test_a_redirect_within_the_host_is_followed_with_the_same_body(either: Either, location: str, status: int) -> None:
    transport = either.transport(redirect(location, status), TOKEN)
    assert either.call_over(transport, "create_token", REFRESH).access_token == "aoa"
    first, second = transport.requests
    assert (second.method, second.body) == ("POST", first.body)
    assert second.url.endswith("/other")


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example.test/token",
        "http://sso.example.test/token",
        "https://sso.example.test@elsewhere.test/token",
        "https://user@sso.example.test/token",
        "ftp://sso.example.test/token",
        "javascript:alert(1)",
        "//elsewhere.example.test/token",
        "https://[",
        "http://[::1",
    ],
)
def test_secrets_do_not_follow_a_redirect_to_another_place(either: Either, location: str) -> None:
    transport = either.transport(redirect(location), TOKEN)
    with pytest.raises(ServiceError, match="secrets are not sent there"):
        either.call_over(transport, "create_token", REFRESH)
    assert len(transport.requests) == 1


def test_a_redirect_from_http_to_https_is_followed() -> None:
    transport = Scripted(redirect("https://localhost/token"), TOKEN)
    client(transport, endpoint="http://localhost:8080").create_token(**REFRESH)
    assert transport.requests[1].url == "https://localhost/token"


def test_a_redirected_request_is_signed_anew() -> None:
    transport = Scripted(redirect("/other?aws_iam=t"), TOKEN)
    client(transport, **KEYS).make_request("createTokenWithIAM", IAM).send()
    first, second = (request.headers["Authorization"] for request in transport.requests)
    assert first != second


@pytest.mark.parametrize("limit", [0, 3])
def test_redirects_in_a_circle_come_to_an_end(either: Either, limit: int) -> None:
    transport = either.transport(redirect("/token"))
    with pytest.raises(TooManyRedirects):
        either.call_over(transport, "create_token", REFRESH, max_redirects=limit)
    assert len(transport.requests) == limit + 1


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
