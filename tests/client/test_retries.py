"""What is tried again, when, and how often; what a wrong clock and expired credentials have to do with it."""

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
    ConnectionBroken,
    ConnectionFailed,
    ReadTimeout,
    ServiceError,
    TlsError,
    TransportError,
)
from postern.client.http import HttpRequest, HttpResponse
from tests.client.calls import BROKEN, IAM, KEYS, REFRESH, REGISTRATION, SERVER_ERROR, TOKEN, WIRE_REFRESH, redirect
from tests.client.fakes import (
    NOW,
    Answer,
    Either,
    Scripted,
    Trip,
    answer,
    client,
    refusal,
    signature_refusal,
)

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
