import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from postern.client.errors import ConfigurationError, ConnectionFailed, ConnectTimeout, ProxyError, TlsError
from postern.client.transports.options import TransportOptions
from tests.client.stub_server import Answer, Close, Pause, Received, StubServer, json_answer, raw_answer
from tests.client.transports.certificates import Certificates
from tests.client.transports.pools import OpenPool, get, post

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SECRET = "p/ss"
BASIC = "Basic dXNlcjpwL3Nz"


def tunnel(request: Received) -> Answer:
    """A proxy that does what it is asked to."""
    host, _, port = request.target.rpartition(":")
    return [CONNECTED, _relay_to(host.strip("[]"), int(port)), Close()]


def _relay_to(host: str, port: int) -> Callable[[socket.socket], None]:
    def relay(client: socket.socket) -> None:
        with socket.create_connection((host, port)) as server:
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()

    return relay


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def by_way_of(proxy: StubServer, certificates: Certificates, credentials: str = "") -> TransportOptions:
    return TransportOptions(proxy=f"http://{credentials}{proxy.place}", ca_bundle=str(certificates.authority))


def test_plain_requests_go_to_the_proxy_with_their_whole_url(open_pool: OpenPool, certificates: Certificates) -> None:
    with StubServer([json_answer()]) as proxy:
        pool = open_pool(by_way_of(proxy, certificates, "user:p%2Fss@"))
        for _ in range(2):
            pool.send(post("http://sso.test:81/token?a=b", b"{}"))
        request = proxy.requests[0]
        assert (request.target, request.body) == ("http://sso.test:81/token?a=b", b"{}")
        assert request.headers["host"] == "sso.test:81"
        assert request.headers["proxy-authorization"] == BASIC
        assert proxy.connections == 1


def test_secure_requests_go_through_a_tunnel(open_pool: OpenPool, certificates: Certificates) -> None:
    with (
        StubServer(tunnel) as proxy,
        StubServer([json_answer()], tls=certificates.server(certificates.good)) as server,
    ):
        pool = open_pool(by_way_of(proxy, certificates, "user:p%2Fss@"))
        for _ in range(3):
            pool.send(post(f"{server.url}/token"))
        assert [(asked.method, asked.target) for asked in proxy.requests] == [("CONNECT", server.place)]
        assert proxy.requests[0].headers == {"host": server.place, "proxy-authorization": BASIC}
        assert [request.target for request in server.requests] == ["/token"] * 3
        assert "proxy-authorization" not in server.requests[0].headers
        pool.close()


def test_a_server_behind_a_proxy_is_not_trusted_for_it(open_pool: OpenPool, certificates: Certificates) -> None:
    with (
        StubServer(tunnel) as proxy,
        StubServer([json_answer()], tls=certificates.server(certificates.expired)) as server,
        pytest.raises(TlsError, match=f"{server.place} is not trusted: its certificate has expired"),
    ):
        open_pool(by_way_of(proxy, certificates)).send(get(server.url))


@pytest.mark.parametrize(
    "answer, text",
    [
        (raw_answer(407, b"who are you?", proxy_authenticate="Basic"), "it wants a user and password it knows"),
        (raw_answer(403, b"forbidden"), "status 403"),
        (CONNECTED + b"hello", "bytes of its own"),
        ([Close()], "closed the connection"),
    ],
)
def test_a_proxy_that_does_not_connect_is_named_without_its_password(
    open_pool: OpenPool, certificates: Certificates, answer: Answer, text: str
) -> None:
    with StubServer([answer]) as proxy:
        with pytest.raises(ProxyError, match=f"proxy {proxy.place} .*{text}") as caught:
            open_pool(by_way_of(proxy, certificates, "user:p%2Fss@")).send(get("https://sso.test/?secret=1"))
        proxy.wait_until_left()
    assert not any(secret in str(caught.value) for secret in ("p%2Fss", SECRET, BASIC, "secret"))


def test_a_proxy_that_refuses_plain_requests_is_named(open_pool: OpenPool, certificates: Certificates) -> None:
    with (
        StubServer([raw_answer(407)]) as proxy,
        pytest.raises(ProxyError, match=f"proxy {proxy.place} refused to pass a request to sso.test:80"),
    ):
        open_pool(by_way_of(proxy, certificates)).send(get("http://sso.test/"))


def test_a_407_of_a_server_is_an_answer_like_any_other(open_pool: OpenPool) -> None:
    with StubServer([raw_answer(407)]) as server:
        assert open_pool(TransportOptions()).send(get(server.url)).status == 407


def test_a_407_through_a_tunnel_is_the_servers(open_pool: OpenPool, certificates: Certificates) -> None:
    with (
        StubServer(tunnel) as proxy,
        StubServer([raw_answer(407)], tls=certificates.server(certificates.good)) as server,
    ):
        pool = open_pool(by_way_of(proxy, certificates))
        assert pool.send(get(server.url)).status == 407
        pool.close()


def test_a_proxy_that_falls_silent_is_left(open_pool: OpenPool) -> None:
    with StubServer([[Pause(20)]]) as proxy:
        pool = open_pool(TransportOptions(proxy=proxy.url, connect_timeout=0.1))
        with pytest.raises(ConnectTimeout, match=f"proxy {proxy.place}"):
            pool.send(get("https://sso.test/"))


def test_a_proxy_that_is_not_there_is_named(open_pool: OpenPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    pool = open_pool(TransportOptions(proxy=f"127.0.0.1:{port}"))
    with pytest.raises(ConnectionFailed, match=f"proxy 127.0.0.1:{port}: the connection was refused"):
        pool.send(get("https://sso.test/"))


def test_direct_requests_go_past_the_proxy(open_pool: OpenPool, certificates: Certificates) -> None:
    with StubServer([raw_answer(body=b"proxy")]) as proxy, StubServer([raw_answer(body=b"server")]) as server:
        pool = open_pool(by_way_of(proxy, certificates))
        bodies = [pool.send(get(server.url, direct=direct)).body for direct in (False, True, False, True)]
        assert bodies == [b"proxy", b"server"] * 2


def test_the_environment_names_proxies_and_exemptions(open_pool: OpenPool) -> None:
    with StubServer([raw_answer(body=b"proxy")]) as proxy, StubServer([raw_answer(body=b"server")]) as server:
        environment = {"HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}
        pool = open_pool(TransportOptions(environment=environment))
        assert pool.send(get("http://sso.test/")).body == b"proxy"
        assert pool.send(get(server.url)).body == b"server"


@pytest.mark.parametrize(
    "url", ["https://user:pass@proxy.test", "socks5://proxy.test", "http://user:pass@", "http://user:pass@proxy:x"]
)
def test_a_proxy_that_cannot_be_used_is_refused_at_once(open_pool: OpenPool, url: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        open_pool(TransportOptions(proxy=url))
    assert "pass@" not in str(caught.value)
