"""Hurried people: double clicks, two tabs, the way back, reload. The first decision stands."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Place, Visit
from tests.browser.sites import site
from tests.browser.visitor import Visitor


def double_click(visitor: Visitor, name: str) -> None:
    """So fast that the browser sends one request, or two; its own affair."""
    visitor.button(name).dblclick()


def click_again_while_waiting(visitor: Visitor, name: str) -> None:
    """The second click comes when the first has been sent and no answer is there yet."""
    visitor.slow_down()
    box = visitor.button(name).bounding_box()
    assert box
    where = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for _ in range(2):
        with visitor.page.expect_request(lambda request: request.method == "POST"):
            visitor.page.mouse.click(*where)


def posts_of(page: Page) -> list[Request]:
    """Those from now on."""
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    return sent


hurry = pytest.mark.parametrize("click", [double_click, click_again_while_waiting])


@hurry
@pytest.mark.parametrize("name, heading", [("Approve", "Approved"), ("Deny", "Denied")])
def test_clicking_twice_is_one_decision(
    place: Place, signed_in: Visitor, click: Callable[[Visitor, str], None], name: str, heading: str
) -> None:
    device = place.oidc.start_device()
    signed_in.open(device.complete_uri)
    signed_in.button(name).scroll_into_view_if_needed()
    click(signed_in, name)
    signed_in.sees(heading)
    if name == "Approve":
        device.assert_signed_in()
    else:
        device.assert_denied()


def test_back_after_approval_offers_no_second_decision(place: Place, signed_in: Visitor) -> None:
    device = place.oidc.start_device()
    signed_in.open(device.complete_uri)
    signed_in.approve()
    signed_in.sees("Approved")
    signed_in.page.go_back()
    signed_in.sees("Connect a device")
    signed_in.is_told("No device waits for this code.")
    device.assert_signed_in()


def test_reload_after_a_decision_shows_it_again_and_sends_nothing(place: Place, signed_in: Visitor) -> None:
    device = place.oidc.start_device()
    signed_in.open(device.complete_uri)
    signed_in.deny()
    signed_in.sees("Denied")
    sent = posts_of(signed_in.page)
    signed_in.page.reload()
    signed_in.sees("Denied")
    assert sent == []
    device.assert_denied()


@pytest.mark.parametrize("first, then", [("Approve", "Deny"), ("Deny", "Approve")])
def test_of_two_tabs_that_decide_differently_the_first_stands(
    place: Place, signed_in: Visitor, first: str, then: str
) -> None:
    device = place.oidc.start_device()
    signed_in.open(device.complete_uri)
    other_tab = signed_in.new_tab()
    other_tab.open(device.complete_uri)
    signed_in.button(first).click()
    signed_in.sees("Approved" if first == "Approve" else "Denied")
    other_tab.button(then).click()
    other_tab.sees("Already answered")
    if first == "Approve":
        device.assert_signed_in()
    else:
        device.assert_denied()


def test_the_approval_of_one_code_does_not_approve_another(place: Place, signed_in: Visitor) -> None:
    mine, other = place.oidc.start_device(), place.oidc.start_device(clientName="other-tool")
    signed_in.open(mine.complete_uri)
    other_tab = signed_in.new_tab()
    other_tab.open(other.complete_uri)
    code = signed_in.page.locator("form.decide input[name=user_code]")
    code.evaluate("(field, code) => { field.value = code }", other.user_code)
    signed_in.approve()
    signed_in.sees("This page is out of date")
    signed_in.page.reload()  # sends the form again
    signed_in.sees("This page is out of date")
    mine.assert_undecided()
    other.assert_undecided()
    other_tab.approve()
    other_tab.sees("Approved")
    other.assert_signed_in()


@hurry
def test_consent_clicked_twice_leads_to_the_program_with_a_good_code(
    place: Place, signed_in: Visitor, click: Callable[[Visitor, str], None]
) -> None:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/callback")
        signed_in.open(request.url())
        signed_in.button("Approve").scroll_into_view_if_needed()
        click(signed_in, "Approve")
        signed_in.sees("Back in the program")
        request.assert_signed_in(program.parameters())


def test_back_after_consent_asks_anew(place: Place, signed_in: Visitor) -> None:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/callback")
        signed_in.open(request.url())
        signed_in.approve()
        signed_in.sees("Back in the program")
        request.assert_signed_in(program.parameters())
        signed_in.page.go_back()
        signed_in.sees("Approve this application?")
        expect(signed_in.button("Deny")).to_be_visible()
        assert program.arrivals.empty()


@hurry
def test_sign_in_clicked_twice_signs_in_at_once(
    place: Place, visit: Visit, click: Callable[[Visitor, str], None]
) -> None:
    """The second click counts as a guess beside the first, and the first guess is free."""
    visitor = visit(place.add_person())
    visitor.goto("/sign-in")
    visitor.page.get_by_label("Username").fill(visitor.person.user_name)
    visitor.page.get_by_label("Password").fill(visitor.person.password)
    click(visitor, "Sign in")
    hello = visitor.page.get_by_role("heading", name=f"Hello, {visitor.person.user_name}")
    expect(hello).to_be_visible()
