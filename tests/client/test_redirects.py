"""Redirects: followed within a host, never with secrets to another."""

import pytest

from postern.client.errors import (
    ServiceError,
    TooManyRedirects,
)
from tests.client.calls import IAM, KEYS, REFRESH, TOKEN, redirect
from tests.client.fakes import (
    ENDPOINT,
    Either,
    Scripted,
    client,
)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", [f"{ENDPOINT}/other", "/other", "https://sso.example.test:8443/other"])
def test_a_redirect_within_the_host_is_followed_with_the_same_body(either: Either, location: str, status: int) -> None:
    transport = either.transport(redirect(location, status), TOKEN)
    assert either.call_over(transport, "create_token", REFRESH).access_token == "aoa"
    first, second = transport.requests
    assert (second.method, second.body) == ("POST", first.body)
    assert second.url.endswith("/other")


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example.test/token",
        "http://sso.example.test/token",
        "https://sso.example.test@elsewhere.test/token",
        "https://user@sso.example.test/token",
        "ftp://sso.example.test/token",
        "javascript:alert(1)",
        "//elsewhere.example.test/token",
        "https://[",
        "http://[::1",
    ],
)
def test_secrets_do_not_follow_a_redirect_to_another_place(either: Either, location: str) -> None:
    transport = either.transport(redirect(location), TOKEN)
    with pytest.raises(ServiceError, match="secrets are not sent there"):
        either.call_over(transport, "create_token", REFRESH)
    assert len(transport.requests) == 1


def test_a_redirect_from_http_to_https_is_followed() -> None:
    transport = Scripted(redirect("https://localhost/token"), TOKEN)
    client(transport, endpoint="http://localhost:8080").create_token(**REFRESH)
    assert transport.requests[1].url == "https://localhost/token"


def test_a_redirected_request_is_signed_anew() -> None:
    transport = Scripted(redirect("/other?aws_iam=t"), TOKEN)
    client(transport, **KEYS).make_request("createTokenWithIAM", IAM).send()
    first, second = (request.headers["Authorization"] for request in transport.requests)
    assert first != second


@pytest.mark.parametrize("limit", [0, 3])
def test_redirects_in_a_circle_come_to_an_end(either: Either, limit: int) -> None:
    transport = either.transport(redirect("/token"))
    with pytest.raises(TooManyRedirects):
        either.call_over(transport, "create_token", REFRESH, max_redirects=limit)
    assert len(transport.requests) == limit + 1
