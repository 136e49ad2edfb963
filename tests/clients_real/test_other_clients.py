"""The habits of clients that cannot be run here: what they register, send and subscript, each over the plain wire."""

import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients_real import browser
from tests.clients_real.flows import ACCOUNT_ACCESS, REGISTERED_URI, Pkce, lives_for
from tests.clients_real.person import Person
from tests.clients_real.sdks import DEVICE_CODE
from tests.clients_real.servers import ROOT, Server, environment
from tests.clients_real.wire import Wire

pytestmark = pytest.mark.real_client

CODE_AND_REFRESH = ["authorization_code", "refresh_token"]
COMPLETIONS = "codewhisperer:completions"


@pytest.fixture
def wire(server: Server) -> Wire:
    return Wire(server.endpoint)


class DeviceHabit(NamedTuple):
    """``pauses`` before each poll, in seconds. For none of these clients may a poll be answered by SlowDown."""

    client: str
    registers: dict[str, Any]
    pauses: tuple[float, ...]
    has_refresh_token: bool
    names_issuer: bool = False


DEVICE_HABITS = (
    DeviceHabit("granted", {"clientName": "Granted CLI", "scopes": ["sso-portal:*"]}, (1, 1, 1), False),
    DeviceHabit(
        "aws-sso-cli",
        {"clientName": "aws-sso-cli", "grantTypes": [DEVICE_CODE, "refresh_token"]},
        (1, 1),
        True,
        names_issuer=True,
    ),
    DeviceHabit("aws-sso-lib", {"clientName": "botocore-client-1795390871"}, (0, 1, 1), False),
    DeviceHabit("leapp", {"clientName": "leapp"}, (1,), False),  # waits five seconds; longer is never worse
    DeviceHabit(
        "toolkit",
        {"clientName": "AWS Toolkit for VSCode", "scopes": [ACCOUNT_ACCESS, COMPLETIONS]},
        (0, 1),
        True,
    ),
    DeviceHabit("newest AWS CLI", {"clientName": "botocore-client-my", "scopes": [ACCOUNT_ACCESS]}, (0, 0, 1), True),
)


@pytest.mark.parametrize("habit", DEVICE_HABITS, ids=lambda habit: habit.client)
def test_device_flow(habit: DeviceHabit, wire: Wire, server: Server, person: Person) -> None:
    issuer = {"issuerUrl": server.user["start_url"]} if habit.names_issuer else {}
    client = wire.register(**habit.registers, **issuer).members
    device = wire.start_device(client, server.user["start_url"]).members
    for pause in habit.pauses:
        time.sleep(pause)
        assert wire.token(client, DEVICE_CODE, deviceCode=device["deviceCode"]).error == "AuthorizationPendingException"
    assert person.approve(device["verificationUriComplete"]) == "Approved"
    token = wire.token(client, DEVICE_CODE, deviceCode=device["deviceCode"]).members
    assert ("refreshToken" in token) is habit.has_refresh_token
    assert lives_for(token, 3600 if habit.has_refresh_token else 8 * 3600)


class CodeHabit(NamedTuple):
    """How a client asks for an authorization code."""

    client: str
    registers: dict[str, Any]
    presents: str
    parameter: str
    scopes: str


CODE_HABITS = (
    CodeHabit(
        "newest AWS CLI",
        {"clientName": "botocore-client-my", "scopes": [ACCOUNT_ACCESS], "redirectUris": [REGISTERED_URI]},
        "http://127.0.0.1:43509/oauth/callback",
        "scopes",
        ACCOUNT_ACCESS,
    ),
    CodeHabit(
        "granted",
        {"clientName": "Granted CLI", "scopes": [ACCOUNT_ACCESS], "redirectUris": [REGISTERED_URI]},
        "http://127.0.0.1:51123/oauth/callback",
        "scope",
        ACCOUNT_ACCESS,
    ),
    CodeHabit(
        "aws-sso-cli",
        {"clientName": "aws-sso-cli", "scopes": [ACCOUNT_ACCESS], "redirectUris": ["http://127.0.0.1"]},
        "http://127.0.0.1:40301",
        "scope",
        ACCOUNT_ACCESS,
    ),
    CodeHabit(
        "toolkit",
        {
            "clientName": "AWS Toolkit for VSCode",
            "scopes": [ACCOUNT_ACCESS, COMPLETIONS],
            "redirectUris": [REGISTERED_URI],
        },
        "http://127.0.0.1:38121/oauth/callback",
        "scopes",
        f"{ACCOUNT_ACCESS},{COMPLETIONS}",
    ),
    CodeHabit(
        "flare",
        {
            "clientName": "AWS Identity Language Server",
            "scopes": [COMPLETIONS, "codewhisperer:analysis"],
            "redirectUris": [REGISTERED_URI],
        },
        "http://127.0.0.1:38122/oauth/callback",
        "scopes",
        f"{COMPLETIONS},codewhisperer:analysis",
    ),
    CodeHabit(
        "AWS CLI with two scopes",
        {
            "clientName": "botocore-client-my",
            "scopes": [ACCOUNT_ACCESS, COMPLETIONS],
            "redirectUris": [REGISTERED_URI],
        },
        "http://127.0.0.1:43510/oauth/callback",
        "scopes",
        f"{ACCOUNT_ACCESS} {COMPLETIONS}",
    ),
)


def _request(wire: Wire, server: Server, habit: CodeHabit) -> tuple[dict[str, Any], Pkce]:
    issuer = server.user["start_url"]
    client = wire.register(**habit.registers, grantTypes=CODE_AND_REFRESH, issuerUrl=issuer).members
    endpoint = client["authorizationEndpoint"]
    assert endpoint.endswith("/authorize")  # granted uses it as it is, aws-sso-cli adds the path if it is missing
    server_url = endpoint.removesuffix("/authorize")
    pkce = Pkce(server_url, client["clientId"], habit.presents, (habit.parameter, habit.scopes))
    return client, pkce


@pytest.mark.parametrize("habit", CODE_HABITS, ids=lambda habit: habit.client)
def test_authorization_code_flow(habit: CodeHabit, wire: Wire, server: Server, person: Person) -> None:
    client, pkce = _request(wire, server, habit)
    proof = {
        "code": pkce.code_from(person.consent(pkce.url)),
        "redirectUri": pkce.redirect_uri,
        "codeVerifier": pkce.verifier,
    }
    token = wire.token(client, "authorization_code", **proof).members
    assert lives_for(token, 3600)
    refreshed = wire.token(client, "refresh_token", refreshToken=token["refreshToken"]).members
    assert refreshed["refreshToken"]  # who overwrites its cache with whatever came back must not lose it


@pytest.mark.parametrize("habit", CODE_HABITS, ids=lambda habit: habit.client)
def test_refusal_comes_back_with_error_and_description(
    habit: CodeHabit, wire: Wire, server: Server, person: Person
) -> None:
    """The toolkit shows an error only if both are there."""
    _, pkce = _request(wire, server, habit)
    callback = person.consent(pkce.url, "deny")
    assert callback.startswith(f"{pkce.redirect_uri}?")
    answer = parse_qs(urlsplit(callback).query)
    assert answer["error"] == ["access_denied"]
    assert answer["error_description"]
    assert answer["state"] == [pkce.state]


def test_toolkit_appends_the_user_code_itself(wire: Wire, server: Server, person: Person) -> None:
    client = wire.register(scopes=[ACCOUNT_ACCESS]).members
    device = wire.start_device(client, server.start_url).members
    assert "?" not in device["verificationUri"]
    assert person.approve(f"{device['verificationUri']}?user_code={device['userCode']}") == "Approved"
    assert wire.token(client, DEVICE_CODE, deviceCode=device["deviceCode"]).status == 200


def test_aws_sso_cli_registers_anew_when_its_registration_is_refused(wire: Wire, server: Server) -> None:
    refused = wire.start_device({"clientId": "of a server before", "clientSecret": "x"}, server.start_url)
    assert (refused.status, refused.error) == (401, "InvalidClientException")
    client = wire.register(clientName="aws-sso-cli", grantTypes=[DEVICE_CODE, "refresh_token"]).members
    assert wire.start_device(client, server.start_url).status == 200


def test_flare_knows_the_end_of_a_session_by_its_very_words(wire: Wire) -> None:
    client = wire.register(scopes=[ACCOUNT_ACCESS]).members
    refused = wire.token(client, "refresh_token", refreshToken="of a session before")
    assert refused.members == {"error": "invalid_grant", "error_description": "Invalid refresh token provided"}


@pytest.mark.parametrize(
    "start_url",
    [
        "{endpoint}",
        "{endpoint}/start",
        "{endpoint}/start/",
        "{endpoint}/start#/",
        "{endpoint}/start/#/?tab=accounts",
        "{aws}",
        "{aws}/",
        "{aws}/#/",
    ],
)
def test_start_urls_as_people_paste_them(start_url: str, wire: Wire, server: Server) -> None:
    client = wire.register(scopes=[ACCOUNT_ACCESS]).members
    pasted = start_url.format(endpoint=server.endpoint, aws=server.user["start_url"])
    assert wire.start_device(client, pasted).status == 200


def test_browser_that_a_client_launches_ends_at_the_listener_of_the_client(wire: Wire, server: Server) -> None:
    """The whole loop of the newest AWS CLI: listener on a random port, browser by BROWSER, code at the callback."""
    listener = _Listener()
    client = wire.register(grantTypes=CODE_AND_REFRESH, redirectUris=[REGISTERED_URI], scopes=[ACCOUNT_ACCESS]).members
    uri = f"http://127.0.0.1:{listener.server_port}/oauth/callback"
    pkce = Pkce(server.endpoint, client["clientId"], uri)
    variables = {"BROWSER_USER_FILE": str(server.user_file)}
    launched = subprocess.Popen(
        [sys.executable, "-m", browser.__name__, pkce.url], cwd=ROOT, env=environment(variables)
    )
    with listener:
        listener.handle_request()
    assert launched.wait(timeout=30) == 0
    code = pkce.code_from(f"http://127.0.0.1:{listener.server_port}{listener.target}")
    proof = {"code": code, "redirectUri": uri, "codeVerifier": pkce.verifier}
    assert wire.token(client, "authorization_code", **proof).members["accessToken"]


class _Listener(HTTPServer):
    timeout = 30
    target = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Callback)


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Listener)
        self.server.target = self.path
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing to tell."""
