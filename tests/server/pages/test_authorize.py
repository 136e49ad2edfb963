"""The authorization endpoint in the browser: what it refuses, what never happens by itself, where a decision leads."""

from urllib.parse import parse_qs, urlsplit

import pytest

from postern.core.records import AuthorizationCode
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.world import REDIRECT_URI, World, authorize_path


async def consent_page(browser: TestBrowser, path: str) -> Answer:
    page = await browser.get(path)
    assert page.heading == "Approve this application?", page.text
    return page


async def decide(browser: TestBrowser, page: Answer, decision: str, **changes: str) -> Answer:
    return await browser.post("/authorize", page.form("/authorize") | {"decision": decision} | changes)


def codes(world: World) -> list[AuthorizationCode]:
    return world.store._rows.all(AuthorizationCode)


def links(page: Answer) -> list[str]:
    return [link.get("href", "") for link in page.document.iter("a")]


async def test_approval_leads_to_the_client_with_code_state_and_issuer(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    answer = await decide(browser, await consent_page(browser, authorize_path(client.client_id)), "approve")
    assert answer.location.startswith(f"{REDIRECT_URI}?")
    parameters = parse_qs(urlsplit(answer.location).query)
    assert set(parameters) == {"code", "state", "iss"}
    assert parameters["state"] == ["xyz"]
    assert parameters["iss"] == [world.service.policy.public_url]
    assert len(codes(world)) == 1


async def test_denial_leads_to_the_client_with_the_error_state_and_issuer(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    answer = await decide(browser, await consent_page(browser, authorize_path(client.client_id)), "deny")
    parameters = parse_qs(urlsplit(answer.location).query)
    assert parameters["error"] == ["access_denied"]
    assert parameters["state"] == ["xyz"]
    assert parameters["iss"] == [world.service.policy.public_url]
    assert codes(world) == []


@pytest.mark.parametrize("client_id", [None, "", "x", "A" * 400, "é", "<script>"])
async def test_unknown_client_shows_a_page_and_redirects_nowhere(world: World, client_id: str | None) -> None:
    for browser in (world.browser(), await world.signed_in()):
        page = await browser.get(authorize_path(client_id))
        assert page.status == 400
        assert page.header("location") is None
        assert links(page) == []


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        "https://evil.example/oauth/callback",
        "http://127.0.0.1:53682/other",
        "http://127.0.0.1:53682/oauth/callback/",
        "http://127.0.0.1:53682/oauth/callback?x=1",
        "http://127.0.0.1:53682/oauth/callback#x",
        "http://127.0.0.1:53682@evil.example/oauth/callback",
        "http://user@127.0.0.1:53682/oauth/callback",
        "http://127.0.0.1.evil.example/oauth/callback",
        "http://127.0.0.1:80:80/oauth/callback",
        "http://127.0.0.1:99999/oauth/callback",
        "http://127.0.0.1:/oauth/callback",
        "http://127.0.0.1\\@evil.example/oauth/callback",
        "http://localhost:53682/oauth/callback",
        "http://[::1]:53682/oauth/callback",
        "http://2130706433/oauth/callback",
        "http://127.1/oauth/callback",
        "HTTP://127.0.0.1:53682/oauth/callback",
        "https://127.0.0.1:53682/oauth/callback",
        "http://127.0.0.1:53682/x/../oauth/callback",
        "http://127.0.0.1:53682/oauth/%63allback",
        " http://127.0.0.1:53682/oauth/callback",
        "http://127.0.0.1:53682/oauth/callback\r\nX: y",
        "javascript:alert(1)",
        "data:text/html,x",
    ],
)
async def test_a_redirect_uri_that_does_not_match_shows_a_page_and_redirects_nowhere(
    world: World, redirect_uri: str | None
) -> None:
    client = await world.register()
    for browser in (world.browser(), await world.signed_in()):
        page = await browser.get(authorize_path(client.client_id, redirect_uri=redirect_uri))
        assert page.status == 400
        assert page.header("location") is None
        assert links(page) == []


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scopes": "sso:account:access openid"}, "invalid_scope"),
    ],
)
async def test_errors_after_validation_offer_a_link_and_never_redirect(
    world: World, changes: dict[str, str | None], error: str
) -> None:
    client = await world.register()
    for browser in (world.browser(), await world.signed_in()):
        page = await browser.get(authorize_path(client.client_id, **changes))
        assert page.status == 400
        assert page.header("location") is None
        (link,) = links(page)
        assert link.startswith(f"{REDIRECT_URI}?")
        parameters = parse_qs(urlsplit(link).query)
        assert parameters["error"] == [error]
        assert parameters["state"] == ["xyz"]
        assert "iss" in parameters


@pytest.mark.parametrize("changes", [{}, {"prompt": "none"}, {"scopes": None}, {"login_hint": "ada"}])
async def test_consent_is_asked_every_time(world: World, changes: dict[str, str | None]) -> None:
    browser = await world.signed_in()
    client = await world.register()
    path = authorize_path(client.client_id, **changes)
    before = world.remembered()
    await decide(browser, await consent_page(browser, path), "approve")
    known = world.remembered()
    assert known != before
    await consent_page(browser, path)
    assert world.remembered() == known


async def test_prompt_none_does_not_redirect_a_stranger(world: World) -> None:
    client = await world.register()
    answer = await world.browser().get(authorize_path(client.client_id, prompt="none"))
    assert answer.location.startswith("/sign-in?next=/authorize%3F")


@pytest.mark.parametrize("state", ["xyz", "a b+c%d&e=f", "é ü", "\\", "<script>alert(1)</script>", "x" * 2000])
async def test_the_request_survives_the_way_through_sign_in_unchanged(world: World, state: str) -> None:
    await world.add_user()
    browser = world.browser()
    client = await world.register()
    detour = await browser.get(authorize_path(client.client_id, state=state, scopes=None, scope="sso:account:access"))
    form = (await browser.follow(detour)).form("/sign-in")
    signed_in = await browser.post("/sign-in", form | {"username": "ada", "password": "correct horse battery staple"})
    answer = await decide(browser, await browser.follow(signed_in), "approve")
    assert parse_qs(urlsplit(answer.location).query)["state"] == [state]


async def test_characters_that_were_not_encoded_are_understood_all_the_same(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register(redirect_uris=("http://[::1]/oauth/callback",))
    path = authorize_path(client.client_id, redirect_uri=None, state=None)
    page = await consent_page(browser, f"{path}&redirect_uri=http://[::1]:53682/oauth/callback&state=a|b\\c{{}}")
    answer = await decide(browser, page, "approve")
    assert answer.location.startswith("http://[::1]:53682/oauth/callback?")
    assert parse_qs(urlsplit(answer.location).query)["state"] == ["a|b\\c{}"]


@pytest.mark.parametrize("separator", ["+", ",", "%20", ", "])
@pytest.mark.parametrize("name", ["scope", "scopes"])
async def test_scopes_are_taken_by_either_name_and_with_either_separator(
    world: World, name: str, separator: str
) -> None:
    browser = await world.signed_in()
    client = await world.register(scopes=("sso:account:access", "openid"))
    path = authorize_path(client.client_id, scopes=None) + f"&{name}=sso:account:access{separator}openid"
    text = (await consent_page(browser, path.replace(" ", "%20"))).text
    assert "Know who you are" in text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "foreign"])
async def test_a_parameter_that_appears_twice_is_refused(world: World, name: str) -> None:
    browser = await world.signed_in()
    client = await world.register()
    path = f"{authorize_path(client.client_id)}&{name}=a&{name}=b"
    page = await browser.get(path)
    assert page.status == 400
    assert links(page) == []


async def test_a_double_click_on_approve_leads_to_the_client_both_times(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    page = await consent_page(browser, authorize_path(client.client_id))
    for _ in range(2):
        assert (await decide(browser, page, "approve")).location.startswith(f"{REDIRECT_URI}?code=")


async def test_an_approval_for_one_request_does_not_approve_another(world: World) -> None:
    browser = await world.signed_in()
    seen, other = await world.register("honest"), await world.register("evil")
    page = await consent_page(browser, authorize_path(seen.client_id))
    request = authorize_path(other.client_id).partition("?")[2]
    assert (await decide(browser, page, "approve", request=request)).status == 403
    assert codes(world) == []


async def test_an_approval_of_one_person_is_not_replayed_by_another(world: World) -> None:
    ada, bob = await world.signed_in(), await world.signed_in("bob")
    client = await world.register()
    path = authorize_path(client.client_id)
    approval = (await consent_page(bob, path)).form("/authorize")["approval"]
    assert (await decide(ada, await consent_page(ada, path), "approve", approval=approval)).status == 403
    assert codes(world) == []


async def test_a_token_of_the_device_page_approves_no_application(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    user_code = await world.user_code()
    approval = (await browser.get(f"/device?user_code={user_code}")).form("/device/decision")["approval"]
    page = await consent_page(browser, authorize_path(client.client_id))
    assert (await decide(browser, page, "approve", approval=approval)).status == 403
    csrf = page.form("/authorize")["csrf"]
    assert (await decide(browser, page, "approve", approval=csrf)).status == 403


@pytest.mark.parametrize("decision", ["", "yes", "APPROVE"])
async def test_only_approve_and_deny_are_decisions(world: World, decision: str) -> None:
    browser = await world.signed_in()
    client = await world.register()
    page = await consent_page(browser, authorize_path(client.client_id))
    assert (await decide(browser, page, decision)).status == 400
    assert codes(world) == []


async def test_a_decision_after_the_session_ended_leads_to_sign_in_and_back(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    path = authorize_path(client.client_id)
    page = await consent_page(browser, path)
    browser.cookies.clear()
    answer = await decide(browser, page, "approve")
    form = (await browser.follow(answer)).form("/sign-in")
    assert form["next"] == path
    assert codes(world) == []


async def test_a_decision_on_a_request_that_is_no_longer_good_is_refused(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    page = await consent_page(browser, authorize_path(client.client_id))
    world.pass_time(world.service.policy.lifetimes.client_registration - 10)
    later = await world.signed_in()
    page = await consent_page(later, authorize_path(client.client_id))
    world.pass_time(10)
    assert (await decide(later, page, "approve")).status == 400
    assert codes(world) == []


async def test_the_page_names_the_application_as_unverified_and_says_where_it_leads(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register("Totally Amazon")
    text = (await consent_page(browser, authorize_path(client.client_id))).text
    assert "Totally Amazon" in text
    assert "Name not verified" in text
    assert "http://127.0.0.1:53682 (this computer)" in text
    assert "Approve only if you started this yourself" in text


@pytest.mark.parametrize(
    "registered, presented, source",
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:40000/cb", "http://127.0.0.1:40000"),
        ("http://localhost:1/cb", "http://localhost:40000/cb", "http://localhost:40000"),
        ("http://[::1]/cb", "http://[::1]:40000/cb", "http:"),
        ("https://app.example.com/cb?x=1", "https://app.example.com/cb?x=1", "https://app.example.com"),
    ],
)
async def test_only_the_consent_page_lets_its_form_lead_to_the_client(
    world: World, registered: str, presented: str, source: str
) -> None:
    browser = await world.signed_in()
    client = await world.register(redirect_uris=(registered,))
    page = await consent_page(browser, authorize_path(client.client_id, redirect_uri=presented))
    assert f"form-action 'self' {source};" in (page.header("content-security-policy") or "")
    other = await browser.get("/start")
    assert "form-action 'self';" in (other.header("content-security-policy") or "")


async def test_a_request_that_is_too_long_is_refused(world: World) -> None:
    browser = await world.signed_in()
    client = await world.register()
    page = await browser.get(authorize_path(client.client_id) + "&x=" + "y" * 17_000)
    assert page.status == 400
