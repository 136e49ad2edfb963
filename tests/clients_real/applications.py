"""The applications that CreateTokenWithIAM is tried with, set up by commands as an administrator does it, and what they
send for each grant.
"""

import json
import secrets
import subprocess
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from postern.testing.oidc_issuer import IssuerProcess
from tests.clients_real.person import Person
from tests.clients_real.sdks import Credentials
from tests.clients_real.servers import POSTERN, Server, environment

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
DEFAULT_SCOPES = ["openid", "aws", "sts:identity_context"]
# By which tokens of the front application are for the demo application too.
TARGETING_SCOPE = "redshift:connect"
AUDIENCE = "api://demo"

Members = dict[str, Any]


class Application(NamedTuple):
    """An application, and a key that its actor policy lets in."""

    arn: str
    credentials: Credentials
    redirect_uri: str
    scopes: list[str]


class Desk:
    """A server with its demo application, and a second one whose tokens the first may take in exchange. The second does
    without PKCE, as the service reference's example does. The demo application trusts ``issuer``.
    """

    def __init__(self, server: Server, issuer: IssuerProcess) -> None:
        self.server = server
        self.issuer = issuer
        self.demo = demo_application(server)
        self.front = self._add_front()
        self._trust()
        self.stranger = self._add_stranger()

    def command(self, *words: str, given: str = "") -> Any:
        return command(self.server, *words, given=given)

    def session(self, application: Application) -> Credentials:
        """Temporary credentials made from the application's key."""
        made = self.command("iam", "session", application.credentials.access_key_id)
        return Credentials(made["access_key_id"], made["secret_access_key"], made["session_token"])

    def assertion(self, **claims: object) -> str:
        """Of the demo person, unless ``claims`` say otherwise."""
        return self.issuer.mint(header=None, **{"aud": AUDIENCE, "email": "demo@example.org"} | claims)

    def _add_front(self) -> Application:
        key = self.command("iam", "add", "--user", "front")
        redirect_uri = "http://127.0.0.1:8401/callback"
        words = ("--redirect-uri", redirect_uri, "--no-pkce", "--refresh-token", "--principal", key["principal_arn"])
        scope = f"{TARGETING_SCOPE}=demo-application"
        added = self.command("application", "add", "front", *words, "--scope", scope)
        self.command("application", "assign", "front", "--user", "demo")
        credentials = Credentials(key["access_key_id"], key["secret_access_key"])
        return Application(added["application_arn"], credentials, redirect_uri, [*DEFAULT_SCOPES, TARGETING_SCOPE])

    def _trust(self) -> None:
        mapping = ("--claim", "email", "--attribute", "emails.value")
        self.command("trusted-token-issuer", "add", "corp", "--issuer-url", self.issuer.url, *mapping)
        self.command("application", "update", "demo-application", "--trust", f"corp={AUDIENCE}")

    def _add_stranger(self) -> Person:
        """Somebody who is assigned to no application."""
        password = secrets.token_hex(16)
        words = ("--email", "mira@example.org", "--password-stdin")
        self.command("user", "add", "mira", *words, given=password)
        return Person(self.server.endpoint, "mira", password)


def command(server: Server, *words: str, given: str = "") -> Any:
    """What ``postern … --json`` prints, run on the server's data folder while it serves."""
    done = subprocess.run(
        (str(POSTERN), *words, "--data", str(server.data), "--json"),
        env=environment({}),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def demo_application(server: Server) -> Application:
    """As ``postern demo`` tells scripts of it."""
    file = server.data / "demo" / "application.json"
    assert file.stat().st_mode & 0o777 == 0o600
    told = json.loads(file.read_text())
    credentials = Credentials(told["access_key_id"], told["secret_access_key"])
    return Application(told["application_arn"], credentials, told["redirect_uri"], told["scopes"])


def callback(person: Person, application: Application, **parameters: str) -> dict[str, str]:
    """What the application's redirect URI is asked for with, once the person has approved."""
    asked = {
        "response_type": "code",
        "client_id": application.arn,
        "redirect_uri": application.redirect_uri,
        "state": secrets.token_hex(8),
        **parameters,
    }
    location = person.consent(f"{person.endpoint}/authorize?{urlencode(asked, quote_via=quote)}")
    assert location.startswith(f"{application.redirect_uri}?")
    answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert (answer["state"], answer["iss"]) == (asked["state"], person.endpoint)
    return answer


def by_code(person: Person, application: Application, *, with_pkce: bool = True) -> Members:
    """The members of a call with the code that the person's approval gave."""
    members: Members = {"clientId": application.arn, "grantType": "authorization_code"}
    parameters = {}
    if with_pkce:
        members["codeVerifier"] = verifier = secrets.token_urlsafe(48)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        parameters = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = callback(person, application, **parameters)["code"]
    return members | {"code": code, "redirectUri": application.redirect_uri}


def by_refresh_token(application: Application, refresh_token: str) -> Members:
    return {"clientId": application.arn, "grantType": "refresh_token", "refreshToken": refresh_token}


def by_assertion(application: Application, assertion: str) -> Members:
    return {"assertion": assertion, "clientId": application.arn, "grantType": JWT_BEARER}


def by_exchange(application: Application, subject_token: str) -> Members:
    return {
        "clientId": application.arn,
        "grantType": TOKEN_EXCHANGE,
        "requestedTokenType": ACCESS_TOKEN,
        "subjectToken": subject_token,
        "subjectTokenType": ACCESS_TOKEN,
    }


def claims_of(id_token: str) -> dict[str, Any]:
    """Unverified: that others can verify it is shown in test_id_tokens.py."""
    _, payload, _ = id_token.split(".")
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
