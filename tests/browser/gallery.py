"""Every page in every state that a person may see, and the way to each."""

from collections.abc import Callable

import msgspec

from tests.browser.conftest import Place, Visit
from tests.browser.sites import site
from tests.browser.visitor import Visitor

Arrange = Callable[[Place, Visit], Visitor]
LONG_NAME = "a program whose name goes on and on, " * 6
UNBROKEN_NAME = "W" * 200


class Picture(msgspec.Struct, frozen=True):
    name: str
    arrange: Arrange


def _signed_in(visit: Visit, place: Place) -> Visitor:
    visitor = visit(place.add_person())
    visitor.open()
    return visitor


def sign_in(place: Place, visit: Visit) -> Visitor:
    visitor = visit()
    visitor.goto("/sign-in")
    return visitor


def sign_in_for_device(place: Place, visit: Visit) -> Visitor:
    visitor = visit()
    visitor.goto("/device")
    return visitor


def wrong_password(place: Place, visit: Visit) -> Visitor:
    visitor = visit(place.add_person())
    visitor.goto("/device")
    visitor.sign_in(password="wrong")
    visitor.is_told("The username or the password is wrong.")
    return visitor


def sign_in_throttled(place: Place, visit: Visit) -> Visitor:
    visitor = visit(place.add_person())
    visitor.goto("/sign-in")
    for _ in range(20):
        visitor.sign_in(password="wrong")
        if "Too many" in visitor.page.get_by_role("alert").inner_text():
            break
    visitor.is_told("Too many attempts. Wait")
    return visitor


def device_entry(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    visitor.open("/device")
    return visitor


def wrong_code(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.goto("/device")
    visitor.enter_code("BCDF-GHJK")
    visitor.is_told("No device waits for this code.")
    return visitor


def code_throttled(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.goto("/device")
    for _ in range(5):
        visitor.enter_code("BCDF-GHJK")
        visitor.is_told("No device waits for this code.")
    visitor.enter_code("BCDF-GHJK")
    visitor.is_told("Too many attempts. Wait")
    return visitor


def confirm(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    visitor.open(place.oidc.start_device(clientName="botocore-client-demo").complete_uri)
    visitor.sees("Approve this device?")
    return visitor


def confirm_other_address(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    scopes = ["sso:account:access", "openid", "codewhisperer:conversations"]
    device = place.oidc.start_device(
        clientName=LONG_NAME, scopes=scopes, address="2001:db8:85a3:8d3:1319:8a2e:370:7348"
    )
    visitor.open(device.complete_uri)
    visitor.sees("Approve this device?")
    return visitor


def confirm_unbroken_name(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    visitor.open(place.oidc.start_device(clientName=UNBROKEN_NAME).complete_uri)
    visitor.sees("Approve this device?")
    return visitor


def consent(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    visitor.open(place.oidc.start_pkce("http://127.0.0.1:46667/oauth/callback").url())
    visitor.sees("Approve this application?")
    return visitor


def approved(place: Place, visit: Visit) -> Visitor:
    visitor = confirm(place, visit)
    visitor.approve()
    visitor.sees("Approved")
    return visitor


def denied(place: Place, visit: Visit) -> Visitor:
    visitor = confirm(place, visit)
    visitor.deny()
    visitor.sees("Denied")
    return visitor


def expired(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    visitor.goto("/device/done?outcome=expired")
    visitor.sees("This code has expired")
    return visitor


def already_decided(place: Place, visit: Visit) -> Visitor:
    visitor = visit(signed_in=True)
    visitor.goto("/device/done?outcome=already_decided")
    visitor.sees("Already answered")
    return visitor


def error(place: Place, visit: Visit) -> Visitor:
    visitor = visit()
    visitor.goto("/nowhere")
    visitor.sees("There is no such page")
    return visitor


def error_with_a_way_back(place: Place, visit: Visit) -> Visitor:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/", clientName=LONG_NAME)
    visitor = visit()
    visitor.goto(request.url(code_challenge_method="plain"))
    visitor.sees("This sign-in cannot go on")
    return visitor


def start_empty(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.sees(f"Hello, {visitor.person.user_name}")
    return visitor


def start(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    for name in ("botocore-client-demo", LONG_NAME, UNBROKEN_NAME):
        device = place.oidc.start_device(clientName=name)
        visitor.goto(device.complete_uri)
        visitor.approve()
        visitor.sees("Approved")
        device.assert_signed_in()
    visitor.goto("/start")
    return visitor


def signed_out(place: Place, visit: Visit) -> Visitor:
    visitor = visit()
    visitor.open()
    visitor.sign_out()
    return visitor


PICTURES = [
    Picture(arrange.__name__.replace("_", "-"), arrange)
    for arrange in (
        sign_in,
        sign_in_for_device,
        wrong_password,
        sign_in_throttled,
        device_entry,
        wrong_code,
        code_throttled,
        confirm,
        confirm_other_address,
        confirm_unbroken_name,
        consent,
        approved,
        denied,
        expired,
        already_decided,
        error,
        error_with_a_way_back,
        start_empty,
        start,
        signed_out,
    )
]
