"""A person lets an application in that an administrator has set up: the page says so, and the application gets a code,
or hears that this person may not use it.
"""

import secrets
from urllib.parse import urlencode

import msgspec
from playwright.sync_api import expect

from tests.browser.conftest import Place, Visit
from tests.browser.sites import Site, site
from tests.browser.visitor import Visitor


class Application:
    """The demo application, as ``demo/application.json`` tells of it. ``program`` listens where it is sent back to: a
    loopback redirect URI is good at any port (RFC 8252 7.3).
    """

    def __init__(self, place: Place, program: Site) -> None:
        told = msgspec.json.decode((place.server.data / "demo" / "application.json").read_bytes())
        self.state = secrets.token_hex(16)
        parameters = {
            "response_type": "code",
            "client_id": told["application_arn"],
            "redirect_uri": f"{program.origin}/oauth/callback",
            "state": self.state,
            "code_challenge": secrets.token_urlsafe(32),
            "code_challenge_method": "S256",
        }
        self.url = f"{place.url}/authorize?{urlencode(parameters)}"


def test_page_says_that_an_administrator_set_the_application_up_and_leads_back_with_a_code(
    place: Place, signed_in: Visitor
) -> None:
    with site() as program:
        application = Application(place, program)
        signed_in.open(application.url)
        signed_in.sees("Approve this application?")
        expect(signed_in.page.get_by_text("demo-application")).to_be_visible()
        expect(signed_in.page.get_by_text("Set up here by an administrator.")).to_be_visible()
        expect(signed_in.page.get_by_text("Name not verified")).to_have_count(0)
        assert program.arrivals.empty()
        signed_in.approve()
        signed_in.sees("Back in the program")
        answer = program.parameters()
        assert set(answer) == {"code", "state", "iss"}
        assert (answer["state"], answer["iss"]) == (application.state, place.url)


def test_person_who_is_not_assigned_is_led_back_without_a_code(place: Place, visit: Visit) -> None:
    with site() as program:
        application = Application(place, program)
        stranger = visit(place.add_person())
        stranger.open(application.url)
        stranger.sees("Approve this application?")
        stranger.approve()
        stranger.sees("Back in the program")
        answer = program.parameters()
        assert answer.pop("error_description") == "The user is not assigned to the application"
        assert answer == {"error": "access_denied", "state": application.state, "iss": place.url}
