"""ID tokens, verified by those who will: PyJWT, joserfc and the npm package jose, with nothing but the published
documents (statement 137).
"""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import joserfc.jwt
import jwt
import pytest
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from postern.core.clients import AUTHORIZATION_CODE
from postern.core.directory.records import Application
from postern.core.keys import new_key_record
from tests.clients_real import sdks
from tests.clients_real.conftest import require
from tests.core.application_world import REDIRECT_URI, add_application, code_of, with_iam
from tests.core.world import MASTER, VERIFIER, VirtualClock, World, present
from tests.server.test_metadata import ask

ALGORITHMS = ["ES256", "RS256"]


class NotVerified(Exception):
    """The library refused the token."""


class Consumer:
    """A resource server that knows an application and the documents that our server publishes."""

    def __init__(self, application: Application, document: dict[str, Any], jwks: KeySetSerialization) -> None:
        self.audience = application.application_arn
        self.issuer: str = document["issuer"]
        self.algorithms: list[str] = document["id_token_signing_alg_values_supported"]
        self.jwks = jwks


def by_pyjwt(consumer: Consumer, token: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict(dict(consumer.jwks))
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            keys[jwt.get_unverified_header(token)["kid"]],
            algorithms=consumer.algorithms,
            audience=consumer.audience,
            issuer=consumer.issuer,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "auth_time"]},
        )
    except (jwt.PyJWTError, KeyError) as error:
        raise NotVerified(repr(error)) from None
    return claims


def by_joserfc(consumer: Consumer, token: str) -> dict[str, Any]:
    registry = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": consumer.issuer},
        aud={"essential": True, "value": consumer.audience},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        decoded = joserfc.jwt.decode(token, KeySet.import_key_set(consumer.jwks), algorithms=consumer.algorithms)
        registry.validate(decoded.claims)
    except (JoseError, ValueError) as error:
        raise NotVerified(repr(error)) from None
    return dict(decoded.claims)


def by_jose(consumer: Consumer, token: str) -> dict[str, Any]:
    asked = json.dumps(vars(consumer) | {"token": token})
    script = str(sdks.JS / "verify_id_token.mjs")
    run = subprocess.run(
        [str(sdks.NODE), "--disable-warning=ExperimentalWarning", script],
        input=asked,
        capture_output=True,
        text=True,
        timeout=30,
        env=sdks.node_environment({}),
        check=True,
    )
    answer: dict[str, Any] = json.loads(run.stdout)
    if "error" in answer:
        raise NotVerified(answer["error"])
    claims: dict[str, Any] = answer["payload"]
    return claims


Verify = Callable[[Consumer, str], dict[str, Any]]


@pytest.fixture(params=[by_pyjwt, by_joserfc, by_jose], ids=lambda verify: verify.__name__.removeprefix("by_"))
def verify(request: pytest.FixtureRequest) -> Verify:
    chosen: Verify = request.param
    if chosen is by_jose:
        require("Node.js", sdks.NODE)
        require("jose", sdks.JS_PACKAGES / "jose")
    return chosen


@pytest.fixture
def clock() -> VirtualClock:
    """The libraries look at the real time; what is issued in two minutes here lies in their past."""
    return VirtualClock(time.time() - 120)


@pytest.fixture(params=ALGORITHMS)
async def algorithm(request: pytest.FixtureRequest, world: World) -> str:
    chosen: str = request.param
    world.change("id_tokens", algorithm=chosen)
    await world.service.renew()
    return chosen


@pytest.fixture
async def application(world: World, algorithm: str) -> Application:
    return await add_application(world)


async def id_token(world: World, application: Application) -> str:
    """As an application gets it, with a nonce."""
    code = await code_of(world, application, nonce="n-0S6_WzA2Mj")
    response = await with_iam(
        world, application, AUTHORIZATION_CODE, code=code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
    )
    return present(response.id_token)


async def consumer_of(world: World, application: Application) -> Consumer:
    document = (await ask(world.service, "/.well-known/openid-configuration")).members()
    assert document["jwks_uri"].endswith("/.well-known/jwks.json")
    jwks: Any = (await ask(world.service, "/.well-known/jwks.json")).members()
    return Consumer(application, document, jwks)


async def test_statement_137_it_verifies(world: World, application: Application, verify: Verify) -> None:
    token = await id_token(world, application)
    claims = verify(await consumer_of(world, application), token)
    assert (claims["sub"], claims["nonce"]) == (world.person.user_id, "n-0S6_WzA2Mj")
    assert claims["aws:instance_arn"] == world.service.instance.arn


async def rotate(world: World) -> None:
    """The next key is published; a minute later it signs."""
    record = new_key_record(MASTER, created_at=world.now, activates_at=world.now + 60)
    await world.store.ensure_ring_key(record, unless_newer_than=world.now)
    await world.service.renew()


async def test_it_verifies_after_the_key_was_rotated(world: World, application: Application, verify: Verify) -> None:
    token = await id_token(world, application)
    await rotate(world)
    world.clock.advance(60)
    await world.service.renew()
    rotated = await id_token(world, application)
    assert jwt.get_unverified_header(rotated)["kid"] != jwt.get_unverified_header(token)["kid"]
    assert verify(await consumer_of(world, application), token)["sub"] == world.person.user_id


async def test_a_consumer_that_asked_before_the_rotation_knows_the_next_key(
    world: World, application: Application, verify: Verify
) -> None:
    before = await id_token(world, application)
    await rotate(world)
    consumer = await consumer_of(world, application)
    world.clock.advance(60)
    await world.service.renew()
    token = await id_token(world, application)
    assert jwt.get_unverified_header(token)["kid"] != jwt.get_unverified_header(before)["kid"]
    assert verify(consumer, token)["sub"] == world.person.user_id


async def test_one_with_other_claims_does_not(world: World, application: Application, verify: Verify) -> None:
    header, _, signature = (await id_token(world, application)).split(".")
    _, payload, _ = (await id_token(world, application)).split(".")
    with pytest.raises(NotVerified):
        verify(await consumer_of(world, application), f"{header}.{payload}.{signature}")


async def test_one_for_another_application_does_not(world: World, application: Application, verify: Verify) -> None:
    consumer = await consumer_of(world, await add_application(world))
    with pytest.raises(NotVerified):
        verify(consumer, await id_token(world, application))


async def test_one_that_has_expired_does_not(world: World, application: Application, verify: Verify) -> None:
    world.clock.advance(-3700)
    with pytest.raises(NotVerified):
        verify(await consumer_of(world, application), await id_token(world, application))
