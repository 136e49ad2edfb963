"""Which URLs may be asked for credentials, and which a browser may be sent to."""

import pytest

from postern.core.role_credentials.endpoints import is_endpoint, read_address


@pytest.mark.parametrize(
    "url",
    [
        "https://sts.amazonaws.com",
        "https://sts.eu-central-1.amazonaws.com/",
        "https://10.0.0.7:8443/sts",
        "https://[2001:db8::1]:8443",
        "https://sts",
        "http://127.0.0.1:9000",
        "http://127.8.8.8",
        "http://localhost:9000/path/",
        "http://[::1]:9000",
    ],
)
def test_https_is_an_endpoint_and_so_is_http_on_loopback(url: str) -> None:
    assert is_endpoint(url, allow_http=False)


@pytest.mark.parametrize("url", ["http://minio:9000", "http://10.0.0.7", "http://localhost.example.org"])
def test_http_elsewhere_is_one_where_it_is_allowed(url: str) -> None:
    assert not is_endpoint(url, allow_http=False)
    assert is_endpoint(url, allow_http=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sts.example.org",
        "//sts.example.org",
        "ftp://sts.example.org",
        "file:///etc/passwd",
        "HTTPS://sts.example.org",
        "https://",
        "https:///path",
        "https://a:b@sts.example.org",
        "https://sts.example.org?x=1",
        "https://sts.example.org/#x",
        "https://sts.example.org:0",
        "https://sts.example.org:65536",
        "https://sts.example.org:8443x",
        "https://sts.example.org/a b",
        "https://sts.example.org/\\x",
        "https://sts.example.org\n",
        "https://sts.exämple.org",
        "https://-sts.example.org",
        "https://[::1",
        "https://[:::]",
        f"https://sts.example.org/{'x' * 512}",
    ],
)
@pytest.mark.parametrize("allow_http", [False, True])
def test_anything_else_is_none(url: str, *, allow_http: bool) -> None:
    assert not is_endpoint(url, allow_http=allow_http)


@pytest.mark.parametrize("url", ["https://console.example.org/x?y=z#w", "http://127.0.0.1:9001/"])
def test_an_address_is_taken_apart(url: str) -> None:
    parts = read_address(url)
    assert parts is not None
    assert parts.geturl() == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//console.example.org",
        "https://",
        "https://a@console.example.org",
        "https://console.example.org:x/",
        "https://evil.example%2f.console.example.org/",
        "https://[::1]/",
        'https://console.example.org/"',
        "https://console.example.org/<b>",
        "https://console.example.org\\@evil.example/",
        "https://console.example.org/\r\nX: y",
        "https://console.example.org/\t",
        " https://console.example.org/",
        "https://cönsole.example.org/",
        f"https://console.example.org/{'x' * 2048}",
    ],
)
def test_what_a_browser_might_read_otherwise_is_no_address(url: str) -> None:
    assert read_address(url) is None
