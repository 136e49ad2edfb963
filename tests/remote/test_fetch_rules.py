"""How keys are fetched: statement 100 and attack 21 of the security design."""

import asyncio
import json

import pytest

from postern.core.issuer_keys import IssuerUnavailable
from tests.remote.network import (
    ADDRESS,
    DISCOVERY,
    ISSUER_URL,
    KEYS_URL,
    Network,
    answer,
    discovery,
    key,
    key_set,
)

MEBIBYTE = 1024 * 1024


async def failure_of(network: Network, *networks: str, issuer_url: str = ISSUER_URL, seconds: float = 3) -> str:
    with pytest.raises(IssuerUnavailable) as failure:
        await network.issuer_keys(*networks, seconds=seconds).find(issuer_url, "one")
    return str(failure.value)


async def test_keys_come_by_discovery_from_the_address_that_was_checked(network: Network) -> None:
    found = await network.issuer_keys().find(ISSUER_URL, "one")
    assert found is not None
    assert found.kid == "one"
    assert network.asked == [DISCOVERY, "/keys"]
    assert network.connected == [(ADDRESS, 443)] * 2
    assert network.server_names == ["issuer.example"] * 2


async def test_the_slash_at_the_end_of_an_issuer_is_not_doubled(network: Network) -> None:
    network.pages[DISCOVERY] = discovery(issuer=f"{ISSUER_URL}/")
    assert await network.issuer_keys().find(f"{ISSUER_URL}/", "one")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.7", "fe80::1"])
async def test_100_a_name_that_leads_inside_is_not_connected_to(network: Network, address: str) -> None:
    network.names["issuer.example"] = [[address]]
    assert "its addresses are not public" in await failure_of(network)
    assert network.connected == []


async def test_100_of_several_addresses_only_the_public_ones_are_tried(network: Network) -> None:
    network.names["issuer.example"] = [["10.0.0.7", "93.184.215.15", ADDRESS, "::1"]]
    network.refuses = {"93.184.215.15"}
    assert await network.issuer_keys().find(ISSUER_URL, "one")
    assert network.connected == [("93.184.215.15", 443), (ADDRESS, 443)] * 2


async def test_100_a_name_that_changes_its_mind_does_not_lead_inside(network: Network) -> None:
    network.names["issuer.example"] = [[ADDRESS], ["127.0.0.1"]]
    assert "its addresses are not public" in await failure_of(network)
    assert network.connected == [(ADDRESS, 443)]
    assert network.resolved == ["issuer.example"] * 2  # once for each connection, and never between check and use


@pytest.mark.parametrize(
    "keys_url",
    [
        "https://127.0.0.1/keys",
        "https://[::1]/keys",
        "https://169.254.169.254/latest/meta-data/",
        "https://internal.example/keys",
        "http://issuer.example/keys",
        "https://2130706433/keys",
        "https://[::ffff:7f00:1]/keys",
    ],
)
async def test_100_the_keys_are_not_fetched_from_inside(network: Network, keys_url: str) -> None:
    network.names |= {"internal.example": [["10.0.0.7"]], "2130706433": [["127.0.0.1"]]}
    network.names |= {host: [[host]] for host in ("127.0.0.1", "::1", "169.254.169.254", "::ffff:7f00:1")}
    network.pages[DISCOVERY] = discovery(jwks_uri=keys_url)
    assert "its addresses are not public" in await failure_of(network)
    assert network.asked == [DISCOVERY]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://issuer.example/keys",
        "file:///etc/passwd",
        "unix:/run/postern.sock",
        "//issuer.example/keys",
        "/keys",
        "",
        "https://",
        "https://user:secret@issuer.example/keys",
        "https://issuer.example@127.0.0.1/keys",
        "https://issuer.example/keys#fragment",
        "https://issuer.example/ke ys",
        "https://issuer.example/keys\r\nHost: other",
        "https://issuer.example:0/keys",
        "https://issuer.example:99999/keys",
        "https://[issuer/keys",
        "https://issuer.example/" + "k" * 3000,
        "HTTPS://issuer.example/keys",
        "https://\N{LATIN SMALL LETTER DOTLESS I}ssuer.example/keys",
    ],
)
async def test_100_a_url_that_is_not_plain_https_is_not_asked(network: Network, url: str) -> None:
    network.pages[DISCOVERY] = discovery(jwks_uri=url)
    assert "the URL" in await failure_of(network)
    assert network.asked == [DISCOVERY]


async def test_100_plain_http_is_for_listed_networks(network: Network) -> None:
    url = "http://issuer.example/tenant"
    network.names["issuer.example"] = [["10.1.2.3"]]
    network.pages[DISCOVERY] = discovery(issuer=url, jwks_uri="http://issuer.example:8080/keys")
    assert "its addresses are not public" in await failure_of(network, issuer_url=url)
    assert await network.issuer_keys("10.1.0.0/16").find(url, "one")
    assert network.connected == [("10.1.2.3", 80), ("10.1.2.3", 8080)]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("page", [DISCOVERY, "/keys"], ids=["discovery", "keys"])
@pytest.mark.parametrize("location", ["https://issuer.example/other", "http://169.254.169.254/"])
async def test_100_no_redirect_is_followed(network: Network, status: str, page: str, location: str) -> None:
    network.pages["/other"] = network.pages[page]
    network.pages[page] = answer(b"", status, f"Location: {location}")
    assert f"status {status[:3]}" in await failure_of(network)
    assert network.asked[-1] == page


@pytest.mark.parametrize("status", ["204 No Content", "404 Not Found", "500 Oops", "401 Unauthorized"])
async def test_another_status_than_200_is_a_failure(network: Network, status: str) -> None:
    network.pages["/keys"] = answer(b"{}" if status[:3] != "204" else b"", status)
    assert f"status {status[:3]}" in await failure_of(network)


@pytest.mark.parametrize("page", [DISCOVERY, "/keys"], ids=["discovery", "keys"])
async def test_100_two_mebibytes_are_not_read(network: Network, page: str) -> None:
    network.pages[page] = answer(b" " * 2 * MEBIBYTE)
    assert "more than 1048576 bytes" in await failure_of(network)


async def test_100_two_mebibytes_without_length_are_not_read_either(network: Network) -> None:
    network.pages["/keys"] = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2 * MEBIBYTE
    assert "more than 1048576 bytes" in await failure_of(network)


async def test_100_one_mebibyte_is(network: Network) -> None:
    content = json.dumps({"keys": [key("one").as_dict(private=False)]}).encode()
    network.pages["/keys"] = answer(content + b" " * (MEBIBYTE - len(content)))
    assert await network.issuer_keys().find(ISSUER_URL, "one")


@pytest.mark.parametrize("page", [DISCOVERY, "/keys"], ids=["discovery", "keys"])
async def test_100_an_issuer_that_says_nothing_is_not_waited_for(network: Network, page: str) -> None:
    network.pages[page] = None
    async with asyncio.timeout(5):
        assert await failure_of(network, seconds=0.05) == "no answer within 0.05 seconds"


async def test_100_no_proxy_is_asked(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await network.issuer_keys().find(ISSUER_URL, "one")
    assert network.connected == [(ADDRESS, 443)] * 2


@pytest.mark.parametrize(
    "issuer", [f"{ISSUER_URL}/", ISSUER_URL.upper(), "https://other.example", "", ISSUER_URL.replace("https", "http")]
)
async def test_a_discovery_document_of_another_issuer_is_refused(network: Network, issuer: str) -> None:
    network.pages[DISCOVERY] = discovery(issuer=issuer)
    assert await failure_of(network) == "the discovery document is of another issuer"
    assert network.asked == [DISCOVERY]


GARBAGE = [b"", b"null", b"[]", b"<html>", b"{", b"\xff\xfe", b'{"keys":', b"[" * 100_000, b'{"issuer":1,"jwks_uri":2}']


@pytest.mark.parametrize("garbage", GARBAGE, ids=[str(each[:12]) for each in GARBAGE])
@pytest.mark.parametrize("page", [DISCOVERY, "/keys"], ids=["discovery", "keys"])
async def test_garbage_is_a_failure_and_no_exception(network: Network, page: str, garbage: bytes) -> None:
    network.pages[page] = answer(garbage)
    assert "not" in await failure_of(network)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", b"HTTP/1.1 999999\r\n\r\n"],
    ids=["nothing", "ssh", "too short", "a status that is none"],
)
async def test_an_answer_that_is_not_http_is_a_failure(network: Network, garbage: bytes) -> None:
    network.pages["/keys"] = garbage
    assert "issuer.example: RemoteProtocolError" in await failure_of(network)


async def test_a_name_that_nobody_has_is_a_failure(network: Network) -> None:
    del network.names["issuer.example"]
    assert "Name or service not known" in await failure_of(network)


async def test_a_host_that_refuses_is_a_failure(network: Network) -> None:
    network.refuses = {ADDRESS}
    assert "connection refused" in await failure_of(network)


async def test_an_issuer_with_a_query_is_not_asked(network: Network) -> None:
    assert await failure_of(network, issuer_url=f"{ISSUER_URL}?x=") == "the issuer URL has a query"
    assert network.connected == []


async def test_keys_from_another_public_host_are_fine(network: Network) -> None:
    network.names["keys.example"] = [["93.184.215.20"]]
    network.pages[DISCOVERY] = discovery(jwks_uri=KEYS_URL.replace("issuer.", "keys.") + "?v=1")
    network.pages["/keys?v=1"] = key_set(key("one"))
    assert await network.issuer_keys().find(ISSUER_URL, "one")
    assert network.connected == [(ADDRESS, 443), ("93.184.215.20", 443)]
