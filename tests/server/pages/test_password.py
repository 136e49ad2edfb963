"""Changing one's password in the browser."""

import pytest

from postern.core.audit import EventName
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.portal_world import person
from tests.server.pages.world import PASSWORD, World, sign_in

NEW = "another horse, another battery"
PATH = "/start/password"


async def change(browser: TestBrowser, current: str = PASSWORD, new: str = NEW, again: str | None = None) -> Answer:
    typed = {"password": current, "new_password": new, "new_password_again": new if again is None else again}
    return await browser.post(PATH, (await browser.get(PATH)).form(PATH) | typed)


async def test_a_new_password_ends_everything_but_this_browser(world: World) -> None:
    browser, elsewhere = await world.signed_in(), await world.signed_in()
    await world.add_family(await person(world))
    cookie = browser.cookies["postern-session"]
    answer = await change(browser)
    assert answer.location == "/start/password/changed"
    assert (await browser.follow(answer)).heading == "Password changed"
    assert browser.cookies["postern-session"] != cookie
    assert (await elsewhere.get("/start")).location == "/sign-in?next=/start"
    assert "No terminal or application is signed in as you." in (await browser.get("/start/sign-ins")).text
    assert world.events[-1].event_name is EventName.PASSWORD_CHANGED
    assert (await sign_in(world.browser(), "ada", NEW)).location == "/start"
    assert (await sign_in(world.browser(), "ada", PASSWORD)).status == 403


@pytest.mark.parametrize(
    "current, new, again, status, text, wrong",
    [
        ("wrong password", NEW, None, 403, "The current password is wrong.", "password"),
        ("", NEW, None, 403, "The current password is wrong.", "password"),
        (PASSWORD, NEW, NEW + "x", 400, "The new password was typed in two ways.", "new_password"),
        (PASSWORD, NEW, "", 400, "The new password was typed in two ways.", "new_password"),
        (PASSWORD, "short", None, 400, "A password has 8 to 256 characters.", "new_password"),
        (PASSWORD, "x" * 257, None, 400, "A password has 8 to 256 characters.", "new_password"),
        (PASSWORD, "", None, 400, "A password has 8 to 256 characters.", "new_password"),
        (PASSWORD, PASSWORD, None, 400, "The new password is the current one.", "new_password"),
    ],
)
async def test_a_refusal_says_what_is_wrong_and_shows_no_password(
    world: World, current: str, new: str, again: str | None, status: int, text: str, wrong: str
) -> None:
    browser = await world.signed_in()
    before = world.remembered()
    page = await change(browser, current, new, again)
    assert (page.status, page.heading) == (status, "Change your password")
    assert text in page.text
    fields = {field.get("id"): field for field in page.document.iter("input") if field.get("type") == "password"}
    assert {name for name, field in fields.items() if field.get("aria-invalid") == "true"} == {wrong}
    assert all(not field.get("value") for field in fields.values())
    assert world.remembered() == before


async def test_guesses_are_counted_with_those_at_the_door(world: World) -> None:
    browser = await world.signed_in()
    for _ in range(2):
        await change(browser, "wrong password")
    page = await change(browser)
    assert (page.status, page.header("retry-after")) == (429, "1")
    assert "Too many attempts. Wait 1 second" in page.text
    assert (await sign_in(world.browser(), "ada", PASSWORD)).status == 429


async def test_the_same_password_typed_on_another_keyboard_is_the_same_twice(world: World) -> None:
    browser = await world.signed_in()
    answer = await change(browser, new="caf\u00e9 caf\u00e9", again="cafe\u0301 cafe\u0301")
    assert answer.location == "/start/password/changed"


async def test_a_password_manager_finds_the_page_and_whose_it_is(world: World) -> None:
    browser = await world.signed_in()
    page = await browser.follow(await browser.get("/.well-known/change-password"))
    assert page.form(PATH)["username"] == "ada"
    purposes = [field.get("autocomplete") for field in page.document.iter("input") if field.get("autocomplete")]
    assert purposes == ["username", "current-password", "new-password", "new-password"]


async def test_who_is_not_signed_in_comes_back_to_it(world: World) -> None:
    await world.add_user()
    browser = world.browser()
    assert (await browser.get(PATH)).location == "/sign-in?next=/start/password"
    assert (await browser.post(PATH, {"csrf": "x"})).location == "/sign-in?next=/start"
