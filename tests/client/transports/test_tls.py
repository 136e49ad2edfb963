import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from postern.client.errors import ConfigurationError, ConnectionBroken, ConnectTimeout, TlsError
from postern.client.transports.options import TransportOptions
from postern.client.transports.tls import handshake_failure, read_failure
from tests.client.stub_server import Answer, Close, Pause, StubServer, json_answer, raw_answer
from tests.client.transports.certificates import Certificates
from tests.client.transports.pools import OpenPool, Pool, get
from tests.client.transports.test_proxies import tunnel


@pytest.fixture
def trusting(open_pool: OpenPool, certificates: Certificates) -> Pool:
    """A pool that trusts the authority of the tests."""
    return open_pool(TransportOptions(ca_bundle=str(certificates.authority)))


def test_a_server_with_a_good_certificate_is_trusted_and_kept(trusting: Pool, certificates: Certificates) -> None:
    with StubServer([json_answer()], tls=certificates.server(certificates.good)) as server:
        for url in (server.url, server.url, f"https://localhost:{server.port}"):
            assert trusting.send(get(url)).status == 200
        assert server.connections == 2


def test_a_directory_of_authorities_is_read(
    open_pool: OpenPool, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    make = ssl.create_default_context

    def create(*, cafile: str | None, capath: str | None) -> ssl.SSLContext:
        asked.append(capath)
        return make(cafile=str(certificates.authority))

    monkeypatch.setattr(ssl, "create_default_context", create)
    with StubServer([json_answer()], tls=certificates.server(certificates.good)) as server:
        open_pool(TransportOptions(ca_bundle=str(tmp_path))).send(get(server.url))
    assert asked == [str(tmp_path)]


@pytest.mark.parametrize(
    "certificate, text",
    [
        ("expired", "has expired"),
        ("early", "is not valid yet"),
        ("wrong_address", "is for another IP address"),
        ("self_signed", "is self-signed; .* AWS_CA_BUNDLE"),
    ],
)
def test_a_bad_certificate_is_refused_and_named(
    trusting: Pool, certificates: Certificates, certificate: str, text: str
) -> None:
    with StubServer([json_answer()], tls=certificates.server(getattr(certificates, certificate))) as server:
        with pytest.raises(TlsError, match=f"{server.place} is not trusted: its certificate {text}"):
            trusting.send(get(f"{server.url}/?secret=1"))
        server.wait_until_left()
        assert server.requests == []


def test_a_certificate_for_another_host_is_refused(trusting: Pool, certificates: Certificates) -> None:
    with (
        StubServer([json_answer()], tls=certificates.server(certificates.wrong_host)) as server,
        pytest.raises(TlsError, match=r"localhost:.* its certificate is for another host name"),
    ):
        trusting.send(get(f"https://localhost:{server.port}"))


def test_an_unknown_authority_is_refused_with_advice(pool: Pool, certificates: Certificates) -> None:
    with (
        StubServer([json_answer()], tls=certificates.server(certificates.good)) as server,
        pytest.raises(TlsError, match=r"from an unknown authority; .* AWS_CA_BUNDLE"),
    ):
        pool.send(get(server.url))


def test_a_bad_certificate_is_accepted_when_told_so(open_pool: OpenPool, certificates: Certificates) -> None:
    with StubServer([json_answer()], tls=certificates.server(certificates.self_signed)) as server:
        assert open_pool(TransportOptions(verify=False)).send(get(server.url)).status == 200


def test_a_server_that_does_not_speak_tls_is_named(trusting: Pool) -> None:
    with (
        StubServer([], greeting=raw_answer(400)) as server,
        pytest.raises(TlsError, match=f"127.0.0.1:{server.port} does not speak TLS: is this the right port"),
    ):
        trusting.send(get(f"https://127.0.0.1:{server.port}"))


def test_a_server_that_speaks_tls_is_not_taken_for_a_plain_one(pool: Pool, certificates: Certificates) -> None:
    with (
        StubServer([json_answer()], tls=certificates.server(certificates.good)) as server,
        pytest.raises(ConnectionBroken, match=f"127.0.0.1:{server.port} closed the connection without an answer"),
    ):
        pool.send(get(f"http://127.0.0.1:{server.port}"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_begins_to_answer_within_the_handshake_is_heard_to_the_end(
    open_pool: OpenPool, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = certificates.server(certificates.good)
    context.maximum_version = version
    authority = str(certificates.authority)
    with StubServer(tunnel) as proxy, StubServer([], greeting=[_answer_with_the_handshake(context), Close()]) as server:
        for way in (None, proxy.url):
            pool = open_pool(TransportOptions(ca_bundle=authority, timeout=1.0, proxy=way))
            response = pool.send(get(f"https://{server.place}"))
            assert (response.status, response.body) == (503, b"hi")
            pool.close()


def _answer_with_the_handshake(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """The last of the handshake and the start of an answer in one piece; the rest when there is a request."""

    def speak(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(step: Callable[[], object]) -> None:
            while True:
                try:
                    step()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65536))
                else:
                    return

        until_done(secure.do_handshake)
        secure.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n")
        connection.sendall(outgoing.read())
        until_done(secure.read)
        secure.write(b"\r\nhi")
        connection.sendall(outgoing.read())

    return speak


ENDS = {
    "end of file": ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
    "close_notify": ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF)"),
    "reset, told by OpenSSL": ssl.SSLError(5, "[SYS] unknown error (_ssl.c:1006)"),
    "broken pipe": BrokenPipeError(32, "Broken pipe"),
}


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
def test_a_secure_connection_that_just_ends_is_described_in_plain_words(error: OSError) -> None:
    described = read_failure(error, "sso.test:443")
    assert isinstance(described, ConnectionBroken)
    assert str(described) == "sso.test:443: the connection was closed"


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
def test_a_handshake_that_just_ends_is_described_in_plain_words(error: OSError) -> None:
    described = handshake_failure(error, "sso.test:443")
    assert isinstance(described, ConnectionBroken)
    assert str(described) == "sso.test:443 closed the connection during the TLS handshake"


def test_a_server_older_than_tls_1_2_is_refused(trusting: Pool, certificates: Certificates) -> None:
    context = certificates.server(certificates.good)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with StubServer([json_answer()], tls=context) as server, pytest.raises(TlsError, match="the TLS handshake failed"):
        trusting.send(get(server.url))


def test_a_handshake_without_an_end_is_left(open_pool: OpenPool, certificates: Certificates) -> None:
    options = TransportOptions(connect_timeout=0.1, ca_bundle=str(certificates.authority))
    with StubServer([], greeting=[Pause(20)]) as server, pytest.raises(ConnectTimeout, match=server.place):
        open_pool(options).send(get(f"https://{server.place}"))


def test_a_connection_that_ends_in_the_handshake_is_named(trusting: Pool) -> None:
    with (
        StubServer([], greeting=[Close()]) as server,
        pytest.raises(ConnectionBroken, match="during the TLS handshake"),
    ):
        trusting.send(get(f"https://{server.place}"))


def test_a_client_shows_its_certificate(open_pool: OpenPool, certificates: Certificates) -> None:
    context = certificates.server(certificates.good, wants_client=True)
    authority, own = str(certificates.authority), str(certificates.client)
    with StubServer([json_answer()], tls=context) as server:
        for given in (own, (own, own)):
            pool = open_pool(TransportOptions(ca_bundle=authority, client_certificate=given))
            assert pool.send(get(server.url)).status == 200


def test_a_server_that_misses_a_certificate_is_named(trusting: Pool, certificates: Certificates) -> None:
    context = certificates.server(certificates.good, wants_client=True)
    with StubServer([json_answer()], tls=context) as server, pytest.raises(TlsError, match="certificate required"):
        trusting.send(get(server.url))


def test_the_answer_of_a_secure_server_that_closes_is_complete(trusting: Pool, certificates: Certificates) -> None:
    answer: Answer = [b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100_000, Close()]
    with StubServer([answer], tls=certificates.server(certificates.good)) as server:
        assert len(trusting.send(get(server.url)).body) == 100_000


def test_a_secure_connection_that_the_server_closed_meanwhile_is_replaced(
    trusting: Pool, certificates: Certificates
) -> None:
    with StubServer([json_answer()], tls=certificates.server(certificates.good)) as server:
        trusting.send(get(server.url))
        server.drop_connections()
        assert trusting.send(get(server.url)).status == 200


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    open_pool: OpenPool, tmp_path: Path, content: bytes | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    pool = open_pool(TransportOptions(ca_bundle=str(bundle)))
    with StubServer([json_answer()]) as server, pytest.raises(ConfigurationError, match=r"bundle\.pem cannot be used"):
        pool.send(get(f"https://{server.place}"))


def test_a_certificate_of_the_client_that_cannot_be_used_is_named(
    open_pool: OpenPool, certificates: Certificates
) -> None:
    pool = open_pool(TransportOptions(client_certificate=str(certificates.authority)))
    with StubServer([json_answer()]) as server, pytest.raises(ConfigurationError, match="no fitting key"):
        pool.send(get(f"https://{server.place}"))
