"""StartDeviceAuthorization: statements 33 to 42 of the security design."""

import pytest

from postern.api.errors import (
    InternalServerException,
    InvalidClientException,
    InvalidRequestException,
    SlowDownException,
    UnauthorizedClientException,
)
from postern.core import start_urls, tokens, user_codes
from postern.core.caller import Caller
from postern.core.clients import AUTHORIZATION_CODE, REFRESH_TOKEN, client_digest
from postern.core.policy import DAY
from postern.core.records import DeviceStatus, RevokedClient
from tests.core.world import LAPTOP, PUBLIC_URL, STRANGER, Client, World, present, refused


async def test_the_answer_has_everything_that_rfc_8628_3_2_asks_for(world: World) -> None:
    started = await world.start(await world.register())
    assert started.device_code
    assert started.verification_uri == f"{PUBLIC_URL}/device"
    assert started.verification_uri_complete == f"{PUBLIC_URL}/device?user_code={started.user_code}"
    assert (started.expires_in, started.interval) == (600, 1)


async def test_the_verification_uri_has_no_query_so_that_clients_may_append_one(world: World) -> None:
    assert "?" not in present((await world.start(await world.register())).verification_uri)


async def test_wrong_and_expired_client_credentials_have_one_text(world: World) -> None:
    client = await world.register()
    for wrong in (Client(client.client_id, "wrong"), Client("unknown", client.client_secret)):
        with refused(InvalidClientException) as refusal:
            await world.start(wrong)
        assert refusal.value.description == "Invalid client provided"
    world.clock.advance(90 * DAY)
    with refused(InvalidClientException, "expired"):
        await world.start(client)


async def test_a_revoked_client_starts_nothing(world: World) -> None:
    client = await world.register()
    revocation = RevokedClient(
        client_digest=client_digest(client.client_id), revoked_at=world.now, expires_at=world.now + DAY
    )
    await world.store.revoke_client(revocation)
    world.service.revoked_clients = frozenset([revocation.client_digest])
    with refused(InvalidClientException, "revoked"):
        await world.start(client)


async def test_the_client_is_authenticated_before_anything_else(world: World) -> None:
    client = await world.register(grant_types=(AUTHORIZATION_CODE,))
    with refused(InvalidClientException):
        await world.start(Client(client.client_id, "wrong"), start_url="https://evil.example/start")


@pytest.mark.parametrize("start_url", ["", "https://evil.example/start", "https://d-0000000000.awsapps.com/start"])
async def test_a_start_url_of_another_instance_is_refused(world: World, start_url: str) -> None:
    with refused(InvalidRequestException) as refusal:
        await world.start(await world.register(), start_url=start_url)
    assert refusal.value.description == "Invalid start url provided"


async def test_the_start_url_on_a_host_of_aws_is_accepted(world: World) -> None:
    await world.start(await world.register(), start_url=start_urls.aws_start_url(world.service.instance))


async def test_a_client_that_may_not_use_the_device_grant_is_unauthorized(world: World) -> None:
    client = await world.register(grant_types=(AUTHORIZATION_CODE, REFRESH_TOKEN))
    with refused(UnauthorizedClientException, "device grant"):
        await world.start(client)


async def test_the_device_grant_can_be_switched_off(world: World) -> None:
    client = await world.register()
    world.change("clients", device_grant=False)
    with refused(UnauthorizedClientException):
        await world.start(client)


async def test_no_two_live_requests_share_a_user_code(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await world.register()
    codes = iter(["BCDF-GHJK", "BCDF-GHJK", "BCDF-GHJK", "ZXWV-TSRQ"])
    monkeypatch.setattr(user_codes, "new_user_code", lambda: next(codes))
    assert (await world.start(client)).user_code == "BCDF-GHJK"
    assert (await world.start(client)).user_code == "ZXWV-TSRQ"


async def test_without_a_free_user_code_nothing_is_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await world.register()
    monkeypatch.setattr(user_codes, "new_user_code", lambda: "BCDF-GHJK")
    await world.start(client)
    with refused(InternalServerException, "no free user code"):
        await world.start(client)


async def test_a_user_code_is_free_again_when_its_request_was_swept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await world.register()
    monkeypatch.setattr(user_codes, "new_user_code", lambda: "BCDF-GHJK")
    await world.start(client)
    world.clock.advance(600)
    await world.store.sweep(world.now, 1000)
    await world.start(client)


async def test_who_began_is_remembered_for_the_person_who_is_asked(world: World) -> None:
    client = await world.register()
    started = await world.start(client, caller=Caller(address="192.0.2.9", user_agent="aws-cli/2"))
    authorization = await world.authorization_of(present(started.user_code))
    assert authorization.requester_address == "192.0.2.9"
    assert authorization.requester_agent == "aws-cli/2"
    assert authorization.client_name == "botocore-client-demo"
    assert authorization.client_digest == client_digest(client.client_id)
    assert authorization.status is DeviceStatus.PENDING
    assert authorization.expires_at == world.now + 600
    assert authorization.scopes == ("sso:account:access",)


async def test_the_device_code_and_the_user_code_are_not_stored(world: World) -> None:
    started = await world.start(await world.register())
    stored = repr(await world.authorization_of(present(started.user_code)))
    assert present(started.device_code) not in stored
    assert present(started.user_code) not in stored


async def test_the_device_code_carries_its_own_end(world: World) -> None:
    started = await world.start(await world.register())
    claims = present(tokens.open_value(world.service.ring, tokens.Kind.DEVICE_CODE, present(started.device_code)))
    assert claims.expires_at == world.now + 600


async def test_device_codes_differ(world: World) -> None:
    client = await world.register()
    started = [await world.start(client) for _ in range(50)]
    assert len({one.device_code for one in started}) == len({one.user_code for one in started}) == 50


async def test_starts_are_paced_by_address(world: World) -> None:
    client = await world.register()
    for _ in range(300):
        await world.start(client, caller=STRANGER)
    with refused(SlowDownException, "one address"):
        await world.start(client, caller=STRANGER)
    await world.start(client, caller=LAPTOP)
