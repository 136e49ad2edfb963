"""Client-side monitoring: what a listener gets, beside what it gets of botocore for the same answers, and that nobody
who does not listen is in the way.

Differences from botocore, all on purpose. ``Region`` is in the events of unsigned calls too, and ``Fqdn`` has no port:
both as in the SDK for JavaScript. ``SessionToken`` is never there. The message of a refusal is what the service said,
where botocore does not look for it (``error_description``) and sends an empty one. And in its retry mode ``standard``,
but not in ``legacy``, which is compared here, botocore says MaxRetriesExceeded of a last try that succeeded.
"""

import gc
import json
import socket
import threading
import warnings
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from botocore.config import Config

from postern.api.errors import ModelledError
from postern.client.errors import ClientError, ConnectionBroken, CredentialsError, ReadTimeout
from postern.client.http import HttpResponse
from postern.client.monitoring import MAX_DATAGRAM, Datagrams
from tests.client.fakes import (
    NOW,
    QUIET,
    Answer,
    Either,
    Scripted,
    answer,
    client,
    refusal,
    signature_refusal,
)

REFRESH = {
    "client_id": "id",
    "client_secret": "client-secret",
    "grant_type": "refresh_token",
    "refresh_token": "aorAAAAAA-refresh",
}
IAM = {"client_id": "arn:aws:sso::111122223333:application/a/b", "grant_type": "refresh_token", "refresh_token": "aor"}
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret-key", "session_token": "session-token"}
TOKEN = answer(200, {"accessToken": "aoa", "expiresIn": 3600}, x_amzn_requestid="request-2")
BROKEN = ConnectionBroken("the answer was cut off")
REFUSED = refusal("InvalidGrantException", "invalid_grant")
SERVER_ERROR = refusal("InternalServerException", "server_error", 500)

Event = dict[str, Any]


class Listener:
    """What is listening on loopback."""

    def __init__(self, inbox: socket.socket) -> None:
        self._inbox = inbox
        inbox.setblocking(False)
        self.port: int = inbox.getsockname()[1]

    def datagrams(self) -> Iterator[bytes]:
        """Those that have come: on loopback one that was sent is there."""
        while True:
            try:
                yield self._inbox.recv(65_536)
            except BlockingIOError:
                return

    def events(self) -> list[Event]:
        return [json.loads(datagram) for datagram in self.datagrams()]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind(("127.0.0.1", 0))
        yield Listener(inbox)


def by_wire_name(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name[0] + name.title().replace("_", "")[1:]: value for name, value in params.items()}


def monitored(listener: Listener, *answers: Answer, **more: Any) -> Any:
    return client(Scripted(*answers), **monitoring(listener), **more)


def monitoring(listener: Listener, **variables: str) -> dict[str, Any]:
    environment = {**QUIET, "AWS_CSM_PORT": str(listener.port), "AWS_CSM_CLIENT_ID": "me", **variables}
    return {"client_side_monitoring": True, "environment": environment}


def events_of(listener: Listener, *answers: Answer, params: Mapping[str, Any] = REFRESH, **more: Any) -> list[Event]:
    """The events of one CreateToken."""
    with monitored(listener, *answers, **more) as service, suppress(ClientError, ModelledError):
        service.create_token(**params)
    return listener.events()


# What botocore sends


class Stub(ThreadingHTTPServer):
    """Answers what it is told to, in turn."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[Answer] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        given = self.server.answers.pop(0)
        self.close_connection = True
        if isinstance(given, HttpResponse):
            self.send_response_only(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def botocore_listener() -> Iterator[Listener]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind(("127.0.0.1", 0))
        yield Listener(inbox)


@pytest.fixture(scope="module")
def of_botocore(stub: Stub, botocore_listener: Listener) -> Iterator[Any]:
    """botocore's client, which tries twice and does not wait in between."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/nonexistent")
        for name, value in {"ENABLED": "true", "PORT": str(botocore_listener.port), "CLIENT_ID": "me"}.items():
            patch.setenv(f"AWS_CSM_{name}", value)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
        session = botocore.session.Session()
        made = session.create_client(
            "sso-oidc",
            region_name="us-east-1",
            endpoint_url=stub.url,
            aws_access_key_id=KEYS["access_key_id"],
            aws_secret_access_key=KEYS["secret_access_key"],
            aws_session_token=KEYS["session_token"],
            config=Config(retries={"total_max_attempts": 2, "mode": "legacy"}, proxies={}),
        )
        yield made
        made.close()
        session._get_internal_component("monitor")._publisher._socket.close()


SAME_ANSWERS: dict[str, list[Answer]] = {
    "success": [TOKEN],
    "modelled-refusal": [REFUSED],
    "unmodelled-refusal": [signature_refusal("SignatureDoesNotMatch", x_amz_id_2="id-2", x_amz_request_id="r")],
    "retried": [SERVER_ERROR, TOKEN],
    "out-of-retries": [SERVER_ERROR, SERVER_ERROR],
    "cut-off": [BROKEN, TOKEN],
    "cut-off-twice": [BROKEN, BROKEN],
    "no-json": [HttpResponse(status=400, headers={"content-type": "text/html"}, body=b"<html>")],
}
CALLS = {"unsigned": ("create_token", REFRESH), "signed": ("create_token_with_iam", IAM)}
OF_THE_CLIENT = {
    "UserAgent",
    *("AwsExceptionMessage", "SdkException", "SdkExceptionMessage"),
    *("FinalAwsExceptionMessage", "FinalSdkException", "FinalSdkExceptionMessage"),
}
OF_THE_MOMENT = {"Timestamp", "Latency", "AttemptLatency"}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answers", SAME_ANSWERS)
def test_the_events_are_those_of_botocore_for_the_same_answers(
    call: str, answers: str, listener: Listener, stub: Stub, of_botocore: Any, botocore_listener: Listener
) -> None:
    operation, params = CALLS[call]
    stub.answers = list(SAME_ANSWERS[answers])
    with suppress(botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
        getattr(of_botocore, operation)(**by_wire_name(params))
    with monitored(
        listener, *SAME_ANSWERS[answers], max_retries=1, endpoint=stub.url, region="us-east-1", **KEYS
    ) as service:
        request = service.make_request(operation, by_wire_name(params))
        request.send(lambda error, data: None)
    theirs, ours = botocore_listener.events(), listener.events()
    assert len(theirs) == len(SAME_ANSWERS[answers]) + 1
    assert [kinds(event) for event in ours] == [kinds(event) for event in as_ours(theirs)]
    assert [values(event) for event in ours] == [values(event) for event in as_ours(theirs)]


def as_ours(events: list[Event]) -> list[Event]:
    """botocore's events without the known differences."""
    return [
        {
            **{name: value for name, value in event.items() if name != "SessionToken"},
            **({"Fqdn": event["Fqdn"].partition(":")[0]} if "Fqdn" in event else {}),
            "Region": "us-east-1",
        }
        for event in events
    ]


def kinds(event: Event) -> dict[str, type]:
    return {name: type(value) for name, value in event.items()}


def values(event: Event) -> Event:
    """What does not depend on who asks, and when."""
    return {name: value for name, value in event.items() if name not in OF_THE_CLIENT | OF_THE_MOMENT}


# What a listener gets


def test_a_good_call_to_the_last_member(listener: Listener) -> None:
    moments = iter([NOW, NOW + 1, NOW + 1.25, NOW + 1.5])
    with monitored(listener, TOKEN, region="eu-west-1", now=lambda: next(moments)) as service:
        service.user_agent = "postern/1"
        service.create_token(**REFRESH)
    common = {
        "Version": 1,
        "ClientId": "me",
        "Service": "SSO OIDC",
        "Api": "CreateToken",
        "Region": "eu-west-1",
        "UserAgent": "postern/1",
    }
    of_the_try = {
        "Type": "ApiCallAttempt",
        "Timestamp": 1_700_000_001_000,
        "AttemptLatency": 250,
        "Fqdn": "sso.example.test",
        "HttpStatusCode": 200,
        "XAmznRequestId": "request-2",
    }
    of_the_call = {
        "Type": "ApiCall",
        "Timestamp": 1_700_000_000_000,
        "Latency": 1500,
        "AttemptCount": 1,
        "MaxRetriesExceeded": 0,
        "FinalHttpStatusCode": 200,
    }
    assert listener.events() == [common | of_the_try, common | of_the_call]


@pytest.mark.parametrize(
    "given, members",
    [
        (REFUSED, {"AwsException": "InvalidGrantException", "AwsExceptionMessage": "said by the service"}),
        (
            signature_refusal("IncompleteSignature"),
            {"AwsException": "IncompleteSignature", "AwsExceptionMessage": "no"},
        ),
        (BROKEN, {"SdkException": "ConnectionBroken", "SdkExceptionMessage": "the answer was cut off"}),
        (HttpResponse(status=200, body=b"<html>"), {"SdkException": "UnreadableResponse"}),
    ],
)
def test_what_went_wrong_is_said_of_the_try_and_of_the_call(
    given: Answer, members: dict[str, str], listener: Listener
) -> None:
    attempt, call = events_of(listener, given, max_retries=0)
    assert members.items() <= attempt.items()
    assert {f"Final{name}": value for name, value in members.items()}.items() <= call.items()
    other = "SdkException" if "AwsException" in members else "AwsException"
    assert not any(other in name for name in [*attempt, *call])


@pytest.mark.parametrize(
    "answers, max_retries, count, exceeded",
    [
        ([TOKEN], 1, 1, 0),
        ([SERVER_ERROR, TOKEN], 1, 2, 0),
        ([SERVER_ERROR], 1, 2, 1),
        ([ReadTimeout("late")], 2, 3, 1),
        ([SERVER_ERROR], 0, 1, 1),
        ([SERVER_ERROR, REFUSED], 3, 2, 0),
        ([REFUSED], 0, 1, 0),
        ([answer(307, location="/token"), TOKEN], 0, 2, 0),
        ([answer(307, location="https://other.test/token")], 0, 1, 0),
    ],
)
def test_the_tries_are_counted(
    answers: list[Answer], max_retries: int, count: int, exceeded: int, listener: Listener
) -> None:
    *attempts, call = events_of(listener, *answers, max_retries=max_retries)
    assert [event["Type"] for event in attempts] == ["ApiCallAttempt"] * count
    assert (call["AttemptCount"], call["MaxRetriesExceeded"]) == (count, exceeded)


def test_a_call_is_told_of_like_any_other_under_asyncio(either: Either, listener: Listener) -> None:
    either.call("create_token", [BROKEN, TOKEN], REFRESH, **monitoring(listener))
    assert [event["Type"] for event in listener.events()] == ["ApiCallAttempt", "ApiCallAttempt", "ApiCall"]


def test_what_was_never_tried_is_not_told_of(listener: Listener) -> None:
    assert events_of(listener, TOKEN, params={"client_id": "id"}) == []


def test_a_call_that_fails_at_signing_after_a_try_counts_the_try(listener: Listener) -> None:
    tries = iter([None])

    def run_out(request: object) -> None:
        if next(tries, "none") == "none":
            raise CredentialsError("none any more")

    with monitored(listener, SERVER_ERROR, region="us-east-1", max_retries=1, **KEYS) as service:
        request = service.make_request("createTokenWithIAM", by_wire_name(IAM)).on("sign", run_out)
        request.send(lambda error, data: None)
    attempt, call = listener.events()
    assert attempt["AccessKey"] == "AKIDEXAMPLE"
    assert (call["AttemptCount"], call["MaxRetriesExceeded"]) == (1, 0)
    assert call["FinalSdkException"] == "CredentialsError"


def test_without_a_region_there_is_no_member_of_it(listener: Listener) -> None:
    assert not any("Region" in event for event in events_of(listener, TOKEN))


def test_the_user_agent_is_the_one_that_was_sent(listener: Listener) -> None:
    def rename(request: Any) -> None:
        del request.http_request.headers["User-Agent"]
        request.http_request.headers["user-agent"] = "other/1"

    with monitored(listener, TOKEN) as service:
        params = by_wire_name(REFRESH)
        service.make_request("createToken", params).on("build", rename).send()
    assert {event["UserAgent"] for event in listener.events()} == {"other/1"}


# What it does not get


@pytest.mark.parametrize(
    "given",
    [
        TOKEN,
        refusal("InvalidGrantException", "invalid_grant", error_description="aorAAAAAA-refresh is not known"),
        refusal("InvalidGrantException", "invalid_grant", error_description=f"{'x' * 500}aorAAAAAA-refresh"),
        answer(400, {"message": f"{'x' * 290}aorAAAAAA-refresh"}, x_amzn_errortype="Other"),
        answer(400, {"message": "client-secret, aorAAAAAA-refresh"}, x_amzn_errortype="Other"),
    ],
)
@pytest.mark.parametrize("operation", ["create_token", "create_token_with_iam"])
def test_no_secret_is_in_an_event(given: Answer, operation: str, listener: Listener) -> None:
    params = by_wire_name(REFRESH)
    with monitored(listener, given, region="us-east-1", param_validation=False, **KEYS) as service:
        service.make_request(operation, params).send(lambda error, data: None)
    datagrams = list(listener.datagrams())
    assert len(datagrams) == 2
    for secret in (b"client-secret", b"aorAAAAA", b"secret-key", b"session-token", b"aoa"):
        assert not any(secret in datagram for datagram in datagrams)


def test_what_a_listener_of_a_request_raises_is_named_and_not_quoted(listener: Listener) -> None:
    def fail(response: object) -> None:
        raise RuntimeError("aorAAAAAA-refresh")

    with monitored(listener, SERVER_ERROR) as service:
        params = by_wire_name(REFRESH)
        service.make_request("createToken", params).on("retry", fail).send(lambda error, data: None)
    _, call = listener.events()
    assert call["FinalSdkException"] == "RuntimeError"
    assert "FinalSdkExceptionMessage" not in call


@pytest.mark.parametrize("character", ["x", "\N{GRINNING FACE}", "\n", '"', "\udc80"])
def test_every_text_has_its_limit_and_every_datagram_too(character: str, listener: Listener) -> None:
    long = character * 5000
    refused = HttpResponse(
        status=403,
        headers={"x-amzn-errortype": long, "x-amzn-requestid": long, "x-amz-request-id": long, "x-amz-id-2": long},
        body=json.dumps({"message": "\N{GRINNING FACE}" * 5000}).encode(),
    )
    with client(Scripted(refused), **monitoring(listener, AWS_CSM_CLIENT_ID=long), region="us-east-1") as service:
        service.user_agent = long
        params = by_wire_name(REFRESH)
        service.make_request("createToken", params).send(lambda error, data: None)
    datagrams = list(listener.datagrams())
    assert [len(datagram) <= MAX_DATAGRAM for datagram in datagrams] == [True, True]
    attempt = json.loads(datagrams[0])
    limits = {"ClientId": 255, "UserAgent": 256, "AwsException": 128, "AwsExceptionMessage": 512, "XAmznRequestId": 128}
    assert {name: len(attempt[name]) <= limit for name, limit in limits.items()} == dict.fromkeys(limits, True)


def test_a_datagram_that_is_too_long_is_dropped(listener: Listener) -> None:
    datagrams = Datagrams("127.0.0.1", listener.port)
    for length in (MAX_DATAGRAM + 1, MAX_DATAGRAM):
        datagrams.send(b"x" * length)
    datagrams.close()
    assert [len(datagram) for datagram in listener.datagrams()] == [MAX_DATAGRAM]


# Nobody is in the way


def test_nothing_is_sent_after_close(listener: Listener) -> None:
    service = monitored(listener, TOKEN)
    service.create_token(**REFRESH)
    assert len(listener.events()) == 2
    service.close()
    service.create_token(**REFRESH)
    service.close()
    assert listener.events() == []


def test_a_client_that_nobody_closed_leaves_no_socket(listener: Listener) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        datagrams = Datagrams("127.0.0.1", listener.port)
        datagrams.send(b"{}")
        del datagrams
        gc.collect()
    assert [str(warning.message) for warning in warned if warning.category is ResourceWarning] == []
    assert list(listener.datagrams()) == [b"{}"]


def test_when_nobody_listens_calls_go_on() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
    environment = {**QUIET, "AWS_CSM_PORT": port}
    with client(Scripted(TOKEN), client_side_monitoring=True, environment=environment) as service:
        assert [service.create_token(**REFRESH).access_token for _ in range(3)] == ["aoa"] * 3


def test_a_host_that_is_not_found_is_looked_up_once(either: Either, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[object] = []

    def fail(host: object, *arguments: object, **more: object) -> None:
        lookups.append(host)
        raise socket.gaierror("no such name")

    monkeypatch.setattr("postern.client.monitoring.socket.getaddrinfo", fail)
    environment = {**QUIET, "AWS_CSM_HOST": "nowhere.test"}
    result = either.call("create_token", [BROKEN, TOKEN], REFRESH, client_side_monitoring=True, environment=environment)
    assert (result.access_token, lookups) == ("aoa", ["nowhere.test"])


def test_a_host_with_addresses_of_both_kinds_is_sent_to_the_one_that_listeners_have(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", listener.port, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", listener.port)),
    ]
    monkeypatch.setattr("postern.client.monitoring.socket.getaddrinfo", lambda *arguments, **more: both)
    datagrams = Datagrams("localhost", listener.port)
    datagrams.send(b"{}")
    datagrams.close()
    assert list(listener.datagrams()) == [b"{}"]


def test_threads_that_come_first_together_lose_no_event(listener: Listener) -> None:
    start = threading.Barrier(8)
    with monitored(listener, TOKEN) as service, ThreadPoolExecutor(8) as pool:

        def call(number: int) -> None:
            start.wait(5)
            service.create_token(**REFRESH)

        list(pool.map(call, range(8)))
    kinds = [event["Type"] for event in listener.events()]
    assert (kinds.count("ApiCallAttempt"), kinds.count("ApiCall")) == (8, 8)


def test_a_call_that_was_given_up_leaves_nothing_behind(listener: Listener) -> None:
    with monitored(listener, TOKEN) as service:
        request = service.make_request("createToken", by_wire_name(REFRESH))
        flow = request.flow()
        next(flow)
        flow.throw(ConnectionBroken("then somebody loses patience"))
        flow.close()
        kept = weakref.ref(request)
        del request, flow
        gc.collect()
        assert kept() is None
    assert [event["Type"] for event in listener.events()] == ["ApiCallAttempt"]
