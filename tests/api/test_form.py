"""Forms, read as strictly as JSON is."""

import pytest

from postern.api import form
from postern.api.errors import InvalidRequestException
from postern.api.oauth import IntrospectTokenRequest

GOOD = b"token=a&client_id=b"


def read(body: bytes) -> IntrospectTokenRequest:
    return form.read(body, IntrospectTokenRequest)


@pytest.mark.parametrize(
    "body, token",
    [
        (b"token=a&client_id=b", "a"),
        (b"client_id=b&token=a", "a"),
        (b"token=a%3Ab+c%2b&client_id=b", "a:b c+"),
        (b"t%6Fken=a&client_id=b", "a"),
        (b"token=a=b==&client_id=b", "a=b=="),
        (b"token=%C3%A9&client_id=b", "é"),
        ("token=é&client_id=b".encode(), "é"),
        (b"token=a&client_id=b&", "a"),
    ],
    ids=["plain", "any order", "escapes", "escaped name", "equals signs", "escaped UTF-8", "UTF-8", "trailing &"],
)
def test_what_is_read(body: bytes, token: str) -> None:
    request = read(body)
    assert (request.token, request.client_id, request.token_type_hint) == (token, "b", None)


def test_rfc_6749_3_2_unknown_parameters_are_ignored() -> None:
    assert read(GOOD + b"&resource=x&aws_iam=t&__class__=y") == read(GOOD)


def test_rfc_6749_3_2_an_empty_parameter_counts_as_absent() -> None:
    assert read(GOOD + b"&token_type_hint=") == read(GOOD + b"&token_type_hint") == read(GOOD)


@pytest.mark.parametrize(
    "body, name",
    [
        (b"", "token"),
        (b"token=&client_id=b", "token"),
        (b"client_id=b", "token"),
        (b"token=a", "client_id"),
        (b"token=a&clientId=b", "client_id"),
        (b"Token=a&client_id=b", "token"),
        (b'{"token":"a","client_id":"b"}', "token"),
        (b"token=a;client_id=b", "client_id"),
    ],
    ids=["nothing", "empty", "no token", "no client", "camel case", "upper case", "JSON", "semicolon"],
)
def test_a_required_parameter_that_is_missing_is_named(body: bytes, name: str) -> None:
    with pytest.raises(InvalidRequestException, match=f"^{name} is required$") as refusal:
        read(body)
    assert refusal.value.reason == "missing parameter"


@pytest.mark.parametrize(
    "body, because",
    [
        (GOOD + b"&token=a", "repeated"),
        (GOOD + b"&token=", "repeated"),
        (b"token=&token=a&client_id=b", "repeated"),
        (GOOD + b"&t%6Fken=c", "repeated"),
        (GOOD + b"&x=1&x=2", "repeated"),
        (b"token=%00&client_id=b", "NUL"),
        (b"token=\0&client_id=b", "NUL"),
        (GOOD + b"&x%00=y", "NUL"),
        (b"token=%FF&client_id=b", "UTF-8"),
        (b"token=\xff&client_id=b", "UTF-8"),
        (b"token=%ED%A0%80&client_id=b", "UTF-8"),
        (b"token=%C0%AF&client_id=b", "UTF-8"),
        (b"token=%zz&client_id=b", "percent"),
        (b"token=a%&client_id=b", "percent"),
        (b"token=a%4&client_id=b", "percent"),
        (GOOD + b"".join(b"&x%d=" % number for number in range(99)), "too many"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:40].decode("latin-1").replace("\0", "NUL"),
)
def test_what_is_malformed_is_refused_without_echo(body: bytes, because: str) -> None:
    with pytest.raises(InvalidRequestException) as refusal:
        read(body)
    assert because in (refusal.value.reason or "")
    assert refusal.value.description.startswith("The form ")


def test_a_hundred_parameters_are_read() -> None:
    assert read(GOOD + b"".join(b"&x%d=" % number for number in range(98))) == read(GOOD)


def test_a_great_many_are_refused_quickly() -> None:
    with pytest.raises(InvalidRequestException):
        read(b"&" * 65536)
