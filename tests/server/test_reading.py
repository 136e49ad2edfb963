"""Polls that repeat are read once; nothing else is remembered, and nothing wrong."""

import json

import pytest

from postern.api.errors import InvalidRequestException
from postern.api.sso_oidc import CreateTokenRequest, RegisterClientRequest
from postern.core import service
from postern.server.reading import BodyReader
from postern.testing.wire import DEVICE_CODE, REFRESH_TOKEN


def body(grant_type: str, **members: str) -> bytes:
    given = {"clientId": "a", "clientSecret": "b", "grantType": grant_type, **members}
    return json.dumps(given).encode()


@pytest.fixture
def reader() -> BodyReader:
    return BodyReader()


def test_a_poll_that_repeats_is_read_once(reader: BodyReader) -> None:
    poll = body(DEVICE_CODE, deviceCode="aod1")
    first = reader.read(poll, CreateTokenRequest)
    assert reader.read(bytes(bytearray(poll)), CreateTokenRequest) is first
    assert isinstance(first, CreateTokenRequest)
    assert first.device_code == "aod1"


def test_another_poll_is_another(reader: BodyReader) -> None:
    first, second = (reader.read(body(DEVICE_CODE, deviceCode=code), CreateTokenRequest) for code in ("aod1", "aod2"))
    assert first != second


@pytest.mark.parametrize(
    "request_body",
    [body(REFRESH_TOKEN, refreshToken="aor1"), body(DEVICE_CODE, deviceCode="a" * 2048)],
    ids=["refresh", "long"],
)
def test_the_rest_is_not_kept(reader: BodyReader, request_body: bytes) -> None:
    first, second = (reader.read(request_body, CreateTokenRequest) for _ in range(2))
    assert first == second
    assert first is not second


def test_the_bytes_of_a_poll_are_no_other_request(reader: BodyReader) -> None:
    poll = body(DEVICE_CODE, deviceCode="aod1")
    reader.read(poll, CreateTokenRequest)
    with pytest.raises(InvalidRequestException, match="clientName is required"):
        reader.read(poll, RegisterClientRequest)


def test_what_is_refused_is_refused_again(reader: BodyReader) -> None:
    twice = body(DEVICE_CODE, deviceCode="aod1").replace(b"{", b'{"clientId": "c", ', 1)
    for _ in range(2):
        with pytest.raises(InvalidRequestException, match="repeats a member"):
            reader.read(twice, CreateTokenRequest)


def test_they_are_bounded(reader: BodyReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MAX_REMEMBERED", 10)
    for number in range(95):
        reader.read(body(DEVICE_CODE, deviceCode=f"aod{number}"), CreateTokenRequest)
    assert len(reader._polls) <= 10
