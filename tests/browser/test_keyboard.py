"""Whole flows by keyboard alone, and with scripts switched off (they are never needed)."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Place, Visit
from tests.browser.sites import site
from tests.browser.visitor import Visitor


def focused(page: Page) -> str:
    """What the focused element is called."""
    name: str = page.evaluate(
        "() => { const at = document.activeElement; return at.labels?.[0]?.textContent ?? at.textContent.trim() }"
    )
    return name


def order(page: Page, count: int) -> list[str]:
    """What the next presses of Tab lead to. Each must show where it is (WCAG 2.2, 2.4.7)."""
    names = []
    for _ in range(count):
        page.keyboard.press("Tab")
        outline = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert outline >= 2
        names.append(focused(page))
    return names


def type_and_go(page: Page, *texts: str) -> None:
    """Type into the focused field and those after it, then Enter."""
    for position, text in enumerate(texts):
        if position:
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")


def at_confirmation(place: Place, visitor: Visitor) -> None:
    """From the bare address to the question, with no mouse."""
    visitor.goto("/device")
    assert focused(visitor.page) == "Username"
    type_and_go(visitor.page, visitor.person.user_name, visitor.person.password)
    visitor.sees("Connect a device")
    assert focused(visitor.page) == "Code"


def test_a_device_is_approved_by_keyboard(place: Place, visitor: Visitor) -> None:
    device = place.oidc.start_device()
    at_confirmation(place, visitor)
    type_and_go(visitor.page, device.user_code.lower())
    visitor.sees("Approve this device?")
    assert order(visitor.page, 2) == ["Deny", "Approve"]
    visitor.page.keyboard.press("Enter")
    visitor.sees("Approved")
    device.assert_signed_in()


def test_a_device_is_denied_by_keyboard(place: Place, visitor: Visitor) -> None:
    device = place.oidc.start_device()
    at_confirmation(place, visitor)
    type_and_go(visitor.page, device.user_code)
    visitor.sees("Approve this device?")
    assert order(visitor.page, 1) == ["Deny"]
    visitor.page.keyboard.press("Space")
    visitor.sees("Denied")
    device.assert_denied()


def test_enter_by_itself_decides_nothing_and_no_field_on_the_page_could_send_the_form(
    place: Place, signed_in: Visitor
) -> None:
    """A form sent from a text field takes its first button (HTML, implicit submission): that is Deny, and no field is
    there.
    """
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/")
        device = place.oidc.start_device()
        for url, heading in (
            (device.complete_uri, "Approve this device?"),
            (request.url(), "Approve this application?"),
        ):
            signed_in.goto(url)
            for _ in range(3):
                signed_in.page.keyboard.press("Enter")
            signed_in.page.keyboard.type("approve\n")
            signed_in.sees(heading)
            assert signed_in.page.locator("form.decide input:not([type=hidden]), textarea, select").count() == 0
            expect(signed_in.page.locator("form.decide button").first).to_have_text("Deny")
        assert program.arrivals.empty()
    device.assert_undecided()


def test_every_page_can_be_walked_through_in_reading_order(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/device")
    assert focused(page) == "Code"
    assert order(page, 2) == ["Continue", "Sign out"]
    visitor.goto("/start/sign-ins")
    rooms = ["Accounts", "Sign-ins", "Password"]
    assert order(page, 3) == rooms
    visitor.goto("/start/password")
    assert order(page, 7) == [*rooms, "Current password", "New password", "New password again", "Change password"]
    visitor.goto("/device/done?outcome=expired")
    assert order(page, 2) == ["Enter a new code", "Sign out"]
    page.keyboard.press("Enter")
    visitor.sees("Signed out")
    assert order(page, 1) == ["Sign in again"]
    page.keyboard.press("Enter")
    visitor.sees("Sign in")
    assert order(page, 2) == ["Password", "Sign in"]


def test_without_scripts_a_device_is_approved_and_its_sign_in_ended(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person(), java_script_enabled=False)
    device = place.oidc.start_device()
    visitor.open(device.uri)
    visitor.enter_code("BCDF-GHJK")
    visitor.is_told("No device waits for this code.")
    visitor.enter_code(device.user_code.lower())
    visitor.sees("Approve this device?")
    visitor.approve()
    visitor.sees("Approved")
    token = device.poll()
    visitor.goto("/start/sign-ins")
    visitor.button("End the sign-in of my-tool").click()
    expect(visitor.page.get_by_text("No terminal or application is signed in as you.")).to_be_visible()
    device.assert_ended(token)
    visitor.sign_out()


def test_without_scripts_consent_leads_to_the_program(place: Place, visit: Visit) -> None:
    visitor = visit(java_script_enabled=False)
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/")
        visitor.open(request.url())
        visitor.approve()
        visitor.sees("Back in the program")
        request.assert_signed_in(program.parameters())


def test_buttons_do_not_move_for_people_who_want_less_motion(visit: Visit) -> None:
    moving, still = visit(), visit(reduced_motion="reduce")
    duration = "parseFloat(getComputedStyle(document.querySelector('.button')).transitionDuration)"
    for visitor, moves in ((moving, True), (still, False)):
        visitor.goto("/sign-in")
        assert (visitor.page.evaluate(duration) > 0) is moves
