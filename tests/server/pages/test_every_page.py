"""What holds on every page: headers, no CORS, methods, error pages, hostile values, hostile forms."""

import logging
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from postern.core.caller import Caller
from postern.core.store import StoreBusy, StoreUnavailable
from postern.server.callers import caller_of
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.world import World, authorize_path, open_world, sign_in

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}&lt;"
PATHS = [
    "/",
    "/start",
    "/start/",
    "/start?q=x&page=9",
    "/start/sign-ins",
    "/start/password",
    "/start/password/changed",
    "/start/role?account_id=111122223333&role_name=Admin",
    "/start/console?account_id=111122223333",
    "/start/ssoins-0000000000000000",
    "/.well-known/change-password",
    "/sign-in",
    "/signed-out",
    "/device",
    "/device?user_code=x",
    "/device/done?outcome=approved",
    "/authorize",
    "/nowhere",
    "/static/postern.css",
    "/static/icon.svg",
    "/static/portal.js",
    "/static/../secret",
    "/favicon.ico",
]
TABLE = {
    "/": "GET",
    "/start": "GET",
    "/start/": "GET",
    "/start/sign-ins": "GET",
    "/start/sign-ins/end": "POST",
    "/start/sign-ins/end-others": "POST",
    "/start/password": "GET, POST",
    "/start/password/changed": "GET",
    "/start/role": "GET, POST",
    "/start/console": "GET, POST",
    "/.well-known/change-password": "GET",
    "/sign-in": "GET, POST",
    "/sign-out": "POST",
    "/signed-out": "GET",
    "/device": "GET, POST",
    "/device/decision": "POST",
    "/device/done": "GET",
    "/authorize": "GET, POST",
    "/static/postern.css": "GET",
    "/static/portal.js": "GET",
}
NO_SCRIPT = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
OWN_SCRIPT = NO_SCRIPT.replace("style-src", "script-src 'self'; connect-src 'self'; style-src", 1)
# Where one script of ours is admitted, and only for whoever is signed in.
WITH_SCRIPT = ("/start", "/start?q=x&page=9", "/start/sign-ins", "/start/password", "/start/password/changed")
POSTS = [path for path, methods in TABLE.items() if "POST" in methods]


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_forbids_framing_scripts_sniffing_and_storing(world: World, path: str) -> None:
    for is_signed_in, browser in enumerate((world.browser(), await world.signed_in())):
        answer = await browser.get(path)
        has_script = is_signed_in and path in WITH_SCRIPT
        assert answer.header("content-security-policy") == (OWN_SCRIPT if has_script else NO_SCRIPT)
        assert answer.header("x-frame-options") == "DENY"
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("cross-origin-opener-policy") == "same-origin"
        assert answer.header("permissions-policy")
        assert answer.header("x-amzn-requestid") == "11111111-2222-4333-8444-555555555555"
        assert answer.header("strict-transport-security") is None
        stored = path.startswith(("/static/p", "/static/i", "/favicon"))
        assert answer.header("cache-control") == ("no-cache" if stored else "no-store")


async def test_https_is_asked_to_stay() -> None:
    world = await open_world("https://sso.example.com")
    assert (await world.browser().get("/sign-in")).header("strict-transport-security") == "max-age=31536000"


@pytest.mark.parametrize("path", PATHS)
async def test_no_page_speaks_cors(world: World, path: str) -> None:
    browser = await world.signed_in()
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = await browser.request(method, path, headers)
        assert [name for name, _ in answer.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("path, allowed", TABLE.items())
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
async def test_a_wrong_method_is_told_the_right_ones(world: World, path: str, allowed: str, method: str) -> None:
    answer = await (await world.signed_in()).request(method, path)
    if method in allowed.split(", "):
        assert answer.status != 405
    else:
        assert answer.status == 405
        assert set((answer.header("allow") or "").split(", ")) - {"HEAD"} == set(allowed.split(", "))
        assert answer.heading == "That cannot be done here"


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/start/x",
        "/start//",
        "/start/ssoins-0/role",
        "/device/",
        "//start",
        "/DEVICE",
        "/é",
        "/static/",
        "/x?a=%ff",
    ],
)
async def test_an_unknown_address_has_a_page_that_says_so(world: World, path: str) -> None:
    browser = TestBrowser(world.app, world.service.policy.public_url)
    answer = await browser.request("GET", f"{browser.public_url}{path}")
    assert (answer.status, answer.heading) == (404, "There is no such page")


async def test_no_get_changes_anything(world: World) -> None:
    browser = await world.signed_in()
    user_code = await world.user_code()
    client = await world.register()
    user = await world.store.find_user_by_name(world.service.instance.instance_id, "ada")
    assert user
    await world.add_family(user)
    before = world.remembered()
    for path in (*TABLE, *PATHS, f"/device?user_code={user_code}", authorize_path(client.client_id)):
        for method in ("GET", "HEAD"):
            await browser.request(method, path)
            await browser.request(method, f"{path}{'&' if '?' in path else '?'}decision=approve")
    assert world.remembered() == before


SPOILT: dict[str, tuple[bytes, dict[str, str | None]]] = {
    "JSON": (b"{}", {"content-type": "application/json"}),
    "multipart": (b"--x--", {"content-type": "multipart/form-data; boundary=x"}),
    "no content type": (b"a=b", {"content-type": None}),
    "text": (b"a=b", {"content-type": "text/plain"}),
    "UTF-16": (b"a=b", {"content-type": "application/x-www-form-urlencoded; charset=utf-16"}),
    "too large": (b"a=" + b"b" * 70_000, {}),
    "too many fields": (b"&".join(b"f%d=1" % number for number in range(21)), {}),
    "field twice": (b"csrf=a&csrf=b", {}),
    "NUL": (b"csrf=%00", {}),
    "bad UTF-8": (b"csrf=%ff%fe", {}),
    "lone surrogate": (b"csrf=%ed%a0%80", {}),
    "raw bytes": ("csrf=é".encode(), {}),
    "NUL in a name": (b"a%00=b", {}),
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", SPOILT)
async def test_a_form_that_cannot_be_understood_in_one_way_is_refused(world: World, path: str, kind: str) -> None:
    body, headers = SPOILT[kind]
    browser = await world.signed_in()
    before = world.remembered()
    answer = await browser.post(path, body, headers)
    assert (answer.status, answer.heading) == (400, "This request cannot be read")
    assert world.remembered() == before


@pytest.mark.parametrize("body", [b"", b"&&&", b"=", b"csrf", b"%", b"%zz=%", b"csrf=+&decision=approve&x=%0d%0a"])
@pytest.mark.parametrize("path", POSTS)
async def test_no_form_makes_the_server_fail(world: World, path: str, body: bytes) -> None:
    for browser in (world.browser(), await world.signed_in()):
        answer = await browser.post(path, body)
        assert answer.status < 500
        assert not any("\r" in value or "\n" in value for _, value in answer.headers)


@pytest.mark.parametrize("query", ["a=1&a=2", "next=%ff", "user_code=%00", "&".join("abcdefghijklmnopqrstuvwxyz")])
@pytest.mark.parametrize("path", ["/sign-in", "/device", "/authorize", "/device/done"])
async def test_a_query_that_cannot_be_understood_in_one_way_is_refused(world: World, path: str, query: str) -> None:
    answer = await (await world.signed_in()).get(f"{path}?{query}")
    assert answer.status == 400


def assert_harmless(answer: Answer) -> None:
    """The hostile value is there as text, and has made no element, no attribute and no expression."""
    document = answer.document
    assert [element.tag for element in document.iter() if element.tag in ("img", "iframe")] == []
    scripts = [element for element in document.iter() if element.tag == "script"]
    assert all(set(script.attrib) == {"src", "defer"} and not script.text for script in scripts)
    assert all(script.get("src", "").startswith("/static/portal.js?v=") for script in scripts)
    for element in document.iter():
        assert not any(str(name).startswith("on") for name in element.attrib)
        assert not (element.get("href") or "").startswith(("javascript:", "data:"))
    assert_no_inline_style(document)


def assert_no_inline_style(document: Element) -> None:
    """The policy would block it, so a page that has any looks broken."""
    assert [element for element in document.iter() if "style" in element.attrib or element.tag == "style"] == []


async def test_hostile_names_and_agents_are_shown_as_text() -> None:
    world = await open_world(instance_name=HOSTILE)
    await world.add_user(HOSTILE, HOSTILE)
    browser = await world.signed_in(HOSTILE)
    user = (await world.store.list_users())[0]
    await world.add_family(user, client_name=HOSTILE)
    user_code = await world.user_code(HOSTILE, Caller(address=HOSTILE, user_agent=HOSTILE))
    client = await world.register(HOSTILE)
    for path in (
        "/start",
        "/start/sign-ins",
        "/start/password",
        "/device",
        f"/device?user_code={user_code}",
        authorize_path(client.client_id, state=HOSTILE),
        authorize_path(client.client_id, state=HOSTILE, response_type=HOSTILE),
        "/device/done?outcome=denied",
        "/signed-out",
    ):
        answer = await browser.get(path)
        assert HOSTILE in answer.text, path
        assert_harmless(answer)


async def test_hostile_values_in_addresses_and_forms_are_shown_as_text(world: World) -> None:
    browser = await world.signed_in()
    entry = (await browser.get("/device")).form("/device")
    answers = [
        await browser.post("/device", entry | {"user_code": HOSTILE[:64]}),
        await sign_in(world.browser(), HOSTILE, HOSTILE),
    ]
    assert answers[0].form("/device")["user_code"] == HOSTILE[:64]
    assert answers[1].form("/sign-in")["username"] == HOSTILE
    client = await world.register()
    answers.append(await browser.get(authorize_path(HOSTILE)))
    for name in ("redirect_uri", "state", "scopes", "code_challenge", "response_type", "login_hint"):
        answers += [await browser.get(authorize_path(client.client_id, **{name: HOSTILE}))]
    for answer in answers:
        assert_harmless(answer)


async def test_a_store_that_is_out_of_reach_is_a_503_with_a_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await world.signed_in()

    async def fail(*_: Any) -> None:
        raise StoreUnavailable("disk is full")

    monkeypatch.setattr(world.store, "find_browser_session", fail)
    answer = await browser.get("/start")
    assert (answer.status, answer.header("retry-after")) == (503, "5")
    assert "disk" not in answer.text


async def test_a_store_that_has_too_much_to_do_is_a_503_that_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await world.signed_in()

    async def fail(*_: Any) -> None:
        raise StoreBusy("late")

    monkeypatch.setattr(world.store, "find_browser_session", fail)
    answer = await browser.get("/start")
    assert (answer.status, answer.header("retry-after")) == (503, "5")
    assert answer.heading == "The server is busy"


async def test_an_unexpected_error_is_logged_with_its_id_and_shows_no_trace(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await world.signed_in()

    async def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(world.store, "list_token_families", fail)
    answer = await browser.get("/start/sign-ins")
    assert (answer.status, answer.heading) == (500, "Something went wrong")
    assert "11111111-2222-4333-8444-555555555555" in answer.text
    assert b"a bug" not in answer.body
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert getattr(record, "fields", {})["request_id"] == "11111111-2222-4333-8444-555555555555"


async def test_style_sheet_icon_and_script_are_kept_for_a_year_under_the_address_that_pages_use(world: World) -> None:
    browser = world.browser()
    page = await (await world.signed_in()).get("/start")
    addresses = [link.get("href", "") for link in page.document.iter("link")]
    addresses += [script.get("src", "") for script in page.document.iter("script")]
    kinds = {
        "/static/postern.css": "text/css; charset=utf-8",
        "/static/icon.svg": "image/svg+xml",
        "/static/portal.js": "text/javascript; charset=utf-8",
    }
    assert {address.partition("?")[0] for address in addresses} == set(kinds)
    for address in addresses:
        answer = await browser.get(address)
        assert answer.status == 200
        assert answer.header("content-type") == kinds[address.partition("?")[0]]
        assert answer.header("cache-control") == "public, max-age=31536000, immutable"
        other = await browser.get(address + "x")
        assert other.header("cache-control") == "no-cache"


@pytest.mark.parametrize(
    "agent, understood",
    [
        (b"aws-cli/2", "aws-cli/2"),
        (b"a\x1b[31mb\x07\x7f\x9b", "a[31mb"),
        (b"caf\xe9", "café"),
        (b"x" * 1000, "x" * 400),
        (b"", ""),
    ],
)
def test_a_user_agent_is_cut_and_cleaned(agent: bytes, understood: str) -> None:
    caller = caller_of({"type": "http", "client": ("192.0.2.1", 1), "headers": [(b"user-agent", agent)]})
    assert caller == Caller(address="192.0.2.1", user_agent=understood)


def test_a_caller_without_address_is_unknown() -> None:
    assert caller_of({"type": "http", "client": None, "headers": []}) == Caller(address="unknown")
