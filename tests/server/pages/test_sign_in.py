"""Signing in and out: cookies, fixation, where it leads, locks, and the proof that a form is ours."""

import pytest

from postern.core.records import UserStatus
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.world import PASSWORD, World, open_world, sign_in

HOSTILE_TARGETS = [
    "https://evil.example/",
    "//evil.example/device",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/device\\..\\..",
    "/device/../\\evil.example",
    "/device@evil.example",
    "/device.evil.example",
    "/devices",
    "/device#//evil.example",
    "/device?x=\\",
    "/device?a b",
    "/device?a\r\nSet-Cookie: a=b",
    "/device\n?",
    "/%2f/evil.example",
    "\t//evil.example",
    " /device",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:device",
    "device",
    "",
    "/sign-out",
    "/device?\u202e",
    "/device?" + "a" * 20_000,
]


async def stranger(world: World) -> TestBrowser:
    await world.add_user()
    return world.browser()


async def test_after_sign_in_the_person_lands_where_they_were_going(world: World) -> None:
    browser = await stranger(world)
    detour = await browser.get("/device?user_code=bcdf-ghjk")
    page = await browser.follow(detour)
    answer = await browser.post("/sign-in", page.form("/sign-in") | {"username": "ada", "password": PASSWORD})
    assert answer.location == "/device?user_code=BCDF-GHJK"


@pytest.mark.parametrize("target", HOSTILE_TARGETS)
async def test_next_never_leads_off_the_known_pages(world: World, target: str) -> None:
    browser = await stranger(world)
    assert (await sign_in(browser, "ada", PASSWORD, target)).location == "/start"


@pytest.mark.parametrize("target", HOSTILE_TARGETS)
async def test_next_is_checked_again_in_the_form_and_for_those_already_signed_in(world: World, target: str) -> None:
    browser = await stranger(world)
    form = (await browser.get("/sign-in")).form("/sign-in")
    answer = await browser.post("/sign-in", form | {"username": "ada", "password": PASSWORD, "next": target})
    assert answer.location == "/start"


async def test_whoever_is_signed_in_goes_straight_on(world: World) -> None:
    browser = await world.signed_in()
    assert (await browser.get("/sign-in?next=%2Fdevice")).location == "/device"
    assert (await browser.get("/sign-in?next=%2F%2Fevil.example")).location == "/start"


async def test_unknown_user_and_wrong_password_get_the_same_page(world: World) -> None:
    browser = await stranger(world)
    wrong = await sign_in(browser, "ada", "not the password")
    unknown = await sign_in(world.browser("192.0.2.9"), "bob", "not the password")
    assert (wrong.status, unknown.status) == (403, 403)
    assert wrong.text == unknown.text
    assert wrong.header("www-authenticate") is None


async def test_a_disabled_person_gets_the_page_of_a_wrong_password(world: World) -> None:
    browser = await stranger(world)
    user = await world.store.find_user_by_name(world.service.instance.instance_id, "ada")
    assert user
    await world.store.set_user_status(user.user_id, UserStatus.DISABLED, world.service.now())
    assert "is wrong" in (await sign_in(browser, "ada", PASSWORD)).text


async def test_the_password_is_never_echoed_and_the_name_is_kept_for_another_try(world: World) -> None:
    answer = await sign_in(await stranger(world), "ada", "hunter2-hunter2")
    assert b"hunter2" not in answer.body
    assert answer.form("/sign-in")["username"] == "ada"


async def test_a_locked_name_is_told_how_long_to_wait(world: World) -> None:
    browser = await stranger(world)
    for _ in range(2):
        assert (await sign_in(browser, "ada", "not the password")).status == 403
    answer = await sign_in(browser, "ADA", PASSWORD)
    assert answer.status == 429
    assert answer.header("retry-after") == "1"
    assert "Wait 1 second" in answer.text
    world.pass_time(1)
    assert (await sign_in(browser, "ada", PASSWORD)).status == 303


async def test_guesses_from_elsewhere_do_not_shut_the_person_out(world: World) -> None:
    browser = await stranger(world)
    for guess in range(20):
        await sign_in(world.browser("203.0.113.5"), "ada", f"guess number {guess}")
    assert (await sign_in(browser, "ada", PASSWORD)).status == 303


async def test_a_session_planted_before_sign_in_is_dead_after_it(world: World) -> None:
    attacker = await world.signed_in("mallory")
    await world.add_user()
    victim = world.browser()
    cookie = "postern-session"
    planted = attacker.cookies[cookie]
    form = (await victim.get("/sign-in")).form("/sign-in")
    victim.cookies[cookie] = planted
    answer = await victim.post("/sign-in", form | {"username": "ada", "password": PASSWORD})
    assert answer.status == 303
    assert victim.cookies[cookie] != planted
    assert (await attacker.get("/start")).location.startswith("/sign-in")


async def test_every_sign_in_gets_a_session_of_its_own(world: World) -> None:
    first, second = await world.signed_in(), await world.signed_in()
    assert first.cookies["postern-session"] != second.cookies["postern-session"]


async def test_an_invented_session_is_nobody(world: World) -> None:
    browser = world.browser()
    for invented in ("A" * 43, "", "x", "A" * 10_000, '"quoted"', "é"):
        answer = await browser.get("/start", {"cookie": f"postern-session={invented}"})
        assert answer.location.startswith("/sign-in")


async def test_a_session_that_comes_twice_is_believed_in_neither_case(world: World) -> None:
    browser = await world.signed_in()
    mine = browser.cookies["postern-session"]
    twice = {"cookie": f"postern-session={mine}; postern-session={mine}"}
    assert (await browser.get("/start", twice)).location.startswith("/sign-in")


async def test_a_session_ends_with_its_life(world: World) -> None:
    browser = await world.signed_in()
    world.pass_time(world.service.policy.lifetimes.browser_session)
    assert (await browser.get("/start")).location.startswith("/sign-in")


async def test_signing_out_ends_the_session_and_clears_the_cookie(world: World) -> None:
    browser = await world.signed_in()
    kept = dict(browser.cookies)
    form = (await browser.get("/start")).form("/sign-out")
    answer = await browser.post("/sign-out", form)
    assert answer.location == "/signed-out"
    assert "postern-session" not in browser.cookies
    assert (await browser.follow(answer)).heading == "Signed out"
    browser.cookies = kept
    assert (await browser.get("/start")).location.startswith("/sign-in")
    assert (await browser.post("/sign-out", form)).location == "/signed-out"


def attributes(answer: Answer, name: str) -> set[str]:
    (cookie,) = [cookie for cookie in answer.cookies() if cookie.startswith(f"{name}=")]
    return {part.strip().lower() for part in cookie.split(";")[1:]}


async def test_on_https_cookies_are_host_bound_and_secure() -> None:
    world = await open_world("https://sso.example.com")
    await world.add_user()
    browser = world.browser()
    page = await browser.get("/sign-in")
    assert attributes(page, "__Host-postern-form") == {"httponly", "path=/", "samesite=strict", "secure"}
    answer = await browser.post("/sign-in", page.form("/sign-in") | {"username": "ada", "password": PASSWORD})
    assert attributes(answer, "__Host-postern-session") == {"httponly", "path=/", "samesite=lax", "secure"}
    assert (await browser.get("/start")).status == 200


async def test_on_loopback_cookies_are_plain_since_some_browsers_refuse_secure_ones_there(world: World) -> None:
    browser = await stranger(world)
    page = await browser.get("/sign-in")
    assert attributes(page, "postern-form") == {"httponly", "path=/", "samesite=strict"}
    answer = await browser.post("/sign-in", page.form("/sign-in") | {"username": "ada", "password": PASSWORD})
    assert attributes(answer, "postern-session") == {"httponly", "path=/", "samesite=lax"}


async def test_a_sign_in_form_of_another_browser_is_refused_and_offered_anew(world: World) -> None:
    browser = await stranger(world)
    stolen = (await world.browser().get("/sign-in")).form("/sign-in")
    answer = await browser.post("/sign-in", stolen | {"username": "ada", "password": PASSWORD})
    assert answer.status == 403
    assert "postern-session" not in browser.cookies
    again = await browser.post("/sign-in", answer.form("/sign-in") | {"username": "ada", "password": PASSWORD})
    assert again.location == "/start"


async def test_the_form_cookie_survives_a_second_tab(world: World) -> None:
    browser = await stranger(world)
    first = (await browser.get("/sign-in")).form("/sign-in")
    await browser.get("/sign-in")
    assert (await browser.post("/sign-in", first | {"username": "ada", "password": PASSWORD})).location == "/start"


REFUSED_ORIGINS: list[dict[str, str | None]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": None},
    {"sec-fetch-site": None, "origin": "null"},
    {"sec-fetch-site": "none", "origin": "null"},
    {"sec-fetch-site": None, "origin": "https://evil.example"},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    {"sec-fetch-site": None, "origin": "http://127.0.0.1:8766"},
    {"sec-fetch-site": None, "origin": "http://127.0.0.1:8765.evil.example"},
    {"sec-fetch-site": None, "origin": "HTTP://127.0.0.1:8765"},
    {"sec-fetch-site": None, "origin": ""},
]
ADMITTED_ORIGINS: list[dict[str, str | None]] = [
    {"sec-fetch-site": "same-origin", "origin": "null"},
    {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8765"},
    {"sec-fetch-site": "none", "origin": None},
    {"sec-fetch-site": None, "origin": "http://127.0.0.1:8765"},
    {"sec-fetch-site": None, "origin": None},
]
POSTS = ["/sign-in", "/sign-out", "/device", "/device/decision", "/authorize"] + [
    f"/start/{room}" for room in ("sign-ins/end", "sign-ins/end-others", "password", "role", "console")
]


@pytest.mark.parametrize("headers", REFUSED_ORIGINS)
@pytest.mark.parametrize("path", POSTS)
async def test_a_form_from_another_origin_is_refused(world: World, path: str, headers: dict[str, str | None]) -> None:
    browser = await world.signed_in()
    before = world.remembered()
    form = (await browser.get("/start")).form("/sign-out")
    answer = await browser.post(path, form, headers)
    assert answer.status == 403
    assert answer.heading == "This form came from elsewhere"
    assert world.remembered() == before


@pytest.mark.parametrize("headers", ADMITTED_ORIGINS)
async def test_a_form_of_our_own_is_taken_as_each_kind_of_browser_sends_it(
    world: World, headers: dict[str, str | None]
) -> None:
    browser = await stranger(world)
    form = (await browser.get("/sign-in")).form("/sign-in")
    answer = await browser.post("/sign-in", form | {"username": "ada", "password": PASSWORD}, headers)
    assert answer.location == "/start"


@pytest.mark.parametrize("path", ["/sign-out", "/device", *POSTS[-5:]])
@pytest.mark.parametrize("token", ["", "x", "zz.zz", "00000000." + "A" * 43, "é.é", "session"])
async def test_a_form_without_its_token_is_refused(world: World, path: str, token: str) -> None:
    browser = await world.signed_in()
    sent = browser.cookies["postern-session"] if token == "session" else token
    answer = await browser.post(path, {"csrf": sent, "user_code": "BCDF-GHJK", "id": "x"})
    assert (answer.status, answer.heading) == (403, "This page is out of date")
    assert (await browser.get("/start")).status == 200


async def test_a_form_token_is_worth_nothing_in_another_session(world: World) -> None:
    ada, bob = await world.signed_in(), await world.signed_in("bob")
    stolen = (await bob.get("/start")).form("/sign-out")
    assert (await ada.post("/sign-out", stolen)).status == 403
    anonymous = (await world.browser().get("/sign-in")).form("/sign-in")["csrf"]
    assert (await ada.post("/sign-out", {"csrf": anonymous})).status == 403
