"""RegisterClient: statements 21 to 32 of the security design."""

import msgspec
import pytest

from postern.api.errors import (
    InvalidClientException,
    InvalidClientMetadataException,
    InvalidRedirectUriException,
    InvalidRequestException,
    InvalidScopeException,
    ModelledError,
    SlowDownException,
    UnsupportedGrantTypeException,
)
from postern.api.sso_oidc import RegisterClientRequest, RegisterClientResponse
from postern.core import client_registration
from postern.core.caller import Caller
from postern.core.client_registration import ClientRegistration
from postern.core.clients import DEVICE_CODE, REFRESH_TOKEN
from postern.core.policy import DAY
from postern.core.register_client import register_client
from postern.core.service import Service
from tests.core.world import LAPTOP, PUBLIC_URL, START_URL, STRANGER, World, present, refused

APPLICATION_ARN = "arn:aws:sso::111122223333:application/ssoins-0123456789abcdef/apl-0123456789abcdef"
REQUEST = RegisterClientRequest(client_name="botocore-client-demo", client_type="public")


async def register(world: World, **members: object) -> RegisterClientResponse:
    return await register_client(world.service, msgspec.structs.replace(REQUEST, **members), LAPTOP)


@pytest.mark.parametrize("client_type", ["confidential", "Public", "PUBLIC", "public ", "native", "\u0440ublic"])
async def test_a_client_type_other_than_public_is_refused(world: World, client_type: str) -> None:
    with refused(InvalidClientMetadataException):
        await register(world, client_type=client_type)


async def test_the_client_id_is_unique_and_no_input_decides_it(world: World) -> None:
    """RFC 7591 3.2.1: the client identifier is unique and issued by the server."""
    responses = [await register(world) for _ in range(20)]
    assert len({response.client_id for response in responses}) == 20
    assert len({response.client_secret for response in responses}) == 20
    assert len({present(response.client_id)[-43:] for response in responses}) == 20


async def test_the_secret_expires_after_90_days_and_not_a_second_later(world: World) -> None:
    response = await register(world)
    assert response.client_id_issued_at == world.now
    assert response.client_secret_expires_at == world.now + 7_776_000
    world.clock.advance(90 * DAY - 1)
    assert registration_of(world, response).name == REQUEST.client_name
    world.clock.advance(1)
    with refused(InvalidClientException, "expired"):
        registration_of(world, response)


def registration_of(world: World, response: RegisterClientResponse) -> ClientRegistration:
    client_id, client_secret = present(response.client_id), present(response.client_secret)
    world.service.authenticate_client(client_id, client_secret)
    return client_registration.read(world.service.ring, client_id)


async def test_endpoints_come_from_the_configuration(world: World) -> None:
    response = await register(world)
    assert response.authorization_endpoint == f"{PUBLIC_URL}/authorize"
    assert response.token_endpoint == f"{PUBLIC_URL}/token"


WRONG: dict[str, tuple[type[ModelledError], dict[str, object]]] = {
    "a grant type that is not offered": (UnsupportedGrantTypeException, {"grant_types": ("implicit",)}),
    "the password grant": (UnsupportedGrantTypeException, {"grant_types": ("password",)}),
    "the device grant with a hyphen": (
        UnsupportedGrantTypeException,
        {"grant_types": ("urn:ietf:params:oauth:grant-type:device-code",)},
    ),
    "a good grant type and a bad one": (
        UnsupportedGrantTypeException,
        {"grant_types": (DEVICE_CODE, "client_credentials")},
    ),
    "an empty grant type": (UnsupportedGrantTypeException, {"grant_types": ("",)}),
    "an unknown scope": (InvalidScopeException, {"scopes": ("unknown:scope",)}),
    "a malformed scope": (InvalidScopeException, {"scopes": ("sso:account:access openid",)}),
    "too many scopes": (InvalidScopeException, {"scopes": tuple(f"sso:s{number}" for number in range(26))}),
    "a scope of javascript": (InvalidScopeException, {"scopes": ("<script>",)}),
    "a redirect URI of javascript": (InvalidRedirectUriException, {"redirect_uris": ("javascript:alert(1)",)}),
    "http to a host": (InvalidRedirectUriException, {"redirect_uris": ("http://app.example.com/",)}),
    "a fragment": (InvalidRedirectUriException, {"redirect_uris": ("https://app.example.com/#a",)}),
    "authorization_code without redirect URI": (InvalidRedirectUriException, {"grant_types": ("authorization_code",)}),
    "authorization_code with no redirect URI": (
        InvalidRedirectUriException,
        {"grant_types": ("authorization_code",), "redirect_uris": ()},
    ),
    "an issuer that is not this instance": (InvalidRequestException, {"issuer_url": "https://evil.example/start"}),
    "an issuer that is no URL": (InvalidRequestException, {"issuer_url": "evil"}),
    "an application that is no ARN": (InvalidRequestException, {"entitled_application_arn": "apl-1"}),
    "an ARN with a line feed": (
        InvalidRequestException,
        {"entitled_application_arn": APPLICATION_ARN + "\n"},
    ),
    "a name that is too long": (InvalidClientMetadataException, {"client_name": "a" * 257}),
    "a blank name": (InvalidClientMetadataException, {"client_name": "   "}),
    "a name of nothing that shows": (InvalidClientMetadataException, {"client_name": "\u200b\u2060\ufeff"}),
    "a name of fillers": (InvalidClientMetadataException, {"client_name": "\u3164\u115f\u2800 "}),
    "a name of marks": (InvalidClientMetadataException, {"client_name": "\u034f\u0301"}),
    "a name with a line feed": (InvalidClientMetadataException, {"client_name": "a\nb"}),
    "a name with a carriage return": (InvalidClientMetadataException, {"client_name": "a\r\nb"}),
    "a name with a tab": (InvalidClientMetadataException, {"client_name": "a\tb"}),
    "a name with an escape": (InvalidClientMetadataException, {"client_name": "a\x1b[31mb"}),
    "a name with a C1 control": (InvalidClientMetadataException, {"client_name": "a\x9bb"}),
    "a name with a delete": (InvalidClientMetadataException, {"client_name": "a\x7fb"}),
    "a name with a line separator": (InvalidClientMetadataException, {"client_name": "a\u2028b"}),
    "a name with a paragraph separator": (InvalidClientMetadataException, {"client_name": "a\u2029b"}),
    "a name that is turned around": (InvalidClientMetadataException, {"client_name": "AWS \u202ekcatta"}),
    "a name with an isolate": (InvalidClientMetadataException, {"client_name": "AWS \u2066b"}),
    "a name with a right-to-left mark": (InvalidClientMetadataException, {"client_name": "AWS\u200fb"}),
    "a name with an Arabic letter mark": (InvalidClientMetadataException, {"client_name": "AWS\u061cb"}),
    "a name with a private character": (InvalidClientMetadataException, {"client_name": "AWS\ue000"}),
    "a name with a lone surrogate": (InvalidClientMetadataException, {"client_name": "AWS\ud800"}),
    "a registration that would not fit": (
        InvalidClientMetadataException,
        {"redirect_uris": tuple(f"https://app{number}.example.com/{'a' * 400}" for number in range(10))},
    ),
}


@pytest.mark.parametrize("error, members", WRONG.values(), ids=WRONG.keys())
async def test_refused(world: World, error: type[ModelledError], members: dict[str, object]) -> None:
    with refused(error):
        await register(world, **members)


@pytest.mark.parametrize(
    "members",
    [
        {"client_name": "Müllers Café 研究所 \U0001f600"},
        {"client_name": "a" * 256},
        {"client_name": "<script>alert(1)</script>"},
        {"issuer_url": START_URL},
        {"issuer_url": f"{PUBLIC_URL}/start/#/"},
        {"scopes": ("sso-portal:*",)},
        {
            "grant_types": (DEVICE_CODE, "authorization_code", REFRESH_TOKEN),
            "redirect_uris": ("http://127.0.0.1/oauth/callback",),
        },
        {"grant_types": ()},
        {"entitled_application_arn": APPLICATION_ARN},
    ],
)
async def test_accepted(world: World, members: dict[str, object]) -> None:
    response = await register(world, **members)
    registration = registration_of(world, response)
    kept = {"client_name": registration.name, "issuer_url": registration.issuer_url, "scopes": registration.scopes}
    assert all(value == members.get(name, value) for name, value in kept.items())


async def test_repeated_grant_types_count_once(world: World) -> None:
    registration = registration_of(world, await register(world, grant_types=(DEVICE_CODE,) * 10_000))
    assert registration.named_grant_types == (DEVICE_CODE,)


async def test_registering_stores_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many register, the store does not grow and nothing is fetched."""
    monkeypatch.setattr(world.service, "store", None)
    for _ in range(200):
        await register(world, issuer_url=START_URL)


async def test_anonymous_registration_is_paced_by_address(service: Service) -> None:
    for _ in range(300):
        await register_client(service, REQUEST, STRANGER)
    with refused(SlowDownException, "one address"):
        await register_client(service, REQUEST, STRANGER)
    await register_client(service, REQUEST, LAPTOP)


async def test_an_ipv6_network_is_paced_as_one_address(service: Service) -> None:
    for number in range(300):
        await register_client(service, REQUEST, Caller(address=f"2001:db8::{number:x}"))
    with refused(SlowDownException, "one address"):
        await register_client(service, REQUEST, Caller(address="2001:db8::ffff"))
    await register_client(service, REQUEST, Caller(address="2001:db8:0:1::1"))


async def test_a_client_without_refresh_token_among_its_grants_gets_none(world: World) -> None:
    client = await world.register(grant_types=(DEVICE_CODE,))
    issued = await world.signed_in(client)
    assert issued.access_token
    assert issued.refresh_token is None
