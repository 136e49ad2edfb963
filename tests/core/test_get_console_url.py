"""GetConsoleUrl: who gets one, what it is made of, and that nobody is led elsewhere by it."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from postern.api.errors import (
    ForbiddenException,
    PortalInvalidRequestException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnauthorizedException,
)
from postern.api.portal import GetConsoleUrlRequest
from postern.core.audit import EventName
from postern.core.directory.records import ConsoleOptions
from postern.core.get_console_url import get_console_url
from postern.core.policy import HOUR
from postern.core.role_credentials.port import SigninTokenCall, StsRefused, StsUnavailable
from postern.testing import samples
from tests.core.portal_world import ACCOUNT_ID, remove
from tests.core.role_credentials.sts_world import FakeSts, add_role, assume_role, local, open_sts, web_identity
from tests.core.world import LAPTOP, PUBLIC_URL, World, present, refused

FEDERATION = "https://signin.example.org/federation"
CONSOLE = "https://console.example.org/home"
FEDERATED = ConsoleOptions(federation_endpoint=FEDERATION, destination=CONSOLE)
PLAIN = ConsoleOptions(destination=CONSOLE)


@pytest.fixture
def sts(world: World) -> FakeSts:
    return open_sts(world)


async def token_of(world: World, **registration: Any) -> str:
    return present((await world.signed_in(await world.register(**registration))).access_token)


async def url_for(world: World, destination: str | None = None, access_token: str | None = None, **names: str) -> str:
    request = GetConsoleUrlRequest(
        access_token=access_token or await token_of(world),
        role_name=names.get("role_name", "Admin"),
        account_id=names.get("account_id", ACCOUNT_ID),
        destination=destination,
    )
    return present((await get_console_url(world.service, request, LAPTOP)).console_url)


@pytest.mark.parametrize("kind", [web_identity, assume_role, local])
async def test_the_console_is_signed_in_to_by_awss_protocol(world: World, sts: FakeSts, kind: Any) -> None:
    await add_role(world, kind(console=FEDERATED), session_duration=2 * HOUR)
    url = await url_for(world)
    assert url.partition("?")[0] == FEDERATION
    assert dict(parse_qsl(urlsplit(url).query, strict_parsing=True)) == {
        "Action": "login",
        "Issuer": PUBLIC_URL,
        "Destination": CONSOLE,
        "SigninToken": "a sign-in token",
    }
    call = sts.calls[-1]
    assert isinstance(call, SigninTokenCall)
    assert (call.endpoint, call.allow_http, call.duration) == (FEDERATION, False, 2 * HOUR)
    assert call.credentials.access_key_id.startswith("ASIA")


async def test_the_federation_endpoint_may_be_http_where_the_source_may(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=FEDERATED, allow_http=True))
    await url_for(world)
    assert sts.calls[-1].allow_http


async def test_an_address_that_needs_no_sign_in_is_given_as_it_is(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=PLAIN))
    assert await url_for(world) == CONSOLE
    assert sts.calls == []


async def test_without_a_destination_it_is_awss_console(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=ConsoleOptions(federation_endpoint=FEDERATION)))
    assert dict(parse_qsl(await url_for(world)))["Destination"] == "https://console.aws.amazon.com/"


async def test_the_permission_set_says_where_to_begin(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=PLAIN), relay_state="https://console.example.org/billing")
    assert await url_for(world) == "https://console.example.org/billing"
    assert await url_for(world, CONSOLE) == CONSOLE


async def test_a_source_without_a_console_has_none(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity())
    with refused(ResourceNotFoundException, "no console") as refusal:
        await url_for(world)
    assert refusal.value.message == "The account's source offers no console"


# Where to


@pytest.mark.parametrize(
    "destination",
    [
        CONSOLE,
        "https://console.example.org/s3?region=eu-central-1#buckets",
        "https://eu-central-1.console.example.org/",
        "https://CONSOLE.example.org/",
    ],
)
@pytest.mark.parametrize("console", [FEDERATED, PLAIN], ids=["federated", "plain"])
async def test_a_destination_within_the_console_is_gone_to(
    world: World, sts: FakeSts, console: ConsoleOptions, destination: str
) -> None:
    await add_role(world, web_identity(console=console))
    url = await url_for(world, destination)
    assert destination in (url, dict(parse_qsl(urlsplit(url).query)).get("Destination"))


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "/home",
        "http://console.example.org/",
        "https://evil.example/",
        "https://console.example.org.evil.example/",
        "https://evilconsole.example.org/",
        "https://example.org/",
        "https://console.example.org@evil.example/",
        "https://evil.example/https://console.example.org/",
        "https://evil.example#console.example.org/",
        "https://evil.example\\.console.example.org/",
        "https://evil.example%2f.console.example.org/",
        "https://evil.example%5c.console.example.org/",
        "https://console.example.org:8443/",
        "https://console.example.org./",
        "//console.example.org/",
        "javascript:alert(1)//console.example.org",
        "https://console.example.org/\r\nSet-Cookie: x",
        f"https://console.example.org/{'x' * 2048}",
    ],
)
@pytest.mark.parametrize("console", [FEDERATED, PLAIN], ids=["federated", "plain"])
async def test_nobody_is_led_elsewhere(world: World, sts: FakeSts, console: ConsoleOptions, destination: str) -> None:
    await add_role(world, web_identity(console=console))
    with refused(PortalInvalidRequestException, "destination") as refusal:
        await url_for(world, destination)
    assert refusal.value.message == "destination is not of the console"
    assert sts.calls == []


# Who


async def test_130_it_takes_a_live_access_token_with_the_scope(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=PLAIN))
    with refused(UnauthorizedException):
        await url_for(world, access_token="x")
    with refused(ForbiddenException, "has not the scope"):
        await url_for(world, access_token=await token_of(world, scopes=("openid",)))


async def test_132_a_role_that_is_not_theirs_is_as_if_it_were_not_there(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=PLAIN))
    with refused(ForbiddenException, "not assigned"):
        await url_for(world, role_name="Reader")
    with refused(ForbiddenException, "not assigned"):
        await url_for(world, account_id="999999999999")
    account, role = samples.account(ACCOUNT_ID), samples.permission_set("Admin")
    await remove(world, samples.account_assignment(account, role, world.person))
    with refused(ForbiddenException, "not assigned"):
        await url_for(world)


@pytest.mark.parametrize("names", [{"account_id": "1"}, {"role_name": "a b"}])
async def test_names_that_are_none_are_refused(world: World, sts: FakeSts, names: dict[str, str]) -> None:
    with refused(PortalInvalidRequestException, "is malformed"):
        await url_for(world, **names)


@pytest.mark.parametrize("locally", [True, False])
@pytest.mark.parametrize(
    "failure, error",
    [
        (StsRefused("AccessDenied", "signin.example.org: AccessDenied"), ForbiddenException),
        (StsUnavailable("signin.example.org: status 503"), TooManyRequestsException),
    ],
    ids=["refused", "unavailable"],
)
async def test_a_source_that_fails_is_told_as_for_credentials(
    world: World, sts: FakeSts, failure: Any, error: Any, *, locally: bool
) -> None:
    """Whether it is the STS that fails, or only the federation endpoint."""
    await add_role(world, (local if locally else web_identity)(console=FEDERATED))
    sts.failure = failure
    with refused(error, "signin.example.org") as refusal:
        await url_for(world)
    assert "example" not in refusal.value.message


async def test_what_was_done_is_written_down_and_no_secret_is(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(console=FEDERATED))
    access_token = await token_of(world)
    world.events.clear()
    url = await url_for(world, access_token=access_token)
    (event,) = world.events
    assert event.event_name is EventName.GET_CONSOLE_URL
    assert (event.user_id, event.account_id, event.role_name) == (world.person.user_id, ACCOUNT_ID, "Admin")
    assert event.access_key_id == "ASIA1"
    written = msgspec.json.encode(world.events).decode()
    assert not [secret for secret in (access_token, "secret 1", "token 1", "a sign-in token", url) if secret in written]
