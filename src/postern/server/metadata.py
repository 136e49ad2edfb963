"""What is published for whoever verifies our tokens: the discovery documents (OpenID Connect Discovery 1.0, RFC 8414)
and the keys (RFC 7517). All of it is the same for everybody, and nothing of it depends on the request.
"""

import msgspec

from postern.api.oauth import INTROSPECTION_PATH, REVOCATION_PATH
from postern.core import pkce
from postern.core.clients import DEVICE_CODE
from postern.core.directory.applications import DEFAULT_SCOPES
from postern.core.grants import APPLICATION_GRANTS, GRANTS
from postern.core.id_tokens import IdTokenClaims
from postern.core.policy import Policy
from postern.core.role_credentials.token_checks import SOURCE_IDENTITY, TAGS
from postern.core.role_credentials.token_profiles import PERSONAL_CLAIMS, algorithms_of
from postern.core.service import Service
from postern.server.asgi import AsgiApp, Receive, Scope, Send

OPENID_CONFIGURATION = "/.well-known/openid-configuration"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
JWKS = "/.well-known/jwks.json"
_DOCUMENT_AGE = 300
# A key is published `keys.publish_lead` before it signs, 60 seconds unless the setting says otherwise.
_KEYS_AGE = 60
# Of our own: no registered method is a SigV4 signature, and a document without one would promise client_secret_basic.
_AUTHENTICATION_METHODS = ["aws_sigv4"]


_WEB_IDENTITY_CLAIMS = (*PERSONAL_CLAIMS, "policy", TAGS, SOURCE_IDENTITY)


def with_metadata(service: Service, inner: AsgiApp) -> AsgiApp:
    keys_age = min(_KEYS_AGE, service.policy.keys.publish_lead)

    def document() -> bytes:
        algorithms = algorithms_of(service.credential_sources.values())
        return msgspec.json.encode(describe(service.policy, algorithms))

    async def metadata(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path not in (OPENID_CONFIGURATION, AUTHORIZATION_SERVER, JWKS) or scope["method"] not in ("GET", "HEAD"):
            await inner(scope, receive, send)
            return
        request_id = (scope.get("state") or {}).get("request_id", "")
        body, age = (service.signing_keys.jwks, keys_age) if path == JWKS else (document(), _DOCUMENT_AGE)
        await send({"type": "http.response.start", "status": 200, "headers": _headers(len(body), age, request_id)})
        await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    return metadata


def describe(policy: Policy, web_identity_algorithms: frozenset[str]) -> dict[str, object]:
    """The discovery document, one for both addresses: what applications can use, and only what there is. An STS that
    takes web identity tokens reads of it how these are signed, and what they may say.
    """
    claims = list(IdTokenClaims.__struct_encode_fields__)
    more_algorithms = sorted(web_identity_algorithms - {policy.id_tokens.algorithm})
    url = policy.public_url
    registered = (scope for scope in policy.clients.scopes if not scope.endswith("*"))
    grants = dict.fromkeys((*APPLICATION_GRANTS, *GRANTS))
    if not policy.clients.device_grant:
        del grants[DEVICE_CODE]
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "jwks_uri": url + JWKS,
        "introspection_endpoint": url + INTROSPECTION_PATH,
        "revocation_endpoint": url + REVOCATION_PATH,
        "scopes_supported": list(dict.fromkeys((*DEFAULT_SCOPES, *registered))),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(grants),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [policy.id_tokens.algorithm, *more_algorithms],
        "claims_supported": [*claims, *(_WEB_IDENTITY_CLAIMS if web_identity_algorithms else ())],
        "code_challenge_methods_supported": [pkce.METHOD],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": _AUTHENTICATION_METHODS,
        "introspection_endpoint_auth_methods_supported": _AUTHENTICATION_METHODS,
        "revocation_endpoint_auth_methods_supported": _AUTHENTICATION_METHODS,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _headers(length: int, age: int, request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode()),
        (b"cache-control", f"public, max-age={age}".encode()),
        (b"access-control-allow-origin", b"*"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-amzn-requestid", request_id.encode()),
    ]
