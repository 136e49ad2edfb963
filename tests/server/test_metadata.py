"""What is published for whoever verifies our tokens (statements 135, 136 and 138), asked of the ASGI application
alone.
"""

import json
from typing import Any

import msgspec
import pytest

from postern.core.directory.records import WebIdentitySource
from postern.core.service import Service
from postern.core.store import ConfigurationChange
from postern.server.asgi import Receive, Scope, Send
from postern.server.metadata import AUTHORIZATION_SERVER, JWKS, OPENID_CONFIGURATION, with_metadata
from postern.server.operations import ENDPOINTS
from postern.testing import samples
from tests.core.world import PUBLIC_URL, World

DOCUMENTS = [OPENID_CONFIGURATION, AUTHORIZATION_SERVER]
EVERYTHING = [*DOCUMENTS, JWKS]


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members


async def ask(service: Service, path: str, *, method: str = "GET", host: str = "sso.example.com") -> Answer:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"inner"})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    scope: dict[str, object] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"issuer=https://evil.example",
        "headers": [(b"host", host.encode()), (b"x-forwarded-host", host.encode()), (b"origin", b"https://a.example")],
        "state": {"request_id": "a-request"},
    }
    await with_metadata(service, inner)(scope, receive, send)
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, body["body"])


async def test_statement_135_the_issuer_is_byte_equal_to_the_configured_url(service: Service) -> None:
    for path in DOCUMENTS:
        answer = await ask(service, path)
        assert answer.status == 200
        assert answer.members()["issuer"] == PUBLIC_URL


@pytest.mark.parametrize("path", EVERYTHING)
async def test_statement_135_nothing_depends_on_the_host_header(service: Service, path: str) -> None:
    assert (await ask(service, path, host="evil.example")).body == (await ask(service, path)).body
    assert b"evil.example" not in (await ask(service, path, host="evil.example")).body


async def test_statement_136_what_the_document_says(service: Service) -> None:
    assert (await ask(service, OPENID_CONFIGURATION)).members() == {
        "issuer": PUBLIC_URL,
        "authorization_endpoint": f"{PUBLIC_URL}/authorize",
        "token_endpoint": f"{PUBLIC_URL}/token",
        "jwks_uri": f"{PUBLIC_URL}/.well-known/jwks.json",
        "introspection_endpoint": f"{PUBLIC_URL}/introspect",
        "revocation_endpoint": f"{PUBLIC_URL}/revoke",
        "scopes_supported": [
            "openid",
            "aws",
            "sts:identity_context",
            "redshift:connect",
            "s3:access_grants",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "iat",
            "exp",
            "auth_time",
            "nonce",
            "aws:identity_store_id",
            "aws:identity_store_arn",
            "aws:instance_arn",
            "aws:instance_account",
            "aws:credential_id",
            "sts:identity_context",
            "sts:audit_context",
        ],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["aws_sigv4"],
        "introspection_endpoint_auth_methods_supported": ["aws_sigv4"],
        "revocation_endpoint_auth_methods_supported": ["aws_sigv4"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


async def test_both_addresses_have_the_same_document(service: Service) -> None:
    assert (await ask(service, AUTHORIZATION_SERVER)).body == (await ask(service, OPENID_CONFIGURATION)).body


async def test_statement_136_every_endpoint_of_the_document_is_served(service: Service) -> None:
    served = {endpoint.operation.path for endpoint in ENDPOINTS} | {"/authorize"}
    members = (await ask(service, OPENID_CONFIGURATION)).members()
    named = {value.removeprefix(PUBLIC_URL) for name, value in members.items() if name.endswith("_endpoint")}
    assert named == {"/authorize", "/token", "/introspect", "/revoke"}
    assert named <= served


async def test_statement_136_the_device_grant_is_named_only_where_clients_may_use_it(world: World) -> None:
    world.change("clients", device_grant=False)
    grants = (await ask(world.service, OPENID_CONFIGURATION)).members()["grant_types_supported"]
    assert not any("device_code" in grant for grant in grants)


async def test_statement_136_the_algorithm_is_that_of_the_setting(world: World) -> None:
    world.change("id_tokens", algorithm="RS256")
    members = (await ask(world.service, OPENID_CONFIGURATION)).members()
    assert members["id_token_signing_alg_values_supported"] == ["RS256"]


async def test_statement_138_the_keys_are_those_that_sign_now(world: World) -> None:
    assert (await ask(world.service, JWKS)).body == world.service.signing_keys.jwks
    await world.rotate_keys()
    await world.service.renew()
    assert len((await ask(world.service, JWKS)).members()["keys"]) == 2


@pytest.mark.parametrize("path, age", [(OPENID_CONFIGURATION, 300), (AUTHORIZATION_SERVER, 300), (JWKS, 60)])
async def test_the_headers(service: Service, path: str, age: int) -> None:
    answer = await ask(service, path)
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        "cache-control": f"public, max-age={age}",
        "access-control-allow-origin": "*",
        "x-content-type-options": "nosniff",
        "x-amzn-requestid": "a-request",
    }


async def test_keys_are_not_kept_for_longer_than_they_are_published_before_use(world: World) -> None:
    world.change("keys", publish_lead=5)
    assert (await ask(world.service, JWKS)).headers["cache-control"] == "public, max-age=5"


@pytest.mark.parametrize("path", EVERYTHING)
async def test_head_has_the_headers_and_no_body(service: Service, path: str) -> None:
    answer = await ask(service, path, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == (await ask(service, path)).headers


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", JWKS),
        ("OPTIONS", OPENID_CONFIGURATION),
        ("GET", "/.well-known/"),
        ("GET", JWKS + "/"),
        ("GET", "/tenant/.well-known/openid-configuration"),
        ("GET", "/.well-known/openid-configuration/tenant"),
        ("GET", "/healthz/live"),
    ],
)
async def test_everything_else_goes_on(service: Service, method: str, path: str) -> None:
    answer = await ask(service, path, method=method)
    assert (answer.status, answer.body) == (404, b"inner")


async def test_136_where_an_sts_takes_tokens_the_document_says_how_they_are_signed_and_what_they_say(
    world: World,
) -> None:
    options = WebIdentitySource(endpoint="https://sts.example.org", audience="sts", token_profile="ceph")
    source = samples.credential_source(options=options)
    await world.store.change_configuration(ConfigurationChange(create=(source,)))
    await world.service.renew()
    document = (await ask(world.service, OPENID_CONFIGURATION)).members()
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert {"groups", "policy", "https://aws.amazon.com/tags"} <= set(document["claims_supported"])
    await world.store.change_configuration(ConfigurationChange(remove=(source,), now=world.now))
    await world.service.renew()
    assert (await ask(world.service, OPENID_CONFIGURATION)).members()["id_token_signing_alg_values_supported"] == [
        "ES256"
    ]
