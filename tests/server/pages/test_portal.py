"""The start page: one's own accounts and roles, searched and page by page, without a script."""

import re

import pytest

from postern.core import users
from postern.core.pacing import Pacer
from postern.core.portal_page import PAGE_SIZE
from postern.core.service import new_instance
from postern.server.pages import words
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.portal_world import ACCOUNT_ID, assign, create, person
from tests.server.pages.test_every_page import HOSTILE, assert_harmless
from tests.server.pages.world import PASSWORD, World, sign_in


def links(page: Answer) -> list[str]:
    return [link.get("href", "") for link in page.document.iter("a")]


def role_links(page: Answer) -> list[str]:
    return [link for link in links(page) if "/role?" in link]


def names(page: Answer) -> list[str]:
    return ["".join(heading.itertext()) for heading in page.document.iter("h2")]


async def test_each_account_is_there_with_a_link_for_each_role(world: World) -> None:
    browser = await world.signed_in()
    await assign(world, await person(world), roles=("Admin", "Read+Only@x"))
    page = await browser.get("/start")
    assert names(page) == ["Production"]
    assert ACCOUNT_ID in page.text
    assert role_links(page) == [
        f"/start/role?account_id={ACCOUNT_ID}&role_name=Admin",
        f"/start/role?account_id={ACCOUNT_ID}&role_name=Read%2BOnly%40x",
    ]
    for link, heading in zip(role_links(page), ("Admin", "Read+Only@x"), strict=True):
        assert (await browser.get(link)).heading == heading


async def test_nobody_sees_the_accounts_of_another(world: World) -> None:
    await world.add_user("bob")
    await assign(world, await person(world, "bob"))
    page = await (await world.signed_in()).get("/start")
    assert "No account is assigned to you." in page.text
    assert ACCOUNT_ID not in page.text


async def test_a_search_is_a_form_that_shows_what_matches(world: World) -> None:
    browser = await world.signed_in()
    await assign(world, await person(world))
    await assign(world, await person(world), "444455556666", ("Reader",), name="Staging")
    assert (await browser.get("/start")).form("/start") == {"q": ""}
    page = await browser.get("/start?q=stag")
    assert names(page) == ["Staging"]
    assert "1 of 2 accounts for “stag”" in page.text
    assert page.form("/start") == {"q": "stag"}
    page = await browser.get("/start?q=nothing+like+it")
    assert "Nothing of yours matches." in page.text
    assert "/start" in links(page)


async def test_accounts_come_page_by_page_and_the_search_goes_along(world: World) -> None:
    browser = await world.signed_in()
    for number in range(PAGE_SIZE + 1):
        await assign(world, await person(world), f"{number:012d}", name=f"web & more {number:03d}")
    first = await browser.get("/start?q=web+%26")
    assert "Page 1 of 2" in first.text
    (further,) = [link for link in links(first) if "page=" in link]
    second = await browser.get(further)
    assert names(first) + names(second) == [f"web & more {number:03d}" for number in range(PAGE_SIZE + 1)]
    assert "/start?q=web+%26" in links(second)
    assert not [link for link in links(second) if "page=" in link]


@pytest.mark.parametrize("number", ["0", "-1", "2", "99999999999", "x", "", "１", "1e3"])  # noqa: RUF001
async def test_a_page_number_that_is_none_shows_the_nearest_page(world: World, number: str) -> None:
    browser = await world.signed_in()
    await assign(world, await person(world))
    page = (
        await browser.get(f"/start?page={number}") if number.isascii() else await browser.get("/start?page=%EF%BC%91")
    )
    assert (page.status, names(page)) == (200, ["Production"])


async def test_hostile_names_and_searches_are_shown_as_text(world: World) -> None:
    browser = await world.signed_in()
    ada = await person(world)
    await assign(world, ada, name=HOSTILE, description=HOSTILE)
    await assign(world, ada, "444455556666", ("Admin",), name="W" * 300)
    for path in ("/start", f"/start/role?account_id={ACCOUNT_ID}&role_name=Admin"):
        page = await browser.get(path)
        assert HOSTILE in page.text
        assert_harmless(page)
    query = "%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE"
    page = await browser.get(f"/start?q={query}")
    assert "<script>alert(1)</script>" in page.text
    assert_harmless(page)
    crowded = [heading for heading in names(await browser.get("/start")) if heading.startswith("W")]
    assert crowded == ["W" * 79 + "…"]


async def test_the_search_survives_sign_in(world: World) -> None:
    await world.add_user()
    detour = await world.browser().get("/start?q=a%20b&page=2")
    assert detour.location == "/sign-in?next=/start%3Fq%3Da%2520b%26page%3D2"


async def test_the_script_loads_only_what_is_ours_and_writes_no_markup(world: World) -> None:
    """What the policy would stop anyway must not be tried."""
    source = (await world.browser().get("/static/portal.js")).body.decode()
    assert not re.search(r"https?:|eval|innerHTML|outerHTML|insertAdjacent|document\.write|import\b|Function\(", source)


@pytest.mark.parametrize("path", ["/start/", "/"])
async def test_other_forms_of_the_start_url_lead_to_it(world: World, path: str) -> None:
    assert (await world.browser().get(path)).location == "/start"


@pytest.mark.parametrize(
    "seconds, spoken",
    [(3600, "1 hour"), (28_795, "7 hours 59 minutes"), (59, "59 seconds"), (200_000, "2 days"), (-5, "0 seconds")],
)
def test_how_long_a_thing_lasts_is_rounded_down(seconds: int, spoken: str) -> None:
    assert words.until(1_760_000_000 + seconds, 1_760_000_000).startswith(f"for {spoken}, until 2025-10-")


# Another instance


async def at_another_instance(world: World) -> tuple[TestBrowser, str]:
    """Somebody of another instance with an account there, signed in, and that start page's path."""
    other = new_instance(world.service.now(), name="other")
    await create(world, other)
    await world.service.renew()
    user = await users.add_user(
        world.store, world.service.passwords, user_name="zoe", password=PASSWORD, instance=other, now=1
    )
    await assign(world, user, name="Elsewhere")
    browser, start = world.browser(), f"/start/{other.instance_id}"
    answer = await sign_in(browser, "zoe", PASSWORD, start)
    assert answer.location == start
    return browser, start


async def test_another_instance_has_a_portal_of_its_own(world: World) -> None:
    await world.add_user()
    await assign(world, await person(world))
    browser, start = await at_another_instance(world)
    page = await browser.get(start)
    assert names(page) == ["Elsewhere"]
    assert f"{start}/sign-ins" in links(page)
    assert all(link.startswith((start, "/device/")) for link in links(page) if "?" in link)
    (role,) = role_links(page)
    made = await browser.post(f"{start}/role", (await browser.get(role)).form(f"{start}/role"))
    assert made.heading == "Credentials of Admin"
    form = (await browser.get(f"{start}/password")).form(f"{start}/password")
    typed = {"password": PASSWORD, "new_password": "x" * 20, "new_password_again": "x" * 20}
    assert (await browser.post(f"{start}/password", form | typed)).location == f"{start}/password/changed"
    assert names(await browser.get(start)) == ["Elsewhere"]


@pytest.mark.parametrize("room", ["", "/sign-ins", "/password", "/role", "/console"])
async def test_nobody_enters_the_portal_of_another_instance(world: World, room: str) -> None:
    browser, start = await at_another_instance(world)
    ada = await world.signed_in()
    assert (await browser.get(f"/start{room}")).location == f"/sign-in?next=/start{room}"
    assert (await ada.get(f"{start}{room}")).location == f"/sign-in?next={start}{room}"


@pytest.mark.parametrize("room", ["", "/sign-ins", "/password", "/role", "/console"])
async def test_an_instance_that_is_none_has_no_portal(world: World, room: str) -> None:
    browser = await world.signed_in()
    for instance_id in ("ssoins-0000000000000000", world.service.instance.instance_id, "x"):
        assert (await browser.get(f"/start/{instance_id}{room}")).status == 404


async def test_who_asks_too_often_waits(world: World) -> None:
    """Whatever the browser: it is the person who is counted."""
    browsers = [await world.signed_in(), await world.signed_in()]
    world.service.portal_pacer = Pacer(60, 2)
    for browser in browsers:
        assert (await browser.get("/start")).status == 200
    for browser in browsers:
        page = await browser.get("/start")
        assert (page.status, page.heading, page.header("retry-after")) == (429, "Too many requests", "5")
