"""boto3 and the AWS SDKs for JavaScript, v2 and v3, unmodified, through every flow."""

import time

import pytest

from tests.clients_real.conftest import person_at
from tests.clients_real.flows import (
    ACCOUNT_ACCESS,
    Pkce,
    credentials,
    lives_for,
    poll,
    redeem,
    refresh,
    refusal,
    register,
    register_for_pkce,
    sign_in,
    start_device,
)
from tests.clients_real.person import Person
from tests.clients_real.sdks import DEVICE_CODE, Sdk, SdkError
from tests.clients_real.servers import Server

pytestmark = pytest.mark.real_client

NINETY_DAYS = 90 * 24 * 3600


def test_register_client_returns_what_clients_keep(sdk: Sdk, server: Server) -> None:
    client = register_for_pkce(sdk, issuerUrl=server.start_url)
    assert client["clientId"]
    assert client["clientSecret"]
    assert abs(client["clientIdIssuedAt"] - time.time()) < 60
    assert client["clientSecretExpiresAt"] - client["clientIdIssuedAt"] == NINETY_DAYS
    assert client["authorizationEndpoint"] == f"{server.endpoint}/authorize"
    assert client["tokenEndpoint"] == f"{server.endpoint}/token"


def test_device_flow_pending_then_approved(sdk: Sdk, server: Server, person: Person) -> None:
    client = register(sdk)
    device = start_device(sdk, client, server.start_url)
    assert device["verificationUriComplete"] == f"{device['verificationUri']}?user_code={device['userCode']}"
    assert (device["expiresIn"], device["interval"]) == (600, 1)
    with pytest.raises(SdkError, match="AuthorizationPendingException"):
        poll(sdk, client, device)
    assert person.approve(device["verificationUriComplete"]) == "Approved"
    token = poll(sdk, client, device)
    assert token["tokenType"] == "Bearer"
    assert lives_for(token, 3600)
    assert token["accessToken"]
    assert token["refreshToken"]


def test_device_flow_code_typed_by_hand(sdk: Sdk, server: Server, person: Person) -> None:
    client = register(sdk)
    device = start_device(sdk, client, server.start_url)
    typed = device["userCode"].lower().replace("-", " ")
    assert person.enter_code(device["verificationUri"], typed, "approve") == "Approved"
    assert poll(sdk, client, device)["accessToken"]


def test_device_flow_with_the_start_url_of_aws_form(sdk: Sdk, server: Server, person: Person) -> None:
    client, token = sign_in(sdk, person, server.user["start_url"])
    assert refresh(sdk, client, token)["accessToken"]


def test_device_flow_denied(sdk: Sdk, server: Server, person: Person) -> None:
    client = register(sdk)
    device = start_device(sdk, client, server.start_url)
    assert person.deny(device["verificationUriComplete"]) == "Denied"
    with pytest.raises(SdkError, match="AccessDeniedException"):
        poll(sdk, client, device)


def test_authorization_code_with_pkce(sdk: Sdk, server: Server, person: Person) -> None:
    client = register_for_pkce(sdk)
    request = Pkce(server.endpoint, client["clientId"])
    code = request.code_from(person.consent(request.url))
    token = redeem(sdk, client, request, code)
    assert lives_for(token, 3600)
    assert refresh(sdk, client, token)["refreshToken"] != token["refreshToken"]


def test_authorization_denied_leads_back_with_access_denied(sdk: Sdk, server: Server, person: Person) -> None:
    client = register_for_pkce(sdk)
    request = Pkce(server.endpoint, client["clientId"])
    callback = person.consent(request.url, "deny")
    assert callback.startswith(f"{request.redirect_uri}?error=access_denied&error_description=")
    assert f"state={request.state}" in callback


def test_refresh_rotates_and_keeps_giving_refresh_tokens(sdk: Sdk, server: Server, person: Person) -> None:
    client, token = sign_in(sdk, person, server.start_url)
    for _ in range(3):
        successor = refresh(sdk, client, token)
        assert successor["refreshToken"] != token["refreshToken"]
        assert successor["accessToken"] != token["accessToken"]
        assert 0 < successor["expiresIn"] <= 3600
        token = successor


def test_refresh_repeated_at_once_gets_the_identical_successor(sdk: Sdk, server: Server, person: Person) -> None:
    client, token = sign_in(sdk, person, server.start_url)
    first, second = refresh(sdk, client, token), refresh(sdk, client, token)
    assert (first["accessToken"], first["refreshToken"]) == (second["accessToken"], second["refreshToken"])


def test_stolen_refresh_token_ends_the_sign_in(sdk: Sdk, server: Server, person: Person) -> None:
    client, stolen = sign_in(sdk, person, server.start_url)
    newest = refresh(sdk, client, refresh(sdk, client, stolen))
    for token in (stolen, newest):
        with pytest.raises(SdkError, match="InvalidGrantException"):
            refresh(sdk, client, token)
    assert refusal(sdk, "Logout", accessToken=newest["accessToken"]).name == "UnauthorizedException"


def test_device_code_replayed_after_use_ends_the_sign_in(sdk: Sdk, server: Server, person: Person) -> None:
    client = register(sdk)
    device = start_device(sdk, client, server.start_url)
    person.approve(device["verificationUriComplete"])
    token = refresh(sdk, client, poll(sdk, client, device))
    with pytest.raises(SdkError, match="InvalidGrantException"):
        poll(sdk, client, device)
    with pytest.raises(SdkError, match="InvalidGrantException"):
        refresh(sdk, client, token)


def test_authorization_code_replayed_late_ends_the_sign_in(
    hasty_sdk: Sdk, hasty_server: Server, hasty_person: Person
) -> None:
    client = register_for_pkce(hasty_sdk)
    request = Pkce(hasty_server.endpoint, client["clientId"])
    code = request.code_from(hasty_person.consent(request.url))
    token = redeem(hasty_sdk, client, request, code)
    time.sleep(2.1)
    with pytest.raises(SdkError, match="InvalidGrantException"):
        redeem(hasty_sdk, client, request, code)
    with pytest.raises(SdkError, match="InvalidGrantException"):
        refresh(hasty_sdk, client, token)


def test_sign_out_ends_access_and_refresh(sdk: Sdk, server: Server, person: Person) -> None:
    client, token = sign_in(sdk, person, server.start_url)
    sdk.call("Logout", accessToken=token["accessToken"])
    assert refusal(sdk, "Logout", accessToken=token["accessToken"]).status == 401
    refused = refusal(
        sdk,
        "CreateToken",
        **credentials(client),
        grantType="refresh_token",
        refreshToken=token["refreshToken"],
    )
    assert (refused.name, refused.error_description) == ("InvalidGrantException", "Invalid refresh token provided")


def test_sign_out_of_an_older_access_token_ends_the_newest(sdk: Sdk, server: Server, person: Person) -> None:
    client, token = sign_in(sdk, person, server.start_url)
    newest = refresh(sdk, client, token)
    sdk.call("Logout", accessToken=token["accessToken"])
    assert refusal(sdk, "Logout", accessToken=newest["accessToken"]).name == "UnauthorizedException"


def test_client_without_scopes_gets_a_long_token_and_no_refresh_token(sdk: Sdk, server: Server, person: Person) -> None:
    client = sdk.call("RegisterClient", clientName="an old tool", clientType="public")
    device = start_device(sdk, client, server.start_url)
    person.approve(device["verificationUriComplete"])
    token = poll(sdk, client, device)
    assert "refreshToken" not in token
    assert lives_for(token, 8 * 3600)


def test_one_registration_serves_sign_ins_that_end_apart(sdk: Sdk, server: Server) -> None:
    """Clients keep theirs for 90 days."""
    client = register(sdk, grantTypes=[DEVICE_CODE, "refresh_token"], scopes=[ACCOUNT_ACCESS])
    tokens = []
    for person in (person_at(server), person_at(server)):
        device = start_device(sdk, client, server.start_url)
        person.approve(device["verificationUriComplete"])
        tokens.append(poll(sdk, client, device))
    sdk.call("Logout", accessToken=tokens[0]["accessToken"])
    assert refresh(sdk, client, tokens[1])["accessToken"]
