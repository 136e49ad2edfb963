"""A person signs a program in by authorization code with PKCE (RFC 6749 4.1, RFC 8252); boto3 redeems the code."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Place
from tests.browser.sites import has_ipv6, site
from tests.browser.visitor import Visitor

ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback address")
HOSTS = ["127.0.0.1", "localhost", pytest.param("[::1]", marks=ipv6)]


@pytest.mark.parametrize("host", HOSTS)
def test_consent_leads_through_sign_in_to_the_listener_of_the_program_which_redeems_the_code(
    place: Place, visitor: Visitor, host: str
) -> None:
    with site(host) as program:
        request = place.oidc.start_pkce(f"{program.origin}/oauth/callback", registered=f"http://{host}/oauth/callback")
        visitor.goto(request.url())
        visitor.sees("Sign in")
        visitor.sign_in()
        visitor.sees("Approve this application?")
        expect(visitor.page.get_by_text(f"{program.origin} (this computer)")).to_be_visible()
        expect(visitor.page.get_by_text("Name not verified")).to_be_visible()
        assert program.arrivals.empty()
        visitor.approve()
        visitor.sees("Back in the program")
        request.assert_signed_in(program.parameters())


@pytest.mark.parametrize("host", HOSTS)
def test_denial_leads_to_the_listener_with_the_error(place: Place, signed_in: Visitor, host: str) -> None:
    with site(host) as program:
        request = place.oidc.start_pkce(f"{program.origin}/oauth/callback")
        signed_in.open(request.url())
        signed_in.deny()
        signed_in.sees("Back in the program")
        request.assert_denied(program.parameters())


def test_the_program_learns_nothing_of_where_the_person_came_from(place: Place, signed_in: Visitor) -> None:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/oauth/callback")
        signed_in.open(request.url())
        with signed_in.page.expect_request(f"{program.origin}/**") as arriving:
            signed_in.approve()
        assert "referer" not in arriving.value.all_headers()
        signed_in.sees("Back in the program")


def test_consent_is_asked_again_for_the_next_request(place: Place, signed_in: Visitor) -> None:
    with site() as program:
        for _ in range(2):
            request = place.oidc.start_pkce(f"{program.origin}/oauth/callback")
            signed_in.open(request.url())
            signed_in.sees("Approve this application?")
            signed_in.approve()
            signed_in.sees("Back in the program")
            request.assert_signed_in(program.parameters())


@pytest.mark.parametrize(
    "changes", [{"client_id": "unknown"}, {"redirect_uri": "http://127.0.0.1:1/elsewhere"}], ids=["client", "redirect"]
)
def test_unknown_client_or_wrong_redirect_uri_shows_a_page_and_leads_nowhere(
    place: Place, visitor: Visitor, changes: dict[str, str]
) -> None:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/oauth/callback")
        for _ in ("a stranger", "somebody signed in"):
            visitor.goto(request.url(**changes))
            visitor.sees("This sign-in cannot go on")
            assert visitor.page.get_by_role("link").count() == 0
            assert visitor.page.url.startswith(place.url)
            visitor.open()
        assert program.arrivals.empty()


def test_any_other_mistake_of_the_program_offers_a_link_back_and_goes_nowhere_by_itself(
    place: Place, signed_in: Visitor
) -> None:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/oauth/callback")
        signed_in.open(request.url(code_challenge_method="plain"))
        signed_in.sees("This sign-in cannot go on")
        assert program.arrivals.empty()
        signed_in.page.get_by_role("link", name="Return to my-tool").click()
        signed_in.sees("Back in the program")
        assert program.parameters()["error"] == "invalid_request"


def test_after_sign_out_in_another_tab_consent_asks_to_sign_in_again_and_leads_nowhere_by_itself(
    place: Place, visitor: Visitor
) -> None:
    with site() as program:
        request = place.oidc.start_pkce(f"{program.origin}/oauth/callback")
        visitor.open(request.url())
        other_tab = visitor.new_tab()
        other_tab.open()
        other_tab.sign_out()
        visitor.approve()
        visitor.sees("Sign in")
        visitor.sign_in()
        visitor.sees("Approve this application?")
        assert program.arrivals.empty()
        visitor.approve()
        visitor.sees("Back in the program")
        request.assert_signed_in(program.parameters())
