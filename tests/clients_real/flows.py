"""What every client does on its way to a token, written once for all SDKs."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from tests.clients_real.person import Person
from tests.clients_real.sdks import DEVICE_CODE, Sdk, SdkError

ACCOUNT_ACCESS = "sso:account:access"
REGISTERED_URI = "http://127.0.0.1/oauth/callback"
PRESENTED_URI = "http://127.0.0.1:46667/oauth/callback"
_MADE_WITHIN = 10  # seconds that a busy machine may take from the token to the answer


def lives_for(token: dict[str, Any], seconds: int) -> bool:
    """Whether a token that was just made has so long to live; what is told is what is left of it."""
    return 0 <= seconds - int(token["expiresIn"]) <= _MADE_WITHIN


class Pkce:
    """One authorization request: its verifier, its state, and the address to send the browser to. ``scopes`` is the
    parameter, which not all clients call the same, and its value.
    """

    def __init__(
        self,
        endpoint: str,
        client_id: str,
        redirect_uri: str = PRESENTED_URI,
        scopes: tuple[str, str] = ("scopes", ACCOUNT_ACCESS),
    ) -> None:
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_hex(16)
        self.redirect_uri = redirect_uri
        challenge = urlsafe_b64encode(sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        parameters = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "state": self.state,
            "code_challenge_method": "S256",
            scopes[0]: scopes[1],
            "code_challenge": challenge,
        }
        self.url = f"{endpoint}/authorize?{urlencode(parameters, quote_via=quote)}"

    def code_from(self, callback: str) -> str:
        """The code in the address that the browser was sent to, which must be ours and of this request."""
        assert callback.startswith(f"{self.redirect_uri}?")
        answer = parse_qs(urlsplit(callback).query)
        assert answer["state"] == [self.state]
        return answer["code"][0]


def credentials(client: dict[str, Any]) -> dict[str, Any]:
    return {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}


def register(sdk: Sdk, **members: object) -> dict[str, Any]:
    return sdk.call(
        "RegisterClient",
        **{"clientName": "a tool", "clientType": "public", "scopes": [ACCOUNT_ACCESS]} | members,
    )


def register_for_pkce(sdk: Sdk, **members: object) -> dict[str, Any]:
    return register(
        sdk, **{"grantTypes": ["authorization_code", "refresh_token"], "redirectUris": [REGISTERED_URI]} | members
    )


def start_device(sdk: Sdk, client: dict[str, Any], start_url: str) -> dict[str, Any]:
    return sdk.call("StartDeviceAuthorization", **credentials(client), startUrl=start_url)


def poll(sdk: Sdk, client: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
    return sdk.call("CreateToken", **credentials(client), grantType=DEVICE_CODE, deviceCode=device["deviceCode"])


def refresh(sdk: Sdk, client: dict[str, Any], token: dict[str, Any]) -> dict[str, Any]:
    return sdk.call("CreateToken", **credentials(client), grantType="refresh_token", refreshToken=token["refreshToken"])


def redeem(sdk: Sdk, client: dict[str, Any], request: Pkce, code: str) -> dict[str, Any]:
    return sdk.call(
        "CreateToken",
        **credentials(client),
        grantType="authorization_code",
        code=code,
        redirectUri=request.redirect_uri,
        codeVerifier=request.verifier,
    )


def sign_in(sdk: Sdk, person: Person, start_url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """By device code, as fast as it goes: the client and its token."""
    client = register(sdk)
    device = start_device(sdk, client, start_url)
    assert person.approve(device["verificationUriComplete"]) == "Approved"
    return client, poll(sdk, client, device)


def refusal(sdk: Sdk, operation: str, **members: object) -> SdkError:
    """The error that a call must end with."""
    with pytest.raises(SdkError) as caught:
        sdk.call(operation, **members)
    return caught.value
