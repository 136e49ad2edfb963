import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from botocore.utils import get_environ_proxies

from postern.client.errors import ConfigurationError
from postern.client.transports.options import TransportOptions
from postern.client.transports.routes import Route, Routes
from tests.client.transports.pools import get


def route(url: str, *, direct: bool = False, proxy: str | None = None, **environment: str) -> Route:
    return Routes(TransportOptions(proxy=proxy, environment=environment)).find(get(url, direct=direct))[0]


URLS = ["http://sso.test/", "https://sso.test/", "https://a.sso.test:8443/", "https://10.0.0.1/", "https://[::1]:99/"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HTTPS_PROXY": "http://one.test:1"},
        {"https_proxy": "http://one.test:1", "HTTPS_PROXY": "http://two.test:2"},
        {"https_proxy": "", "HTTPS_PROXY": "http://two.test:2"},
        {"HTTP_PROXY": "http://one.test:1", "HTTPS_PROXY": "http://two.test:2"},
        {"HTTP_PROXY": "http://one.test:1", "REQUEST_METHOD": "GET"},
        {"http_proxy": "http://one.test:1", "REQUEST_METHOD": "GET"},
        {"ALL_PROXY": "http://one.test:1"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "*"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "sso.test"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": ".sso.test"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "other.test, SSO.test"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "so.test"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "a.sso.test:8443"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "a.sso.test:1"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "10.0.0.1,[::1]"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "10.0.0.0/8"},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": "sso.test", "no_proxy": ""},
        {"HTTPS_PROXY": "http://one.test:1", "NO_PROXY": ""},
    ],
)
def test_the_environment_means_what_it_means_to_botocore(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], url: str
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = get_environ_proxies(url).get(urlsplit(url).scheme)
    ours = Routes(TransportOptions(environment=os.environ)).find(get(url))[0].proxy
    assert (ours and f"http://{ours.host}:{ours.port}") == theirs


def test_a_proxy_that_was_given_goes_before_the_environment() -> None:
    found = route("https://sso.test/", proxy="http://given.test:1", HTTPS_PROXY="http://other.test", NO_PROXY="*")
    assert found.hop == ("given.test", 1)


def test_direct_requests_have_no_proxy() -> None:
    assert route("https://sso.test/", direct=True, proxy="http://given.test:1").proxy is None


@pytest.mark.parametrize(
    "url, hop, authorization",
    [
        ("http://proxy.test", ("proxy.test", 80), ""),
        ("proxy.test:3128", ("proxy.test", 3128), ""),
        ("//proxy.test:3128", ("proxy.test", 3128), ""),
        ("http://proxy.test:3128/", ("proxy.test", 3128), ""),
        ("http://[::1]:3128", ("::1", 3128), ""),
        ("http://user:p%40ss%3A@proxy.test", ("proxy.test", 80), "Basic dXNlcjpwQHNzOg=="),
        ("user:p@ss@proxy.test:3128", ("proxy.test", 3128), "Basic dXNlcjpwQHNz"),
        ("http://user@proxy.test", ("proxy.test", 80), ""),
    ],
)
def test_proxies_are_written_in_many_ways(url: str, hop: tuple[str, int], authorization: str) -> None:
    found = route("https://sso.test/", proxy=url)
    assert found.proxy is not None
    assert (found.hop, found.proxy.authorization) == (hop, authorization)


@pytest.mark.parametrize(
    "url", ["https://proxy.test", "socks5h://user:s3cret@proxy.test", "http://user:s3cret@", "x:y:z"]
)
def test_a_proxy_in_the_environment_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        route("https://sso.test/", HTTPS_PROXY=url)
    assert "s3cret" not in str(caught.value)
    assert route("http://sso.test/", HTTPS_PROXY=url).proxy is None


def test_nothing_secret_is_shown() -> None:
    options = TransportOptions(proxy="http://user:secret@proxy.test", environment={"HTTP_PROXY": "secret"})
    found, _ = Routes(options).find(get("https://sso.test/?secret"))
    assert found.proxy is not None
    shown = f"{options!r} {found!r} {list(options.__rich_repr__())} {list(found.proxy.__rich_repr__())}"
    assert "secret" not in shown
    assert found.proxy.authorization not in shown


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.com\u2100.sso.test/x",
        "http://a\uff20evil.test/",
        "http://a\u3000b/",
        "http://evil\uff0f.sso.test/",
        "http://evil\uff1a81.sso.test/",
        "http\u017f://x.test/",
        "http://x,y/",
        "http://a%20b/",
        "https://a..b/",
        "https://.sso.test/",
        "https://sso.test../",
        f"https://{'a' * 64}.test/",
        f"https://{'a.' * 127}b/",
        f"https://[{'1' * 64}]/",
        "https://[1:2]/",
        "https://[%1]/",
    ],
)
@pytest.mark.parametrize("proxy", [None, "http://proxy.test"])
def test_hosts_that_are_none_are_refused(url: str, proxy: str | None) -> None:
    with pytest.raises(ConfigurationError):
        route(url, proxy=proxy)


@pytest.mark.parametrize(
    "host, known_as",
    [
        ("sso.test.", "sso.test."),
        ("A_b-1.Test", "a_b-1.test"),
        ("xn--bcher-kva.test", "xn--bcher-kva.test"),
        ("B\u00dcCHER.test", "xn--bcher-kva.test"),
        ("sso\u3002test", "sso.test"),
        (f"{'a' * 63}.test", f"{'a' * 63}.test"),
        ("[fe80::1%1]", "fe80::1%1"),
    ],
)
def test_hosts_in_the_form_that_name_servers_know(host: str, known_as: str) -> None:
    assert route(f"https://{host}/").host == known_as


def test_what_was_learned_of_hosts_does_not_grow_without_end() -> None:
    routes = Routes(TransportOptions())
    found = [routes.find(get(f"http://host-{number}.test/"))[0] for number in range(1000)]
    assert len(routes._known) <= 256
    assert found[0] == routes.find(get("http://host-0.test/"))[0]
