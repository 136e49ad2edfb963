"""The authorization endpoint: RFC 6749 4.1.1, RFC 7636 4.3, RFC 9207; statements 110 to 115 of the security design."""

from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from postern.core import authorize
from postern.core.audit import EventName
from postern.core.authorize import AuthorizationRefused
from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from postern.core.directory.records import Application, Status
from postern.core.policy import DAY
from tests.core.application_world import REDIRECT_URI, add_application
from tests.core.test_redirect_uris import HOSTILE
from tests.core.world import (
    ACCOUNT_ACCESS,
    CHALLENGE,
    PHONE,
    PRESENTED_URI,
    PUBLIC_URL,
    VERIFIER,
    Client,
    World,
    authorization_query,
)


@pytest.fixture
async def client(world: World) -> Client:
    return await world.register(scopes=(ACCOUNT_ACCESS, "openid"))


async def refusal_of(world: World, query: dict[str, str]) -> AuthorizationRefused:
    with pytest.raises(AuthorizationRefused) as refusal:
        await authorize.validate(world.service, query)
    return refusal.value


def returned(url: str | None) -> dict[str, str]:
    assert url is not None
    assert url.startswith(PRESENTED_URI + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


async def test_the_query_of_the_aws_cli_is_good(world: World, client: Client) -> None:
    request = await authorize.validate(world.service, authorization_query(client))
    assert request.redirect_uri == PRESENTED_URI
    assert request.scopes == (ACCOUNT_ACCESS,)
    assert (request.state, request.code_challenge) == ("a-state", CHALLENGE)


@pytest.mark.parametrize(
    "sent, scopes",
    [
        ({"scopes": f"{ACCOUNT_ACCESS} openid"}, (ACCOUNT_ACCESS, "openid")),
        ({"scopes": f"{ACCOUNT_ACCESS},openid"}, (ACCOUNT_ACCESS, "openid")),
        ({"scope": "openid", "scopes": ""}, ("openid",)),
        ({"scope": "openid"}, ("openid",)),
        ({"scope": "", "scopes": ""}, (ACCOUNT_ACCESS, "openid")),
    ],
)
async def test_scope_and_scopes_with_spaces_and_commas(
    world: World, client: Client, sent: dict[str, str], scopes: tuple[str, ...]
) -> None:
    assert (await authorize.validate(world.service, authorization_query(client, **sent))).scopes == scopes


@pytest.mark.parametrize("client_id", ["", "x", "é", "\ud800", "a" * 10_000])
async def test_an_unknown_client_gets_a_page_and_no_redirect(world: World, client: Client, client_id: str) -> None:
    """RFC 6749 3.1.2.4: MUST NOT automatically redirect to an invalid redirection URI."""
    refusal = await refusal_of(world, authorization_query(client, client_id=client_id))
    assert refusal.return_url is None


async def test_an_expired_client_gets_a_page_and_no_redirect(world: World, client: Client) -> None:
    world.clock.advance(90 * DAY)
    assert (await refusal_of(world, authorization_query(client))).return_url is None


@pytest.mark.parametrize("redirect_uri", [*HOSTILE.values(), "https://evil.example/oauth/callback"], ids=repr)
async def test_a_redirect_uri_that_does_not_match_gets_a_page_and_no_redirect(
    world: World, client: Client, redirect_uri: str
) -> None:
    refusal = await refusal_of(world, authorization_query(client, redirect_uri=redirect_uri))
    assert refusal.return_url is None
    assert redirect_uri not in refusal.description or not redirect_uri.strip()


@pytest.mark.parametrize(
    "wrong",
    [
        {"response_type": "token"},
        {"code_challenge": ""},
        {"scopes": "unknown"},
        {"state": "a" * 5000},
        {"client_id": "x"},
    ],
    ids="".join,
)
async def test_no_error_redirects_to_a_uri_that_was_not_validated(
    world: World, client: Client, wrong: dict[str, str]
) -> None:
    """Attack 15: CVE-2026-41479, CVE-2026-44681."""
    query = authorization_query(client, redirect_uri="https://evil.example/") | wrong
    assert (await refusal_of(world, query)).return_url is None


async def test_a_missing_redirect_uri_gets_a_page(world: World, client: Client) -> None:
    query = authorization_query(client)
    del query["redirect_uri"]
    assert (await refusal_of(world, query)).return_url is None


async def test_a_client_that_may_not_use_the_grant_is_told_so(world: World) -> None:
    """RFC 6749 4.1.2.1: unauthorized_client. The redirect URI is proved good by then, so the client learns of it."""
    client = await world.register(grant_types=(DEVICE_CODE, REFRESH_TOKEN))
    refusal = await refusal_of(world, authorization_query(client))
    assert (refusal.error, refusal.description) == ("unauthorized_client", "Client is unauthorized")
    assert returned(refusal.return_url)["error"] == "unauthorized_client"


RETURNED: dict[str, tuple[str, dict[str, str]]] = {
    "response_type token": ("unsupported_response_type", {"response_type": "token"}),
    "response_type id_token": ("unsupported_response_type", {"response_type": "code id_token"}),
    "no response_type": ("unsupported_response_type", {"response_type": ""}),
    "response_type in capitals": ("unsupported_response_type", {"response_type": "CODE"}),
    # RFC 7636 4.3: the method defaults to plain, which is not offered
    "no code_challenge_method": ("invalid_request", {"code_challenge_method": ""}),
    "plain": ("invalid_request", {"code_challenge_method": "plain"}),
    "s256 in small letters": ("invalid_request", {"code_challenge_method": "s256"}),
    "S512": ("invalid_request", {"code_challenge_method": "S512"}),
    "no code_challenge": ("invalid_request", {"code_challenge": ""}),
    "a short code_challenge": ("invalid_request", {"code_challenge": CHALLENGE[:-1]}),
    "a padded code_challenge": ("invalid_request", {"code_challenge": CHALLENGE + "="}),
    "a scope beyond the registration": ("invalid_scope", {"scopes": f"{ACCOUNT_ACCESS} codewhisperer:completions"}),
    "a malformed scope": ("invalid_scope", {"scopes": '"><script>'}),
    "many scopes": ("invalid_scope", {"scopes": " ".join(f"s{number}" for number in range(100))}),
}


@pytest.mark.parametrize("error, wrong", RETURNED.values(), ids=RETURNED.keys())
async def test_other_errors_return_to_the_client_with_state_and_issuer(
    world: World, client: Client, error: str, wrong: dict[str, str]
) -> None:
    """RFC 6749 4.1.2.1: the exact value of state; RFC 9207 2: iss, in error responses too."""
    refusal = await refusal_of(world, authorization_query(client) | wrong)
    assert refusal.error == error
    assert refusal.client_name == "botocore-client-demo"
    parameters = returned(refusal.return_url)
    assert parameters == {
        "error": error,
        "error_description": refusal.description,
        "state": "a-state",
        "iss": PUBLIC_URL,
    }


@pytest.mark.parametrize("member", ["response_type", "code_challenge", "code_challenge_method"])
async def test_a_parameter_that_is_left_out_is_no_weaker_check(world: World, client: Client, member: str) -> None:
    query = authorization_query(client)
    del query[member]
    assert (await refusal_of(world, query)).return_url


async def test_a_state_that_is_too_long_is_refused(world: World, client: Client) -> None:
    await authorize.validate(world.service, authorization_query(client, state="s" * 2048))
    assert (await refusal_of(world, authorization_query(client, state="s" * 2049))).error == "invalid_request"


@pytest.mark.parametrize(
    "state",
    ["", "a b", "a&code=stolen", "a#fragment", "\r\nSet-Cookie: a=b", '"><script>', "\u00fc\U0001f600", "%0d%0a", "+"],
)
async def test_the_state_comes_back_as_it_was_and_breaks_out_of_nothing(
    world: World, client: Client, state: str
) -> None:
    request = await authorize.validate(world.service, authorization_query(client, state=state))
    url = await authorize.approve(world.service, await world.browser(), request, PHONE)
    parameters = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert parameters["state"] == [state]
    assert len(parameters["code"]) == 1
    assert url.isascii()
    assert not set('\r\n <>"#') & set(url)


async def test_a_lone_surrogate_in_the_state_is_no_fault(world: World, client: Client) -> None:
    request = await authorize.validate(world.service, authorization_query(client, state="\ud800"))
    assert (await authorize.approve(world.service, await world.browser(), request, PHONE)).isascii()


async def test_no_code_is_issued_in_a_browser_session_that_has_ended_meanwhile(world: World, client: Client) -> None:
    request = await authorize.validate(world.service, authorization_query(client))
    active = await world.browser()
    await world.store.set_password(active.user.user_id, "another", world.now)
    parameters = returned(await authorize.approve(world.service, active, request, PHONE))
    assert parameters["error"] == "access_denied"
    assert "code" not in parameters


async def test_without_state_none_comes_back(world: World, client: Client) -> None:
    query = authorization_query(client)
    del query["state"]
    request = await authorize.validate(world.service, query)
    assert "state" not in returned(await authorize.approve(world.service, await world.browser(), request, PHONE))


async def test_an_approval_returns_a_code_with_state_and_issuer(world: World, client: Client) -> None:
    request = await authorize.validate(world.service, authorization_query(client))
    parameters = returned(await authorize.approve(world.service, await world.browser(), request, PHONE))
    assert set(parameters) == {"code", "state", "iss"}
    assert parameters["iss"] == PUBLIC_URL
    assert world.events[-1].event_name is EventName.CONSENT_GIVEN
    assert (await world.redeem(client, parameters["code"])).access_token


async def test_a_denial_returns_access_denied_and_no_code(world: World, client: Client) -> None:
    request = await authorize.validate(world.service, authorization_query(client))
    parameters = returned(authorize.deny(world.service, await world.browser(), request, PHONE))
    assert parameters["error"] == "access_denied"
    assert "code" not in parameters
    assert world.events[-1].event_name is EventName.CONSENT_DENIED


async def test_a_redirect_uri_with_a_query_keeps_it(world: World) -> None:
    """RFC 6749 3.1.2: the query component MUST be retained when adding parameters."""
    uri = "https://app.example.com/callback?tenant=a"
    client = await world.register(redirect_uris=(uri,))
    request = await authorize.validate(world.service, authorization_query(client, redirect_uri=uri))
    url = await authorize.approve(world.service, await world.browser(), request, PHONE)
    assert url.startswith(f"{uri}&code=")


async def test_a_registration_without_redirect_uris_matches_none(world: World) -> None:
    client = await world.register(grant_types=(DEVICE_CODE,), redirect_uris=None)
    assert (await refusal_of(world, authorization_query(client))).return_url is None
    assert (await refusal_of(world, authorization_query(client, redirect_uri=""))).return_url is None


async def test_a_client_without_refresh_token_gets_none_by_code_either(world: World) -> None:
    client = await world.register(grant_types=(AUTHORIZATION_CODE,))
    response = await world.redeem(client, await world.code(client))
    assert response.refresh_token is None


async def test_a_consent_belongs_to_its_person_its_browser_and_its_very_request(world: World, client: Client) -> None:
    here, there = await world.browser(), await world.browser()
    other = await world.browser(await world.add_person("other"))
    token = authorize.consent_token(world.service, here, "client_id=a&state=b")
    assert authorize.is_consent_token(world.service, here, "client_id=a&state=b", token)
    assert not authorize.is_consent_token(world.service, here, "client_id=a&state=c", token)
    assert not authorize.is_consent_token(world.service, there, "client_id=a&state=b", token)
    assert not authorize.is_consent_token(world.service, other, "client_id=a&state=b", token)
    assert not authorize.is_consent_token(world.service, here, "client_id=a&state=b", "")


async def test_every_approval_makes_a_code_of_its_own(world: World, client: Client) -> None:
    codes = {await world.code(client) for _ in range(20)}
    assert len(codes) == 20
    assert VERIFIER not in "".join(codes)


async def test_a_row_number_that_is_taken_is_made_anew(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers may make the same one in the same millisecond."""
    numbers = iter([1, 1, 2])
    monkeypatch.setattr(world.service, "new_row_id", lambda: next(numbers))
    active = await world.browser()
    request = await authorize.validate(world.service, authorization_query(client))
    urls = [await authorize.approve(world.service, active, request, PHONE) for _ in range(2)]
    assert len({returned(url)["code"] for url in urls}) == 2


# Applications


@pytest.mark.parametrize("assigned, error", [(False, "access_denied"), (True, None)])
async def test_whoever_may_not_use_an_application_is_sent_back_without_a_code(
    world: World, assigned: bool, error: str | None
) -> None:
    application = await add_application(world, assigned=assigned)
    query = application_query(application)
    request = await authorize.validate(world.service, query)
    url = await authorize.approve(world.service, await world.browser(), request, PHONE)
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert parameters.get("error") == error
    assert ("code" in parameters) is (error is None)
    assert parameters["state"] == "a-state"
    if error:
        assert world.events[-1].outcome == "Failure"
        assert "postern application assign" in (world.events[-1].reason or "")


@pytest.mark.parametrize("disabled", [True, False])
async def test_an_application_that_is_disabled_or_gone_is_not_known(world: World, *, disabled: bool) -> None:
    application = await add_application(world, status=Status.DISABLED if disabled else Status.ENABLED)
    if not disabled:
        application = msgspec.structs.replace(application, application_arn=f"{application.application_arn}0")
    refusal = await refusal_of(world, application_query(application))
    assert (refusal.error, refusal.return_url) == ("invalid_request", None)


async def test_a_nonce_that_is_too_long_is_refused(world: World) -> None:
    application = await add_application(world)
    await authorize.validate(world.service, application_query(application) | {"nonce": "n" * 512})
    refusal = await refusal_of(world, application_query(application) | {"nonce": "n" * 513})
    assert refusal.error == "invalid_request"


def application_query(application: Application) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": application.application_arn,
        "redirect_uri": REDIRECT_URI,
        "state": "a-state",
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
    }
