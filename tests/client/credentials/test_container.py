from pathlib import Path
from typing import Any

import pytest

from postern.client.credentials import ContainerCredentials
from postern.client.errors import CredentialsError, ReadTimeout
from postern.client.http import HttpRequest
from tests.client.credentials.flows import CANARY, DOCUMENT, NOW, Driver, drive, found, refusal, reply

RELATIVE, FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
GRANTED = reply(200, DOCUMENT)


def request(environment: dict[str, str]) -> HttpRequest:
    driver = Driver(GRANTED)
    driver.run(ContainerCredentials(environment).load())
    return driver.sent[0]


@pytest.mark.parametrize("environment", [{}, {FULL: ""}, {TOKEN: "token"}])
def test_without_a_uri_the_next_is_asked(environment: dict[str, str]) -> None:
    assert drive(ContainerCredentials(environment).load()) is None


def test_what_the_endpoint_answers() -> None:
    credentials = found(ContainerCredentials({RELATIVE: "/v2/x"}).load(), GRANTED)
    assert (credentials.access_key_id, credentials.secret_access_key) == ("ASIAEXAMPLE", CANARY)
    assert (credentials.session_token, credentials.expires_at) == ("session-" + CANARY, NOW + 3600)
    assert credentials.source == "container"


@pytest.mark.parametrize(
    "environment, url",
    [
        ({RELATIVE: "/v2/credentials/1?id=2"}, "http://169.254.170.2/v2/credentials/1?id=2"),
        ({RELATIVE: "/v2/x", FULL: "https://creds.test/"}, "http://169.254.170.2/v2/x"),
        ({FULL: "http://169.254.170.2/x"}, "http://169.254.170.2/x"),
        ({FULL: "http://169.254.170.23/v1/credentials"}, "http://169.254.170.23/v1/credentials"),
        ({FULL: "http://[fd00:ec2::23]/v1/credentials"}, "http://[fd00:ec2::23]/v1/credentials"),
        ({FULL: "http://localhost:1234/x"}, "http://localhost:1234/x"),
        ({FULL: "http://127.0.0.2:1234/x"}, "http://127.0.0.2:1234/x"),
        ({FULL: "http://[::1]/x"}, "http://[::1]/x"),
        ({FULL: "https://creds.example.test/x"}, "https://creds.example.test/x"),
    ],
)
def test_the_request_goes_past_proxies_and_has_a_short_time_out(environment: dict[str, str], url: str) -> None:
    sent = request(environment)
    assert (sent.method, sent.url, sent.direct, sent.timeout) == ("GET", url, True, 2.0)


@pytest.mark.parametrize(
    "environment",
    [
        {FULL: "http://creds.example.test/x"},
        {FULL: "http://169.254.169.254/x"},
        {FULL: "http://192.168.0.1/x"},
        {FULL: "http://localhost.example.test/x"},
        {FULL: "http://127.0.0.1@creds.example.test/x"},
        {FULL: "https://user:password@creds.example.test/x"},
        {FULL: "http://creds.example.test\\@127.0.0.1/x"},
        {FULL: "file:///etc/passwd"},
        {FULL: "//localhost/x"},
        {FULL: "http:///x"},
        {FULL: "http://[::1/x"},
        {RELATIVE: "@creds.example.test/x"},
        {RELATIVE: "v2/credentials"},
    ],
    ids=lambda environment: str(next(iter(environment.values()))),
)
def test_hosts_that_may_not_see_the_token(environment: dict[str, str]) -> None:
    driver = Driver(GRANTED)
    with pytest.raises(CredentialsError, match=next(iter(environment))) as caught:
        driver.run(ContainerCredentials({**environment, TOKEN: CANARY}).load())
    assert CANARY not in str(caught.value)
    assert driver.sent == []


def test_the_token_is_sent_as_it_is() -> None:
    assert request({RELATIVE: "/x", TOKEN: "Basic abc"}).headers["Authorization"] == "Basic abc"


def test_without_a_token_there_is_no_header() -> None:
    assert "Authorization" not in request({RELATIVE: "/x"}).headers


def test_the_token_file_goes_before_the_token_and_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    provider = ContainerCredentials({RELATIVE: "/x", TOKEN: "old", TOKEN_FILE: str(file)})
    driver = Driver(GRANTED, GRANTED)
    for text in ("first\n", "second"):
        file.write_text(text)
        driver.run(provider.load())
    assert [sent.headers["Authorization"] for sent in driver.sent] == ["first", "second"]


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    environment = {RELATIVE: "/x", TOKEN_FILE: str(tmp_path / "none")}
    assert f"{TOKEN_FILE} cannot be read" in refusal(ContainerCredentials(environment).load())


@pytest.mark.parametrize("token", [CANARY + "\nX-Evil: 1", CANARY + "\r", "\0" + CANARY])
def test_a_token_cannot_bring_in_a_header(token: str) -> None:
    assert "no header may have" in refusal(ContainerCredentials({RELATIVE: "/x", TOKEN: token}).load())


@pytest.mark.parametrize(
    "answer, says",
    [
        (reply(404, CANARY), "status 404"),
        (reply(302, b""), "status 302"),
        (reply(200, b"<html>" + CANARY.encode()), "not JSON"),
        (reply(200, b"\xff"), "not JSON"),
        (reply(200, b"[" * 100_000), "not"),
        (reply(200, {**DOCUMENT, "AccessKeyId": None}), "$.AccessKeyId"),
        (reply(200, {**DOCUMENT, "Expiration": CANARY}), "ISO 8601"),
        (reply(200, {"SecretAccessKey": CANARY}), "no AccessKeyId"),
    ],
)
def test_bad_answers(answer: Any, says: str) -> None:
    assert says in refusal(ContainerCredentials({RELATIVE: "/x"}).load(), answer)


def test_it_is_tried_three_times() -> None:
    driver = Driver(ReadTimeout("silent"), reply(500, b""), GRANTED)
    assert driver.run(ContainerCredentials({RELATIVE: "/x"}).load()) is not None
    assert driver.slept == [0.5, 1.0]


def test_an_endpoint_that_is_announced_and_silent_is_an_error() -> None:
    silent = [ReadTimeout("silent")] * 3
    assert refusal(ContainerCredentials({RELATIVE: "/x"}).load(), *silent) == "silent"
