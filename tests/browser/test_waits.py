"""Guessing is slowed down, and whoever is slowed down is told so calmly and can go on afterwards."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Place, Visit
from tests.browser.visitor import Visitor

CALM = re.compile(r"\bnote-care\b")


def assert_calm(visitor: Visitor, text: str) -> None:
    visitor.is_told(text)
    expect(visitor.page.get_by_role("alert")).to_have_class(CALM)
    assert visitor.page.locator("[aria-invalid]").count() == 0


def test_wrong_passwords_make_one_wait_and_the_right_one_signs_in_afterwards(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person())
    visitor.goto("/device")
    alert = visitor.page.get_by_role("alert")
    visitor.sign_in(password="wrong")
    visitor.is_told("The username or the password is wrong.")
    expect(visitor.page.get_by_label("Username")).to_have_value(visitor.person.user_name)
    expect(visitor.page.get_by_label("Password")).to_have_value("")
    for _ in range(20):
        visitor.sign_in(password="wrong")
        if "Too many" in alert.inner_text():
            break
    assert_calm(visitor, "Too many attempts. Wait")
    while visitor.page.get_by_label("Password").count():
        visitor.sign_in()
    visitor.sees("Connect a device")


def test_wrong_codes_make_one_wait_and_a_right_one_is_not_looked_up_meanwhile(place: Place, visit: Visit) -> None:
    visitor = visit(place.add_person())
    device = place.oidc.start_device()
    visitor.open("/device")
    for _ in range(5):
        visitor.enter_code("BCDF-GHJK")
        visitor.is_told("No device waits for this code.")
        visitor.goto("/device")
    visitor.enter_code(device.user_code)
    assert_calm(visitor, "Too many attempts. Wait")
    expect(visitor.page.get_by_label("Code")).to_have_value(device.user_code)
    visitor.goto(device.complete_uri)
    assert_calm(visitor, "Too many attempts. Wait")
    device.assert_undecided()
