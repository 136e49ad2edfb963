"""Servers and networks that misbehave, through the whole client: a clear error each, at once, and no secret in what is
said, shown or logged.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from postern.client.errors import (
    ClientError,
    ConnectionBroken,
    ConnectionFailed,
    InvalidResponse,
    ProxyError,
    ReadTimeout,
    ResponseTooLarge,
    ServiceError,
    TlsError,
    TooManyRedirects,
    UnreadableResponse,
)
from tests.client.fakes import Either
from tests.client.stub_server import Answer, Close, StubServer, json_answer
from tests.client.transports.certificates import Certificates

SECRETS = ("aor-the-refresh-token", "the-client-secret", "the-proxy-password")
REFRESH = {
    "client_id": "id",
    "client_secret": SECRETS[1],
    "grant_type": "refresh_token",
    "refresh_token": SECRETS[0],
}
GOOD = json_answer(200, {"accessToken": "aoa", "expiresIn": 3600})


def huge() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n"
    for _ in range(1600):
        yield b"x" * 65536


def huge_in_chunks() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    for _ in range(1600):
        yield b"10000\r\n" + b"x" * 65536 + b"\r\n"


@pytest.fixture(autouse=True)
def nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert not [secret for secret in SECRETS if secret in caplog.text]


def refused(either: Either, kind: type[ClientError], **options: Any) -> ClientError:
    """The error that one call ends with, which must be exactly of that kind and say nothing secret."""
    options = {"max_retries": 0, "http_options": {}, **options}
    with pytest.raises(kind) as caught:
        either.call("create_token", [], REFRESH, **options)
    error = caught.value
    assert type(error) is kind
    said = f"{error!s} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert not [secret for secret in SECRETS if secret in said]
    assert "\n" not in str(error)
    assert len(str(error)) < 600
    return error


ANSWERS: dict[str, tuple[Any, type[ClientError]]] = {
    "noise": (b"\x00\xff\x17 not HTTP at all\r\n\r\n", InvalidResponse),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", InvalidResponse),
    "cut off in the head": ((b"HTTP/1.1 200 OK\r\ncontent-ty", Close()), ConnectionBroken),
    "cut off in the body": ((b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", Close()), ConnectionBroken),
    "cut off in a chunk": (
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{", Close()),
        ConnectionBroken,
    ),
    "no answer": ((Close(),), ConnectionBroken),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        InvalidResponse,
    ),
    "100 MB": (huge, ResponseTooLarge),
    "100 MB in chunks": (huge_in_chunks, ResponseTooLarge),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000, ResponseTooLarge),
    "a captive portal": (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 16\r\n\r\n<h1>Welcome</h1>",
        UnreadableResponse,
    ),
    "half of the JSON": (
        b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"accessToken":',
        UnreadableResponse,
    ),
    "an error page": (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\noops", ServiceError),
    "redirects in a circle": (
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /token\r\ncontent-length: 0\r\n\r\n",
        TooManyRedirects,
    ),
    "a redirect elsewhere": (
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://elsewhere.test/\r\ncontent-length: 0\r\n\r\n",
        ServiceError,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none_is_a_clear_error(either: Either, name: str) -> None:
    given, kind = ANSWERS[name]
    with StubServer(lambda request: given() if callable(given) else given) as server:
        refused(either, kind, endpoint=server.url)


def test_a_silent_server_is_given_up(either: Either) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused(either, ReadTimeout, endpoint=endpoint, http_options={"timeout": 30})


def test_nobody_listens(either: Either) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert f"127.0.0.1:{port}" in str(refused(either, ConnectionFailed, endpoint=f"http://127.0.0.1:{port}"))


def test_no_such_name(either: Either) -> None:
    assert "sso.invalid" in str(refused(either, ConnectionFailed, endpoint="http://sso.invalid"))


TLS: dict[str, Callable[[Certificates], ssl.SSLContext]] = {
    "an unknown authority": lambda certificates: certificates.server(certificates.good),
    "self-signed": lambda certificates: certificates.server(certificates.self_signed),
    "expired": lambda certificates: certificates.server(certificates.expired),
}


@pytest.mark.parametrize("name", TLS)
def test_a_certificate_that_is_not_trusted_ends_the_call(either: Either, certificates: Certificates, name: str) -> None:
    with StubServer([GOOD], tls=TLS[name](certificates)) as server:
        refused(either, TlsError, endpoint=f"https://localhost:{server.port}")
        assert server.requests == []


def test_a_server_without_tls_is_told_from_one_with(either: Either, certificates: Certificates) -> None:
    with StubServer([GOOD], greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        refused(either, TlsError, endpoint=f"https://127.0.0.1:{server.port}")
    with StubServer([GOOD], tls=certificates.server(certificates.good)) as server:
        options: dict[str, Any] = {"endpoint": f"http://127.0.0.1:{server.port}", "http_options": {}, "max_retries": 0}
        with pytest.raises(ConnectionBroken):
            either.call("create_token", [], REFRESH, **options)


def test_http_options_ca_bundle_is_whom_to_trust(either: Either, certificates: Certificates) -> None:
    with StubServer([GOOD], tls=certificates.server(certificates.good)) as server:
        bundle = {"ca_bundle": str(certificates.authority)}
        options: dict[str, Any] = {"endpoint": f"https://localhost:{server.port}", "http_options": bundle}
        assert either.call("create_token", [], REFRESH, **options).access_token == "aoa"


def test_a_trusted_authority_is_named_by_the_environment(either: Either, certificates: Certificates) -> None:
    with StubServer([GOOD], tls=certificates.server(certificates.good)) as server:
        environment = {"AWS_CA_BUNDLE": str(certificates.authority), "AWS_CONFIG_FILE": "/nonexistent"}
        options = {"endpoint": f"https://localhost:{server.port}", "environment": environment, "http_options": {}}
        assert either.call("create_token", [], REFRESH, **options).access_token == "aoa"


def test_a_proxy_that_refuses_is_named_without_its_password(either: Either) -> None:
    denial = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    with StubServer(lambda request: denial) as proxy:
        url = f"http://me:{SECRETS[2]}@127.0.0.1:{proxy.port}"
        error = refused(either, ProxyError, endpoint="https://sso.test", http_options={"proxy": url})
        assert f"127.0.0.1:{proxy.port}" in str(error)


def test_after_an_outage_the_same_client_goes_on(either: Either) -> None:
    """Broken, refused by a full server, redirected, and then answered: nothing is lost."""
    answers: Iterator[Answer] = iter(
        [
            (Close(),),
            json_answer(503, {}),
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n",
            GOOD,
        ]
    )
    with StubServer(lambda request: next(answers)) as server:
        result = either.call("create_token", [], REFRESH, endpoint=server.url, http_options={}, max_retries=3)
        assert result.access_token == "aoa"
        assert [request.target for request in server.requests] == ["/token", "/token", "/token", "/again"]
