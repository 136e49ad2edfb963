"""CreateTokenWithIAM as the SDKs make it: the four examples of the service reference, temporary credentials, an issuer
that rotates its keys, and what a program sees of each refusal.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import botocore.auth
import pytest

from postern.cli import main
from postern.testing.oidc_issuer import IssuerProcess
from postern.testing.processes import free_port
from tests.clients_real.applications import (
    ACCESS_TOKEN,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    Application,
    Desk,
    Members,
    by_assertion,
    by_code,
    by_exchange,
    by_refresh_token,
    callback,
    claims_of,
    demo_application,
)
from tests.clients_real.conftest import Opening
from tests.clients_real.flows import refusal
from tests.clients_real.person import Person
from tests.clients_real.sdks import Boto3, Credentials, Sdk, SdkError, open_sdk, open_with_wrong_clock
from tests.clients_real.servers import NO_LIMITS, Server, started
from tests.clients_real.wire import send

pytestmark = pytest.mark.real_client

HOUR = 3600
_ALWAYS = {"accessToken", "expiresIn", "issuedTokenType", "scope", "tokenType"}
_WITH_ID_TOKEN = {"idToken", "awsAdditionalDetails"}
# What is in which answer, as the service reference's examples show it, and the type that it says was issued.
ANSWERS = {
    "authorization_code": (_ALWAYS | _WITH_ID_TOKEN | {"refreshToken"}, REFRESH_TOKEN),
    "refresh_token": (_ALWAYS | {"refreshToken"}, REFRESH_TOKEN),
    JWT_BEARER: (_ALWAYS | _WITH_ID_TOKEN | {"refreshToken"}, REFRESH_TOKEN),
    TOKEN_EXCHANGE: (_ALWAYS | _WITH_ID_TOKEN, ACCESS_TOKEN),
}


def assert_answer(answer: Members, sdk_name: str, grant_type: str, application: Application) -> None:
    members, issued = ANSWERS[grant_type]
    if sdk_name == "js-v2":  # its model is older
        members = members - {"awsAdditionalDetails"}
    assert set(answer) == members
    assert answer["issuedTokenType"] == issued
    assert answer["scope"] == application.scopes
    assert answer["tokenType"] == "Bearer"
    assert HOUR - 10 <= answer["expiresIn"] <= HOUR
    assert answer["accessToken"].startswith("aoa")
    if "refreshToken" in members:
        assert answer["refreshToken"].startswith("aor")
    if "idToken" in members:
        assert_id_token(answer, application)


def assert_id_token(answer: Members, application: Application) -> None:
    claims = claims_of(answer["idToken"])
    assert claims["aud"] == application.arn
    assert HOUR - 10 <= claims["exp"] - time.time() <= HOUR
    assert ("sts:audit_context" in claims) == ("refreshToken" in answer)
    if "awsAdditionalDetails" in answer:
        assert answer["awsAdditionalDetails"] == {"identityContext": claims["sts:identity_context"]}


def exchange(sdk: Sdk, members: Members) -> Members:
    return sdk.call("CreateTokenWithIAM", **members)


def refused(sdk: Sdk, members: Members) -> SdkError:
    return refusal(sdk, "CreateTokenWithIAM", **members)


@pytest.fixture
def demo_sdk(open_as: Opening, desk: Desk) -> Sdk:
    """The SDK with the demo application's key."""
    return open_as(desk.demo.credentials)


@pytest.fixture
def front_sdk(open_as: Opening, desk: Desk) -> Sdk:
    return open_as(desk.front.credentials)


# The examples of the reference


def test_authorization_code(demo_sdk: Sdk, sdk_name: str, desk: Desk, person: Person) -> None:
    answer = exchange(demo_sdk, by_code(person, desk.demo))
    assert_answer(answer, sdk_name, "authorization_code", desk.demo)


def test_authorization_code_without_code_verifier_where_the_application_does_without(
    front_sdk: Sdk, sdk_name: str, desk: Desk, person: Person
) -> None:
    members = by_code(person, desk.front, with_pkce=False)
    assert set(members) == {"clientId", "code", "grantType", "redirectUri"}
    assert_answer(exchange(front_sdk, members), sdk_name, "authorization_code", desk.front)


def test_refresh_token(demo_sdk: Sdk, sdk_name: str, desk: Desk, person: Person) -> None:
    first = exchange(demo_sdk, by_code(person, desk.demo))
    answer = exchange(demo_sdk, by_refresh_token(desk.demo, first["refreshToken"]))
    assert_answer(answer, sdk_name, "refresh_token", desk.demo)
    assert answer["refreshToken"] != first["refreshToken"]
    assert answer["accessToken"] != first["accessToken"]


def test_jwt_bearer(demo_sdk: Sdk, sdk_name: str, desk: Desk) -> None:
    answer = exchange(demo_sdk, by_assertion(desk.demo, desk.assertion()))
    assert_answer(answer, sdk_name, JWT_BEARER, desk.demo)


def test_token_exchange(demo_sdk: Sdk, front_sdk: Sdk, sdk_name: str, desk: Desk, person: Person) -> None:
    subject = exchange(front_sdk, by_code(person, desk.front, with_pkce=False))
    answer = exchange(demo_sdk, by_exchange(desk.demo, subject["accessToken"]))
    assert_answer(answer, sdk_name, TOKEN_EXCHANGE, desk.demo)
    assert claims_of(answer["idToken"])["sub"] == claims_of(subject["idToken"])["sub"]


def test_token_exchange_for_a_refresh_token(demo_sdk: Sdk, front_sdk: Sdk, desk: Desk, person: Person) -> None:
    subject = exchange(front_sdk, by_code(person, desk.front, with_pkce=False))
    members = by_exchange(desk.demo, subject["accessToken"]) | {"requestedTokenType": REFRESH_TOKEN}
    answer = exchange(demo_sdk, members)
    assert answer["issuedTokenType"] == REFRESH_TOKEN
    assert exchange(demo_sdk, by_refresh_token(desk.demo, answer["refreshToken"]))["accessToken"]


def test_fewer_scopes_than_the_application_has(demo_sdk: Sdk, desk: Desk) -> None:
    answer = exchange(demo_sdk, by_assertion(desk.demo, desk.assertion()) | {"scope": ["aws"]})
    assert answer["scope"] == ["aws"]
    assert "idToken" not in answer


def test_temporary_credentials(open_as: Opening, sdk_name: str, desk: Desk) -> None:
    sdk = open_as(desk.session(desk.demo))
    answer = exchange(sdk, by_assertion(desk.demo, desk.assertion()))
    assert_answer(answer, sdk_name, JWT_BEARER, desk.demo)


# An issuer that rotates its keys

# Looks for an unknown key at once, where a server waits for 30 seconds between two requests to an issuer.
_IMPATIENT = "from postern.remote import issuer_keys; issuer_keys.REFETCH_SECONDS = 0; from postern.cli import main; "


@pytest.fixture(scope="module")
def rotating_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder, port = tmp_path_factory.mktemp("rotating"), free_port()
    words = ["demo", "--port", str(port), "--data", str(folder / "data")]
    argv = (sys.executable, "-c", f"{_IMPATIENT}raise SystemExit(main({words!r}))")
    with started(folder, port=port, argv=argv) as server, IssuerProcess() as issuer:
        yield Desk(server, issuer)


def test_issuer_rotates_its_keys_between_two_calls(sdk_name: str, rotating_desk: Desk) -> None:
    desk = rotating_desk
    sdk = open_sdk(sdk_name, desk.server.endpoint, desk.demo.credentials)
    first, of_the_removed_key = desk.assertion(), desk.assertion()
    assert exchange(sdk, by_assertion(desk.demo, first))["accessToken"]
    asked = desk.issuer.requests()["/keys"]
    desk.issuer.rotate()
    assert exchange(sdk, by_assertion(desk.demo, desk.assertion()))["accessToken"]
    assert desk.issuer.requests()["/keys"] == asked + 1
    desk.issuer.rotate(drop=True)
    assert exchange(sdk, by_assertion(desk.demo, desk.assertion()))["accessToken"]
    error = refused(sdk, by_assertion(desk.demo, of_the_removed_key))
    assert (error.name, error.status, error.typed) == ("InvalidGrantException", 400, True)
    sdk.close()


# Refusals of the signature


class Signing(NamedTuple):
    """Credentials that are no good, and what comes of them."""

    id: str
    spoil: Callable[[Desk], Credentials]
    name: str
    message: str


SIGNING = (
    Signing(
        "wrong secret",
        lambda desk: desk.demo.credentials._replace(secret_access_key="wrong"),
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided",
    ),
    Signing(
        "unknown key",
        lambda desk: desk.demo.credentials._replace(access_key_id="AKIAIOSFODNN7EXAMPLE"),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    Signing(
        "session token of nobody",
        lambda desk: desk.demo.credentials._replace(session_token="nobody's"),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    Signing(
        "temporary key without its session token",
        lambda desk: desk.session(desk.demo)._replace(session_token=None),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
)


@pytest.mark.parametrize("case", SIGNING, ids=lambda case: case.id)
def test_signature_is_refused(open_as: Opening, desk: Desk, case: Signing) -> None:
    error = refused(open_as(case.spoil(desk)), by_assertion(desk.demo, "a.b.c"))
    assert (error.name, error.status) == (case.name, 403)
    assert error.message
    assert error.message.startswith(case.message)


def test_another_region(open_as: Opening, desk: Desk) -> None:
    error = refused(open_as(desk.demo.credentials, region="eu-west-1"), by_assertion(desk.demo, "a.b.c"))
    assert (error.name, error.status) == ("InvalidSignatureException", 403)
    assert error.message == "Credential should be scoped to a valid region."


def test_expired_temporary_credentials(
    open_as: Opening, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made two hours ago, as far as the command knew."""
    monkeypatch.setattr("postern.cli.iam_session.now", lambda: int(time.time()) - 2 * HOUR)
    key = desk.demo.credentials.access_key_id
    assert main(["iam", "session", key, "--data", str(desk.server.data), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    sdk = open_as(Credentials(made["access_key_id"], made["secret_access_key"], made["session_token"]))
    error = refused(sdk, by_assertion(desk.demo, "a.b.c"))
    assert (error.name, error.status) == ("ExpiredTokenException", 403)


def test_key_that_was_disabled_is_refused_at_once_with_its_temporary_credentials(open_as: Opening, desk: Desk) -> None:
    key = desk.command("iam", "add", "--user", "demo-application")
    long_term = Credentials(key["access_key_id"], key["secret_access_key"])
    both = (long_term, desk.session(desk.demo._replace(credentials=long_term)))
    for credentials in both:
        assert exchange(open_as(credentials), by_assertion(desk.demo, desk.assertion()))["accessToken"]
    desk.command("iam", "disable", long_term.access_key_id)
    for credentials in both:
        error = refused(open_as(credentials), by_assertion(desk.demo, desk.assertion()))
        assert (error.name, error.status) == ("UnrecognizedClientException", 403)


@pytest.mark.parametrize(
    "minutes, message",
    [(-10, "Signature expired: "), (10, "Signature not yet current: ")],
    ids=["slow", "fast"],
)
def test_boto3_on_a_machine_with_a_wrong_clock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, minutes: int, message: str
) -> None:
    right_now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: right_now() + timedelta(minutes=minutes))
    sdk = Boto3(desk.server.endpoint, desk.demo.credentials)
    error = refused(sdk, by_assertion(desk.demo, "a.b.c"))
    sdk.close()
    assert (error.name, error.status) == ("InvalidSignatureException", 403)
    assert error.message
    assert error.message.startswith(message)
    assert "5 min." in error.message


@pytest.mark.parametrize(
    "minutes, reason",
    [(-10, b"signature has expired"), (10, b"signature is of a time to come")],
    ids=["slow", "fast"],
)
@pytest.mark.parametrize("name", ["js-v2", "js-v3", "postern", "postern-async"])
def test_sdk_that_corrects_a_wrong_clock_goes_on(
    desk: Desk, request: pytest.FixtureRequest, name: str, minutes: int, reason: bytes
) -> None:
    """Refused once, it takes the server's clock and signs anew."""
    if name.startswith("js-"):
        request.getfixturevalue("node")
    before = len(desk.server.output())
    sdk = open_with_wrong_clock(name, desk.server.endpoint, desk.demo.credentials, minutes * 60)
    try:
        assert exchange(sdk, by_assertion(desk.demo, desk.assertion()))["accessToken"]
    finally:
        sdk.close()
    said = desk.server.output()[before:]
    assert reason in said
    assert said.count(b'"status":403') == 1


def test_unsigned_request(desk: Desk) -> None:
    body = json.dumps(by_assertion(desk.demo, desk.assertion())).encode()
    headers = [
        ("Host", urlsplit(desk.server.endpoint).netloc),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ]
    answer = send(desk.server.endpoint, "POST", "/token?aws_iam=t", headers, body)
    assert (answer.status, answer.error) == (403, "MissingAuthenticationTokenException")
    assert answer.members == {"message": "Missing Authentication Token"}


# Refusals of what is signed


def test_principal_that_the_actor_policy_does_not_name(front_sdk: Sdk, desk: Desk) -> None:
    error = refused(front_sdk, by_assertion(desk.demo, desk.assertion()))
    assert (error.name, error.status, error.error, error.typed) == ("AccessDeniedException", 400, "access_denied", True)


def test_person_who_is_not_assigned(demo_sdk: Sdk, desk: Desk) -> None:
    error = refused(demo_sdk, by_assertion(desk.demo, desk.assertion(email="mira@example.org")))
    assert (error.name, error.status, error.error, error.typed) == ("AccessDeniedException", 400, "access_denied", True)
    assert error.error_description == "The user is not assigned to the application"


def test_person_who_is_not_assigned_comes_back_without_a_code(desk: Desk) -> None:
    answer = callback(desk.stranger, desk.front)
    assert answer["error"] == "access_denied"
    assert "code" not in answer


def test_person_whose_assignment_ends_cannot_be_refreshed(desk: Desk) -> None:
    sdk = Boto3(desk.server.endpoint, desk.demo.credentials)
    desk.command("application", "assign", "demo-application", "--user", "mira")
    token = exchange(sdk, by_assertion(desk.demo, desk.assertion(email="mira@example.org")))
    desk.command("application", "unassign", "demo-application", "--user", "mira")
    error = refused(sdk, by_refresh_token(desk.demo, token["refreshToken"]))
    sdk.close()
    assert (error.name, error.error) == ("AccessDeniedException", "access_denied")


def test_server_log_says_why_a_person_was_refused_and_what_to_do(desk: Desk) -> None:
    sdk = Boto3(desk.server.endpoint, desk.demo.credentials)
    refused(sdk, by_assertion(desk.demo, desk.assertion(email="mira@example.org")))
    sdk.close()
    assert b"run `postern application assign`" in desk.server.output()


def test_assertion_presented_again(demo_sdk: Sdk, desk: Desk) -> None:
    members = by_assertion(desk.demo, desk.assertion())
    exchange(demo_sdk, members)
    error = refused(demo_sdk, members)
    assert (error.name, error.status, error.error, error.typed) == ("InvalidGrantException", 400, "invalid_grant", True)


def test_application_that_is_not_there(demo_sdk: Sdk, desk: Desk) -> None:
    absent = desk.demo._replace(arn=desk.demo.arn[:-4] + "0000")
    error = refused(demo_sdk, by_assertion(absent, "a.b.c"))
    assert (error.name, error.status, error.error, error.typed) == (
        "InvalidClientException",
        401,
        "invalid_client",
        True,
    )


def test_subject_token_that_no_scope_makes_out_for_the_application(
    front_sdk: Sdk, desk: Desk, demo_sdk: Sdk, person: Person
) -> None:
    members = by_code(person, desk.front, with_pkce=False) | {"scope": ["aws"]}
    subject = exchange(front_sdk, members)
    error = refused(demo_sdk, by_exchange(desk.demo, subject["accessToken"]))
    assert (error.name, error.status, error.typed) == ("InvalidGrantException", 400, True)


# Another region


@pytest.fixture(scope="module")
def abroad(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of another region that knows ours."""
    settings = {
        "POSTERN_INSTANCE__REGION": "eu-west-1",
        "POSTERN_INSTANCE__SIBLING_REGIONS": f"us-east-1={desk.server.endpoint}",
    }
    with started(tmp_path_factory.mktemp("abroad"), settings=NO_LIMITS | settings) as server:
        yield server


def test_token_that_comes_to_the_wrong_region_is_shown_the_way(
    sdk_name: str, desk: Desk, demo_sdk: Sdk, abroad: Server
) -> None:
    here = exchange(demo_sdk, by_assertion(desk.demo, desk.assertion()))
    application = demo_application(abroad)
    sdk = open_sdk(sdk_name, abroad.endpoint, application.credentials, region="eu-west-1")
    error = refused(sdk, by_refresh_token(application, here["refreshToken"]))
    sdk.close()
    assert (error.name, error.status) == ("InvalidRequestRegionException", 400)
    if sdk_name != "js-v2":  # its model is older
        assert (error.region, error.endpoint, error.typed) == ("us-east-1", desk.server.endpoint, True)
