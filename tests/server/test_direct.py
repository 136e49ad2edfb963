"""What a connection answers itself, without a network."""

import pytest

from postern.api.response import Response, lines
from postern.server.call import Call
from postern.server.direct import Direct

DATE = [(b"date", b"Fri, 27 Nov 2026 12:00:00 GMT")]
LATER = [(b"date", b"Fri, 27 Nov 2026 12:00:01 GMT")]


NOTHING = Response(status=200, fields=b"", body=b"")


def nothing(_call: Call) -> None:
    return None


@pytest.fixture
def direct() -> Direct:
    return Direct(nothing, frozenset([b"/token"]))


@pytest.mark.parametrize("target", [b"/token", b"/token?", b"/token?aws_iam=t"])
def test_operations_are_served(direct: Direct, target: bytes) -> None:
    assert direct.serves(b"POST", target)


@pytest.mark.parametrize(
    "method, target",
    [
        (b"POST", b"/"),
        (b"POST", b"/tokens"),
        (b"POST", b"/%74oken"),
        (b"POST", b"http://host/token"),
        (b"POST", b"/token?a=b#c"),
        (b"HEAD", b"/token"),
        (b"PUT", b"/token"),
    ],
)
def test_the_rest_is_left_to_the_application(direct: Direct, method: bytes, target: bytes) -> None:
    assert not direct.serves(method, target)


def test_an_answer_has_status_date_headers_and_body(direct: Direct) -> None:
    response = Response(status=400, fields=b"content-length: 2\r\nx-amzn-errortype: A\r\n", body=b"{}")
    written = direct.write(response, DATE, closes=False)
    head = b"HTTP/1.1 400 Bad Request\r\ndate: " + DATE[0][1]
    assert written == head + b"\r\ncontent-length: 2\r\nx-amzn-errortype: A\r\n\r\n{}"


def test_an_answer_that_is_the_last_says_so(direct: Direct) -> None:
    assert b"\r\nconnection: close\r\n\r\n" in direct.write(NOTHING, DATE, closes=True)


def test_the_date_goes_on(direct: Direct) -> None:
    first, second = (direct.write(NOTHING, date, closes=False) for date in (DATE, LATER))
    assert b"12:00:00" in first
    assert b"12:00:01" in second


@pytest.mark.parametrize("break_", [b"\r\n", b"\n", b"\r"])
def test_a_header_cannot_become_two(break_: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        lines([(b"x-amzn-errortype", b"A" + break_ + b"set-cookie: stolen")])


def test_headers_as_pairs_say_that_the_connection_ends() -> None:
    response = Response(status=405, fields=b"content-length: 2\r\nallow: POST\r\n", body=b"{}", closes=True)
    assert response.headers == [(b"content-length", b"2"), (b"allow", b"POST"), (b"connection", b"close")]
