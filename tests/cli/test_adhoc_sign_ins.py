"""Sign-ins that are not configured: they are given once on the command line, and known by their token from then on."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from postern.client.token_cache import SessionKey
from tests.cli.desk import ACCESS_TOKEN, REGION, START_URL, Desk, Outcome
from tests.cli.stub import Answer, Stub, serving

NEW_TOKEN = {"accessToken": "aoaNewAccess", "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": "aorNewRefresh"}
REGISTRATION = {"clientId": "client", "clientSecret": "SecretOfTheClient", "clientSecretExpiresAt": 4_000_000_000}
DEVICE = {
    "deviceCode": "device", "userCode": "ABCD-EFGH", "verificationUri": "https://lab.example/device",
    "verificationUriComplete": "https://lab.example/device?user_code=ABCD-EFGH", "expiresIn": 600, "interval": 0,
}  # fmt: skip
NAMED = ("--session", "adhoc")
GIVEN = ("--start-url", START_URL, "--region", REGION)


@pytest.fixture
def service(desk: Desk) -> Iterator[Stub]:
    with serving() as stub:
        stub.answers = {
            "/client/register": Answer(members=REGISTRATION),
            "/device_authorization": Answer(members=DEVICE),
            "/token": Answer(members=NEW_TOKEN),
            "/logout": Answer(),
        }
        desk.hurry()
        desk.set(AWS_MAX_ATTEMPTS="1", HTTPS_PROXY="http://127.0.0.1:9")  # nothing leaves this machine
        yield stub


def sign_in(desk: Desk, service: Stub, *arguments: str) -> Outcome:
    outcome = desk("login", *arguments, "--endpoint-url", service.url, "--use-device-code")
    assert outcome.code == 0, outcome
    service.asked.clear()
    return outcome


def let_the_token_expire(desk: Desk, **more: str) -> None:
    for file in desk.cache_folder.glob("*.json"):
        content = json.loads(file.read_text())
        if "accessToken" in content:
            file.write_text(json.dumps(content | {"expiresAt": "2020-01-01T00:00:00Z"} | more))


@pytest.mark.parametrize("name", [NAMED, ("--start-url", START_URL)], ids=["by name", "by start URL"])
def test_all_that_was_given_once_is_known_from_then_on(desk: Desk, service: Stub, name: tuple[str, ...]) -> None:
    sign_in(desk, service, *GIVEN, *(name if name == NAMED else ()))
    assert desk("token", *name).out == "aoaNewAccess\n"
    let_the_token_expire(desk)
    assert desk("token", *name).out == "aoaNewAccess\n"
    assert desk("status", *name).code == 0
    assert desk("login", *name).out.startswith("still signed in to ")
    assert desk("login", *name, "--use-device-code", "--force").code == 0
    assert desk("logout", *name, "--json").json[0]["ended_at_service"] is True
    assert service.paths == ["/token", "/device_authorization", "/token", "/logout"]
    assert desk.cache.list() == []


def test_the_name_is_found_when_another_tool_has_written_the_token(desk: Desk, service: Stub) -> None:
    sign_in(desk, service, *NAMED, *GIVEN)
    file = desk.cache_folder / f"{SessionKey(START_URL, 'adhoc').primary}.json"
    content = json.loads(file.read_text())
    del content["sessionName"]
    file.write_text(json.dumps(content))
    assert desk("token", *NAMED).out == "aoaNewAccess\n"


def test_a_start_url_takes_region_and_endpoint_of_what_is_configured_for_it(desk: Desk, service: Stub) -> None:
    desk.use_session(service.url)
    assert desk("login", "--start-url", START_URL, "--use-device-code").code == 0
    assert service.paths == ["/client/register", "/device_authorization", "/token"]
    assert desk.kept(name=None) is not None


def test_the_endpoint_of_a_configured_session_is_recorded_too(desk: Desk, service: Stub) -> None:
    desk.use_session()
    sign_in(desk, service)
    let_the_token_expire(desk)
    assert desk("token").out == "aoaNewAccess\n"
    assert desk("logout", "--json").json[0]["ended_at_service"] is True


def test_a_configured_endpoint_goes_before_a_recorded_one(desk: Desk, service: Stub) -> None:
    desk.use_session()
    sign_in(desk, service)
    let_the_token_expire(desk)
    with serving() as other:
        other.answers = {"/token": Answer(members=NEW_TOKEN | {"accessToken": "aoaOther"})}
        desk.use_session(other.url)
        assert desk("token").out == "aoaOther\n"
    assert service.asked == []


def test_a_token_is_not_shown_to_the_service_that_a_session_has_moved_to(desk: Desk, service: Stub) -> None:
    desk.use_session()
    sign_in(desk, service)
    let_the_token_expire(desk)
    with serving() as other:
        other.answers = {**service.answers, "/token": Answer(members=NEW_TOKEN | {"accessToken": "aoaOther"})}
        desk.use_session(other.url)
        assert desk("login", "--use-device-code").code == 0
        assert not [asked for asked in other.asked if b"aorNewRefresh" in asked.body]
        assert other.paths == ["/device_authorization", "/token"]


# Nothing says where it is


def test_a_refresh_asks_for_the_endpoint_when_nothing_says_where_the_sign_in_is(desk: Desk, service: Stub) -> None:
    desk.keep_token(name="adhoc", expires_in=-10)
    outcome = desk("token", *NAMED)
    assert outcome.code == 2
    assert "nothing says at which service adhoc is signed in: give it by --endpoint-url" in outcome.complaint
    assert "https://oidc.us-east-1.amazonaws.com" in outcome.complaint
    assert desk("token", *NAMED, "--endpoint-url", service.url).out == "aoaNewAccess\n"


def test_what_is_left_of_a_token_s_time_is_used_when_nothing_says_where_it_is_from(desk: Desk) -> None:
    desk.keep_token(name="adhoc", expires_in=100)
    assert desk("token", *NAMED).out == f"{ACCESS_TOKEN}\n"


@pytest.mark.parametrize("arguments", [NAMED, ("--all",)])
def test_logout_sends_no_token_to_aws_on_a_guess(desk: Desk, arguments: tuple[str, ...]) -> None:
    with serving() as proxy:
        desk.set(HTTPS_PROXY=proxy.url, AWS_MAX_ATTEMPTS="1")
        desk.keep_token(name="adhoc")
        outcome = desk("logout", *arguments)
        assert (outcome.code, outcome.out) == (0, "signed out of adhoc\n")
        assert "adhoc may go on at its service" in outcome.err
        assert "--endpoint-url" in outcome.err
        assert proxy.tunnels == []
    assert desk.cache.list() == []


@pytest.mark.parametrize(
    "prepare",
    [
        lambda desk: desk.use_session(name="adhoc"),
        lambda desk: desk.use_session(name="other"),
        lambda desk: recorded(desk, "https://oidc.us-east-1.amazonaws.com"),
    ],
    ids=["configured", "configured for the same start URL", "recorded"],
)
def test_logout_goes_to_aws_when_the_sign_in_is_there(desk: Desk, prepare: object) -> None:
    with serving() as proxy:
        desk.set(HTTPS_PROXY=proxy.url, AWS_MAX_ATTEMPTS="1")
        desk.keep_token(name="adhoc")
        prepare(desk)  # type: ignore[operator]
        assert desk("logout", *NAMED).code == 0
        assert proxy.tunnels == ["portal.sso.us-east-1.amazonaws.com:443"]


def recorded(desk: Desk, url: str) -> None:
    token = desk.kept("adhoc")
    assert token is not None
    desk.cache.store(SessionKey(START_URL, "adhoc"), token._replace(extra={"endpointUrl": url}))


def test_logout_goes_where_the_sign_in_is_when_only_that_is_configured(desk: Desk, service: Stub) -> None:
    desk.use_session()
    desk.config_file.write_text(
        desk.config_file.read_text() + f"services = half\n[services half]\nsso_oidc =\n  endpoint_url = {service.url}\n"
    )
    desk.keep_token()
    assert desk("logout", "--json").json[0]["ended_at_service"] is True
    assert service.paths == ["/logout"]


# Advice


def command_in(text: str) -> list[str]:
    """The arguments of the `postern …` command that a text advises."""
    found = re.search(r"`postern ([^`]*)`", text)
    assert found, text
    return shlex.split(found[1])


@pytest.mark.parametrize("name", ["adhoc", "my own; rm x"])
def test_advice_to_sign_in_can_be_followed_word_by_word(desk: Desk, service: Stub, name: str) -> None:
    outcome = desk("token", "--session", name, *GIVEN, "--endpoint-url", service.url)
    assert outcome.code == 4
    advised = command_in(outcome.complaint)
    assert desk(*advised, "--use-device-code").code == 0
    assert desk("token", "--session", name).out == "aoaNewAccess\n"


@pytest.mark.parametrize(
    "configure, arguments, advised",
    [
        (lambda desk: desk.use_session(), (), "--session lab"),
        (lambda desk: desk.use_session(), ("--profile", "lab"), "--session lab"),
        (lambda desk: desk.use_session(), ("--start-url", START_URL), f"--start-url {START_URL}"),
        (lambda desk: desk.use_session(name="big corp"), (), "--session 'big corp'"),
        (lambda desk: None, GIVEN, f"--start-url {START_URL} --region {REGION}"),
        (
            lambda desk: desk.configure(f"[profile old]\nsso_start_url = {START_URL}\nsso_region = {REGION}\n"),
            (),
            "--profile old",
        ),
    ],
)
def test_advice_to_sign_in_has_what_is_not_configured_and_no_more(
    desk: Desk, configure: object, arguments: tuple[str, ...], advised: str
) -> None:
    configure(desk)  # type: ignore[operator]
    assert f"run `postern login {advised}`" in desk("token", *arguments).complaint


def test_advice_names_the_profile_when_those_of_a_session_lead_to_different_places(desk: Desk) -> None:
    desk.use_session("http://127.0.0.1:9")
    desk.config_file.write_text(desk.config_file.read_text() + "[profile second]\nsso_session = lab\n")
    outcome = desk("token", "--profile", "second")
    assert "run `postern login --session lab --profile second`" in outcome.complaint


def test_the_doctor_shows_a_recorded_endpoint_and_that_no_other_tool_knows_it(desk: Desk, service: Stub) -> None:
    sign_in(desk, service, *NAMED, *GIVEN)
    texts = [f"{each['text']} -> {each['advice']}" for each in desk("doctor", *NAMED, "--json").json["findings"]]
    assert any(f"sign-in (sso_oidc) at {service.url}: recorded with its token" in text for text in texts)
    assert any(f"configure sso --session adhoc --endpoint-url {service.url}" in text for text in texts)
