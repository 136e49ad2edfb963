"""GetCallerIdentity at the ASGI application: which requests are STS's, who gets an answer, and each refusal in XML."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from postern.api.sts import NAMESPACE
from postern.core.audit import EventName
from postern.core.iam.signed_request import SignedRequest
from postern.core.store import StoreBusy, StoreUnavailable
from postern.server.app import ProtocolApp
from postern.server.asgi import Receive, Scope, Send
from postern.testing.processes import ServerProcess
from tests.core.iam.signing import (
    HOST,
    PRINCIPAL_ARN,
    Credentials,
    Desk,
    added,
    edited,
    header_of,
    open_desk,
    with_header,
)
from tests.core.world import World
from tests.server.in_process import respond
from tests.server.raw import exchange
from tests.server.raw import request as raw_request

MAX_BODY = 64 * 1024
ROOT = f"https://{HOST}/"
ACTION = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
PAGE = 299


class Answer(msgspec.Struct, frozen=True):
    """``members`` are those of the result, or of the error."""

    status: int
    headers: dict[str, str]
    members: dict[str, str]

    @property
    def code(self) -> str:
        return self.members.get("Code", "")


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


@pytest.fixture
def app(world: World) -> ProtocolApp:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": PAGE, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return ProtocolApp(world.service, page, max_body=MAX_BODY, log_requests=False)


async def ask(app: ProtocolApp, request: SignedRequest) -> Answer:
    status, headers, body = await respond(app, request)
    return Answer(status, headers, members_of(body))


def members_of(body: bytes) -> dict[str, str]:
    if not body:
        return {}
    document = ElementTree.fromstring(body)
    assert document.tag.startswith(f"{{{NAMESPACE}}}")
    result = document[0]
    return {member.tag.rpartition("}")[2]: member.text or "" for member in result}


def by_header(desk: Desk, credentials: Credentials | None = None, **signing: Any) -> SignedRequest:
    given = {"url": ROOT, "body": ACTION.encode(), "headers": FORM, "service": "sts"}
    return desk.sign(credentials, **given | signing)


def by_query(desk: Desk, credentials: Credentials | None = None, **signing: Any) -> SignedRequest:
    given = {"url": f"{ROOT}?{ACTION}", "body": b"", "headers": {}, "service": "sts", "method": "GET"}
    return desk.presign(credentials, **given | signing)


def signed_get(desk: Desk, credentials: Credentials | None = None) -> SignedRequest:
    return desk.sign(credentials, url=f"{ROOT}?{ACTION}", body=b"", service="sts", method="GET")


Signing = Callable[..., SignedRequest]
WAYS: dict[str, Signing] = {"POST": by_header, "GET": signed_get, "presigned GET": by_query}
HOLDERS: dict[str, tuple[Callable[[Desk], Credentials], str, str]] = {
    "access key": (lambda desk: desk.credentials, PRINCIPAL_ARN, r"AIDA[A-Z0-9]{17}"),
    "temporary": (lambda desk: desk.temporary(), PRINCIPAL_ARN, r"AIDA[A-Z0-9]{17}"),
    "role": (
        lambda desk: desk.of_role(),
        "arn:aws:sts::111122223333:assumed-role/nightly/mira",
        r"AROA[A-Z0-9]{17}:mira",
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", HOLDERS)
async def test_whoever_signs_hears_who_it_is(app: ProtocolApp, desk: Desk, way: str, holder: str) -> None:
    credentials, arn, user_id = HOLDERS[holder]
    answer = await ask(app, WAYS[way](desk, credentials(desk)))
    assert answer.status == 200
    assert set(answer.members) == {"Arn", "UserId", "Account"}
    assert (answer.members["Arn"], answer.members["Account"]) == (arn, "111122223333")
    assert re.fullmatch(user_id, answer.members["UserId"])
    assert answer.headers["content-type"] == "text/xml"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-amzn-requestid"]
    assert desk.world.event_names() == [EventName.GET_CALLER_IDENTITY]


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "nowhere"])
async def test_the_region_of_a_profile_does_not_matter(app: ProtocolApp, desk: Desk, region: str) -> None:
    assert (await ask(app, by_header(desk, region=region))).status == 200


# Which requests are STS's


@pytest.mark.parametrize(
    "method, query, path, status",
    [
        ("GET", b"", b"/", PAGE),
        ("GET", b"a=1", b"/", PAGE),
        ("GET", b"action=GetCallerIdentity", b"/", PAGE),
        ("GET", b"SomeAction=GetCallerIdentity", b"/", PAGE),
        ("GET", b"x=1?Action=GetCallerIdentity", b"/", PAGE),
        ("HEAD", b"Action=GetCallerIdentity", b"/", PAGE),
        ("PUT", b"Action=GetCallerIdentity", b"/", PAGE),
        ("GET", b"Action=GetCallerIdentity", b"/start", PAGE),
        ("POST", b"", b"/start", PAGE),
        ("GET", b"Action=Get&Version=1", b"/", 400),
        ("GET", b"a=1&Action=", b"/", 400),
        ("POST", b"", b"/", 400),
        ("POST", b"Action=GetCallerIdentity&Version=2011-06-15", b"/", 400),
    ],
    ids=str,
)
async def test_the_root_is_sts_for_a_form_and_for_an_action(
    app: ProtocolApp, method: str, query: bytes, path: bytes, status: int
) -> None:
    request = SignedRequest(method=method, path=path, query=query, headers=[(b"host", HOST.encode())], body=b"")
    assert (await ask(app, request)).status == status


# Each refusal


Tamper = Callable[[Desk], SignedRequest]


def spoilt(**changes: str | None) -> Callable[[Desk], Credentials]:
    return lambda desk: msgspec.structs.replace(desk.temporary(), **changes)


def in_authorization(old: str, new: str) -> Tamper:
    return lambda desk: edited(by_header(desk), "authorization", old, new)


def in_query(old: bytes, new: bytes) -> Tamper:
    def tampered(desk: Desk) -> SignedRequest:
        request = by_query(desk)
        assert old in request.query
        return msgspec.structs.replace(request, query=request.query.replace(old, new))

    return tampered


def both(desk: Desk) -> SignedRequest:
    return with_header(by_query(desk), "authorization", header_of(by_header(desk), "authorization"))


MISMATCH, UNKNOWN, INCOMPLETE = (
    (403, "SignatureDoesNotMatch"),
    (403, "InvalidClientTokenId"),
    (400, "IncompleteSignature"),
)
REFUSED: dict[str, tuple[Tamper, tuple[int, str]]] = {
    "unsigned": (
        lambda desk: with_header(by_header(desk), "authorization", None),
        (403, "MissingAuthenticationToken"),
    ),
    "wrong secret": (lambda desk: by_header(desk, spoilt(secret_access_key="a" * 40)(desk)), MISMATCH),
    "another body": (
        lambda desk: msgspec.structs.replace(by_header(desk), body=ACTION.encode() + b"&a=1"),
        MISMATCH,
    ),
    "old": (lambda desk: by_header(desk, late=301), MISMATCH),
    "of a time to come": (lambda desk: by_header(desk, late=-301), MISMATCH),
    "for SSO OIDC": (lambda desk: by_header(desk, service="sso-oauth"), MISMATCH),
    "another region put in": (in_authorization("us-east-1", "us-east-2"), MISMATCH),
    "another service put in": (in_authorization("/sts/", "/s3/"), MISMATCH),
    "unknown key": (in_authorization("AKIA", "AKIB"), UNKNOWN),
    "without its session token": (lambda desk: by_header(desk, spoilt(session_token=None)(desk)), UNKNOWN),
    "session token of nobody": (lambda desk: by_header(desk, spoilt(session_token="abc")(desk)), UNKNOWN),
    "basic": (lambda desk: with_header(by_header(desk), "authorization", "Basic bWlyYTptaXJh"), INCOMPLETE),
    "twice": (lambda desk: added(by_header(desk), "authorization", "AWS4-HMAC-SHA256"), INCOMPLETE),
    "no date": (lambda desk: with_header(by_header(desk), "x-amz-date", None), INCOMPLETE),
    "header and query": (both, INCOMPLETE),
    "presigned: lengthened": (in_query(b"X-Amz-Expires=60", b"X-Amz-Expires=61"), MISMATCH),
    "presigned: another key": (in_query(b"AKIA", b"AKIB"), UNKNOWN),
    "presigned: old": (lambda desk: by_query(desk, late=61), MISMATCH),
    "presigned: a further parameter": (in_query(b"Action=", b"a=1&Action="), MISMATCH),
    "presigned for SSO OIDC": (lambda desk: by_query(desk, service="sso-oauth"), MISMATCH),
    "no action": (lambda desk: by_header(desk, body=b"Version=2011-06-15"), (400, "MissingAction")),
    "another action": (
        lambda desk: by_header(desk, body=b"Action=AssumeRole&Version=2011-06-15"),
        (400, "InvalidAction"),
    ),
    "another version": (
        lambda desk: by_header(desk, body=b"Action=GetCallerIdentity&Version=2011-06-16"),
        (400, "InvalidAction"),
    ),
    "two actions": (lambda desk: by_header(desk, body=f"{ACTION}&Action=A".encode()), (400, "ValidationError")),
    "no UTF-8": (lambda desk: by_header(desk, body=b"\xff=\xff"), (400, "ValidationError")),
    "no form": (lambda desk: by_header(desk, headers={"Content-Type": "application/json"}), (400, "ValidationError")),
    "presigned: two actions": (in_query(b"Action=", b"Action=A&Action="), (400, "ValidationError")),
}


@pytest.mark.parametrize("tamper, refusal", REFUSED.values(), ids=REFUSED)
async def test_each_refusal_is_one_of_sts(
    app: ProtocolApp, desk: Desk, tamper: Tamper, refusal: tuple[int, str]
) -> None:
    answer = await ask(app, tamper(desk))
    assert (answer.status, answer.code) == refusal
    assert set(answer.members) == {"Type", "Code", "Message"}
    assert answer.members["Type"] == "Sender"
    assert answer.headers["content-type"] == "text/xml"
    assert answer.headers["cache-control"] == "no-store"
    assert EventName.GET_CALLER_IDENTITY not in desk.world.event_names()


async def test_the_action_may_be_in_the_body_of_a_presigned_post(app: ProtocolApp, desk: Desk) -> None:
    request = desk.presign(url=ROOT, body=ACTION.encode(), service="sts", headers=FORM)
    assert (await ask(app, request)).members["Arn"] == PRINCIPAL_ARN


@pytest.mark.parametrize("holder", ["temporary", "role"])
async def test_expired_credentials_are_told_apart(app: ProtocolApp, desk: Desk, holder: str) -> None:
    credentials = desk.temporary(900) if holder == "temporary" else desk.of_role(900)
    desk.world.clock.advance(900)
    answer = await ask(app, by_header(desk, credentials))
    assert (answer.status, answer.code) == (403, "ExpiredToken")


async def test_a_key_that_is_disabled_is_nobody_at_once(app: ProtocolApp, desk: Desk) -> None:
    temporary = desk.temporary()
    await desk.disable()
    for credentials in (desk.credentials, temporary):
        answer = await ask(app, by_header(desk, credentials))
        assert (answer.status, answer.code) == (403, "InvalidClientTokenId")


async def test_a_signature_for_sts_is_no_good_for_sso_oidc(app: ProtocolApp, desk: Desk) -> None:
    status, headers, _ = await respond(app, desk.sign(service="sts"))
    assert (status, headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")


async def test_the_action_is_looked_at_before_the_signature(app: ProtocolApp, desk: Desk) -> None:
    """STS has actions that want none."""
    request = by_header(desk, body=b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15")
    answer = await ask(app, with_header(request, "authorization", None))
    assert (answer.status, answer.code) == (400, "InvalidAction")
    assert not desk.world.events


async def test_a_refused_signature_is_one_event(app: ProtocolApp, desk: Desk) -> None:
    await ask(app, by_header(desk, service="sso-oauth"))
    (event,) = desk.world.events
    assert (event.event_name, event.reason) == (EventName.SIGNATURE_REJECTED, "the scope is of another service")
    assert event.access_key_id == desk.record.access_key_id


async def test_a_large_body_is_not_read_on(app: ProtocolApp, desk: Desk) -> None:
    request = by_header(desk)
    for large in (
        added(request, "content-length", str(MAX_BODY + 1)),
        msgspec.structs.replace(request, body=b"a" * (MAX_BODY + 1)),
    ):
        answer = await ask(app, large)
        assert (answer.status, answer.code) == (400, "ValidationError")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("failure", [StoreUnavailable("down"), RuntimeError("a bug")], ids=["store", "bug"])
async def test_a_fault_of_ours_is_told_in_sts_own_words(
    app: ProtocolApp, desk: Desk, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    async def fail(access_key_id: str) -> None:
        raise failure

    monkeypatch.setattr(desk.world.store, "find_access_key", fail)
    answer = await ask(app, by_header(desk))
    assert (answer.status, answer.code, answer.members["Type"]) == (500, "InternalFailure", "Receiver")
    assert str(failure) not in answer.members["Message"]


async def test_a_store_that_has_too_much_to_do_is_throttling(
    app: ProtocolApp, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(access_key_id: str) -> None:
        raise StoreBusy("late")

    monkeypatch.setattr(desk.world.store, "find_access_key", fail)
    answer = await ask(app, by_header(desk))
    assert (answer.status, answer.code, answer.members["Type"]) == (400, "Throttling", "Sender")


# At a server on the street


def test_the_server_answers_with_a_date_and_leaves_the_root_to_people(server: ServerProcess) -> None:
    body = ACTION.encode()
    answer = exchange(
        server.port, raw_request("POST", "/", "Content-Type: application/x-www-form-urlencoded", body=body)
    )
    assert (answer.status, answer.header("content-type")) == (403, "text/xml")
    assert answer.header("date")
    assert members_of(answer.body)["Code"] == "MissingAuthenticationToken"
    page = exchange(server.port, raw_request("GET", "/"))
    assert page.status in (302, 303, 307)
    assert (page.header("location") or "").endswith("/start")
