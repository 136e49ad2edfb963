"""Calls that are refused, as data: what is sent, and the error that must come."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.clients_real.flows import PRESENTED_URI, credentials, register, register_for_pkce
from tests.clients_real.sdks import DEVICE_CODE, Sdk
from tests.clients_real.servers import Server

Members = dict[str, Any]
TOOL: Members = {"clientName": "a tool", "clientType": "public"}


class Case(NamedTuple):
    """A call that is refused. ``members`` may need a client of the same SDK."""

    id: str
    operation: str
    members: Callable[[Sdk, Server], Members]
    name: str
    error: str
    description: str | None = None
    status: int = 400


def _given(**members: object) -> Callable[[Sdk, Server], Members]:
    return lambda sdk, server: dict(members)


def _with_client(**members: object) -> Callable[[Sdk, Server], Members]:
    return lambda sdk, server: credentials(register(sdk)) | members


def _with_pkce_client(**members: object) -> Callable[[Sdk, Server], Members]:
    return lambda sdk, server: credentials(register_for_pkce(sdk)) | members


CASES = (
    Case(
        "register: issuer URL of nobody",
        "RegisterClient",
        _given(**TOOL, issuerUrl="https://elsewhere.awsapps.com/start"),
        "InvalidRequestException",
        "invalid_request",
        "Invalid start url provided",
    ),
    Case(
        "register: confidential client",
        "RegisterClient",
        _given(clientName="a tool", clientType="confidential"),
        "InvalidClientMetadataException",
        "invalid_client_metadata",
    ),
    Case(
        "register: name of control characters",
        "RegisterClient",
        _given(clientName="a\x1b[2Jtool", clientType="public"),
        "InvalidClientMetadataException",
        "invalid_client_metadata",
    ),
    Case(
        "register: scope that is not offered",
        "RegisterClient",
        _given(**TOOL, scopes=["root:everything"]),
        "InvalidScopeException",
        "invalid_scope",
    ),
    Case(
        "register: grant type that is not offered",
        "RegisterClient",
        _given(**TOOL, grantTypes=["password"]),
        "UnsupportedGrantTypeException",
        "unsupported_grant_type",
    ),
    Case(
        "register: redirect over plain http",
        "RegisterClient",
        _given(**TOOL, grantTypes=["authorization_code"], redirectUris=["http://example.org/callback"]),
        "InvalidRedirectUriException",
        "invalid_redirect_uri",
    ),
    Case(
        "device: client that nobody registered",
        "StartDeviceAuthorization",
        _given(clientId="nobody", clientSecret="nothing", startUrl="https://x"),
        "InvalidClientException",
        "invalid_client",
        "Invalid client provided",
        401,
    ),
    Case(
        "device: start URL of nobody",
        "StartDeviceAuthorization",
        _with_client(startUrl="https://elsewhere.awsapps.com/start"),
        "InvalidRequestException",
        "invalid_request",
        "Invalid start url provided",
    ),
    Case(
        "device: client registered for another grant",
        "StartDeviceAuthorization",
        lambda sdk, server: credentials(register_for_pkce(sdk)) | {"startUrl": server.start_url},
        "UnauthorizedClientException",
        "unauthorized_client",
        "Client is unauthorized",
    ),
    Case(
        "token: wrong client secret",
        "CreateToken",
        lambda sdk, server: {
            "clientId": register(sdk)["clientId"],
            "clientSecret": "wrong",
            "grantType": DEVICE_CODE,
            "deviceCode": "x",
        },
        "InvalidClientException",
        "invalid_client",
        "Invalid client provided",
        401,
    ),
    Case(
        "token: grant type that does not exist",
        "CreateToken",
        _with_client(grantType="urn:ietf:params:oauth:grant-type:device-code", deviceCode="x"),
        "UnsupportedGrantTypeException",
        "unsupported_grant_type",
    ),
    Case(
        "token: grant type that the client did not register",
        "CreateToken",
        _with_pkce_client(grantType=DEVICE_CODE, deviceCode="x"),
        "UnauthorizedClientException",
        "unauthorized_client",
        "Client is unauthorized",
    ),
    Case(
        "token: no device code",
        "CreateToken",
        _with_client(grantType=DEVICE_CODE),
        "InvalidRequestException",
        "invalid_request",
    ),
    Case(
        "token: device code of nobody",
        "CreateToken",
        _with_client(grantType=DEVICE_CODE, deviceCode="nobody's"),
        "InvalidGrantException",
        "invalid_grant",
        "Invalid device code provided",
    ),
    Case(
        "token: refresh token of nobody",
        "CreateToken",
        _with_client(grantType="refresh_token", refreshToken="nobody's"),
        "InvalidGrantException",
        "invalid_grant",
        "Invalid refresh token provided",
    ),
    Case(
        "token: authorization code of nobody",
        "CreateToken",
        _with_pkce_client(
            grantType="authorization_code", code="nobody's", redirectUri=PRESENTED_URI, codeVerifier="v" * 43
        ),
        "InvalidGrantException",
        "invalid_grant",
    ),
)
