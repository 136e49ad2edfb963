"""What strangers try through a person's browser (RFC 9700 4.16, RFC 6749 10.12 and 10.13)."""

import html
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Place, Visit
from tests.browser.sites import site
from tests.browser.visitor import Visitor

HOSTILE_NAMES = [
    "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>",
    '"><svg onload="window.hit = 1"></bdi></p><h1>Approved</h1>{{ 7 * 7 }}',
    "\u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 (verified by AWS)",
    "W" * 255,
]
PAGES = ["/sign-in", "/start", "/start/password", "/device", "/device?user_code=BCDF-GHJK", "/authorize", "/signed-out"]
PORTAL_FORMS = [f"/start/{room}" for room in ("sign-ins/end", "sign-ins/end-others", "password", "role", "console")]
FORMS = ["/sign-in", "/sign-out", "/device", "/device/decision", "/authorize", *PORTAL_FORMS]


def forged(action: str, fields: dict[str, str]) -> str:
    inputs = "".join(f'<input name="{name}" value="{html.escape(value)}">' for name, value in fields.items())
    return f'<!doctype html><title>x</title><form method="post" action="{action}">{inputs}<button>Win</button></form>'


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site", "other site"])
def test_no_page_can_be_framed(place: Place, signed_in: Visitor, host: str) -> None:
    frames = "".join(f'<iframe src="{place.url}{path}"></iframe>' for path in PAGES)
    with site(host, {"/": f"<!doctype html><title>x</title>{frames}"}) as stranger:
        signed_in.goto(stranger.origin)
        framed = signed_in.page.frames[1:]
        assert len(framed) == len(PAGES)
        for frame in framed:
            frame.wait_for_url("chrome-error://**", wait_until="commit")  # it may come late
            assert frame.get_by_role("heading", name="Sign in").count() == 0
        signed_in.await_complaints(len(PAGES))
        assert all("frame" in complaint for complaint in signed_in.complaints)
        signed_in.complaints.clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site", "other site"])
def test_a_form_on_another_origin_is_refused(place: Place, signed_in: Visitor, host: str) -> None:
    """Even with the very fields of a page of ours."""
    device = place.oidc.start_device()
    fields = form_fields(signed_in, device.complete_uri) | {"decision": "approve"}
    with site(host) as stranger:
        for path in FORMS:
            stranger.pages["/"] = forged(f"{place.url}{path}", fields)
            signed_in.goto(stranger.origin)
            with signed_in.page.expect_response(f"{place.url}{path}") as answer:
                signed_in.button("Win").click()
            assert answer.value.status == 403
            signed_in.sees("This form came from elsewhere")
    device.assert_undecided()
    signed_in.goto("/device")
    signed_in.sees("Connect a device")


def test_a_form_in_a_sandboxed_frame_is_refused(place: Place, signed_in: Visitor) -> None:
    device = place.oidc.start_device()
    fields = form_fields(signed_in, device.complete_uri) | {"decision": "approve"}
    with site("localhost") as stranger:
        stranger.pages["/form"] = forged(f"{place.url}/device/decision", fields)
        stranger.pages["/"] = '<!doctype html><title>x</title><iframe sandbox="allow-forms" src="/form"></iframe>'
        signed_in.goto(stranger.origin)
        with signed_in.page.expect_response(f"{place.url}/device/decision") as answer:
            signed_in.page.frame_locator("iframe").get_by_role("button").click()
        assert answer.value.request.header_value("origin") == "null"
        assert answer.value.status == 403
        signed_in.goto("/start")
    device.assert_undecided()
    signed_in.complaints.clear()


def test_a_strangers_link_with_a_code_only_fills_the_code_in(place: Place, signed_in: Visitor) -> None:
    device = place.oidc.start_device()
    link = f'<!doctype html><title>x</title><a href="{device.complete_uri}">Win a prize</a>'
    with site("localhost", {"/": link}) as stranger:
        signed_in.goto(stranger.origin)
        signed_in.page.get_by_role("link").click()
        signed_in.sees("Connect a device")
        expect(signed_in.page.get_by_label("Code")).to_have_value(device.user_code)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=["script", "markup", "right to left", "long"])
def test_a_hostile_client_name_is_text_on_every_page_and_nothing_of_it_runs(
    place: Place, signed_in: Visitor, name: str
) -> None:
    device = place.oidc.start_device(clientName=name)
    request = place.oidc.start_pkce("http://127.0.0.1:46667/", clientName=name)
    signed_in.goto(device.complete_uri)
    assert_harmless(signed_in, name, "Approve this device?")
    signed_in.approve()
    signed_in.sees("Approved")
    device.assert_signed_in()
    signed_in.goto("/start/sign-ins")
    assert_harmless(signed_in, name, "Signed in as you")
    signed_in.goto(request.url())
    assert_harmless(signed_in, name, "Approve this application?")
    signed_in.goto(request.url(code_challenge_method="plain"))
    assert_harmless(signed_in, name, "This sign-in cannot go on")


def test_a_name_that_turns_the_direction_of_our_own_words_is_not_registered(place: Place) -> None:
    with pytest.raises(place.oidc.api.exceptions.InvalidClientMetadataException):
        place.oidc.register(clientName="tool \u202e desrever")


@pytest.mark.parametrize("path", ["/device?user_code=%3Cscript%3Ewindow.hit=1%3C/script%3E", "/%3Cscript%3E"])
def test_what_an_address_says_is_never_markup(signed_in: Visitor, path: str) -> None:
    signed_in.goto(path)
    assert signed_in.page.locator("script").count() == 0
    assert signed_in.page.evaluate("window.hit") is None


def test_an_injected_script_would_not_run(signed_in: Visitor) -> None:
    signed_in.goto("/start")
    signed_in.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.hit = 1";
        document.body.append(script);
    }""")
    assert signed_in.page.evaluate("window.hit") is None
    assert ["Content Security Policy" in complaint for complaint in signed_in.complaints] == [True]
    signed_in.complaints.clear()


def test_a_session_planted_before_sign_in_is_replaced_and_dead(place: Place, visit: Visit) -> None:
    planted = "A" * 43
    victim, attacker = visit(), visit()
    for visitor in (victim, attacker):
        visitor.context.add_cookies([{"name": "postern-session", "value": planted, "url": place.url}])
    victim.open()
    assert victim.cookies()["postern-session"]["value"] != planted
    attacker.goto("/start")
    attacker.sees("Sign in")


def test_a_session_is_new_at_each_sign_in_and_dead_after_sign_out(place: Place, visit: Visit) -> None:
    visitor, thief = visit(), visit()
    visitor.open()
    stolen = visitor.cookies()["postern-session"]["value"]
    visitor.sign_out()
    assert "postern-session" not in visitor.cookies()
    thief.context.add_cookies([{"name": "postern-session", "value": stolen, "url": place.url}])
    thief.goto("/start")
    thief.sees("Sign in")
    visitor.open()
    assert visitor.cookies()["postern-session"]["value"] != stolen


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(place: Place, visitor: Visitor) -> None:
    visitor.open()
    cookies = visitor.cookies()
    assert set(cookies) == {"postern-session", "postern-form"}
    assert {name: cookie["sameSite"] for name, cookie in cookies.items()} == {
        "postern-session": "Lax",
        "postern-form": "Strict",
    }
    for cookie in cookies.values():
        assert cookie["httpOnly"]
        assert not cookie["secure"]  # plain HTTP on loopback; test_https.py has the other ones
        assert (cookie["domain"], cookie["path"], cookie["expires"]) == (urlsplit(place.url).hostname, "/", -1)
    assert visitor.page.evaluate("document.cookie") == ""


def form_fields(visitor: Visitor, url: str) -> dict[str, str]:
    """The hidden fields of the decision on this page, as a stranger would love to have them."""
    visitor.goto(url)
    fields = visitor.page.locator("form.decide input")
    found: dict[str, str] = fields.evaluate_all("all => Object.fromEntries(all.map(one => [one.name, one.value]))")
    assert set(found) == {"csrf", "user_code", "approval"}
    return found


def assert_harmless(visitor: Visitor, name: str, heading: str) -> None:
    visitor.sees(heading)
    shown = visitor.page.locator("bdi", has_text=name[:40]).first
    expect(shown).to_be_visible()
    assert visitor.page.locator("script:not([src^='/static/portal.js?v=']), img, bdi *").count() == 0
    assert visitor.page.evaluate("window.hit") is None
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
