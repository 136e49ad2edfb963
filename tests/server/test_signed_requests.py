"""Signed requests at the ASGI application: what is looked at in which order, what goes out, and which operation a query
selects.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from postern.api.errors import InvalidClientException
from postern.api.oauth import INTROSPECTION_PATH
from postern.core.caller import Caller
from postern.core.clients import REFRESH_TOKEN
from postern.core.iam.signed_request import SignedRequest
from postern.server.app import ProtocolApp
from postern.server.asgi import Receive, Scope, Send
from tests.core.application_world import add_application
from tests.core.iam.signing import (
    BODY,
    PRINCIPAL_ARN,
    Desk,
    added,
    edited,
    header_of,
    open_desk,
    with_header,
)
from tests.core.world import World, present
from tests.server.in_process import respond

MAX_BODY = 64 * 1024
ALLOWS_THE_DESK = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": PRINCIPAL_ARN},
                "Action": "sso-oauth:CreateTokenWithIAM",
                "Resource": "*",
            }
        ],
    }
)


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    members: dict[str, object]

    @property
    def error(self) -> str:
        return self.headers.get("x-amzn-errortype", "")


class WatchedStore:
    """The store, and which of its verbs were called."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.called: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.called.append(name)
        return getattr(self._store, name)


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


@pytest.fixture
def app(world: World) -> ProtocolApp:
    async def no_page(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(f"{scope['path']} is no operation")

    return ProtocolApp(world.service, no_page, max_body=MAX_BODY, log_requests=False)


@pytest.fixture
def store(world: World) -> WatchedStore:
    watched = WatchedStore(world.store)
    world.service.store = watched  # type: ignore[assignment]  # it is one by what it passes on
    return watched


async def ask(app: ProtocolApp, request: SignedRequest) -> Answer:
    status, headers, body = await respond(app, request)
    return Answer(status, headers, json.loads(body))


def is_refusal(answer: Answer, error: str) -> bool:
    """403 in the form that AWS's clients read, which no cache keeps."""
    assert answer.error == error
    assert set(answer.members) == {"message"}
    assert answer.members["message"]
    assert answer.headers["cache-control"] == "no-store"
    assert "x-amzn-requestid" in answer.headers
    return answer.status == 403


async def test_whoever_signs_reaches_the_operation(app: ProtocolApp, desk: Desk) -> None:
    answer = await ask(app, desk.sign(body=b'{"clientId":"nobody","grantType":"refresh_token"}'))
    assert (answer.status, answer.error) == (401, "InvalidClientException")
    assert set(answer.members) == {"error", "error_description"}


async def test_the_rule_hears_who_signed(app: ProtocolApp, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Caller] = []

    async def listen(service: object, request: object, caller: Caller) -> Any:
        heard.append(caller)
        raise InvalidClientException

    (variants,) = [variants for path, variants in vars(app)["_routes"].items() if path == "/token"]
    endpoint, wire = variants["aws_iam=t"]
    monkeypatch.setitem(variants, "aws_iam=t", (msgspec.structs.replace(endpoint, rule=listen), wire))
    await ask(app, desk.sign(body=b'{"clientId":"nobody","grantType":"refresh_token"}'))
    (caller,) = heard
    assert (caller.address, present(caller.principal).arn) == ("192.0.2.44", PRINCIPAL_ARN)


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("content_type", [FORM, f"{FORM.upper()}; charset=utf-8"])
async def test_a_signed_form_is_read(app: ProtocolApp, desk: Desk, content_type: str) -> None:
    application = await add_application(desk.world, actor_policy=ALLOWS_THE_DESK)
    body = urlencode({"client_id": application.application_arn, "token": "a"}).encode()
    url = f"https://sso.example.com{INTROSPECTION_PATH}"
    answer = await ask(app, desk.sign(url=url, body=body, headers={"Content-Type": content_type}))
    assert (answer.status, answer.members) == (200, {"active": False})


async def test_where_a_form_is_due_json_is_refused_and_only_to_whoever_signed(app: ProtocolApp, desk: Desk) -> None:
    application = await add_application(desk.world, actor_policy=ALLOWS_THE_DESK)
    good = urlencode({"client_id": application.application_arn, "token": "a"}).encode()
    request = desk.sign(url=f"https://sso.example.com{INTROSPECTION_PATH}", body=good)
    answer = await ask(app, request)
    assert (answer.status, answer.error) == (400, "InvalidRequestException")
    assert "Content-Type must be" in str(answer.members["error_description"])
    unsigned = with_header(request, "authorization", None)
    assert is_refusal(await ask(app, unsigned), "MissingAuthenticationTokenException")


# Statement 79: the order


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"clientId":1}', b"\xff", b'{"a":1,"a":2}'])
async def test_statement_79_the_signature_is_looked_at_before_the_body(
    app: ProtocolApp, desk: Desk, body: bytes
) -> None:
    unsigned = with_header(desk.sign(body=body), "authorization", None)
    assert is_refusal(await ask(app, unsigned), "MissingAuthenticationTokenException")
    wrong = edited(desk.sign(body=body), "authorization", "Signature=", "Signature=0")
    assert is_refusal(await ask(app, wrong), "IncompleteSignatureException")
    answer = await ask(app, desk.sign(body=body))
    assert (answer.status, answer.error) == (400, "InvalidRequestException")


async def test_statement_79_and_before_the_content_type(app: ProtocolApp, desk: Desk) -> None:
    request = desk.sign(headers={"Content-Type": "text/plain"})
    assert is_refusal(
        await ask(app, with_header(request, "authorization", None)), "MissingAuthenticationTokenException"
    )
    answer = await ask(app, request)
    assert (answer.status, answer.error) == (400, "InvalidRequestException")


@pytest.mark.parametrize("late", [0, 301], ids=["wrong", "expired"])
async def test_statement_79_no_more_is_read_than_the_access_key(
    app: ProtocolApp, desk: Desk, store: WatchedStore, late: int
) -> None:
    wrong = msgspec.structs.replace(desk.credentials, secret_access_key="a" * 40)
    assert is_refusal(await ask(app, desk.sign(wrong, late=late)), "InvalidSignatureException")
    assert store.called == ([] if late else ["find_access_key"])


async def test_the_size_of_a_body_is_looked_at_first(app: ProtocolApp, desk: Desk) -> None:
    unsigned = with_header(desk.sign(), "authorization", None)
    for request in (
        added(unsigned, "content-length", str(MAX_BODY + 1)),
        msgspec.structs.replace(unsigned, body=b" " * (MAX_BODY + 1)),
    ):
        answer = await ask(app, request)
        assert (answer.status, answer.error) == (400, "InvalidRequestException")
        assert answer.headers["connection"] == "close"


# The table of tampered signatures (attack 37)

Tamper = Callable[[Desk], SignedRequest]


def in_authorization(old: str, new: str) -> Tamper:
    return lambda desk: edited(desk.sign(), "authorization", old, new)


def in_query(old: bytes, new: bytes) -> Tamper:
    def tampered(desk: Desk) -> SignedRequest:
        request = desk.presign()
        assert old in request.query
        return msgspec.structs.replace(request, query=request.query.replace(old, new))

    return tampered


def signature_flipped(desk: Desk) -> SignedRequest:
    request = desk.sign()
    value = header_of(request, "authorization")
    return with_header(request, "authorization", value[:-1] + ("0" if value[-1] != "0" else "1"))


def of_another_request(desk: Desk) -> SignedRequest:
    other = header_of(desk.sign(body=b"{}"), "authorization")
    return with_header(desk.sign(), "authorization", other)


def moved_into_the_query(desk: Desk) -> SignedRequest:
    """The signature of a header in the place of a presigned query's."""
    request, header = desk.presign(), header_of(desk.sign(), "authorization")
    kept = request.query.rpartition(b"=")[0]
    return msgspec.structs.replace(request, query=kept + b"=" + header.rpartition("=")[2].encode())


INVALID, INCOMPLETE, UNRECOGNIZED = (
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "UnrecognizedClientException",
)
TAMPERED: dict[str, tuple[Tamper, str]] = {
    "a digit of the signature": (signature_flipped, INVALID),
    "the signature of another request": (of_another_request, INVALID),
    "a header's signature in the query": (moved_into_the_query, INVALID),
    "signature cut": (lambda desk: with_header(desk.sign(), "authorization", "AWS4-HMAC-SHA256"), INCOMPLETE),
    "signature in upper case": (in_authorization("Signature=", "Signature=A"), INCOMPLETE),
    "algorithm": (in_authorization("SHA256", "SHA512"), INCOMPLETE),
    "asymmetric algorithm": (in_authorization("AWS4-HMAC", "AWS4-ECDSA-P256"), INCOMPLETE),
    "basic": (lambda desk: with_header(desk.sign(), "authorization", "Basic bWlyYTptaXJh"), INCOMPLETE),
    "bearer": (lambda desk: with_header(desk.sign(), "authorization", "Bearer abc"), INCOMPLETE),
    "empty": (lambda desk: with_header(desk.sign(), "authorization", ""), INCOMPLETE),
    "two of them": (lambda desk: added(desk.sign(), "authorization", "AWS4-HMAC-SHA256"), INCOMPLETE),
    "credential twice": (in_authorization("Signature=", "Credential=a, Signature="), INCOMPLETE),
    "region": (in_authorization("us-east-1", "us-east-2"), INVALID),
    "service": (in_authorization("sso-oauth", "sso"), INVALID),
    "terminator": (in_authorization("aws4_request", "aws4"), INVALID),
    "day": (in_authorization("20260921", "20260922"), INVALID),
    "access key id": (in_authorization("AKIA", "AKIB"), UNRECOGNIZED),
    "access key id with NUL": (in_authorization("AKIA", "AK\x00IA"), INCOMPLETE),
    "access key id with a quote": (in_authorization("AKIA", "'--"), UNRECOGNIZED),
    "access key id as a path": (in_authorization("AKIA", "../AKIA"), INCOMPLETE),
    "host unsigned": (in_authorization("content-type;host;", "content-type;"), INCOMPLETE),
    "date unsigned": (in_authorization(";x-amz-date", ""), INCOMPLETE),
    "headers not sorted": (in_authorization("content-type;host", "host;content-type"), INCOMPLETE),
    "content type unsigned": (in_authorization("content-type;", ""), INVALID),
    "a header that is not there": (in_authorization("host;", "host;x-amz-a;"), INCOMPLETE),
    "date a second on": (lambda desk: with_header(desk.sign(), "x-amz-date", "20260921T141321Z"), INVALID),
    "date that is none": (lambda desk: with_header(desk.sign(), "x-amz-date", "2026-09-21"), INCOMPLETE),
    "no date": (lambda desk: with_header(desk.sign(), "x-amz-date", None), INCOMPLETE),
    "old": (lambda desk: desk.sign(late=301), INVALID),
    "of tomorrow": (lambda desk: desk.sign(late=-24 * 3600), INVALID),
    "of the year 1970": (lambda desk: desk.sign(late=desk.world.now), INVALID),
    "body": (lambda desk: msgspec.structs.replace(desk.sign(), body=BODY + b"\n"), INVALID),
    "digest": (lambda desk: desk.sign(headers={"X-Amz-Content-Sha256": "0" * 64}), INVALID),
    "unsigned payload": (lambda desk: desk.sign(headers={"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}), INVALID),
    "another host": (lambda desk: with_header(desk.sign(), "host", "evil.example"), INVALID),
    "a second host": (lambda desk: added(desk.sign(), "host", "evil.example"), INVALID),
    "target": (lambda desk: added(desk.sign(), "x-amz-target", "a"), INCOMPLETE),
    "session token of nobody": (lambda desk: desk.sign(without_token(desk, "abc")), UNRECOGNIZED),
    "no session token": (lambda desk: desk.sign(without_token(desk, None)), UNRECOGNIZED),
    "session token unsigned": (lambda desk: added(desk.sign(), "x-amz-security-token", "abc"), INCOMPLETE),
    "a further parameter": (lambda desk: msgspec.structs.replace(desk.sign(), query=b"aws_iam=t&a=1"), INVALID),
    "both": (
        lambda desk: with_header(desk.presign(), "authorization", header_of(desk.sign(), "authorization")),
        INCOMPLETE,
    ),
    "presigned: lengthened": (in_query(b"X-Amz-Expires=60", b"X-Amz-Expires=61"), INVALID),
    "presigned: for ever": (in_query(b"X-Amz-Expires=60", b"X-Amz-Expires=604801"), INCOMPLETE),
    "presigned: expires twice": (in_query(b"X-Amz-Expires=60", b"X-Amz-Expires=60&X-Amz-Expires=600"), INCOMPLETE),
    "presigned: another key": (in_query(b"AKIA", b"AKIB"), UNRECOGNIZED),
    "presigned: another region": (in_query(b"us-east-1", b"us-east-2"), INVALID),
    "presigned: terminator": (in_query(b"aws4_request", b"aws5_request"), INVALID),
    "presigned: unsigned host": (in_query(b"content-type%3Bhost", b"content-type"), INCOMPLETE),
    "presigned: body": (lambda desk: msgspec.structs.replace(desk.presign(), body=b"{}"), INVALID),
    "presigned: old": (lambda desk: desk.presign(late=61), INVALID),
    "presigned: algorithm": (in_query(b"AWS4-HMAC-SHA256", b"none"), INCOMPLETE),
}


def without_token(desk: Desk, token: str | None) -> Any:
    return msgspec.structs.replace(desk.temporary(), session_token=token)


@pytest.mark.parametrize("tamper, error", TAMPERED.values(), ids=TAMPERED)
async def test_every_tampered_signature_is_refused(app: ProtocolApp, desk: Desk, tamper: Tamper, error: str) -> None:
    assert is_refusal(await ask(app, tamper(desk)), error)


async def test_expired_temporary_credentials_are_refused_as_aws_names_it(app: ProtocolApp, desk: Desk) -> None:
    temporary = desk.temporary(duration=900)
    desk.world.clock.advance(900)
    assert is_refusal(await ask(app, desk.sign(temporary)), "ExpiredTokenException")


async def test_statement_88_an_unknown_key_and_a_wrong_signature_look_alike(app: ProtocolApp, desk: Desk) -> None:
    unknown = await ask(app, in_authorization("AKIA", "AKIB")(desk))
    wrong = await ask(app, signature_flipped(desk))
    assert unknown.headers.keys() == wrong.headers.keys()
    assert (unknown.status, unknown.members.keys()) == (wrong.status, wrong.members.keys())


@pytest.mark.parametrize("path", [b"/token", b"/%74oken", b"/to%6ben"])
async def test_the_path_is_verified_as_it_was_sent(app: ProtocolApp, desk: Desk, path: bytes) -> None:
    url = f"https://sso.example.com{path.decode()}?aws_iam=t"
    assert (await ask(app, desk.sign(url=url))).error == "InvalidRequestException"
    moved = msgspec.structs.replace(desk.sign(url=url), path=b"/t%6fken")
    assert is_refusal(await ask(app, moved), "InvalidSignatureException")


# Statement 90: which operation a query selects

SELECTS = [
    b"aws_iam=t",
    b"aws_iam=t&a=1",
    b"a=1&aws_iam=t",
    b"aws%5Fiam=%74",
    b"&aws_iam=t",
    b"x=aws_iam&aws_iam=t",
]
DOES_NOT_SELECT = [
    b"",
    b"a=1",
    b"aws_iam",
    b"aws_iam=",
    b"aws_iam=f",
    b"aws_iam=T",
    b"aws_iam=true",
    b"aws_iam=t%20",
    b"AWS_IAM=t",
    b"aws_iam=t&aws_iam=t",
    b"aws_iam=t&aws_iam=f",
    b"aws_iam=&aws_iam=t",
    b"aws_iam&aws_iam=t",
    b"aws_iam=t&aws%5fiam=f",
    b"aws_iam=t;a=1",
    b"x=aws_iam=t",
    b"aws_iam=t\x00",
    b"aws_iam=\xff",
]


@pytest.mark.parametrize("query", SELECTS, ids=str)
async def test_statement_90_one_aws_iam_selects_the_signed_operation(
    app: ProtocolApp, desk: Desk, query: bytes
) -> None:
    unsigned = with_header(desk.sign(), "authorization", None)
    answer = await ask(app, msgspec.structs.replace(unsigned, query=query))
    assert is_refusal(answer, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("query", DOES_NOT_SELECT, ids=str)
async def test_statement_90_whatever_else_is_create_token_and_wants_a_client_secret(
    app: ProtocolApp, desk: Desk, query: bytes
) -> None:
    answer = await ask(app, msgspec.structs.replace(desk.sign(), query=query))
    assert (answer.status, answer.error) == (400, "InvalidRequestException")
    assert answer.members["error_description"] == "clientSecret is required"


async def test_statement_90_a_presigned_query_selects_it_too(app: ProtocolApp, desk: Desk) -> None:
    answer = await ask(app, desk.presign(body=b'{"clientId":"nobody","grantType":"refresh_token"}'))
    assert (answer.status, answer.error) == (401, "InvalidClientException")


async def test_statement_90_a_signature_does_not_stand_for_a_client_secret(app: ProtocolApp, desk: Desk) -> None:
    application = await add_application(desk.world, actor_policy=ALLOWS_THE_DESK)
    body = {"clientId": application.application_arn, "grantType": REFRESH_TOKEN, "refreshToken": "a"}
    signed = desk.sign(body=json.dumps(body).encode(), url="https://sso.example.com/token")
    assert (await ask(app, signed)).members["error_description"] == "clientSecret is required"
    with_secret = desk.sign(body=json.dumps(body | {"clientSecret": "a"}).encode(), url="https://sso.example.com/token")
    answer = await ask(app, with_secret)
    assert (answer.status, answer.error) == (401, "InvalidClientException")


async def test_statement_90_a_client_secret_does_not_stand_for_a_signature(app: ProtocolApp, desk: Desk) -> None:
    client = await desk.world.register()
    body = {
        "clientId": client.client_id,
        "clientSecret": client.client_secret,
        "grantType": REFRESH_TOKEN,
        "refreshToken": present((await desk.world.signed_in(client)).refresh_token),
    }
    request = with_header(desk.sign(body=json.dumps(body).encode()), "authorization", None)
    assert is_refusal(await ask(app, request), "MissingAuthenticationTokenException")
    answer = await ask(app, desk.sign(body=json.dumps(body).encode()))
    assert (answer.status, answer.error) == (401, "InvalidClientException")
    unsigned = await ask(app, msgspec.structs.replace(request, query=b""))
    assert unsigned.status == 200
