"""GetCallerIdentity's wire, held against botocore's model of STS and its parser of the query protocol."""

from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import QueryParser
from botocore.serialize import QuerySerializer

from postern.api import sts
from postern.api.errors import (
    ExpiredCredentialsException,
    IncompleteSignatureException,
    InvalidRequestException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    ModelledError,
    SignatureRefused,
    UnrecognizedClientException,
)
from postern.api.form import MAX_PARAMETERS
from postern.api.response import Response
from postern.api.sts import CallerIdentity, InternalFailureException, InvalidActionException, MissingActionException

MODEL = ServiceModel(Loader().load_service_model("sts", "service-2"), "sts")
OPERATION = MODEL.operation_model(sts.GET_CALLER_IDENTITY)
REQUEST_ID = "01234567-89ab-cdef-0123-456789abcdef"
IDENTITY = CallerIdentity(
    arn="arn:aws:sts::111122223333:assumed-role/nightly/mira",
    user_id="AROAAAAAAAAAAAAAAAAAA:mira",
    account="111122223333",
)


def seen(response: Response) -> dict[str, Any]:
    """What botocore makes of a response."""
    headers = {name.decode(): value.decode() for name, value in response.headers}
    parsed = QueryParser().parse(
        {"status_code": response.status, "headers": headers, "body": response.body}, OPERATION.output_shape
    )
    return cast(dict[str, Any], parsed)


# What the model says


def test_metadata_and_operation_are_the_models() -> None:
    metadata = MODEL.metadata
    assert metadata["apiVersion"] == sts.VERSION
    assert metadata["xmlNamespace"] == sts.NAMESPACE
    assert metadata["protocol"] == "query"
    assert MODEL.signing_name == sts.SIGNING_NAME
    assert OPERATION.http == {"method": "POST", "requestUri": "/"}


def test_the_identity_has_the_members_of_the_model() -> None:
    assert {"".join(part.title() for part in name.split("_")) for name in CallerIdentity.__struct_fields__} == set(
        OPERATION.output_shape.members
    )
    assert not OPERATION.input_shape.members


# What is asked


def test_what_botocore_sends_is_understood() -> None:
    sent = QuerySerializer().serialize_to_request({}, OPERATION)
    sts.require_action(urlencode(sent["body"]).encode())


@pytest.mark.parametrize(
    "text",
    [
        b"Action=GetCallerIdentity&Version=2011-06-15",
        b"Version=2011-06-15&Action=GetCallerIdentity",
        b"Action=GetCallerIdentity&Version=2011%2D06-15&X-Amz-Date=20260921T141320Z&a=",
        b"%41ction=Get%43allerIdentity&Version=2011-06-15",
    ],
)
def test_the_action_may_be_written_in_other_words(text: bytes) -> None:
    sts.require_action(text)


@pytest.mark.parametrize(
    "text, error, reason",
    [
        (b"", MissingActionException, "there is no Action"),
        (b"Version=2011-06-15", MissingActionException, "there is no Action"),
        (b"Action=&Version=2011-06-15", MissingActionException, "there is no Action"),
        (b"action=GetCallerIdentity&Version=2011-06-15", MissingActionException, "there is no Action"),
        (b"Action=AssumeRole&Version=2011-06-15", InvalidActionException, "the Action is not"),
        (b"Action=getCallerIdentity&Version=2011-06-15", InvalidActionException, "the Action is not"),
        (b"Action=GetCallerIdentity+&Version=2011-06-15", InvalidActionException, "the Action is not"),
        (b"Action=%3Cb%3E&Version=2011-06-15", InvalidActionException, "the Action is not"),
        (b"Action=GetCallerIdentity", InvalidActionException, "the Version is not"),
        (b"Action=GetCallerIdentity&Version=2012-06-15", InvalidActionException, "the Version is not"),
        (b"Action=GetCallerIdentity&Action=GetCallerIdentity", InvalidRequestException, "repeated form parameter"),
        (b"Action=GetCallerIdentity&%41ction=AssumeRole", InvalidRequestException, "repeated form parameter"),
        (b"Action=%", InvalidRequestException, "a percent sign without two hex digits"),
        (b"Action=%00", InvalidRequestException, "NUL in a form"),
        (b"Action=\xff", InvalidRequestException, "form is not UTF-8"),
        (b"&".join(b"%d=" % n for n in range(MAX_PARAMETERS + 1)), InvalidRequestException, "too many"),
    ],
)
def test_whatever_else_is_asked_is_refused(text: bytes, error: type[ModelledError], reason: str) -> None:
    with pytest.raises(error) as refusal:
        sts.require_action(text)
    assert refusal.value.reason is not None
    assert reason in refusal.value.reason


def test_the_refusal_repeats_nothing_of_what_was_asked() -> None:
    asked = b"Action=SecretAction&Version=2001-01-01"
    with pytest.raises(InvalidActionException) as refusal:
        sts.require_action(asked)
    said = sts.write_error(refusal.value, REQUEST_ID).body + str(refusal.value.reason).encode()
    assert not any(value.encode() in said for _, value in parse_qsl(asked.decode()))


# What is answered


def test_botocore_reads_the_answer() -> None:
    response = sts.write(IDENTITY, REQUEST_ID)
    assert seen(response) == {
        "Arn": IDENTITY.arn,
        "UserId": IDENTITY.user_id,
        "Account": IDENTITY.account,
        "ResponseMetadata": {
            "RequestId": REQUEST_ID,
            "HTTPStatusCode": 200,
            "HTTPHeaders": {name.decode(): value.decode() for name, value in response.headers},
        },
    }


def test_the_answer_is_xml_that_nobody_keeps() -> None:
    for response in (sts.write(IDENTITY, REQUEST_ID), sts.write_error(InternalFailureException(), REQUEST_ID)):
        headers = dict(response.headers)
        assert headers[b"content-type"] == b"text/xml"
        assert headers[b"content-length"] == str(len(response.body)).encode()
        assert headers[b"x-amzn-requestid"] == REQUEST_ID.encode()
        assert headers[b"cache-control"] == b"no-store"


def test_the_answer_is_escaped() -> None:
    identity = CallerIdentity(arn="</Arn><Account>1&", user_id="é", account="2")
    answer = seen(sts.write(identity, REQUEST_ID))
    assert (answer["Arn"], answer["UserId"], answer["Account"]) == ("</Arn><Account>1&", "é", "2")


ERRORS: list[tuple[ModelledError, int, str, str]] = [
    (MissingAuthenticationTokenException(), 403, "MissingAuthenticationToken", "Sender"),
    (IncompleteSignatureException(), 400, "IncompleteSignature", "Sender"),
    (InvalidSignatureException(), 403, "SignatureDoesNotMatch", "Sender"),
    (UnrecognizedClientException(), 403, "InvalidClientTokenId", "Sender"),
    (ExpiredCredentialsException(), 403, "ExpiredToken", "Sender"),
    (MissingActionException(), 400, "MissingAction", "Sender"),
    (InvalidActionException(), 400, "InvalidAction", "Sender"),
    (InvalidRequestException(), 400, "ValidationError", "Sender"),
    (InternalFailureException(), 500, "InternalFailure", "Receiver"),
]


@pytest.mark.parametrize("error, status, code, side", ERRORS, ids=[code for _, _, code, _ in ERRORS])
def test_botocore_reads_the_error(error: ModelledError, status: int, code: str, side: str) -> None:
    answer = seen(sts.write_error(error, REQUEST_ID))
    assert answer["Error"] == {"Type": side, "Code": code, "Message": error.description}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_every_refusal_of_a_signature_has_a_code_of_sts() -> None:
    assert {type(error) for error, *_ in ERRORS} >= set(SignatureRefused.__subclasses__())


def test_an_error_is_escaped() -> None:
    error = InvalidSignatureException("a < b & c")
    assert seen(sts.write_error(error, REQUEST_ID))["Error"]["Message"] == "a < b & c"
