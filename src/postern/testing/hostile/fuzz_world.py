"""What the fuzz begins with: good requests of every kind, with good credentials, so that what is changed in them is all
that is wrong.
"""

import contextlib
import html
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from postern.api import sigv4
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes
from postern.testing.oidc_issuer import AUDIENCE, IssuerProcess
from postern.testing.wire import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN, Connection, PersonAtBrowser, WireClient

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REGION = "us-east-1"
REDIRECT_URI = "http://127.0.0.1/oauth/callback"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_ASSERTIONS = 20


@dataclass
class World:
    """``operations`` are the bodies of SSO OIDC by path, ``iam`` those that are signed; ``assertions`` are good JWTs;
    ``cookie`` and ``csrf`` are those of a person who is signed in.
    """

    nodes: Nodes
    operations: list[tuple[str, dict[str, object]]]
    iam: list[dict[str, object]]
    assertions: list[str]
    bearer: str
    cookie: str
    csrf: str
    access_key_id: str
    secret_access_key: str
    application: str
    user_code: str
    client_id: str

    def signed(self, method: str, path: str, headers: Mapping[str, str], body: bytes, service: str) -> dict[str, str]:
        """The headers with a good signature."""
        signed = sigv4.sign(
            method=method,
            url=f"http://127.0.0.1{path}",
            headers=headers,
            body=body,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            region=REGION,
            service=service,
            now=time.time(),
        )
        return {**headers, **signed}


def open_world(nodes: Nodes, issuer: IssuerProcess) -> World:
    key = json.loads(nodes.run("iam", "add", "--user", "fuzz", "--json"))
    mapping = ("--claim", "email", "--attribute", "emails.value")
    nodes.run("trusted-token-issuer", "add", "corp", "--issuer-url", issuer.url, *mapping)
    application = json.loads(
        nodes.run(
            *("application", "add", "fuzzed", "--redirect-uri", REDIRECT_URI, "--refresh-token", "--token-exchange"),
            *(
                "--trust",
                f"corp={AUDIENCE}",
                "--principal",
                key["principal_arn"],
                "--assignment-required",
                "no",
                "--json",
            ),
        )
    )["application_arn"]
    with contextlib.closing(Connection(nodes.ports[0], timeout=30)) as connection:
        client = WireClient(connection, f"{nodes.url}/start", redirectUris=[REDIRECT_URI])
        person = PersonAtBrowser(connection, PERSON, PASSWORD)
        started = client.start()
        assert person.decide(started["userCode"])
        tokens = client.redeem(started["deviceCode"]).members
        pending = client.start()
        page = connection.send("GET", "/start/password", headers={"Cookie": _cookie(person)})
        csrf = _CSRF.search(page.body.decode())
    return World(
        nodes=nodes,
        operations=_operations(client, tokens, pending),
        iam=_iam(application, tokens),
        assertions=[issuer.mint(email="load@example.org") for _ in range(_ASSERTIONS)],
        bearer=tokens["accessToken"],
        cookie=_cookie(person),
        csrf=html.unescape(csrf[1]) if csrf else "",
        access_key_id=key["access_key_id"],
        secret_access_key=key["secret_access_key"],
        application=application,
        user_code=pending["userCode"],
        client_id=client.credentials["clientId"],
    )


def _cookie(person: PersonAtBrowser) -> str:
    return "; ".join(f"{name}={content}" for name, content in person.cookies.items())


def _operations(
    client: WireClient, tokens: Mapping[str, str], pending: Mapping[str, str]
) -> list[tuple[str, dict[str, object]]]:
    token: dict[str, object] = {**client.credentials}
    return [
        (
            "/client/register",
            {
                "clientName": "fuzz",
                "clientType": "public",
                "scopes": ["sso:account:access"],
                "redirectUris": [REDIRECT_URI],
                "grantTypes": [AUTHORIZATION_CODE, REFRESH_TOKEN],
                "issuerUrl": client.start_url,
                "entitledApplicationArn": "arn:aws:sso::111122223333:application/x/y",
            },
        ),
        ("/device_authorization", {**client.credentials, "startUrl": client.start_url}),
        ("/token", token | {"grantType": DEVICE_CODE, "deviceCode": pending["deviceCode"]}),
        ("/token", token | {"grantType": REFRESH_TOKEN, "refreshToken": tokens["accessToken"], "scope": ["x"]}),
        (
            "/token",
            token
            | {
                "grantType": AUTHORIZATION_CODE,
                "code": tokens["accessToken"],
                "redirectUri": REDIRECT_URI,
                "codeVerifier": "v" * 43,
            },
        ),
    ]


def _iam(application: str, tokens: Mapping[str, str]) -> list[dict[str, object]]:
    return [
        {"clientId": application, "grantType": JWT_BEARER, "assertion": "", "scope": ["openid"]},
        {
            "clientId": application,
            "grantType": TOKEN_EXCHANGE,
            "subjectToken": tokens["accessToken"],
            "subjectTokenType": ACCESS_TOKEN,
            "requestedTokenType": ACCESS_TOKEN,
        },
        {"clientId": application, "grantType": REFRESH_TOKEN, "refreshToken": tokens["refreshToken"]},
        {
            "clientId": application,
            "grantType": AUTHORIZATION_CODE,
            "code": tokens["accessToken"],
            "redirectUri": REDIRECT_URI,
            "codeVerifier": "v" * 43,
        },
    ]


def authorize_query(world: World) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": world.client_id,
        "redirect_uri": REDIRECT_URI,
        "state": "s" * 16,
        "scopes": "sso:account:access",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
