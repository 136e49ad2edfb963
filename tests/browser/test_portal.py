"""The portal in a real browser: from sign-in over a search to credentials that work, and what a person ends there."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from playwright.sync_api import expect

from tests.browser.conftest import Place, Visit
from tests.browser.directory import Wanted, assign
from tests.browser.sites import site
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.slow

PROD, TEST = "610987654321", "645678901234"
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def employee(place: Place, visit: Visit) -> Visitor:
    """Somebody with forty accounts, who may read the clipboard."""
    visitor = visit(place.add_person(), permissions=CLIPBOARD)
    accounts = [
        Wanted(f"sandbox {number:02d}", f"{700_000_000_000 + number:012d}", ("Reader",)) for number in range(38)
    ]
    assign(place, visitor.person, [*accounts, Wanted("web prod", PROD, ("Admin", "Reader")), Wanted("web test", TEST)])
    return visitor


def exported(text: str) -> dict[str, str]:
    return dict(shlex.split(line)[1].split("=", 1) for line in text.splitlines())


def identity(place: Place, variables: dict[str, str]) -> dict[str, Any]:
    sts: Any = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=place.url,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables["AWS_SESSION_TOKEN"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    answer: dict[str, Any] = sts.get_caller_identity()
    sts.close()
    return answer


def test_from_sign_in_over_a_search_to_credentials_that_work(place: Place, employee: Visitor) -> None:
    page = employee.open()
    employee.sees(f"Hello, {employee.person.user_name}")
    expect(page.locator("#tally")).to_have_text("40 accounts")
    page.get_by_label("Search accounts and roles").press_sequentially("web admin")
    expect(page.locator("#tally")).to_have_text("2 of 40 accounts for “web admin”")
    expect(page.locator(".account-name")).to_have_text(["web prod", "web test"])
    assert page.url.endswith("/start?q=web+admin")
    page.get_by_role("link", name="Admin in web prod", exact=True).click()
    employee.sees("Admin")
    employee.button("Show credentials").click()
    employee.sees("Credentials of Admin")
    employee.button("Copy for macOS and Linux").click()
    expect(employee.button("Copied for macOS and Linux")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#text-posix").inner_text()
    who = identity(place, exported(copied))
    assert who["Account"] == PROD
    assert who["Arn"].startswith(f"arn:aws:sts::{PROD}:assumed-role/AWSReservedSSO_Admin_")
    assert who["Arn"].endswith(f"/{employee.person.user_name}")


@pytest.mark.parametrize(
    "title, key", [("PowerShell", "powershell"), ("Command Prompt", "cmd"), ("AWS profile", "profile")]
)
def test_each_form_opens_alone_and_is_copied_whole(employee: Visitor, title: str, key: str) -> None:
    page = employee.open(f"/start/role?account_id={PROD}&role_name=Reader")
    employee.button("Show credentials").click()
    page.locator("summary", has_text=title).click()
    expect(page.locator("details[open]")).to_have_count(1)
    employee.button(f"Copy for {title}").click()
    expect(employee.button(f"Copied for {title}")).to_be_visible()
    expect(employee.button(f"Copy for {title}")).to_be_visible()  # the button says again what it does
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(f"#text-{key}").inner_text()


def test_where_the_clipboard_is_out_of_reach_the_text_is_selected(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person())
    assign(place, visitor.person, [Wanted("web test", TEST)])
    page = visitor.open(f"/start/role?account_id={TEST}&role_name=Admin")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')) }")
    visitor.button("Copy for Profile that signs in").click()
    expect(visitor.button("Selected for Profile that signs in")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == page.locator("#text-sign-in").inner_text()


def test_a_search_follows_hurried_typing_and_the_last_word_counts(employee: Visitor) -> None:
    page = employee.open()
    answers: list[Any] = []

    def hold_back(route: Any) -> None:
        """The first answer comes after the second."""
        answers.append(route)
        if len(answers) == 2:
            answers[1].continue_()
            answers[0].continue_()

    page.route(re.compile(r"/start\?q="), hold_back)
    field = page.get_by_label("Search accounts and roles")
    with page.expect_request(re.compile(r"q=web$")):
        field.press_sequentially("web")
    field.press_sequentially(" test")
    expect(page.locator("#tally")).to_have_text("1 of 40 accounts for “web test”")
    page.wait_for_load_state("networkidle")
    expect(page.locator(".account-name")).to_have_text(["web test"])
    page.unroute_all()
    field.fill("")
    expect(page.locator("#tally")).to_have_text("40 accounts")
    assert page.url.endswith("/start")


def test_a_search_after_the_session_ended_leads_to_sign_in(place: Place, employee: Visitor) -> None:
    page = employee.open()
    elsewhere = employee.new_tab()
    elsewhere.goto("/start")
    elsewhere.sign_out()
    page.get_by_label("Search accounts and roles").press_sequentially("web")
    employee.sees("Sign in")
    employee.sign_in()
    expect(page.locator("#tally")).to_have_text("2 of 40 accounts for “web”")


def test_without_scripts_all_of_it_works(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person(), java_script_enabled=False)
    assign(place, visitor.person, [Wanted("web prod", PROD, ("Admin", "Reader")), Wanted("web test", TEST)])
    page = visitor.open()
    page.get_by_label("Search accounts and roles").fill("prod read")
    visitor.button("Search").click()
    page.get_by_role("link", name="Reader in web prod", exact=True).click()
    visitor.button("Show credentials").click()
    visitor.sees("Credentials of Reader")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    assert identity(place, exported(page.locator("#text-posix").inner_text()))["Account"] == PROD
    page.locator("summary", has_text="PowerShell").click()
    expect(page.locator("#text-powershell")).to_be_visible()
    page.get_by_role("link", name="Sign-ins").click()
    visitor.button("End all others").click()
    visitor.sees("Signed in as you")
    page.get_by_role("link", name="Password").click()
    visitor.change_password("a password that is new")
    visitor.sees("Password changed")


def test_one_click_selects_a_whole_text(place: Place, visit: Visit) -> None:
    """For whoever has no script."""
    visitor = visit(place.add_person())
    assign(place, visitor.person, [Wanted("web test", TEST)])
    page = visitor.open(f"/start/role?account_id={TEST}&role_name=Admin")
    text = page.locator("#text-sign-in")
    text.click()
    assert page.evaluate("getSelection().toString()").strip() == text.inner_text().strip()


# What is ended


def test_all_others_end_and_this_browser_stays(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person())
    elsewhere = visit(visitor.person)
    elsewhere.open()
    visitor.open()
    device = place.oidc.start_device()
    visitor.goto(device.complete_uri)
    visitor.approve()
    visitor.sees("Approved")
    token = device.poll()
    visitor.goto("/start/sign-ins")
    visitor.button("End all others").click()
    expect(visitor.page.locator(".sign-in-name")).to_have_text(["This browser"])
    device.assert_ended(token)
    elsewhere.goto("/start")
    elsewhere.sees("Sign in")


def test_a_new_password_ends_the_old_one_and_every_sign_in(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person())
    elsewhere = visit(visitor.person)
    elsewhere.open()
    visitor.open("/start/password")
    visitor.change_password("a password that is new", current="wrong password")
    visitor.is_told("The current password is wrong.")
    visitor.change_password("a password that is new")
    visitor.sees("Password changed")
    visitor.goto("/start")
    visitor.sees(f"Hello, {visitor.person.user_name}")
    elsewhere.goto("/start")
    elsewhere.sign_in()
    elsewhere.is_told("The username or the password is wrong.")
    elsewhere.sign_in(password="a password that is new")
    elsewhere.sees(f"Hello, {visitor.person.user_name}")


# The console


@pytest.fixture
def console() -> Iterator[Any]:
    page = "<!doctype html><title>x</title><h1>The console</h1>"
    with site("localhost", {"/": page, "/deep": page}) as served:
        yield served


def with_console(place: Place, visit: Visit, console: Any, **options: Any) -> Visitor:
    visitor = visit(place.add_person(), **options)
    account = f"{int.from_bytes(console.origin.encode()[-5:]) % 10**12:012d}"
    assign(place, visitor.person, [Wanted("web prod", account, ("Admin",), f"{console.origin}/")])
    visitor.open()
    visitor.await_page(f"/start/role?account_id={account}&role_name=Admin", "Admin")
    return visitor


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_the_console_opens_in_a_tab_of_its_own_and_knows_nothing_of_the_portal(
    place: Place, visit: Visit, console: Any, java_script_enabled: bool
) -> None:
    visitor = with_console(place, visit, console, java_script_enabled=java_script_enabled)
    with visitor.context.expect_page() as opened:
        visitor.button("Open the console in a new tab").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("The console")
    assert opened.value.url == f"{console.origin}/"
    if java_script_enabled:
        assert opened.value.evaluate("[document.referrer, window.opener]") == ["", None]
    visitor.sees("Admin")


@pytest.mark.parametrize("mark", ["/console?", "#/console?"])
def test_shortcut_links_of_both_forms_lead_to_the_question(place: Place, visit: Visit, console: Any, mark: str) -> None:
    visitor = with_console(place, visit, console)
    query = visitor.page.url.partition("?")[2]
    visitor.goto("/device")
    visitor.goto(f"{place.url}/start{mark}{query}")
    visitor.sees("Open the console?")
    visitor.page.get_by_role("link", name="Not now").click()
    visitor.sees("Admin")


# What the script may do


def test_the_policy_admits_no_other_script_and_no_request_elsewhere(signed_in: Visitor) -> None:
    with site("localhost", {"/x.js": "window.hit = 1"}) as stranger:
        signed_in.goto("/start")
        outcome = signed_in.page.evaluate(
            """async origin => {
              const script = document.createElement("script");
              script.src = `${origin}/x.js`;
              const loaded = new Promise(done => {
                script.onload = () => done("ran");
                script.onerror = () => done("refused");
              });
              document.head.append(script);
              return [await loaded, await fetch(origin).catch(error => error.name)];
            }""",
            stranger.origin,
        )
        assert outcome == ["refused", "TypeError"]
        assert signed_in.page.evaluate("window.hit") is None
    assert signed_in.complaints
    assert all("Content Security Policy" in complaint for complaint in signed_in.complaints)
    signed_in.complaints.clear()
