"""What every service inherits: its endpoint, waiters, listeners to all requests, and classes that are made of it."""

from typing import Any

import msgspec
import pytest

from postern.api.errors import ExpiredTokenException, InvalidRequestException
from postern.api.operation import Operation, Shape
from postern.client.endpoints import Endpoint
from postern.client.errors import ConfigurationError, ParamValidationError, StateNotFoundError, WaiterError
from postern.client.names import python_name
from postern.client.request import BaseRequest
from postern.client.service import AsyncService, Service
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from tests.client.fakes import ENDPOINT, QUIET, AsyncScripted, Scripted, Trip, answer, client, options, refusal

TOKEN = answer(200, {"accessToken": "aoa", "expiresIn": 3600})
PENDING = refusal("AuthorizationPendingException", "authorization_pending")
SLOW_DOWN = refusal("SlowDownException", "slow_down")
POLL = {"client_id": "id", "client_secret": "s", "grant_type": "device_code", "deviceCode": "d"}


class EchoRequest(Shape, frozen=True, kw_only=True):
    some_text: str


class EchoResponse(Shape, frozen=True, kw_only=True):
    some_text: str | None = None


ECHO = Operation(
    name="EchoText",
    method="POST",
    path="/echo",
    input=EchoRequest,
    output=EchoResponse,
    errors=(InvalidRequestException,),
)


def test_the_endpoint_can_be_read_and_set() -> None:
    transport = Scripted(TOKEN)
    service = client(transport)
    assert (service.endpoint.href, service.endpoint.hostname, service.endpoint.protocol) == (
        f"{ENDPOINT}/",
        "sso.example.test",
        "https:",
    )
    service.endpoint = "http://127.0.0.1:8765"
    assert service.endpoint == Endpoint.parse("http://127.0.0.1:8765")
    service.create_token(client_id="id", client_secret="s", grant_type="refresh_token")
    assert transport.requests[0].url == "http://127.0.0.1:8765/token"
    for wrong in ("javascript:alert(1)", 7):
        with pytest.raises(ConfigurationError):
            service.endpoint = wrong  # type: ignore[assignment]


# Waiting


def test_waiting_for_a_token_asks_until_the_person_has_decided() -> None:
    trip = Trip(Scripted(PENDING, SLOW_DOWN, PENDING, TOKEN))
    service = client(trip.transport)
    token = trip.run(service._waiter_flow("token_issued", POLL, {"delay": 2, "max_attempts": 0}))
    assert token.access_token == "aoa"
    assert trip.slept == [2, 7, 7]
    assert trip.transport.bodies[0] == {
        "clientId": "id",
        "clientSecret": "s",
        "grantType": "device_code",
        "deviceCode": "d",
    }


def test_waiting_ends_when_nobody_can_decide_any_more() -> None:
    with pytest.raises(ExpiredTokenException):
        client(Scripted(refusal("ExpiredTokenException", "expired_token"))).wait_for("tokenIssued", POLL)


def test_waiting_goes_on_through_an_outage() -> None:
    outage = refusal("InternalServerException", "server_error", 500)
    trip = Trip(Scripted(outage, outage, TOKEN))
    service = client(trip.transport, max_retries=0)
    token = trip.run(service._waiter_flow("token_issued", POLL, {"delay": 2, "max_attempts": 0}))
    assert (token.access_token, trip.slept) == ("aoa", [7, 12])


@pytest.mark.parametrize("settings", [{"delay": -1}, {"max_attempts": -3}])
def test_waiting_takes_no_negative_numbers(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be negative"):
        client(Scripted(TOKEN)).wait_for("token_issued", POLL, **settings)


def test_waiting_ends_after_so_many_attempts() -> None:
    transport = Scripted(PENDING)
    with pytest.raises(WaiterError, match="after 3 attempts"):
        client(transport).wait_for("token_issued", POLL, delay=0.001, max_attempts=3)
    assert len(transport.requests) == 3


async def test_waiting_under_asyncio() -> None:
    async with AsyncSSOOIDC(**options(AsyncScripted(PENDING, TOKEN))) as waiting:
        assert (await waiting.wait_for("token_issued", POLL, delay=0.001)).access_token == "aoa"


def test_a_waiter_that_there_is_not() -> None:
    with pytest.raises(StateNotFoundError, match="has no waiter 'bucketExists': there is token_issued"):
        client(Scripted(TOKEN)).wait_for("bucketExists", {})


# Deriving and defining


def test_a_derived_client_listens_to_all_of_its_requests() -> None:
    seen: list[str] = []

    class Listening(SSOOIDC):
        def setup_request_listeners(self, request: BaseRequest) -> None:
            request.on("complete", lambda response: seen.append(response.request.operation.name))

    service = Listening(**options(Scripted(TOKEN)))
    service.create_token(client_id="id", client_secret="s", grant_type="refresh_token")
    service.make_request("createToken", {"clientId": "id", "clientSecret": "s", "grantType": "x"}).send()
    assert seen == ["CreateToken", "CreateToken"]


def test_a_service_is_defined_from_operations_and_features() -> None:
    def shout(self: Any, text: str) -> str:
        said: str = self.echo_text(some_text=text).some_text.upper()
        return said

    echo = Service.define_service("Echo", ["2020-01-01", "2024-01-01"], {"shout": shout}, operations=[ECHO])
    transport = Scripted(answer(200, {"someText": "hello"}))
    service: Any = echo(
        endpoint=ENDPOINT, http_options={"agent": transport}, environment=QUIET, api_version="2023-01-01"
    )
    assert service.shout("hello") == "HELLO"
    assert transport.requests[0].url == f"{ENDPOINT}/echo"
    assert (service.configuration.api_version, service.api_versions) == ("2020-01-01", ("2020-01-01", "2024-01-01"))


async def test_a_service_is_defined_for_asyncio() -> None:
    echo = AsyncService.define_service("Echo", operations=[ECHO])
    transport = AsyncScripted(answer(200, {"someText": "hello"}))
    service: Any = echo(endpoint=ENDPOINT, http_options={"agent": transport}, environment=QUIET)
    assert (await service.echo_text(some_text="x")).some_text == "hello"


def test_a_service_defined_from_ours_has_its_operations() -> None:
    mine = SSOOIDC.define_service("Mine", features={"answer": 42})
    service: Any = mine(**options(Scripted(TOKEN)))
    assert service.create_token(client_id="id", client_secret="s", grant_type="refresh_token").access_token == "aoa"
    assert (service.answer, service.model.identifier) == (42, "mine")
    environment = {**QUIET, "AWS_ENDPOINT_URL_SSO_OIDC": "http://localhost:1"}
    assert mine(environment=environment).endpoint.href == "http://localhost:1/"


def test_a_service_needs_a_name() -> None:
    with pytest.raises(ConfigurationError, match="not a name"):
        Service.define_service("my service")


@pytest.mark.parametrize(
    "changes, said",
    [({"name": "Close"}, "method close"), ({"name": "Call"}, "method call"), ({"method": "GET"}, "not by POST")],
)
def test_an_operation_takes_no_method_s_place_and_is_called_by_post(changes: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Service.define_service("Echo", operations=[msgspec.structs.replace(ECHO, **changes)])


@pytest.mark.parametrize(
    "name, python",
    [
        ("CreateTokenWithIAM", "create_token_with_iam"),
        ("GetV2Token", "get_v2_token"),
        ("ListABCThings", "list_abc_things"),
    ],
)
def test_an_operation_s_name_in_python(name: str, python: str) -> None:
    assert python_name(name) == python


def test_a_host_prefix_whose_member_is_missing_is_told() -> None:
    prefixed = Service.define_service("Echo", operations=[msgspec.structs.replace(ECHO, host_prefix="{other}.")])
    service: Any = prefixed(endpoint=ENDPOINT, http_options={"agent": Scripted(TOKEN)}, environment=QUIET)
    with pytest.raises(ParamValidationError, match="other"):
        service.echo_text(some_text="x")


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(SSOOIDC) == public(AsyncSSOOIDC)
    assert {python_name(operation.name) for operation in SSOOIDC.model.operations} <= public(SSOOIDC)
