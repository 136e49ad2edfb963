"""The programs on the other side of the browser: boto3, unmodified, as it signs in by device code or with PKCE."""

import secrets
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.config import Config

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES = ["sso:account:access"]


class Oidc:
    """boto3's client for one server, and what is registered with it. Made once: loading the model takes a while."""

    def __init__(self, endpoint: str, *, certificate: str | None = None) -> None:
        session = boto3.Session("AKIDEXAMPLE", "an example", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1})
        self.endpoint = endpoint
        self.api: Any = session.client("sso-oidc", endpoint_url=endpoint, config=config, verify=certificate)

    def register(self, **changes: object) -> dict[str, str]:
        members = {"clientName": "my-tool", "clientType": "public", "scopes": SCOPES} | changes
        answer = self.api.register_client(**members)
        return {name: answer[name] for name in ("clientId", "clientSecret")}

    def start_device(self, *, address: str | None = None, **changes: object) -> "Device":
        """``address``: where the client seems to be, for a server that believes this machine's X-Forwarded-For."""
        client = self.register(**changes)

        def forward(params: dict[str, Any], **_: object) -> None:
            params["headers"]["X-Forwarded-For"] = address

        event = "before-call.sso-oidc.StartDeviceAuthorization"
        if address:
            self.api.meta.events.register(event, forward)
        started = self.api.start_device_authorization(**client, startUrl=f"{self.endpoint}/start")
        self.api.meta.events.unregister(event, forward)
        return Device(self.api, client, started)

    def start_pkce(self, redirect_uri: str, *, registered: str | None = None, **changes: object) -> "Pkce":
        client = self.register(
            grantTypes=["authorization_code", "refresh_token"],
            redirectUris=[registered or redirect_uri],
            **changes,
        )
        return Pkce(self.endpoint, self.api, client, redirect_uri)

    def close(self) -> None:
        self.api.close()


class Device:
    """A device authorization and the program that waits for it."""

    def __init__(self, api: Any, client: dict[str, str], started: dict[str, Any]) -> None:
        self._api = api
        self._client = client
        self._device_code = started["deviceCode"]
        self._interval = started["interval"]
        self.user_code: str = started["userCode"]
        self.uri: str = started["verificationUri"]
        self.complete_uri: str = started["verificationUriComplete"]

    def poll(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._api.create_token(
            **self._client, grantType=DEVICE_CODE, deviceCode=self._device_code
        )
        return answer

    def assert_signed_in(self) -> None:
        assert self.poll()["accessToken"]

    def assert_denied(self) -> None:
        with pytest.raises(self._api.exceptions.AccessDeniedException):
            self.poll()

    def assert_undecided(self) -> None:
        with pytest.raises(self._api.exceptions.AuthorizationPendingException):
            self.poll()

    def assert_ended(self, token: dict[str, Any]) -> None:
        """The sign-in that gave this token cannot go on."""
        with pytest.raises(self._api.exceptions.InvalidGrantException):
            self._api.create_token(**self._client, grantType="refresh_token", refreshToken=token["refreshToken"])

    def await_expiry(self) -> None:
        """Poll as a program does, until the server says that the time is up."""
        while True:
            try:
                self.poll()
            except self._api.exceptions.ExpiredTokenException:
                return
            except self._api.exceptions.AuthorizationPendingException:
                time.sleep(self._interval)


class Pkce:
    """An authorization request and the program that made it."""

    def __init__(self, endpoint: str, api: Any, client: dict[str, str], redirect_uri: str) -> None:
        self._api = api
        self._client = client
        self._verifier = secrets.token_urlsafe(48)
        self._redirect_uri = redirect_uri
        self.endpoint = endpoint
        self.state = secrets.token_hex(16)

    def url(self, **changes: str) -> str:
        challenge = urlsafe_b64encode(sha256(self._verifier.encode()).digest()).decode().rstrip("=")
        parameters = {
            "response_type": "code",
            "client_id": self._client["clientId"],
            "redirect_uri": self._redirect_uri,
            "state": self.state,
            "code_challenge_method": "S256",
            "scopes": " ".join(SCOPES),
            "code_challenge": challenge,
        }
        return f"{self.endpoint}/authorize?{urlencode(parameters | changes)}"

    def assert_signed_in(self, answer: dict[str, str]) -> None:
        """The redirect is of this request (RFC 6749 10.12) and of this server (RFC 9207), and its code is good."""
        assert set(answer) == {"code", "state", "iss"}
        assert (answer["state"], answer["iss"]) == (self.state, self.endpoint)
        token = self._api.create_token(
            **self._client,
            grantType="authorization_code",
            code=answer["code"],
            redirectUri=self._redirect_uri,
            codeVerifier=self._verifier,
        )
        assert token["accessToken"]

    def assert_denied(self, answer: dict[str, str]) -> None:
        assert answer.pop("error_description")
        assert answer == {"error": "access_denied", "state": self.state, "iss": self.endpoint}
