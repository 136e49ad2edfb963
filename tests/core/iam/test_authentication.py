"""Signatures as statements 79 to 88 of the security requirements have them: who signed, and each way not to believe
it.
"""

import asyncio
import hmac
from datetime import UTC, datetime
from functools import cache
from unittest.mock import patch
from urllib.parse import quote, urlencode

import msgspec
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postern.api import sigv4
from postern.api.errors import (
    ExpiredCredentialsException,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    SignatureRefused,
    UnrecognizedClientException,
)
from postern.api.sigv4_authorization import MAX_SIGNED_HEADERS
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Principal
from postern.core.iam.authentication import authenticate
from postern.core.iam.signed_request import MAX_PARAMETERS, SignedRequest
from tests.core.iam.signing import (
    BODY,
    HOST,
    PRINCIPAL_ARN,
    REGION,
    ROLE_ARN,
    SERVICE,
    URL,
    Credentials,
    Desk,
    added,
    edited,
    header_of,
    open_desk,
    request_to,
    with_header,
)
from tests.core.world import LAPTOP, PlainHasher, VirtualClock, World, open_world, present, refused

FIVE_MINUTES = 300
NOW = 1_790_000_000  # 2026-09-21T14:13:20Z, of the virtual clock


async def test_a_signed_request_has_the_principal_of_the_access_key(desk: Desk) -> None:
    principal = await desk.authenticate(desk.sign())
    assert principal == Principal(arn=PRINCIPAL_ARN, access_key_id=desk.record.access_key_id)


async def test_a_good_signature_is_no_event(desk: Desk, events: list[AuditEvent]) -> None:
    await desk.authenticate(desk.sign())
    assert not events


async def test_the_components_may_be_in_any_order_and_further_headers_unsigned(desk: Desk) -> None:
    request = added(desk.sign(), "accept-encoding", "identity")
    algorithm, _, components = header_of(request, "authorization").partition(" ")
    turned = ",".join(reversed(components.split(", ")))
    assert await desk.arn_of(with_header(request, "authorization", f"{algorithm} {turned}")) == PRINCIPAL_ARN


# Statement 79: unsigned, wrong, expired


async def test_statement_79_unsigned(desk: Desk) -> None:
    request = with_header(desk.sign(), "authorization", None)
    with refused(MissingAuthenticationTokenException, "neither") as refusal:
        await desk.authenticate(request)
    assert refusal.value.description == "Missing Authentication Token"


@pytest.mark.parametrize(
    "old, new, text",
    [
        ("Credential=", "Credentials=", "a component other than Credential, SignedHeaders, Signature"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "the algorithm is not AWS4-HMAC-SHA256"),
        ("AWS4-HMAC-SHA256", "Bearer", "the algorithm is not AWS4-HMAC-SHA256"),
        ("SignedHeaders=content-type;host", "SignedHeaders=content-type", "SignedHeaders is without host"),
        ("Signature=", "Signature=0", "Signature is not 64 lower-case hex digits"),
    ],
)
async def test_statement_79_a_malformed_authorization_is_told_what_is_wrong(
    desk: Desk, old: str, new: str, text: str
) -> None:
    with refused(IncompleteSignatureException, text) as refusal:
        await desk.authenticate(edited(desk.sign(), "authorization", old, new))
    assert text in refusal.value.description


@pytest.mark.parametrize("component", ["Credential", "SignedHeaders", "Signature"])
async def test_statement_79_a_missing_component_is_named_as_aws_names_it(desk: Desk, component: str) -> None:
    request = desk.sign()
    algorithm, _, components = header_of(request, "authorization").partition(" ")
    kept = ", ".join(part for part in components.split(", ") if not part.startswith(f"{component}="))
    with refused(IncompleteSignatureException, f"{component} is missing") as refusal:
        await desk.authenticate(with_header(request, "authorization", f"{algorithm} {kept}"))
    assert refusal.value.description == f"Authorization header requires '{component}' parameter."


async def test_statement_79_without_a_date(desk: Desk) -> None:
    with refused(IncompleteSignatureException, "X-Amz-Date is missing") as refusal:
        await desk.authenticate(with_header(desk.sign(), "x-amz-date", None))
    assert refusal.value.description == "Authorization header requires existence of a 'X-Amz-Date' header."


@pytest.mark.parametrize("date", ["", "20260921", "20260921T141320", "20261321T141320Z", "Mon, 21 Sep 2026 14:13:20"])
async def test_statement_79_a_date_that_is_none(desk: Desk, date: str) -> None:
    with refused(IncompleteSignatureException, "X-Amz-Date is not"):
        await desk.authenticate(with_header(desk.sign(), "x-amz-date", date))


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"])
async def test_statement_79_what_says_who_signs_is_there_once(desk: Desk, name: str) -> None:
    headers = {"X-Amz-Content-Sha256": sigv4.payload_hash(BODY)}
    request = desk.sign(desk.temporary(), headers=headers)
    with refused(IncompleteSignatureException, f"{name} is repeated"):
        await desk.authenticate(added(request, name, header_of(request, name)))


# Statement 80: what must be signed


async def test_statement_80_an_amz_header_that_was_not_signed(desk: Desk) -> None:
    with refused(IncompleteSignatureException, "an X-Amz- header is not signed"):
        await desk.authenticate(added(desk.sign(), "x-amz-user-agent", "somebody else"))


async def test_statement_80_an_amz_header_that_was_not_signed_in_a_presigned_request(desk: Desk) -> None:
    with refused(IncompleteSignatureException, "an X-Amz- header is not signed"):
        await desk.authenticate(added(desk.presign(), "x-amz-user-agent", "somebody else"))


async def test_statement_80_a_session_token_that_was_not_signed(desk: Desk) -> None:
    temporary = desk.temporary()
    request = desk.sign(msgspec.structs.replace(temporary, session_token=None))
    with refused(IncompleteSignatureException, "X-Amz-Security-Token is not signed"):
        await desk.authenticate(added(request, "x-amz-security-token", present(temporary.session_token)))


async def test_statement_80_a_signed_header_that_is_gone(desk: Desk) -> None:
    with refused(IncompleteSignatureException, "a signed header is not in the request"):
        await desk.authenticate(with_header(desk.sign(), "content-type", None))


@pytest.mark.parametrize("name", ["x-amz-date", "x-amz-security-token"])
async def test_statement_80_a_presigned_request_has_date_and_token_in_its_query_alone(desk: Desk, name: str) -> None:
    value = {"x-amz-date": sigv4.amz_date(NOW), "x-amz-security-token": present(desk.temporary().session_token)}[name]
    with refused(IncompleteSignatureException, "has to be in the query alone"):
        await desk.authenticate(added(desk.presign(), name, value))


# Statement 81: the clock


@pytest.mark.parametrize("late", [-FIVE_MINUTES, -1, 0, 1, FIVE_MINUTES])
async def test_statement_81_five_minutes_off_are_let_pass(desk: Desk, late: int) -> None:
    assert await desk.arn_of(desk.sign(late=late)) == PRINCIPAL_ARN


async def test_statement_81_expired(desk: Desk) -> None:
    with refused(InvalidSignatureException, "has expired") as refusal:
        await desk.authenticate(desk.sign(late=FIVE_MINUTES + 1))
    assert refusal.value.description == (
        "Signature expired: 20260921T140819Z is now earlier than 20260921T140820Z (20260921T141320Z - 5 min.)"
    )


async def test_statement_81_not_yet_current(desk: Desk) -> None:
    with refused(InvalidSignatureException, "of a time to come") as refusal:
        await desk.authenticate(desk.sign(late=-FIVE_MINUTES - 1))
    assert refusal.value.description == (
        "Signature not yet current: 20260921T141821Z is still later than 20260921T141820Z (20260921T141320Z + 5 min.)"
    )


@pytest.mark.parametrize("skew, span", [(900, "- 15 min.)"), (90, "- 90 sec.)")])
async def test_statement_81_how_far_is_a_setting(world: World, desk: Desk, skew: int, span: str) -> None:
    world.change("iam", max_clock_skew=skew)
    assert await desk.arn_of(desk.sign(late=skew)) == PRINCIPAL_ARN
    with refused(InvalidSignatureException, "has expired") as refusal:
        await desk.authenticate(desk.sign(late=skew + 1))
    assert refusal.value.description.endswith(span)


# Statement 82: the scope, part by part

SCOPES = {
    "region": ("/us-east-1/", "/eu-west-1/", "Credential should be scoped to a valid region."),
    "service": ("/sso-oauth/", "/sts/", "Credential should be scoped to correct service: 'sso-oauth'."),
    "terminator": (
        "/aws4_request,",
        "/aws5_request,",
        "Credential should be scoped with a valid terminator: 'aws4_request'.",
    ),
    "date": (
        "/20260921/",
        "/20260920/",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
    ),
}


@pytest.mark.parametrize("old, new, text", SCOPES.values(), ids=SCOPES)
async def test_statement_82_each_part_of_the_scope_has_its_own_refusal(
    desk: Desk, old: str, new: str, text: str
) -> None:
    with refused(InvalidSignatureException, "of the scope" if "terminator" in text else "the scope is of") as refusal:
        await desk.authenticate(edited(desk.sign(), "authorization", old, new))
    assert refusal.value.description == text


@pytest.mark.parametrize("region, service", [("eu-west-1", "sso-oauth"), ("us-east-1", "sts")])
async def test_statement_82_nor_does_it_do_when_it_is_what_was_signed(desk: Desk, region: str, service: str) -> None:
    with refused(InvalidSignatureException, "the scope is of another"):
        await desk.authenticate(desk.sign(region=region, service=service))


async def test_statement_82_the_region_is_ours(world: World, desk: Desk) -> None:
    world.change("instance", region="eu-central-1")
    assert await desk.arn_of(desk.sign(region="eu-central-1")) == PRINCIPAL_ARN


# Statement 83: the body


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"1", b"2", 1), b"{}"])
@pytest.mark.parametrize("way", ["header", "query"])
async def test_statement_83_another_body(desk: Desk, way: str, body: bytes) -> None:
    request = desk.sign() if way == "header" else desk.presign()
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(msgspec.structs.replace(request, body=body))


async def test_statement_83_the_digest_of_the_body_may_be_sent(desk: Desk) -> None:
    assert await desk.arn_of(desk.sign(headers={"X-Amz-Content-Sha256": sigv4.payload_hash(BODY)})) == PRINCIPAL_ARN


@pytest.mark.parametrize(
    "stated",
    [
        "",
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        sigv4.payload_hash(b""),
        sigv4.payload_hash(BODY).upper(),
    ],
)
async def test_statement_83_another_digest_than_the_bodys(desk: Desk, stated: str) -> None:
    with refused(InvalidSignatureException, "is not the digest of the body"):
        await desk.authenticate(desk.sign(headers={"X-Amz-Content-Sha256": stated}))


async def test_statement_83_a_body_that_says_of_itself_that_it_is_unsigned(desk: Desk) -> None:
    """As a client would sign it: with the word in place of the digest."""
    with patch("postern.api.sigv4.payload_hash", lambda _: "UNSIGNED-PAYLOAD"):
        request = desk.sign(headers={"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"})
    with refused(InvalidSignatureException, "is not the digest of the body"):
        await desk.authenticate(request)
    with refused(IncompleteSignatureException, "a signed header is not in the request"):
        await desk.authenticate(with_header(request, "x-amz-content-sha256", None))


# Statement 84: both ways at once


async def test_statement_84_header_and_query_together(desk: Desk) -> None:
    both = with_header(desk.presign(), "authorization", header_of(desk.sign(), "authorization"))
    with refused(IncompleteSignatureException, "both an Authorization header and X-Amz- query parameters"):
        await desk.authenticate(both)


@pytest.mark.parametrize(
    "parameter", ["X-Amz-Signature=", "X-Amz-Security-Token=a", "X%2DAmz-Date=20260921T141320Z", "X-Amz-Expires"]
)
async def test_statement_84_even_one_parameter_of_the_query_is_both(desk: Desk, parameter: str) -> None:
    with refused(IncompleteSignatureException, "both an Authorization header and X-Amz- query parameters"):
        await desk.authenticate(desk.sign(url=f"{URL}&{parameter}"))


# Statement 85: presigned


@pytest.mark.parametrize("late, expires_in", [(0, 1), (1, 1), (60, 60), (604800, 604800), (-FIVE_MINUTES, 1)])
async def test_statement_85_a_presigned_request_lasts_as_long_as_it_says(
    desk: Desk, late: int, expires_in: int
) -> None:
    principal = await desk.authenticate(desk.presign(late=late, expires_in=expires_in))
    assert principal.arn == PRINCIPAL_ARN


@pytest.mark.parametrize("late, expires_in, span", [(2, 1, "1 sec."), (61, 60, "1 min."), (604801, 604800, "10080")])
async def test_statement_85_and_not_a_second_longer(desk: Desk, late: int, expires_in: int, span: str) -> None:
    with refused(InvalidSignatureException, "the signature has expired") as refusal:
        await desk.authenticate(desk.presign(late=late, expires_in=expires_in))
    assert refusal.value.description.startswith("Signature expired: ")
    assert span in refusal.value.description


@pytest.mark.parametrize("expires_in", [60, 604800])
async def test_statement_85_a_presigned_request_of_a_time_to_come(desk: Desk, expires_in: int) -> None:
    with refused(InvalidSignatureException, "of a time to come"):
        await desk.authenticate(desk.presign(late=-FIVE_MINUTES - 1, expires_in=expires_in))


async def test_a_query_with_too_many_parameters_costs_nothing(desk: Desk) -> None:
    """Nobody is proved yet, and each parameter would be decoded, encoded and sorted."""
    request = desk.sign()
    long = msgspec.structs.replace(request, query=request.query + b"&" * MAX_PARAMETERS)
    with refused(IncompleteSignatureException, "too many parameters"):
        await desk.authenticate(long)


async def test_signed_headers_without_end_are_not_remembered(desk: Desk) -> None:
    names = ";".join(f"x{number:05}" for number in range(MAX_SIGNED_HEADERS)).encode()
    request = desk.sign()
    headers = [
        (name, value.replace(b"SignedHeaders=", b"SignedHeaders=" + names + b";")) for name, value in request.headers
    ]
    with refused(IncompleteSignatureException, "SignedHeaders is too long"):
        await desk.authenticate(msgspec.structs.replace(request, headers=headers))


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "60.0", "+60", "060", "", "9999999999"])
async def test_statement_85_an_expiry_from_1_to_604800(desk: Desk, expires: str) -> None:
    with refused(IncompleteSignatureException, "X-Amz-Expires is not a number from 1 to 604800"):
        await desk.authenticate(requeried(desk.presign(), b"X-Amz-Expires=60", f"X-Amz-Expires={expires}".encode()))


async def test_statement_85_an_expiry_that_was_lengthened(desk: Desk) -> None:
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(requeried(desk.presign(), b"X-Amz-Expires=60", b"X-Amz-Expires=600"))


@pytest.mark.parametrize(
    "parameter",
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"],
)
async def test_statement_85_a_missing_parameter_is_named_as_aws_names_it(desk: Desk, parameter: str) -> None:
    request = desk.presign()
    kept = [pair for pair in request.query.split(b"&") if not pair.startswith(f"{parameter}=".encode())]
    with refused(IncompleteSignatureException, f"{parameter} is missing") as refusal:
        await desk.authenticate(msgspec.structs.replace(request, query=b"&".join(kept)))
    assert refusal.value.description == (
        f"AWS query-string parameters must include '{parameter}'. Re-examine the query-string parameters."
    )


def requeried(request: SignedRequest, old: bytes, new: bytes) -> SignedRequest:
    assert old in request.query
    return msgspec.structs.replace(request, query=request.query.replace(old, new))


# Statement 86: the same request in other words, and another request. AWS's vectors are in tests/api/test_sigv4.py.


@pytest.mark.parametrize(
    "query",
    [b"b=2&aws_iam=t&a=1&b=1", b"a=1&b=1&b=2&aws_iam=t", b"%61=1&b=%31&b=2&aws_iam=%74", b"aws_iam=t&a=1&b=2&b=1"],
)
async def test_statement_86_the_query_in_other_words(desk: Desk, query: bytes) -> None:
    request = desk.sign(url=f"{URL}&b=1&a=1&b=2")
    assert await desk.arn_of(msgspec.structs.replace(request, query=query)) == PRINCIPAL_ARN


@pytest.mark.parametrize(
    "query", [b"", b"aws_iam=t", b"aws_iam=t&a=1&b=1", b"aws_iam=t&a=1&b=1&b=2&b=2", b"aws_iam=t&a=2&b=1&b=1"]
)
async def test_statement_86_another_query(desk: Desk, query: bytes) -> None:
    request = desk.sign(url=f"{URL}&b=1&a=1&b=2")
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(msgspec.structs.replace(request, query=query))


async def test_statement_86_white_space_in_a_header_is_folded(desk: Desk) -> None:
    request = desk.sign(headers={"X-Amz-Note": "one  two"})
    assert await desk.arn_of(with_header(request, "x-amz-note", "  one \t two ")) == PRINCIPAL_ARN
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(with_header(request, "x-amz-note", "onetwo"))


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": b"/token/"},
        {"path": b"/introspect"},
        {"path": b"/%74oken"},
    ],
    ids=str,
)
async def test_statement_86_another_method_or_path(desk: Desk, change: dict[str, object]) -> None:
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(msgspec.structs.replace(desk.sign(), **change))


async def test_statement_86_another_host(desk: Desk) -> None:
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(with_header(desk.sign(), "host", "other.example.com"))


async def test_statement_86_bytes_that_are_no_utf_8(desk: Desk) -> None:
    request = desk.sign(headers={"X-Amz-Note": "\udcff"}, url=f"{URL}&a=%FF")
    assert await desk.arn_of(request) == PRINCIPAL_ARN
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(with_header(request, "x-amz-note", "\udcfe"))


# Statement 87: temporary credentials


@pytest.mark.parametrize("way", ["header", "query"])
async def test_statement_87_temporary_credentials_with_their_own_token(desk: Desk, way: str) -> None:
    temporary = desk.temporary()
    request = desk.sign(temporary) if way == "header" else desk.presign(temporary)
    expected = Principal(arn=PRINCIPAL_ARN, access_key_id=temporary.access_key_id)
    assert await desk.authenticate(request) == expected


async def test_statement_87_a_roles_session_is_the_session_and_knows_its_role(desk: Desk) -> None:
    of_role = desk.of_role()
    assert await desk.authenticate(desk.sign(of_role)) == Principal(
        arn="arn:aws:sts::111122223333:assumed-role/nightly/mira",
        access_key_id=of_role.access_key_id,
        role_arn=ROLE_ARN,
    )


async def test_statement_87_without_a_token(desk: Desk) -> None:
    without = msgspec.structs.replace(desk.temporary(), session_token=None)
    with refused(UnrecognizedClientException, "there is no such access key") as refusal:
        await desk.authenticate(desk.sign(without))
    assert refusal.value.description == "The security token included in the request is invalid."


async def test_statement_87_with_a_token_of_another_key(desk: Desk) -> None:
    mixed = msgspec.structs.replace(desk.temporary(), session_token=desk.temporary().session_token)
    with refused(UnrecognizedClientException, "the session token is of another access key"):
        await desk.authenticate(desk.sign(mixed))


async def test_statement_87_a_token_on_a_long_term_key(desk: Desk) -> None:
    mixed = msgspec.structs.replace(desk.credentials, session_token=desk.temporary().session_token)
    with refused(UnrecognizedClientException, "the session token is of another access key"):
        await desk.authenticate(desk.sign(mixed))


@pytest.mark.parametrize("token", ["a", "AAAA" * 60, "é", "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="])
async def test_statement_87_a_token_that_is_none_of_ours(desk: Desk, token: str) -> None:
    with refused(UnrecognizedClientException, "the session token is not one of ours"):
        await desk.authenticate(desk.sign(msgspec.structs.replace(desk.temporary(), session_token=token)))


async def test_statement_87_the_last_second(desk: Desk, clock: VirtualClock) -> None:
    temporary = desk.temporary(duration=900)
    clock.advance(899)
    assert await desk.arn_of(desk.sign(temporary)) == PRINCIPAL_ARN
    clock.advance(1)
    with refused(ExpiredCredentialsException, "have expired") as refusal:
        await desk.authenticate(desk.sign(temporary))
    assert refusal.value.wire_name() == "ExpiredTokenException"


async def test_statement_87_a_wrong_signature_with_expired_credentials_hears_of_the_signature(
    desk: Desk, clock: VirtualClock
) -> None:
    wrong = msgspec.structs.replace(desk.temporary(duration=900), secret_access_key="a" * 40)
    clock.advance(900)
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(desk.sign(wrong))


async def test_statement_87_the_secret_of_the_access_key_is_not_that_of_its_temporary_credentials(desk: Desk) -> None:
    wrong = msgspec.structs.replace(desk.temporary(), secret_access_key=desk.credentials.secret_access_key)
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(desk.sign(wrong))


# Attack 24: what was disabled works no more


async def test_an_inactive_access_key_is_refused_at_once_and_its_temporary_credentials_with_it(desk: Desk) -> None:
    temporary, of_role = desk.temporary(), desk.of_role()
    await desk.authenticate(desk.sign())
    await desk.authenticate(desk.sign(temporary))
    await desk.disable()
    with refused(UnrecognizedClientException, "the access key is inactive"):
        await desk.authenticate(desk.sign())
    with refused(UnrecognizedClientException, "is gone or inactive"):
        await desk.authenticate(desk.sign(temporary))
    assert await desk.arn_of(desk.sign(of_role))


async def test_a_removed_access_key_is_refused_at_once_and_its_temporary_credentials_with_it(desk: Desk) -> None:
    temporary = desk.temporary()
    await desk.authenticate(desk.sign())
    await desk.remove()
    with refused(UnrecognizedClientException, "there is no such access key"):
        await desk.authenticate(desk.sign())
    with refused(UnrecognizedClientException, "is gone or inactive"):
        await desk.authenticate(desk.sign(temporary))


async def test_an_access_key_that_is_active_again_works_again(desk: Desk) -> None:
    active, temporary = desk.record.status, desk.temporary()
    await desk.disable()
    await desk.change(status=active)
    assert await desk.arn_of(desk.sign()) == PRINCIPAL_ARN
    assert await desk.arn_of(desk.sign(temporary)) == PRINCIPAL_ARN


async def test_temporary_credentials_do_not_outlive_the_secret_that_they_were_made_with(desk: Desk) -> None:
    temporary = desk.temporary()
    other = await open_desk(desk.world)
    await desk.change(sealed_secret=other.record.sealed_secret)
    with refused(UnrecognizedClientException, "is gone or inactive"):
        await desk.authenticate(desk.sign(temporary))


async def test_temporary_credentials_do_not_pass_to_another_principal(desk: Desk) -> None:
    temporary = desk.temporary()
    await desk.change(principal_arn="arn:aws:iam::111122223333:user/other")
    with refused(UnrecognizedClientException, "is gone or inactive"):
        await desk.authenticate(desk.sign(temporary))


# Other services than SSO OIDC


@pytest.mark.parametrize("region", [REGION, "eu-central-1", "nowhere"])
async def test_a_signature_for_sts_may_be_of_any_region(desk: Desk, region: str) -> None:
    request = desk.sign(service="sts", region=region)
    principal = await authenticate(desk.world.service, request, LAPTOP, signing_name="sts", any_region=True)
    assert principal.arn == PRINCIPAL_ARN


async def test_the_signature_covers_the_region_that_it_names(desk: Desk) -> None:
    request = edited(desk.sign(service="sts"), "authorization", REGION, "us-east-2")
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await authenticate(desk.world.service, request, LAPTOP, signing_name="sts", any_region=True)


async def test_another_service_does_not_mean_any_region(desk: Desk) -> None:
    request = desk.sign(service="sts", region="eu-central-1")
    with refused(InvalidSignatureException, "the scope is of another region"):
        await authenticate(desk.world.service, request, LAPTOP, signing_name="sts")


@pytest.mark.parametrize("signed, asked", [(SERVICE, "sts"), ("sts", SERVICE), ("STS", "sts"), ("s3", "sts")])
async def test_what_is_signed_for_one_service_is_no_good_for_another(desk: Desk, signed: str, asked: str) -> None:
    for request in (desk.sign(service=signed), desk.presign(service=signed)):
        with refused(InvalidSignatureException, "the scope is of another service") as refusal:
            await authenticate(desk.world.service, request, LAPTOP, signing_name=asked, any_region=asked == "sts")
        assert refusal.value.description == f"Credential should be scoped to correct service: '{asked}'."


async def test_the_name_of_the_service_cannot_be_changed_in_what_was_signed(desk: Desk) -> None:
    request = edited(desk.sign(service="sts"), "authorization", "/sts/", f"/{SERVICE}/")
    with refused(InvalidSignatureException, "the signature is not that of the request"):
        await desk.authenticate(request)


# Statement 88: what the clock tells


async def work(desk: Desk, credentials: Credentials, *, region: str | None = None) -> list[str]:
    """The HMACs and comparisons of a refusal, in order, with the number of bytes that go in; by STS for ``region``."""
    service = "sts" if region else SERVICE
    request, done = desk.sign(credentials, service=service, region=region or REGION), []
    digest, compare = hmac.digest, hmac.compare_digest

    def counted_digest(key: bytes, message: bytes, name: str) -> bytes:
        done.append(f"digest {len(message)}")
        return digest(key, message, name)

    def counted_compare(one: str, other: str) -> bool:
        done.append(f"compare {len(one)} with {len(other)}")
        return compare(one, other)

    with (
        patch.object(hmac, "digest", counted_digest),
        patch.object(hmac, "compare_digest", counted_compare),
        pytest.raises(SignatureRefused),
    ):
        await authenticate(desk.world.service, request, LAPTOP, signing_name=service, any_region=region is not None)
    return done


async def test_statement_88_an_unknown_access_key_costs_what_a_wrong_signature_costs(desk: Desk) -> None:
    wrong = msgspec.structs.replace(desk.credentials, secret_access_key="a" * 40)
    unknown = msgspec.structs.replace(desk.credentials, access_key_id="AKIAAAAAAAAAAAAAAAAA")
    first = await work(desk, wrong)
    assert [step.split()[0] for step in first] == ["digest"] * 5 + ["compare"]
    assert await work(desk, unknown) == first
    assert await work(desk, wrong) == await work(desk, unknown) == first[-2:]
    assert first[-1] == "compare 64 with 64"


async def test_statement_88_an_inactive_access_key_costs_the_same(desk: Desk) -> None:
    wrong = msgspec.structs.replace(desk.credentials, secret_access_key="a" * 40)
    first = await work(desk, wrong)
    await desk.disable()
    assert await work(desk, desk.credentials) == first


async def test_a_signing_key_is_derived_once_a_day(desk: Desk, clock: VirtualClock) -> None:
    wrong = msgspec.structs.replace(desk.credentials, secret_access_key="a" * 40)
    derived = []
    for _ in range(2):
        derived += [len(await work(desk, wrong)), len(await work(desk, wrong))]
        clock.advance(24 * 3600)
    assert derived == [6, 2, 6, 2]


async def test_regions_that_anybody_names_crowd_no_key_out(desk: Desk) -> None:
    wrong = msgspec.structs.replace(desk.credentials, secret_access_key="a" * 40)
    unknown = msgspec.structs.replace(desk.credentials, access_key_id="AKIAAAAAAAAAAAAAAAAA")
    for region in ("us-east-1", "us-east-1", "eu-central-1"):  # none of them is remembered
        costs = [await work(desk, credentials, region=region) for credentials in (wrong, unknown)]
        assert costs[0] == costs[1]
        assert len(costs[0]) == 6


# What is written down


async def test_each_refusal_is_one_event_without_a_secret(desk: Desk, events: list[AuditEvent]) -> None:
    temporary = desk.temporary()
    request = msgspec.structs.replace(desk.sign(temporary), body=b"{}")
    with refused(InvalidSignatureException):
        await desk.authenticate(request)
    (event,) = events
    assert event == AuditEvent(
        event_name=EventName.SIGNATURE_REJECTED,
        event_time=desk.world.now,
        outcome="Failure",
        source_address=LAPTOP.address,
        access_key_id=temporary.access_key_id,
        reason="the signature is not that of the request",
    )
    signature = header_of(request, "authorization").rpartition("=")[2]
    shown = repr(events) + repr(request)
    assert not [secret for secret in (signature, temporary.session_token) if present(secret) in shown]


async def test_a_secret_in_the_place_of_the_id_is_not_written_down(desk: Desk, events: list[AuditEvent]) -> None:
    swapped = Credentials(access_key_id="wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY", secret_access_key=desk.record.access_key_id)
    with refused(UnrecognizedClientException, "there is no such access key"):
        await desk.authenticate(desk.sign(swapped))
    assert events[0].access_key_id is None
    assert "EXAMPLEKEY" not in repr(events)


async def test_no_refusal_repeats_what_was_sent(desk: Desk) -> None:
    for old, new in (("/us-east-1/", "/canary/"), ("AWS4-HMAC-SHA256", "canary"), ("content-type;", "canary;host;")):
        with pytest.raises(SignatureRefused) as refusal:
            await desk.authenticate(edited(desk.sign(), "authorization", old, new))
        assert "canary" not in f"{refusal.value.description} {refusal.value.reason}"


# Against botocore

spaces = st.sampled_from(["", " ", "  ", "\t", " \t "])
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=8)
values = st.builds(lambda parts: "".join(f"{word}{gap}" for word, gap in parts), st.lists(st.tuples(words, spaces)))
names = st.sampled_from(["X-Amz-Note", "x-amz-user-agent", "Content-Type", "Accept", "X-Forwarded-For"])
printable = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)
parameters = st.dictionaries(printable.filter(lambda name: not name.startswith("X-Amz-")), printable, max_size=4)
kinds = st.sampled_from(["long-term", "temporary", "role"])
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def shared_desk() -> Desk:
    """One world for all examples, which change nothing in it."""

    async def opened() -> Desk:
        return await open_desk(await open_world(VirtualClock(), [], PlainHasher()))

    return asyncio.run(opened())


@cache
def credentials_of(kind: str) -> Credentials:
    desk = shared_desk()
    return {"long-term": lambda: desk.credentials, "temporary": desk.temporary, "role": desk.of_role}[kind]()


def signed_by_botocore(
    signer: type[SigV4Auth], kind: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> SignedRequest:
    credentials = credentials_of(kind)
    theirs = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    written = urlencode(query, quote_via=quote, safe="-_.~")  # as SDKs write it
    request = AWSRequest(method="POST", url=f"https://{HOST}/token?{written}", headers=headers, data=body)
    moment = datetime.fromtimestamp(NOW, UTC).replace(tzinfo=None)
    with patch("botocore.auth.get_current_datetime", lambda: moment):
        signer(theirs, SERVICE, REGION).add_auth(request)
    return request_to(request.url, dict(request.headers.items()), body)


def principal_of(request: SignedRequest) -> Principal:
    return asyncio.run(authenticate(shared_desk().world.service, request, LAPTOP))


@quick
@given(kinds, parameters, st.dictionaries(names, values), st.binary(max_size=60))
def test_whatever_botocore_signs_in_headers_verifies(
    kind: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> None:
    request = signed_by_botocore(SigV4Auth, kind, {"aws_iam": "t"} | query, headers, body)
    assert principal_of(request).access_key_id == credentials_of(kind).access_key_id


@quick
@given(kinds, parameters, st.dictionaries(names, values))
def test_whatever_botocore_presigns_verifies(kind: str, query: dict[str, str], headers: dict[str, str]) -> None:
    """Without a body: botocore would move it into the query."""
    request = signed_by_botocore(SigV4QueryAuth, kind, {"aws_iam": "t"} | query, headers, b"")
    assert principal_of(request).access_key_id == credentials_of(kind).access_key_id


@quick
@given(kinds, parameters, st.binary(min_size=1, max_size=40), st.data())
def test_one_bit_of_what_botocore_signed_is_enough(
    kind: str, query: dict[str, str], body: bytes, data: st.DataObject
) -> None:
    request = signed_by_botocore(SigV4Auth, kind, {"aws_iam": "t"} | query, {}, body)
    at = data.draw(st.integers(0, 8 * len(body) - 1))
    flipped = bytearray(body)
    flipped[at // 8] ^= 1 << at % 8
    with pytest.raises(InvalidSignatureException):
        principal_of(msgspec.structs.replace(request, body=bytes(flipped)))
