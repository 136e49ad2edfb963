"""Every error of the flows as boto3 and the SDKs for JavaScript show it: name, class, status, error, description."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients_real import sdks
from tests.clients_real.flows import (
    REGISTERED_URI,
    Pkce,
    credentials,
    poll,
    refusal,
    register,
    register_for_pkce,
    sign_in,
    start_device,
)
from tests.clients_real.person import Person
from tests.clients_real.refusals import CASES, Case
from tests.clients_real.sdks import DEVICE_CODE, Sdk, SdkError
from tests.clients_real.servers import Server, started

pytestmark = pytest.mark.real_client


def _assert_seen(refused: SdkError, name: str, error: str, status: int = 400) -> None:
    assert (refused.name, refused.error, refused.status) == (name, error, status)
    assert refused.typed, f"{name} did not come as its own class"
    assert refused.error_description


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_refusal_is_typed_and_explained(sdk: Sdk, server: Server, case: Case) -> None:
    refused = refusal(sdk, case.operation, **case.members(sdk, server))
    _assert_seen(refused, case.name, case.error, case.status)
    if case.description:
        assert refused.error_description == case.description


def test_pending_then_slow_down(sdk: Sdk, server: Server) -> None:
    """Two polls may come at once, as the AWS CLI sends them. One that keeps hurrying is told to slow down."""
    client = register(sdk)
    device = start_device(sdk, client, server.start_url)
    seen = []
    for _ in range(4):
        with pytest.raises(SdkError) as caught:
            poll(sdk, client, device)
        seen.append(caught.value)
    assert [refused.name for refused in seen[:2]] == ["AuthorizationPendingException"] * 2
    _assert_seen(seen[0], "AuthorizationPendingException", "authorization_pending")
    assert seen[0].error_description == "Authorization is still pending"
    _assert_seen(seen[3], "SlowDownException", "slow_down")


def test_device_denied(sdk: Sdk, server: Server, person: Person) -> None:
    client = register(sdk)
    device = start_device(sdk, client, server.start_url)
    person.deny(device["verificationUriComplete"])
    refused = refusal(sdk, "CreateToken", **credentials(client), grantType=DEVICE_CODE, deviceCode=device["deviceCode"])
    _assert_seen(refused, "AccessDeniedException", "access_denied")


def test_device_code_expired(hasty_sdk: Sdk, hasty_server: Server) -> None:
    client = register(hasty_sdk)
    device = start_device(hasty_sdk, client, hasty_server.start_url)
    time.sleep(device["expiresIn"] + 0.1)
    refused = refusal(
        hasty_sdk, "CreateToken", **credentials(client), grantType=DEVICE_CODE, deviceCode=device["deviceCode"]
    )
    _assert_seen(refused, "ExpiredTokenException", "expired_token")


def test_scope_beyond_what_was_granted(sdk: Sdk, server: Server, person: Person) -> None:
    client, token = sign_in(sdk, person, server.start_url)
    refused = refusal(
        sdk,
        "CreateToken",
        **credentials(client),
        grantType="refresh_token",
        refreshToken=token["refreshToken"],
        scope=["codewhisperer:completions"],
    )
    _assert_seen(refused, "InvalidScopeException", "invalid_scope")


@pytest.mark.parametrize("wrong", ["codeVerifier", "redirectUri"])
def test_authorization_code_with_the_wrong_proof(sdk: Sdk, server: Server, person: Person, wrong: str) -> None:
    client = register_for_pkce(sdk)
    request = Pkce(server.endpoint, client["clientId"])
    proof = {
        "code": request.code_from(person.consent(request.url)),
        "redirectUri": request.redirect_uri,
        "codeVerifier": request.verifier,
    }
    bad = {"codeVerifier": "w" * 64, "redirectUri": REGISTERED_URI}[wrong]
    refused = refusal(sdk, "CreateToken", **credentials(client), grantType="authorization_code", **proof | {wrong: bad})
    _assert_seen(refused, "InvalidGrantException", "invalid_grant")
    assert sdk.call("CreateToken", **credentials(client), grantType="authorization_code", **proof)["accessToken"]


def test_secrets_of_another_client_are_refused(sdk: Sdk, server: Server, person: Person) -> None:
    _, token = sign_in(sdk, person, server.start_url)
    refused = refusal(
        sdk,
        "CreateToken",
        **credentials(register(sdk)),
        grantType="refresh_token",
        refreshToken=token["refreshToken"],
    )
    _assert_seen(refused, "InvalidGrantException", "invalid_grant")


def test_logout_without_a_live_token(sdk: Sdk) -> None:
    refused = refusal(sdk, "Logout", accessToken="nobody's")
    assert (refused.name, refused.status, refused.typed) == ("UnauthorizedException", 401, True)


@pytest.fixture(scope="module")
def full_disk_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started(tmp_path_factory.mktemp("full-disk"), settings={"POSTERN_LOG__REQUESTS": "false"}) as server:
        yield server


def test_store_that_cannot_write_is_a_server_error_and_nothing_is_lost(
    sdk_name: str, full_disk_server: Server, tmp_path: Path
) -> None:
    """No file of the server may grow, as on a full disk; SDKs try again, then tell. Afterwards all goes on."""
    server, pid = full_disk_server, full_disk_server.process.pid
    sdk = sdks.open_sdk(sdk_name, server.endpoint)
    person = Person(server.endpoint, server.user["username"], server.user["password"])
    client, token = sign_in(sdk, person, server.start_url)
    _, hard = limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(SdkError) as caught:
            start_device(sdk, client, server.start_url)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    _assert_seen(caught.value, "InternalServerException", "server_error", 500)
    refreshed = sdk.call(
        "CreateToken", **credentials(client), grantType="refresh_token", refreshToken=token["refreshToken"]
    )
    assert refreshed["accessToken"]
    assert start_device(sdk, client, server.start_url)["userCode"]
    sdk.close()
