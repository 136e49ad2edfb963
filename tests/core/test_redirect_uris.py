"""Redirect URIs: RFC 6749 3.1.2, RFC 8252 7.3 and 8.4, RFC 9700 2.1, and the tricks that others fell to."""

import time

import pytest

from postern.api.errors import InvalidRedirectUriException
from postern.core import redirect_uris
from tests.core.world import refused

ACCEPTABLE = [
    "http://127.0.0.1/oauth/callback",
    "http://127.0.0.1:8400/oauth/callback",
    "http://127.0.0.1",
    "http://127.0.0.1/",
    "http://127.0.0.1:1/",
    "http://127.0.0.1:65535/",
    "http://localhost/callback",
    "http://localhost:3000/callback",
    "http://[::1]/callback",
    "http://[::1]:3000/callback",
    "https://app.example.com/callback",
    "https://app.example.com",
    "https://app.example.com:8443/callback",
    "https://app.example.com/callback?tenant=a",
    "https://app.example.com/a/b.c/~d",
    "https://xn--bcher-kva.example/callback",
    "https://192.0.2.1/callback",
]

HOSTILE = {
    # attack 16: schemes (CVE-2024-21637, CVE-2026-9086, CVE-2026-29192)
    "javascript": "javascript:alert(1)",
    "javascript in capitals": "JavaScript:alert(1)",
    "javascript that looks like a URL": "javascript://app.example.com/%0aalert(1)",
    "javascript after a tab": "\tjavascript:alert(1)",
    "javascript with a tab within": "java\tscript:alert(1)",
    "javascript with a line feed within": "java\nscript:alert(1)",
    "javascript after a control character": "\x01javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "data in capitals": "DATA:text/html;base64,PHNjcmlwdD4=",
    "vbscript": "vbscript:msgbox(1)",
    "file": "file:///etc/passwd",
    "blob": "blob:https://app.example.com/1",
    "about": "about:blank",
    "view-source": "view-source:https://app.example.com/",
    "a scheme of an app": "myapp://callback",
    "ftp": "ftp://app.example.com/callback",
    "a websocket": "wss://app.example.com/callback",
    # RFC 8252 7.3: http only for loopback
    "http to a host": "http://app.example.com/callback",
    "http to another loopback address": "http://127.0.0.2/callback",
    "http to all addresses": "http://0.0.0.0/callback",
    "http to a short loopback": "http://127.1/callback",
    "http to an octal loopback": "http://0177.0.0.1/callback",
    "http to a decimal loopback": "http://2130706433/callback",
    "http to a hexadecimal loopback": "http://0x7f.0.0.1/callback",
    "http to a loopback with a leading zero": "http://127.0.0.01/callback",
    "http to a mapped loopback": "http://[::ffff:127.0.0.1]/callback",
    "http to a long loopback": "http://[0:0:0:0:0:0:0:1]/callback",
    "loopback as a prefix": "http://127.0.0.1.evil.example/callback",
    "localhost as a prefix": "http://localhost.evil.example/callback",
    "localhost as a suffix": "http://evil-localhost/callback",
    "a host of localhost": "http://a.localhost/callback",
    "localhost with a dot": "http://localhost./callback",
    "localhost in capitals": "http://LOCALHOST/callback",
    # RFC 3986 3.2.1: user information (CVE-2026-7504)
    "user information": "https://app.example.com@evil.example/callback",
    "user information and password": "https://a:b@evil.example/callback",
    "user information on loopback": "http://127.0.0.1@evil.example/callback",
    "user information that looks like a port": "http://127.0.0.1:80@evil.example/callback",
    "two at signs": "https://app.example.com@@evil.example/callback",
    "an encoded at sign": "https://app.example.com%40evil.example/callback",
    # RFC 6749 3.1.2: MUST NOT include a fragment component
    "a fragment": "https://app.example.com/callback#a",
    "an empty fragment": "https://app.example.com/callback#",
    "a fragment on loopback": "http://127.0.0.1/callback#a",
    "a fragment for a path": "https://app.example.com#.evil.example/",
    # RFC 9700 2.1: no patterns (CVE-2024-52289, GHSA-mpwq-j3xf-7m5w)
    "a wildcard host": "https://*.example.com/callback",
    "a wildcard path": "https://app.example.com/*",
    "a wildcard port": "http://127.0.0.1:*/callback",
    "a regular expression": "https://app.example.com/.+|.*",
    # dot segments (CVE-2026-3872)
    "a dot segment": "https://app.example.com/a/../callback",
    "a dot segment at the end": "https://app.example.com/a/..",
    "a dot segment before a query": "https://app.example.com/a/..?b",
    "a single dot": "https://app.example.com/./callback",
    "an encoded dot segment": "https://app.example.com/a/%2e%2e/callback",
    "a half encoded dot segment": "https://app.example.com/a/.%2E/callback",
    "a dot segment with a parameter": "https://app.example.com/a/..;/callback",
    "a dot segment on loopback": "http://127.0.0.1/a/../callback",
    # parser differences
    "backslashes": "https:\\\\evil.example\\callback",
    "a backslash in the authority": "https://evil.example\\@app.example.com/callback",
    "a backslash in the path": "https://app.example.com/a\\..\\b",
    "one slash": "https:/evil.example/callback",
    "three slashes": "https:///evil.example/callback",
    "no scheme": "//evil.example/callback",
    "the form of AWS's own example": "127.0.0.1:PORT/oauth/callback",
    "only a path": "/callback",
    "a relative reference": "callback",
    "an empty string": "",
    "a blank": " ",
    "a leading blank": " https://app.example.com/callback",
    "a trailing blank": "https://app.example.com/callback ",
    "a trailing line feed": "https://app.example.com/callback\n",
    "a trailing line feed on loopback": "http://127.0.0.1/callback\n",
    "a header in the path": "https://app.example.com/\r\nSet-Cookie: a=b",
    "a NUL": "https://app.example.com/\x00",
    "a tab in the host": "https://app.exam\tple.com/callback",
    "a quote": 'https://app.example.com/"onclick=',
    "markup": "https://app.example.com/<script>",
    "a letter beyond ASCII in the host": "https://app.exämple.com/callback",
    "a fullwidth dot": "https://app\uff0eexample.com/callback",
    "a fullwidth slash": "https://app.example.com\uff0fevil.example/",
    "a letter beyond ASCII in the path": "https://app.example.com/ä",
    "a right-to-left mark": "https://app.example.com/\u202ecallback",
    "a lone surrogate": "https://app.example.com/\ud800",
    "capitals in the host": "https://APP.example.com/callback",
    "capitals in the scheme": "HTTPS://app.example.com/callback",
    "an empty label": "https://app..example.com/callback",
    "a leading dot": "https://.example.com/callback",
    "a label that begins with a dash": "https://-app.example.com/callback",
    "no host": "https:///callback",
    "only a port": "https://:443/callback",
    "an empty port": "https://app.example.com:/callback",
    "port zero": "http://127.0.0.1:0/callback",
    "a port too large": "http://127.0.0.1:65536/callback",
    "an https port too large": "https://app.example.com:65536/callback",
    "a port of six digits": "http://127.0.0.1:100000/callback",
    "a signed port": "http://127.0.0.1:+80/callback",
    "a port with a leading zero": "http://127.0.0.1:080/callback",
    "a port in other digits": "http://127.0.0.1:\u0668\u0660/callback",
    "a query on loopback": "http://127.0.0.1/callback?a=b",
    "a zone": "http://[::1%25eth0]/callback",
    "too long": "https://app.example.com/" + "a" * 600,
}


@pytest.mark.parametrize("uri", ACCEPTABLE)
def test_https_and_http_on_loopback_may_be_registered(uri: str) -> None:
    assert redirect_uris.validate((uri,)) == (uri,)


def test_the_hostile_table_is_long() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("uri", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_uri_is_not_registered(uri: str) -> None:
    with refused(InvalidRedirectUriException):
        redirect_uris.validate((uri,))


@pytest.mark.parametrize("uri", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("registered", ["http://127.0.0.1/callback", "https://app.example.com/callback"])
def test_a_hostile_uri_matches_nothing(uri: str, registered: str) -> None:
    assert not redirect_uris.matches(registered, uri)


@pytest.mark.parametrize("hostile_position", [0, 1])
def test_one_hostile_uri_among_good_ones_is_enough(hostile_position: int) -> None:
    uris = ["https://app.example.com/callback", "https://app.example.com/other"]
    uris.insert(hostile_position, "javascript:alert(1)")
    with refused(InvalidRedirectUriException):
        redirect_uris.validate(tuple(uris))


def test_repetitions_count_once_and_ten_are_enough() -> None:
    ten = tuple(f"https://app.example.com/{number}" for number in range(10))
    assert redirect_uris.validate(ten * 3) == ten
    with refused(InvalidRedirectUriException, "more than 10"):
        redirect_uris.validate((*ten, "https://app.example.com/10"))


def test_none_is_none() -> None:
    assert redirect_uris.validate(None) == redirect_uris.validate(()) == ()


@pytest.mark.parametrize(
    "registered, presented",
    [
        ("https://app.example.com/callback", "https://app.example.com/callback"),
        ("https://app.example.com/callback?a=b", "https://app.example.com/callback?a=b"),
        # RFC 8252 7.3: MUST allow any port to be specified at the time of the request for loopback IP redirect URIs
        ("http://127.0.0.1/oauth/callback", "http://127.0.0.1:53412/oauth/callback"),
        ("http://127.0.0.1:8400/oauth/callback", "http://127.0.0.1:53412/oauth/callback"),
        ("http://127.0.0.1:8400/oauth/callback", "http://127.0.0.1/oauth/callback"),
        ("http://localhost/callback", "http://localhost:3000/callback"),
        ("http://[::1]/callback", "http://[::1]:3000/callback"),
        ("http://127.0.0.1", "http://127.0.0.1:3000/"),
        ("http://127.0.0.1/", "http://127.0.0.1:3000"),
    ],
)
def test_the_port_is_left_out_for_loopback_only(registered: str, presented: str) -> None:
    assert redirect_uris.matches(registered, presented)


@pytest.mark.parametrize(
    "registered, presented",
    [
        ("https://app.example.com/callback", "https://app.example.com/callback/"),
        ("https://app.example.com/callback", "https://app.example.com/Callback"),
        ("https://app.example.com/callback", "https://app.example.com/callback?"),
        ("https://app.example.com/callback", "https://app.example.com/callback?a=b"),
        ("https://app.example.com/callback", "https://app.example.com:443/callback"),
        ("https://app.example.com/callback", "https://app.example.com:8443/callback"),
        ("https://app.example.com/callback", "https://app.example.com/callbac%6b"),
        ("https://app.example.com/callback", "https://app.example.com/callback/../callback"),
        ("https://app.example.com/callback", "http://app.example.com/callback"),
        ("https://app.example.com/callback", "https://appXexample.com/callback"),
        ("https://app.example.com/callback", "https://app.example.com.evil.example/callback"),
        ("https://app.example.com/callback", "https://evil.example/https://app.example.com/callback"),
        ("https://app.example.com", "https://app.example.com/"),
        ("http://127.0.0.1/callback", "http://localhost/callback"),
        ("http://localhost/callback", "http://127.0.0.1/callback"),
        ("http://127.0.0.1/callback", "http://[::1]/callback"),
        ("http://127.0.0.1/callback", "https://127.0.0.1/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:53412/callback2"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:53412/callback/"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:53412/"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:53412/callback?a=b"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:53412/x/../callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:0/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:99999/callback"),
        ("http://127.0.0.1/callback", ""),
    ],
)
def test_everything_else_is_compared_as_a_string(registered: str, presented: str) -> None:
    assert not redirect_uris.matches(registered, presented)


@pytest.mark.parametrize("tail", ["!", "*", "\n"])
@pytest.mark.parametrize("filling", ["a", "-", "a-", "a.", "/", "%2e", "..;/"])
def test_no_uri_takes_long_to_refuse(filling: str, tail: str) -> None:
    uri = "https://" + filling * (512 // len(filling) - 8) + tail
    begin = time.thread_time()
    redirect_uris.is_acceptable(uri)
    assert time.thread_time() - begin < 0.1


@pytest.mark.parametrize(
    "uri, origin",
    [
        ("https://app.example.com/callback?a=b", "https://app.example.com"),
        ("https://app.example.com?a=b", "https://app.example.com"),
        ("http://127.0.0.1:53412/oauth/callback", "http://127.0.0.1:53412"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_origin(uri: str, origin: str) -> None:
    assert redirect_uris.origin(uri) == origin
