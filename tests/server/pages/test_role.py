"""A role's page: what is pasted from it, credentials on demand, and the way to its console."""

import configparser
import shlex
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from postern.core.audit import EventName
from postern.core.directory.records import (
    AccountAssignment,
    AssignedRole,
    ConsoleOptions,
    WebIdentitySource,
)
from postern.core.iam.access_keys import TemporaryCredentials, open_session_token
from postern.core.role_credentials.port import SigninTokenCall, StsRefused, StsUnavailable, WebIdentityCall
from postern.core.store import ConfigurationChange
from postern.server.pages.command_line import credential_pastes
from postern.testing import samples
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.portal_world import ACCOUNT_ID, ROLE, add_console, add_source, assign, person
from tests.server.pages.test_every_page import HOSTILE, assert_harmless
from tests.server.pages.world import PASSWORD, World

PATH = f"/start/role?account_id={ACCOUNT_ID}&role_name=Admin"
SHORTCUT = f"/start/console?account_id={ACCOUNT_ID}&role_name=Admin"
CONSOLE = ConsoleOptions(destination="https://console.example.org/")
FEDERATED = ConsoleOptions(
    destination="https://console.example.org/", federation_endpoint="https://signin.example.org/federation"
)
STS = WebIdentitySource(endpoint="https://sts.example.org/x", audience="sts", console=CONSOLE)
MADE = TemporaryCredentials(
    access_key_id="ASIAEXAMPLE", secret_access_key="a'$ \"b", session_token="t/+==", expires_at=1_760_003_600
)


class Sts:
    """Answers as it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    async def assume_role_with_web_identity(self, call: WebIdentityCall) -> TemporaryCredentials:
        if self.failure:
            raise self.failure
        return MADE

    async def assume_role(self, call: Any) -> TemporaryCredentials:
        raise AssertionError("no such source here")

    async def signin_token(self, call: SigninTokenCall) -> str:
        if self.failure:
            raise self.failure
        return "a token & more"


@pytest.fixture
async def browser(world: World) -> TestBrowser:
    browser = await world.signed_in()
    await assign(world, await person(world))
    return browser


async def browser_with(world: World, source: str) -> TestBrowser:
    browser = await world.signed_in()
    await assign(world, await person(world), source=source)
    return browser


def pasted(page: Answer) -> dict[str, str]:
    return {
        (element.get("id") or "").removeprefix("text-"): "".join(element.itertext())
        for element in page.document.iter("pre")
    }


async def credentials(browser: TestBrowser) -> Answer:
    return await browser.post("/start/role", (await browser.get(PATH)).form("/start/role"))


def exported(text: str) -> dict[str, str]:
    """What a POSIX shell makes of the lines."""
    words = [shlex.split(line) for line in text.splitlines()]
    assert all(word[0] == "export" and len(word) == 2 for word in words)
    return dict(word[1].split("=", 1) for word in words)


async def test_credentials_are_shown_on_demand_and_are_those_of_the_role(world: World, browser: TestBrowser) -> None:
    page = await credentials(browser)
    assert (page.status, page.heading) == (200, "Credentials of Admin")
    assert page.header("cache-control") == "no-store"
    variables = exported(pasted(page)["posix"])
    session = open_session_token(world.service.ring, variables["AWS_SESSION_TOKEN"])
    assert session is not None
    assert "AWSReservedSSO_Admin" in str(session)
    assert "for 1 hour, until 2025-10-09 09:53 UTC" in page.text
    assert "This server made them itself" in page.text
    made = world.events[-1]
    assert (made.event_name, made.account_id, made.role_name) == (
        EventName.GET_ROLE_CREDENTIALS,
        ACCOUNT_ID,
        "Admin",
    )
    assert made.access_key_id == variables["AWS_ACCESS_KEY_ID"]


async def test_looking_at_a_role_makes_no_credentials(world: World, browser: TestBrowser) -> None:
    page = await browser.get(PATH)
    assert page.heading == "Admin"
    assert EventName.GET_ROLE_CREDENTIALS not in [event.event_name for event in world.events]
    assert set(pasted(page)) == {"sign-in", "process"}


async def test_each_time_there_are_new_ones(browser: TestBrowser) -> None:
    first, second = pasted(await credentials(browser)), pasted(await credentials(browser))
    assert first["posix"] != second["posix"]
    assert "good for 1 hour. New ones are made each time" in (await browser.get(PATH)).text


def test_each_shell_and_file_gets_the_very_values() -> None:
    role = AssignedRole(account=samples.account(ACCOUNT_ID), permission_set=samples.permission_set("Admin"))
    pastes = {each.key: each for each in credential_pastes(role, MADE)}
    assert exported(pastes["posix"].text) == {
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "a'$ \"b",
        "AWS_SESSION_TOKEN": "t/+==",
    }
    assert pastes["powershell"].text.splitlines()[1] == "$Env:AWS_SECRET_ACCESS_KEY = 'a''$ \"b'"
    assert pastes["cmd"].text.splitlines()[2] == 'set "AWS_SESSION_TOKEN=t/+=="'
    assert profile_of(pastes["profile"].text, "Admin-111122223333") == {
        "aws_access_key_id": "ASIAEXAMPLE",
        "aws_secret_access_key": "a'$ \"b",
        "aws_session_token": "t/+==",
    }
    assert "a'$" not in repr(pastes["posix"])


def profile_of(text: str, section: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser[section])


async def test_the_profile_signs_in_at_this_server_for_this_role(world: World, browser: TestBrowser) -> None:
    texts = pasted(await browser.get(PATH))
    instance = world.service.instance
    profile = profile_of(texts["sign-in"], "profile Admin-111122223333")
    assert (profile["sso_account_id"], profile["sso_role_name"]) == (ACCOUNT_ID, "Admin")
    session = profile_of(texts["sign-in"], f"sso-session {profile['sso_session']}")
    assert session["sso_start_url"] == f"https://{instance.identity_store_id}.awsapps.com/start"
    services = profile_of(texts["sign-in"], f"services {profile['services']}")
    endpoint = f"endpoint_url = {world.service.policy.public_url}"
    assert {name: value.strip() for name, value in services.items()} == dict.fromkeys(
        ("sso_oidc", "sso", "sts"), endpoint
    )
    process = profile_of(texts["process"], "profile Admin-111122223333-process")
    assert process == {"credential_process": "postern credentials --profile Admin-111122223333"}


async def test_where_an_sts_makes_them_the_page_says_which_and_leaves_the_profiles_sts_alone(world: World) -> None:
    browser = await browser_with(world, await add_source(world, STS))
    world.service.sts = Sts()
    page = await credentials(browser)
    assert exported(pasted(page)["posix"])["AWS_SECRET_ACCESS_KEY"] == MADE.secret_access_key
    assert "The security token service at sts.example.org made them." in page.text
    role = await browser.get(PATH)
    assert "sts =" not in pasted(role)["sign-in"]
    assert "good for up to 1 hour" in role.text
    assert "New ones are made each time" not in role.text


@pytest.mark.parametrize(
    "failure, status, heading",
    [
        (StsRefused("AccessDenied", "the trust policy says no"), 403, "No credentials for this role"),
        (StsUnavailable("nobody answers"), 429, "No credentials just now"),
    ],
)
async def test_a_source_that_fails_is_a_page_that_says_nothing_of_it(
    world: World, failure: Exception, status: int, heading: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await browser_with(world, await add_source(world, STS))
    world.service.sts = Sts(failure)
    caplog.set_level("INFO")
    page = await credentials(browser)
    assert (page.status, page.heading) == (status, heading)
    assert str(failure) not in page.text
    assert str(failure) in " ".join(str(getattr(record, "fields", "")) for record in caplog.records)
    assert page.header("retry-after") == ("5" if status == 429 else None)
    assert PATH in [link.get("href") for link in page.document.iter("a")]


NOT_MINE = [
    {"account_id": "999988887777", "role_name": "Admin"},
    {"account_id": ACCOUNT_ID, "role_name": "Reader"},
    {"account_id": ACCOUNT_ID, "role_name": "admin"},
    {"account_id": ACCOUNT_ID, "role_name": ""},
    {"account_id": "", "role_name": "Admin"},
    {"account_id": "x" * 5000, "role_name": HOSTILE},
    {},
]


@pytest.mark.parametrize("named", NOT_MINE)
async def test_a_role_that_is_not_theirs_and_one_that_is_none_are_the_same_page(
    world: World, browser: TestBrowser, named: dict[str, str]
) -> None:
    await world.add_user("bob")
    await assign(world, await person(world, "bob"), "999988887777")
    csrf = (await browser.get("/start")).form("/sign-out")["csrf"]
    expected = await browser.get("/start/role?account_id=000000000000&role_name=Nothing")
    assert (expected.status, expected.heading) == (403, "This role is not yours")
    for room in ("role", "console"):
        answer = await browser.post(f"/start/{room}", named | {"csrf": csrf})
        assert (answer.status, answer.body) == (expected.status, expected.body)
    assert EventName.GET_ROLE_CREDENTIALS not in [event.event_name for event in world.events]


async def test_a_role_that_was_taken_away_since_the_page_was_made_gives_nothing(
    world: World, browser: TestBrowser
) -> None:
    form = (await browser.get(PATH)).form("/start/role")
    assignments = await world.store.list_configuration(AccountAssignment)
    await world.store.change_configuration(ConfigurationChange(remove=tuple(assignments)))
    assert (await browser.post("/start/role", form)).heading == "This role is not yours"


async def test_a_source_that_is_gone_is_as_if_the_role_were(world: World) -> None:
    browser = await browser_with(world, "gone")
    assert (await browser.get(PATH)).heading == "This role is not yours"


# The console


async def test_without_a_console_no_button_offers_one_and_a_shortcut_says_so(browser: TestBrowser) -> None:
    page = await browser.get(PATH)
    assert page.forms("/start/console") == []
    for answer in (
        await browser.get(SHORTCUT),
        await browser.post("/start/console", page.form("/start/role")),
    ):
        assert (answer.status, answer.heading) == (404, "There is no console")


async def test_the_console_opens_by_a_form_and_the_page_goes_there(world: World) -> None:
    browser = await browser_with(world, await add_console(world, CONSOLE))
    page = await browser.post("/start/console", (await browser.get(PATH)).form("/start/console"))
    assert page.header("refresh") == "0; url=https://console.example.org/"
    assert "https://console.example.org/" in [link.get("href") for link in page.document.iter("a")]
    assert "form-action 'self';" in (page.header("content-security-policy") or "")
    opened = world.events[-1]
    assert (opened.event_name, opened.account_id, opened.role_name) == (EventName.GET_CONSOLE_URL, ACCOUNT_ID, "Admin")


async def test_a_federated_console_gets_its_token_in_the_address_alone(world: World) -> None:
    browser = await browser_with(world, await add_console(world, FEDERATED))
    world.service.sts = Sts()
    page = await browser.post("/start/console", (await browser.get(PATH)).form("/start/console"))
    target = urlsplit((page.header("refresh") or "").removeprefix("0; url="))
    assert f"{target.scheme}://{target.netloc}{target.path}" == FEDERATED.federation_endpoint
    assert parse_qs(target.query) == {
        "Action": ["login"],
        "Issuer": [world.service.policy.public_url],
        "Destination": ["https://console.example.org/"],
        "SigninToken": ["a token & more"],
    }
    assert "a token" not in page.text
    assert (page.header("referrer-policy"), page.header("cache-control")) == ("no-referrer", "no-store")


@pytest.mark.parametrize("failure", [StsUnavailable("nobody answers"), StsRefused("AccessDenied", "no")])
async def test_a_federated_console_that_fails_is_a_page(world: World, failure: Exception) -> None:
    browser = await browser_with(world, await add_console(world, FEDERATED))
    world.service.sts = Sts(failure)
    page = await browser.post("/start/console", (await browser.get(PATH)).form("/start/console"))
    assert page.status in (403, 429)
    assert page.header("refresh") is None


async def test_a_shortcut_leads_through_sign_in_to_a_question_and_opens_nothing_by_itself(world: World) -> None:
    await browser_with(world, await add_console(world, CONSOLE))
    stranger = world.browser()
    shortcut = f"{SHORTCUT}&destination=https%3A%2F%2Fconsole.example.org%2Fbuckets%3Fa%3Db"
    detour = await stranger.get(shortcut)
    form = (await stranger.follow(detour)).form("/sign-in") | {"username": "ada", "password": PASSWORD}
    page = await stranger.follow(await stranger.post("/sign-in", form))
    assert page.heading == "Open the console?"
    assert "https://console.example.org/buckets?a=b" in page.text
    assert page.header("refresh") is None
    assert EventName.GET_CONSOLE_URL not in [event.event_name for event in world.events]
    opened = await stranger.post("/start/console", page.form("/start/console"))
    assert opened.header("refresh") == "0; url=https://console.example.org/buckets?a=b"


@pytest.mark.parametrize(
    "destination",
    [
        "https://evil.example/",
        "https://console.example.org.evil.example/",
        "https://console.example.org@evil.example/",
        "http://console.example.org/",
        "//evil.example",
        "javascript:alert(1)",
        "https://console.example.org/\r\nset-cookie: a=b",
        "https://console.example.org/;\turl=https://evil.example",
        HOSTILE,
    ],
)
async def test_a_shortcut_to_somewhere_else_opens_nothing(world: World, destination: str) -> None:
    browser = await browser_with(world, await add_console(world, CONSOLE))
    form = (await browser.get(PATH)).form("/start/console") | {"destination": destination}
    answer = await browser.post("/start/console", form)
    assert (answer.status, answer.heading) == (400, "This is no address of the console")
    assert answer.header("refresh") is None
    assert "evil.example" not in answer.text
    assert_harmless(answer)


async def test_a_shortcut_without_a_role_shows_the_roles_of_its_account(browser: TestBrowser) -> None:
    assert (await browser.get(f"/start/console?account_id={ACCOUNT_ID}")).location == f"/start?q={ACCOUNT_ID}"
    assert (await browser.get("/start/console")).location == "/start"


async def test_no_link_makes_credentials_or_opens_a_console(world: World) -> None:
    browser = await browser_with(world, await add_console(world, CONSOLE))
    before = world.remembered()
    for path in (PATH, SHORTCUT):
        for method in ("GET", "HEAD"):
            await browser.request(method, f"{path}&csrf=x")
    names = {event.event_name for event in world.events}
    assert not names & {EventName.GET_ROLE_CREDENTIALS, EventName.GET_CONSOLE_URL}
    assert world.remembered() == before


async def test_nobody_makes_credentials_with_the_form_of_another(world: World, browser: TestBrowser) -> None:
    bob = await world.signed_in("bob")
    stolen = (await bob.get("/start")).form("/sign-out")["csrf"]
    answer = await browser.post("/start/role", ROLE | {"csrf": stolen})
    assert (answer.status, answer.heading) == (403, "This page is out of date")
