"""With an issuer in a process of its own, over real HTTP and real TLS: statements 93, 95 and 99 to 101, attacks 18, 21
and 22 of the security design.
"""

import asyncio
import json
import ssl
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from postern.api.errors import InvalidGrantException
from postern.api.sso_oidc import CreateTokenWithIamRequest
from postern.core import assertions
from postern.core.clients import JWT_BEARER
from postern.core.directory.applications import as_client
from postern.core.directory.records import (
    Application,
    ApplicationGrants,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    TrustedTokenIssuer,
)
from postern.core.grants import jwt_bearer
from postern.core.issuer_keys import IssuerUnavailable
from postern.core.policy import TrustedIssuerPolicy
from postern.core.records import TokenFamily
from postern.core.service import Service, open_service
from postern.core.store import ConfigurationChange
from postern.remote.addresses import Destinations
from postern.remote.fetching import Fetcher
from postern.remote.issuer_keys import RemoteIssuerKeys
from postern.testing.oidc_issuer import AUDIENCE, DISCOVERY, KEYS, IssuerProcess
from tests.cli import certificates
from tests.core.application_world import ISSUER_ARN, add_application
from tests.core.world import MASTER, World, refused

LOOPBACK_URL = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def issuer() -> Iterator[IssuerProcess]:
    with IssuerProcess() as process:
        yield process


@pytest.fixture
def keys(world: World) -> RemoteIssuerKeys:
    return RemoteIssuerKeys(TrustedIssuerPolicy(), LOOPBACK_URL, clock=world.clock)


@pytest.fixture
async def application(world: World, issuer: IssuerProcess, keys: RemoteIssuerKeys) -> Application:
    """One that trusts the issuer, in a world that has the issuer's time."""
    world.service.issuer_keys = keys
    world.clock.now = time.time()
    trusted = TrustedTokenIssuer(
        trusted_token_issuer_arn=ISSUER_ARN,
        name="local",
        issuer_url=issuer.url,
        claim_attribute_path="preferred_username",
        identity_store_attribute_path="userName",
        algorithms=("RS256", "ES256"),
        created_at=world.now,
    )
    await world.store.change_configuration(ConfigurationChange(create=(trusted,)))
    authorized = AuthorizedTokenIssuer(trusted_token_issuer_arn=ISSUER_ARN, authorized_audiences=(AUDIENCE,))
    grants = ApplicationGrants(jwt_bearer=JwtBearerOptions(authorized_token_issuers=(authorized,)))
    return await add_application(world, grants=grants)


async def person_of(world: World, application: Application, text: str) -> str:
    return (await assertions.verify(world.service, application.application_arn, text)).user_id


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_an_assertion_of_a_real_issuer(
    world: World, application: Application, issuer: IssuerProcess, algorithm: str
) -> None:
    text = issuer.mint(header={"alg": algorithm}, preferred_username="mira")
    assert await person_of(world, application, text) == world.person.user_id


async def test_101_keys_rotate_at_the_issuer(world: World, application: Application, issuer: IssuerProcess) -> None:
    before = issuer.mint(preferred_username="mira")
    await person_of(world, application, before)
    issuer.rotate(drop=True)
    after = issuer.mint(preferred_username="mira")
    world.clock.advance(30)
    assert await person_of(world, application, after) == world.person.user_id
    with refused(InvalidGrantException, "the issuer has no such key"):
        await person_of(world, application, before)


@pytest.mark.parametrize("header", ["jku", "x5u"])
async def test_93_95_a_listener_that_a_token_names_hears_nothing(
    world: World, application: Application, issuer: IssuerProcess, header: str
) -> None:
    kid = json.loads(urlsafe_b64decode(issuer.mint().partition(".")[0] + "=="))["kid"]
    with IssuerProcess() as listener:
        named: dict[str, object] = {header: listener.url + KEYS, "kid": kid}
        forged = listener.mint(header=named, iss=issuer.url, preferred_username="mira")
        of_a_stranger = listener.mint(header=named, preferred_username="mira")
        with refused(InvalidGrantException, "the signature is wrong"):
            await person_of(world, application, forged)
        with refused(InvalidGrantException, "iss is not an issuer"):
            await person_of(world, application, of_a_stranger)
        assert listener.requests() == {}


async def test_99_of_32_presentations_on_two_nodes_one_is_accepted(
    world: World, application: Application, issuer: IssuerProcess
) -> None:
    request = CreateTokenWithIamRequest(
        client_id=application.application_arn,
        grant_type=JWT_BEARER,
        assertion=issuer.mint(preferred_username="mira"),
    )
    other = await open_service(
        store=world.store,
        clock=world.clock,
        policy=world.service.policy,
        master=MASTER,
        passwords=world.hasher,
        record=world.events.append,
        issuer_keys=RemoteIssuerKeys(TrustedIssuerPolicy(), LOOPBACK_URL, clock=world.clock),
    )

    async def present(service: Service) -> TokenFamily | InvalidGrantException:
        try:
            return await jwt_bearer.redeem(service, as_client(application), request)
        except InvalidGrantException as refusal:
            return refusal

    outcomes = await asyncio.gather(*(present(service) for service in (world.service, other) * 16))
    assert [type(outcome) for outcome in outcomes].count(TokenFamily) == 1
    refusals = {outcome.reason for outcome in outcomes if isinstance(outcome, InvalidGrantException)}
    assert refusals == {"assertion was presented before"}


async def test_an_issuer_that_is_gone_has_no_keys() -> None:
    with IssuerProcess() as gone:
        pass
    with pytest.raises(IssuerUnavailable, match="ConnectError"):
        await RemoteIssuerKeys(TrustedIssuerPolicy(), LOOPBACK_URL).find(gone.url, "rsa-1")


async def test_100_a_server_elsewhere_does_not_ask_loopback(issuer: IssuerProcess) -> None:
    before = issuer.requests()
    keys = RemoteIssuerKeys(TrustedIssuerPolicy(), "https://sso.example.com")
    with pytest.raises(IssuerUnavailable, match="allowed_networks"):
        await keys.find(issuer.url, None)
    assert issuer.requests() == before


async def test_what_the_issuer_counts(issuer: IssuerProcess) -> None:
    before = issuer.requests()
    keys = RemoteIssuerKeys(TrustedIssuerPolicy(allowed_networks=("127.0.0.0/8",)), "https://sso.example.com")
    assert await keys.find(issuer.url, "unknown") is None
    assert await keys.find(issuer.url, "unknown") is None
    after = issuer.requests()
    assert {path: after[path] - before.get(path, 0) for path in after} == {DISCOVERY: 1, KEYS: 1}


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize(
    "name,trusted,outcome",
    [
        pytest.param("localhost", True, "answers with status 404", id="a certificate that is good"),
        pytest.param("other.example", True, "CERTIFICATE_VERIFY_FAILED", id="of another name"),
        pytest.param("localhost", False, "CERTIFICATE_VERIFY_FAILED", id="of an authority that nobody trusts"),
    ],
)
async def test_100_tls_is_verified_for_the_name(tmp_path: Path, name: str, outcome: str, *, trusted: bool) -> None:
    made = certificates.made(tmp_path, name=name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    server.socket = made.server.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that leaves is what is tested
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        tls = ssl.create_default_context(cafile=str(made.authority) if trusted else None)
        fetcher = Fetcher(Destinations((), LOOPBACK_URL), tls=tls)
        with pytest.raises(IssuerUnavailable, match=outcome):
            await fetcher.get(f"https://localhost:{server.server_port}/")
    finally:
        server.shutdown()
        serving.join(5)
        server.server_close()
