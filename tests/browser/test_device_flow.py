"""A person signs a program in by device code (RFC 8628 3.3); boto3 waits on the other side."""

from playwright.sync_api import expect

from tests.browser.conftest import Place, Visit
from tests.browser.visitor import Visitor


def test_the_complete_address_leads_through_sign_in_to_the_code_to_compare_and_approval_signs_the_client_in(
    place: Place, visitor: Visitor
) -> None:
    device = place.oidc.start_device()
    visitor.goto(device.complete_uri)
    visitor.sees("Sign in")
    visitor.sign_in()
    visitor.sees("Approve this device?")
    expect(visitor.page.locator(".code")).to_have_text(device.user_code)
    expect(visitor.page.get_by_text("my-tool")).to_be_visible()
    expect(visitor.page.get_by_text("Name not verified")).to_be_visible()
    expect(visitor.page.get_by_text("Use the accounts and roles that are assigned to you")).to_be_visible()
    expect(visitor.page.get_by_text("127.0.0.1 (same as this browser)")).to_be_visible()
    expect(visitor.page.get_by_text("Boto3/")).to_be_visible()
    device.assert_undecided()
    visitor.approve()
    visitor.sees("Approved")
    device.assert_signed_in()


def test_denial_is_told_to_the_client(place: Place, signed_in: Visitor) -> None:
    device = place.oidc.start_device()
    signed_in.open(device.complete_uri)
    signed_in.deny()
    signed_in.sees("Denied")
    device.assert_denied()


def test_a_request_from_another_address_is_pointed_out(place: Place, signed_in: Visitor) -> None:
    device = place.oidc.start_device(address="203.0.113.7")
    signed_in.open(device.complete_uri)
    expect(signed_in.page.get_by_text("The request came from another network address")).to_be_visible()
    expect(signed_in.page.get_by_text("203.0.113.7")).to_be_visible()


def test_a_mistyped_code_can_be_corrected_in_small_letters_with_spaces_and_dashes(place: Place, visit: Visit) -> None:
    device = place.oidc.start_device()
    visitor = visit(place.add_person())
    visitor.open(device.uri)
    visitor.sees("Connect a device")
    first, wrong = device.user_code[:-1], "B" if device.user_code[-1] != "B" else "C"
    visitor.enter_code(first + wrong)
    visitor.is_told("No device waits for this code.")
    expect(visitor.page.get_by_label("Code")).to_have_value(first + wrong)
    visitor.enter_code("  " + " - ".join(device.user_code.replace("-", "").lower()) + " ")
    visitor.sees("Approve this device?")
    expect(visitor.page.locator(".code")).to_have_text(device.user_code)
    visitor.approve()
    visitor.sees("Approved")
    device.assert_signed_in()


def test_something_that_cannot_be_a_code_is_answered_as_a_wrong_one(signed_in: Visitor) -> None:
    signed_in.goto("/device")
    signed_in.enter_code("<b>AEIO</b> 123")
    signed_in.is_told("No device waits for this code.")
    expect(signed_in.page.get_by_label("Code")).to_have_value("<b>AEIO</b> 123")


def test_a_code_that_expires_while_its_page_is_open_ends_calmly_and_nothing_is_approved(
    hasty_place: Place, hasty_visitor: Visitor
) -> None:
    hasty_visitor.open()
    other_tab = hasty_visitor.new_tab()
    device = hasty_place.oidc.start_device()
    for tab in (hasty_visitor, other_tab):
        tab.goto(device.complete_uri)
        tab.sees("Approve this device?")
    device.await_expiry()
    other_tab.deny()
    other_tab.sees("This code has expired")
    hasty_visitor.approve()
    hasty_visitor.sees("This code has expired")
    device.await_expiry()
    hasty_visitor.page.get_by_role("link", name="Enter a new code").click()
    hasty_visitor.sees("Connect a device")


def test_after_sign_out_in_another_tab_approval_asks_to_sign_in_again_and_approves_nothing_by_itself(
    place: Place, visitor: Visitor
) -> None:
    device = place.oidc.start_device()
    visitor.open(device.complete_uri)
    other_tab = visitor.new_tab()
    other_tab.open()
    other_tab.sign_out()
    visitor.approve()
    visitor.sees("Sign in")
    device.assert_undecided()
    visitor.sign_in()
    visitor.sees("Approve this device?")
    device.assert_undecided()
    visitor.approve()
    visitor.sees("Approved")
    device.assert_signed_in()


def test_a_page_made_for_one_person_does_not_decide_for_the_next_at_the_same_browser(
    place: Place, visitor: Visitor
) -> None:
    device = place.oidc.start_device()
    visitor.open(device.complete_uri)
    other_tab = visitor.new_tab()
    other_tab.open()
    other_tab.sign_out()
    other_tab.goto("/sign-in")
    somebody = place.add_person()
    other_tab.sign_in(somebody)
    other_tab.sees(f"Hello, {somebody.user_name}")
    visitor.approve()
    visitor.sees("This page is out of date")
    device.assert_undecided()


def test_a_person_disabled_half_way_approves_nothing_and_cannot_come_back(place: Place, visit: Visit) -> None:
    person = place.add_person()
    visitor = visit(person)
    device = place.oidc.start_device()
    visitor.open(device.complete_uri)
    place.command("user", "disable", person.user_name)
    visitor.approve()
    visitor.sees("Sign in")
    visitor.sign_in()
    visitor.is_told("The username or the password is wrong.")
    device.assert_undecided()


def test_the_portal_lists_the_sign_in_and_ends_it(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person())
    device = place.oidc.start_device()
    visitor.open(device.complete_uri)
    visitor.approve()
    visitor.sees("Approved")
    token = device.poll()
    visitor.goto("/start/sign-ins")
    expect(visitor.page.locator(".sign-in-name")).to_have_text(["This browser", "my-tool"])
    visitor.button("End the sign-in of my-tool").click()
    expect(visitor.page.get_by_text("No terminal or application is signed in as you.")).to_be_visible()
    device.assert_ended(token)
