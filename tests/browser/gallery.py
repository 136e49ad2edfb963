"""Every page in every state that a person may see, and the way to each."""

from collections.abc import Callable

import msgspec

from tests.browser.conftest import Place, Visit
from tests.browser.directory import Wanted, assign
from tests.browser.sites import site
from tests.browser.visitor import Visitor

Arrange = Callable[[Place, Visit], Visitor]
LONG_NAME = "a program whose name goes on and on, " * 6
UNBROKEN_NAME = "W" * 200
ACCOUNTS = [
    Wanted("Production", "210987654321", ("AdministratorAccess", "ReadOnly"), "https://console.example.org/"),
    Wanted("Staging", "345678901234", ("AdministratorAccess", "Billing", "PowerUser", "ReadOnly", "SecurityAudit")),
    Wanted("Sandbox of the data platform team, for experiments", "987654321098", ("PowerUser",)),
    Wanted(UNBROKEN_NAME, "987654321099", (UNBROKEN_NAME[:32],)),
]
MANY_ACCOUNTS = [
    Wanted(f"{('data', 'web', 'edge')[number % 3]}-{number:03d}", f"{500_000_000_000 + number:012d}", ("ReadOnly",))
    for number in range(300)
]


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


def accounts_none(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.sees(f"Hello, {visitor.person.user_name}")
    return visitor


def accounts(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    assign(place, visitor.person, ACCOUNTS)
    visitor.goto("/start")
    return visitor


def accounts_many(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    assign(place, visitor.person, MANY_ACCOUNTS)
    visitor.goto("/start?page=2")
    visitor.page.get_by_text("Page 2 of 12").wait_for()
    return visitor


def accounts_search(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    assign(place, visitor.person, ACCOUNTS)
    visitor.goto("/start?q=prod+admin")
    return visitor


def accounts_search_in_vain(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    assign(place, visitor.person, ACCOUNTS)
    visitor.goto(f"/start?q={'X' * 200}")
    visitor.page.get_by_text("Nothing of yours matches.").wait_for()
    return visitor


def role(place: Place, visit: Visit) -> Visitor:
    visitor = accounts(place, visit)
    role = f"/start/role?account_id={ACCOUNTS[0].account_id}&role_name=AdministratorAccess"
    visitor.await_page(role, "AdministratorAccess")
    return visitor


def credentials(place: Place, visit: Visit) -> Visitor:
    visitor = role(place, visit)
    visitor.button("Show credentials").click()
    visitor.sees("Credentials of AdministratorAccess")
    return visitor


def console_shortcut(place: Place, visit: Visit) -> Visitor:
    visitor = accounts(place, visit)
    link = f"/start/console?account_id={ACCOUNTS[0].account_id}&role_name=ReadOnly&destination="
    visitor.await_page(f"{place.url}{link}https://console.example.org/{UNBROKEN_NAME}", "Open the console?")
    return visitor


def role_of_another(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.goto("/start/role?account_id=000000000000&role_name=Admin")
    visitor.sees("This role is not yours")
    return visitor


def password(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.goto("/start/password")
    return visitor


def password_wrong(place: Place, visit: Visit) -> Visitor:
    visitor = password(place, visit)
    visitor.change_password("a password that is new", current="wrong password")
    visitor.is_told("The current password is wrong.")
    return visitor


def password_too_short(place: Place, visit: Visit) -> Visitor:
    visitor = password(place, visit)
    visitor.change_password("short")
    visitor.is_told("A password has 8 to 256 characters.")
    return visitor


def password_changed(place: Place, visit: Visit) -> Visitor:
    visitor = password(place, visit)
    visitor.change_password("a password that is new")
    visitor.sees("Password changed")
    return visitor


def sign_ins_none(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    visitor.goto("/start/sign-ins")
    return visitor


def sign_ins(place: Place, visit: Visit) -> Visitor:
    visitor = _signed_in(visit, place)
    for name in ("botocore-client-demo", LONG_NAME, UNBROKEN_NAME):
        device = place.oidc.start_device(clientName=name)
        visitor.goto(device.complete_uri)
        visitor.approve()
        visitor.sees("Approved")
        device.assert_signed_in()
    visitor.goto("/start/sign-ins")
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
        accounts_none,
        accounts,
        accounts_many,
        accounts_search,
        accounts_search_in_vain,
        role,
        credentials,
        console_shortcut,
        role_of_another,
        password,
        password_wrong,
        password_too_short,
        password_changed,
        sign_ins_none,
        sign_ins,
        signed_out,
    )
]
