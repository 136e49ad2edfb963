"""Requests and answers as bytes, without a socket."""

import gc
import weakref

import pytest

from postern.client.errors import ConfigurationError, ConnectionBroken, InvalidResponse, ResponseTooLarge
from postern.client.http import HttpRequest
from postern.client.transports.exchange import ResponseReader, encode
from postern.client.transports.options import TransportOptions
from postern.client.transports.routes import Routes

URL = "https://sso.test/token"


def sent(method: str = "GET", url: str = URL, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    request = HttpRequest(method=method, url=url, headers=headers or {}, body=body)
    route, target = Routes(TransportOptions()).find(request)
    return encode(request, route, target)


def reader(*, is_bodiless: bool = False) -> ResponseReader:
    return ResponseReader(place="sso.test:443", max_body=100, is_bodiless=is_bodiless)


@pytest.mark.parametrize(
    "url, first_line, host",
    [
        ("https://sso.test", b"GET / HTTP/1.1", b"sso.test"),
        ("https://sso.test?a=b", b"GET /?a=b HTTP/1.1", b"sso.test"),
        ("https://SSO.test:443/a/../b;c?d#e", b"GET /a/../b;c?d HTTP/1.1", b"sso.test"),
        ("http://sso.test:443/", b"GET / HTTP/1.1", b"sso.test:443"),
        ("HTTPS://[FE80::1]:8443/", b"GET / HTTP/1.1", b"[fe80::1]:8443"),
        ("http://[::1]/", b"GET / HTTP/1.1", b"[::1]"),
        ("https://bücher.test/", b"GET / HTTP/1.1", b"xn--bcher-kva.test"),
    ],
)
def test_urls_become_target_and_host(url: str, first_line: bytes, host: bytes) -> None:
    assert sent(url=url) == first_line + b"\r\nhost: " + host + b"\r\n\r\n"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/token",
        "//sso.test/",
        "ftp://sso.test/",
        "https://",
        "https:///token",
        "https://user:pass@sso.test/",
        "https://sso.test:0/",
        "https://sso.test:65536/",
        "https://sso.test:/",
        "https://sso.test\\@other.test/",
        "https://sso test/",
        "https://sso.test/a b",
        "https://sso.test/a\r\nx: y",
        "https://sso.test/ä",
        "https://[sso.test]/",
        "https://ä" + 64 * "x" + "/",
    ],
)
def test_urls_that_cannot_be_used_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sent(url=url)
    assert "pass" not in str(caught.value).partition("neither user")[0]


def test_what_the_caller_says_goes_before_what_the_transport_knows() -> None:
    headers = {"Host": "other.test", "Content-Length": "2"}
    assert sent("POST", body=b"{}", headers=headers) == (
        b"POST /token HTTP/1.1\r\nHost: other.test\r\nContent-Length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize("method, has_length", [("GET", False), ("DELETE", False), ("POST", True), ("PUT", True)])
def test_an_empty_body_has_a_length_where_one_is_expected(method: str, has_length: bool) -> None:
    assert (b"content-length: 0" in sent(method)) is has_length


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nb: c"},
        {"x": "a\nb"},
        {"x": "a\rb"},
        {"x": "a\0b"},
        {"x": "€"},
        {"a b": "c"},
        {"a:": "b"},
        {"": "b"},
        {"a\r\nb": "c"},
        {"ä": "c"},
        {"content-length": "3"},
        {"content-length": "2", "Content-Length": "2"},
        {"Host": "a.test", "host": "b.test"},
        {"x": "1", "X": "1"},
        {"transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked", "content-length": "2"},
    ],
)
def test_headers_that_would_be_read_otherwise_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"HttpRequest\(POST https://sso\.test/token\)"):
        sent("POST", body=b"{}", headers=headers)


@pytest.mark.parametrize("method", ["", "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "GE T", "G\0"])
def test_methods_that_are_no_token_are_refused(method: str) -> None:
    with pytest.raises(ConfigurationError):
        sent(method)


def test_an_answer_is_understood_however_it_is_cut() -> None:
    answer = (
        b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nSet-A: 1\r\nset-a: 2\r\nempty:\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\ntrailer: t\r\n\r\n"
    )
    for size in range(1, len(answer) + 1):
        reading = reader()
        pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
        assert [reading.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        response = reading.finish()
        assert (response.status, response.body) == (200, b"abcde")
        assert response.headers == {"set-a": "1, 2", "empty": "", "transfer-encoding": "chunked"}
        assert reading.can_reuse


@pytest.mark.parametrize("cut", range(1, 30))
def test_an_answer_that_is_cut_off_is_none(cut: int) -> None:
    reading = reader()
    reading.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[:-cut])
    with pytest.raises(ConnectionBroken, match="cut off"):
        reading.finish()


@pytest.mark.parametrize(
    "head, is_bodiless",
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", True),
    ],
)
def test_some_answers_have_no_body(head: bytes, is_bodiless: bool) -> None:
    reading = reader(is_bodiless=is_bodiless)
    assert reading.feed(head)
    assert (reading.finish().body, reading.can_reuse, reading.has_excess) == (b"", True, False)


@pytest.mark.parametrize("head", [b"", b"content-length: 2\r\n", b"content-length: 0\r\n"])
def test_what_follows_an_answer_is_noticed(head: bytes) -> None:
    reading = reader(is_bodiless=True)
    assert reading.feed(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nhi")
    assert reading.has_excess
    assert not reading.can_reuse


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n",
        b"HTTP/2 200\r\n",
    ],
)
def test_an_answer_of_unclear_length_or_form_is_refused(answer: bytes) -> None:
    with pytest.raises(InvalidResponse, match=r"sso\.test:443"):
        reader().feed(answer)


def test_a_body_of_just_the_size_is_accepted() -> None:
    for answer in (
        b"content-length: 100\r\n\r\n" + bytes(100),
        b"transfer-encoding: chunked\r\n\r\n" + 100 * b"1\r\nx\r\n",
    ):
        reading = reader()
        reading.feed(b"HTTP/1.1 200 OK\r\n" + answer)
        if not reading.response:
            reading.feed(b"0\r\n\r\n")
        assert len(reading.finish().body) == 100


@pytest.mark.parametrize(
    "start, more",
    [
        (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"x" * 1000),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"y" * 1000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n"),
    ],
    ids=["header", "interim answers", "extension", "trailer", "body", "chunks"],
)
def test_nothing_goes_on_for_ever(start: bytes, more: bytes) -> None:
    reading = reader()
    reading.feed(start)
    with pytest.raises(ResponseTooLarge):
        _feed(reading, more, times=5000)


@pytest.mark.parametrize(
    "start, more", [(b"0\r\nx: ", b"y" * 1000), (b"1;", b"x" * 1000), (b"", b"1;" + b"x" * 300 + b"\r\ny\r\n")]
)
def test_a_large_body_is_no_credit_for_what_is_around_it(start: bytes, more: bytes) -> None:
    reading = ResponseReader(place="sso.test:443", max_body=2**20)
    reading.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(8):
        reading.feed(b"10000\r\n" + bytes(65536) + b"\r\n")
    reading.feed(start)
    with pytest.raises(ResponseTooLarge, match="of headers"):
        _feed(reading, more, times=500)


def test_small_chunks_may_come_in_pieces() -> None:
    reading = ResponseReader(place="sso.test:443", max_body=2**20)
    reading.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(30_000):
        for piece in (b"1\r\n", b"x", b"\r\n"):
            assert not reading.feed(piece)
    assert reading.feed(b"0\r\n\r\n")
    assert len(reading.finish().body) == 30_000


def _feed(reading: ResponseReader, more: bytes, *, times: int) -> None:
    for _ in range(times):
        assert not reading.feed(more)


def test_a_reader_is_gone_as_soon_as_it_is_let_go() -> None:
    class Watched(ResponseReader):
        __slots__ = ("__weakref__",)

    reading = Watched(place="", max_body=100)
    reading.feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    gone = weakref.ref(reading)
    gc.disable()
    try:
        del reading
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "url, shown",
    [
        ("https://sso.test:8443/token?a=secret#secret", "https://sso.test:8443/token"),
        ("https://sso.test#secret", "https://sso.test"),
        ("https://user:secret@sso.test/", "https://sso.test/"),
        ("https://user:sec@ret@[::1]:1/", "https://[::1]:1/"),
        ("https://secret@sso.test/a@b", "https://sso.test/a@b"),
        ("https://user:sec/ret@sso.test/", "\u2026"),
        ("https://user:sec?ret@sso.test/", "\u2026"),
        ("user:secret@sso.test", "sso.test"),
        ("/token?secret", "/token"),
        ("", ""),
    ],
)
def test_of_a_url_is_shown_what_is_no_secret(url: str, shown: str) -> None:
    request = HttpRequest(method="GET", url=url)
    assert repr(request) == f"HttpRequest(GET {shown})"
    assert request.__rich_repr__() == [("method", "GET"), ("url", shown)]
