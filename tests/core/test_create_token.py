"""CreateToken, what holds for every grant: statements 43 to 52. Each grant has a file of its own beside this one."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from postern.api.errors import (
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidScopeException,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
)
from postern.api.sso_oidc import CreateTokenRequest, CreateTokenResponse
from postern.core.audit import EventName
from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from postern.core.grants import GRANTS, authorization_code, device_code, refresh_token
from postern.core.grants.base import Step, refusal_to_issue
from postern.core.policy import DAY, HOUR
from postern.core.records import (
    AuthorizationCode,
    DeviceAuthorization,
    DeviceStatus,
    TokenFamily,
    User,
    UserStatus,
)
from postern.core.store import FamilyTerms, RedeemAuthorizationCode, RedeemDeviceAuthorization, RotateRefreshToken
from tests.core.world import ACCOUNT_ACCESS, CHALLENGE, PRESENTED_URI, VERIFIER, Client, World, present, refused

Exchange = Callable[..., Awaitable[CreateTokenResponse]]
ALL = (DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN)


class Proof(msgspec.Struct, frozen=True):
    """A good grant, ready to be presented once."""

    grant_type: str
    members: dict[str, object]


async def proof(world: World, client: Client, grant_type: str) -> Proof:
    if grant_type == DEVICE_CODE:
        return Proof(grant_type, {"device_code": await world.approved(client)})
    if grant_type == AUTHORIZATION_CODE:
        code = await world.code(client)
        return Proof(grant_type, {"code": code, "redirect_uri": PRESENTED_URI, "code_verifier": VERIFIER})
    return Proof(grant_type, {"refresh_token": (await world.signed_in(client)).refresh_token})


async def present_proof(world: World, client: Client, good: Proof, **changes: object) -> CreateTokenResponse:
    return await world.create_token(client, good.grant_type, **good.members | changes)


every_grant = pytest.mark.parametrize("grant_type", ALL, ids=["device code", "authorization code", "refresh token"])


def test_the_grants_are_these_three() -> None:
    assert tuple(GRANTS) == ALL
    assert all(grant.grant_type == name for name, grant in GRANTS.items())


@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "client_credentials",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device-code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "DEVICE_CODE",
        "refresh_token ",
        "Authorization_Code",
        "__init__",
    ],
)
async def test_an_unknown_grant_type_is_unsupported(world: World, grant_type: str) -> None:
    with refused(UnsupportedGrantTypeException):
        await world.create_token(await world.register(), grant_type)


@every_grant
async def test_the_client_is_authenticated_before_any_grant_is_looked_up(
    world: World, grant_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """authentik PR 21700: the device grant skipped it. A wrong secret is told even where the store would fail."""
    client = await world.register()
    good = await proof(world, client, grant_type)
    with monkeypatch.context() as patch:
        patch.setattr(world.service, "store", None)
        with refused(InvalidClientException, "wrong client secret"):
            await present_proof(world, Client(client.client_id, "wrong"), good)
        with refused(InvalidClientException):
            await present_proof(world, Client("unknown", client.client_secret), good)
        with refused(InvalidClientException):
            await world.create_token(Client(client.client_id, "wrong"), "unknown grant")
    assert (await present_proof(world, client, good)).access_token


@every_grant
async def test_after_the_client_secret_expired_the_client_is_invalid(world: World, grant_type: str) -> None:
    world.change("lifetimes", client_registration=300)
    client = await world.register()
    good = await proof(world, client, grant_type)
    world.clock.advance(300)
    with refused(InvalidClientException, "expired"):
        await present_proof(world, client, good)


@every_grant
@pytest.mark.parametrize("same_settings", [True, False])
async def test_a_grant_issued_to_another_client_is_invalid_and_stays_intact(
    world: World, grant_type: str, same_settings: bool
) -> None:
    """RFC 6749 5.2, CVE-2023-2585, CVE-2026-16089, CVE-2026-55672, CVE-2026-32245."""
    owner = await world.register()
    thief = await (world.register() if same_settings else world.register(scopes=("openid",)))
    good = await proof(world, owner, grant_type)
    for _ in range(5):
        with refused(InvalidGrantException):
            await present_proof(world, thief, good)
    assert (await present_proof(world, owner, good)).access_token
    with refused(InvalidGrantException):
        await present_proof(world, thief, good)
    world.clock.advance(60)
    with refused(InvalidGrantException):
        await present_proof(world, thief, good)
    assert not {EventName.REFRESH_TOKEN_REUSE, EventName.CODE_REUSE} & set(world.event_names())


@every_grant
async def test_a_client_not_registered_for_the_grant_is_unauthorized(world: World, grant_type: str) -> None:
    owner = await world.register()
    good = await proof(world, owner, grant_type)
    others = tuple(other for other in ALL if other != grant_type)
    limited = await world.register(grant_types=others)
    with refused(UnauthorizedClientException):
        await present_proof(world, limited, good)


@every_grant
async def test_a_person_who_was_disabled_gets_no_token_by_any_grant(world: World, grant_type: str) -> None:
    """Attack 43; CVE-2026-88770, CVE-2026-16103, CVE-2026-1609."""
    client = await world.register()
    good = await proof(world, client, grant_type)
    await world.disable()
    with refused(InvalidGrantException):
        await present_proof(world, client, good)


@every_grant
async def test_a_person_who_was_disabled_gets_no_replayed_answer_either(world: World, grant_type: str) -> None:
    client = await world.register()
    good = await proof(world, client, grant_type)
    await present_proof(world, client, good)
    await world.disable()
    with refused(InvalidGrantException):
        await present_proof(world, client, good)


@every_grant
async def test_a_scope_beyond_the_granted_one_is_invalid_and_consumes_nothing(world: World, grant_type: str) -> None:
    client = await world.register()
    good = await proof(world, client, grant_type)
    for beyond in (("openid",), (ACCOUNT_ACCESS, "openid"), ("",), (f"{ACCOUNT_ACCESS} openid",)):
        with refused(InvalidScopeException):
            await present_proof(world, client, good, scope=beyond)
    assert (await present_proof(world, client, good)).access_token


@every_grant
@pytest.mark.parametrize("scope", [(), (ACCOUNT_ACCESS,), (ACCOUNT_ACCESS,) * 25], ids=["empty", "one", "repeated"])
async def test_an_empty_or_repeated_scope_is_as_good_as_a_plain_one(
    world: World, grant_type: str, scope: tuple[str, ...]
) -> None:
    client = await world.register()
    assert (await present_proof(world, client, await proof(world, client, grant_type), scope=scope)).access_token


@every_grant
async def test_ten_thousand_scopes_are_refused_and_consume_nothing(world: World, grant_type: str) -> None:
    client = await world.register()
    good = await proof(world, client, grant_type)
    with refused(InvalidScopeException, "too many"):
        await present_proof(world, client, good, scope=tuple(str(number) for number in range(10_000)))
    assert (await present_proof(world, client, good)).access_token


@every_grant
async def test_members_that_the_grant_requires(world: World, grant_type: str) -> None:
    client = await world.register()
    good = await proof(world, client, grant_type)
    names = {
        "device_code": "deviceCode",
        "code": "code",
        "redirect_uri": "redirectUri",
        "code_verifier": "codeVerifier",
        "refresh_token": "refreshToken",
    }
    # A public client's code verifier is required by its grant itself: an application may do without.
    assert set(GRANTS[grant_type].requires) == set(good.members) - {"code_verifier"}
    for member in good.members:
        with refused(InvalidRequestException) as refusal:
            await present_proof(world, client, good, **{member: None})
        assert refusal.value.description == f"{names[member]} is required"
    assert (await present_proof(world, client, good)).access_token


@every_grant
async def test_a_value_of_one_kind_is_never_accepted_as_another(world: World, grant_type: str) -> None:
    """Attack 12, CVE-2026-4282: every value that the server hands out, in every parameter."""
    client = await world.register()
    good = await proof(world, client, grant_type)
    parameter = {DEVICE_CODE: "device_code", AUTHORIZATION_CODE: "code", REFRESH_TOKEN: "refresh_token"}[grant_type]
    signed_in = await world.signed_in(client)
    others: dict[str, str] = {
        "device_code": await world.approved(client),
        "code": await world.code(client),
        "refresh_token": present(signed_in.refresh_token),
        "access_token": present(signed_in.access_token),
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    for name, value in others.items():
        if name != parameter:
            with refused(InvalidGrantException):
                await present_proof(world, client, good, **{parameter: value})


@every_grant
@pytest.mark.parametrize(
    "rubbish", ["x", "aod", "é", "\ud800", "a" * 87, "a" * 100_000, "' OR 1=1 --", "../../etc/passwd"]
)
async def test_rubbish_is_an_invalid_grant(world: World, grant_type: str, rubbish: str) -> None:
    client = await world.register()
    members: dict[str, object] = {"redirect_uri": PRESENTED_URI, "code_verifier": VERIFIER}
    for name in ("device_code", "code", "refresh_token"):
        members[name] = rubbish
    with refused(InvalidGrantException) as refusal:
        await world.create_token(client, grant_type, **members)
    assert rubbish not in refusal.value.description or len(rubbish) == 1


@pytest.mark.parametrize(
    "grant_type, description",
    [
        (DEVICE_CODE, "Invalid device code provided"),
        (AUTHORIZATION_CODE, "Invalid authorization code provided"),
        (REFRESH_TOKEN, "Invalid refresh token provided"),
    ],
)
async def test_texts_of_the_real_service_that_clients_look_for(world: World, grant_type: str, description: str) -> None:
    with refused(InvalidGrantException) as refusal:
        await world.create_token(
            await world.register(),
            grant_type,
            device_code="x",
            code="x",
            refresh_token="x",
            redirect_uri=PRESENTED_URI,
            code_verifier=VERIFIER,
        )
    assert refusal.value.description == description


@every_grant
async def test_what_is_answered(world: World, grant_type: str) -> None:
    client = await world.register()
    response = await present_proof(world, client, await proof(world, client, grant_type))
    assert response.token_type == "Bearer"
    assert response.expires_in == HOUR
    assert response.refresh_token
    assert response.id_token is None


@every_grant
async def test_expires_in_is_what_really_remains(world: World, grant_type: str) -> None:
    """A replayed answer tells the life that is left, and near the end of a sign-in its end."""
    world.change("lifetimes", sign_in=1800)
    client = await world.register()
    good = await proof(world, client, grant_type)
    response = await present_proof(world, client, good)
    assert response.expires_in == 1800
    world.clock.advance(7)
    assert (await present_proof(world, client, good)).expires_in == 1793


@every_grant
async def test_a_rotation_of_keys_refuses_no_valid_grant(world: World, grant_type: str) -> None:
    client = await world.register()
    good = await proof(world, client, grant_type)
    await world.rotate_keys()
    first = await present_proof(world, client, good)
    assert (await present_proof(world, client, good)) == first


@every_grant
async def test_a_rotation_of_keys_between_a_call_and_its_repetition_changes_nothing(
    world: World, grant_type: str
) -> None:
    client = await world.register()
    good = await proof(world, client, grant_type)
    first = await present_proof(world, client, good)
    await world.rotate_keys()
    assert await present_proof(world, client, good) == first


async def test_without_the_key_of_its_family_nothing_is_issued(world: World) -> None:
    """An emergency rotation took the family's key away; the code's and the client's own key are still there."""
    client = await world.register()
    device_code = await world.approved(client)
    before = world.service.ring
    await world.rotate_keys()
    await world.poll(client, device_code)
    world.service.ring = before
    with refused(InvalidGrantException, "left the ring"):
        await world.poll(client, device_code)


async def test_a_refresh_without_the_key_of_its_family_tells_the_client_to_sign_in_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await world.register()
    signed_in = await world.signed_in(client)
    monkeypatch.setattr("postern.core.tokens.issue", lambda *_: None)
    with refused(InvalidGrantException, "left the ring") as refusal:
        await world.refresh(client, present(signed_in.refresh_token))
    assert refusal.value.description == "Invalid refresh token provided"


# Legacy clients


async def test_a_client_without_scopes_gets_eight_hours_and_no_refresh_token(world: World) -> None:
    client = await world.register_legacy()
    response = await world.signed_in(client)
    assert response.expires_in == 8 * HOUR
    assert response.refresh_token is None


async def test_a_client_with_the_scope_of_the_portal_is_a_legacy_client_too(world: World) -> None:
    client = await world.register(scopes=("sso-portal:*",), grant_types=None, redirect_uris=None)
    response = await world.signed_in(client)
    assert (response.expires_in, response.refresh_token) == (8 * HOUR, None)


async def test_a_client_with_scopes_that_names_no_grants_can_refresh(world: World) -> None:
    """The AWS CLI with an sso-session registers so."""
    client = await world.register(grant_types=None, redirect_uris=None)
    response = await world.signed_in(client)
    assert response.expires_in == HOUR
    assert (await world.refresh(client, present(response.refresh_token))).access_token


async def test_a_legacy_client_may_not_refresh(world: World) -> None:
    other = await world.signed_in(await world.register())
    with refused(UnauthorizedClientException):
        await world.refresh(await world.register_legacy(), present(other.refresh_token))


async def test_the_legacy_life_is_a_setting(world: World) -> None:
    world.change("lifetimes", legacy_access_token=DAY)
    assert (await world.signed_in(await world.register_legacy())).expires_in == DAY


# The pure decisions, for a person who may not get tokens (attack 43)

NOW = 1_790_000_000
ENABLED = User(
    user_id="u",
    instance_id="i",
    user_name="Mira",
    canonical_name="mira",
    display_name="Mira",
    email="",
    password_hash="",
    status=UserStatus.ENABLED,
    created_at=0,
)
DISABLED = msgspec.structs.replace(ENABLED, status=UserStatus.DISABLED)
TERMS = FamilyTerms(
    family_id=1, key_id=1, grant_type="g", access_lifetime=HOUR, family_lifetime=8 * HOUR, idle_lifetime=DAY
)
APPROVED = DeviceAuthorization(
    authorization_id=1,
    user_code_digest=bytes(32),
    client_digest=bytes(32),
    client_name="c",
    scopes=(),
    issues_refresh_token=True,
    requester_address="",
    requester_agent="",
    created_at=NOW,
    expires_at=NOW + 600,
    instance_id="i",
    status=DeviceStatus.APPROVED,
    user_id="u",
)
CODE = AuthorizationCode(
    code_id=1,
    client_digest=bytes(32),
    client_name="c",
    user_id="u",
    scopes=(),
    issues_refresh_token=True,
    redirect_uri=PRESENTED_URI,
    code_challenge=CHALLENGE,
    created_at=NOW,
    expires_at=NOW + 60,
)
FAMILY = TokenFamily(
    family_id=1,
    key_id=1,
    user_id="u",
    client_digest=bytes(32),
    client_name="c",
    scopes=(),
    issues_refresh_token=True,
    grant_type="g",
    created_at=NOW,
    expires_at=NOW + 8 * HOUR,
    rotated_at=NOW,
    access_expires_at=NOW + HOUR,
    idle_expires_at=NOW + DAY,
)


def decide_device_code(user: User | None, client_digest: bytes = bytes(32)) -> Step:
    command = RedeemDeviceAuthorization(
        authorization_id=1, client_digest=client_digest, requested_scopes=None, replay_window=10, family=TERMS, now=NOW
    )
    return device_code.decide(command, APPROVED, user, None)


def decide_authorization_code(user: User | None, client_digest: bytes = bytes(32)) -> Step:
    command = RedeemAuthorizationCode(
        code_id=1,
        client_digest=client_digest,
        redirect_uri=PRESENTED_URI,
        code_verifier=VERIFIER,
        requested_scopes=None,
        replay_window=10,
        family=TERMS,
        now=NOW,
    )
    return authorization_code.decide(command, CODE, user, None, None)


def decide_refresh_token(user: User | None, client_digest: bytes = bytes(32)) -> Step:
    command = RotateRefreshToken(
        family_id=1,
        generation=0,
        client_digest=client_digest,
        requested_scopes=None,
        replay_window=10,
        access_lifetime=HOUR,
        idle_lifetime=DAY,
        now=NOW,
    )
    return refresh_token.decide(command, FAMILY, user, None)


DECISIONS = {
    DEVICE_CODE: decide_device_code,
    AUTHORIZATION_CODE: decide_authorization_code,
    REFRESH_TOKEN: decide_refresh_token,
}


def test_every_grant_has_its_decision_here() -> None:
    assert set(DECISIONS) == set(GRANTS)


@every_grant
def test_each_decision_issues_for_an_enabled_person(grant_type: str) -> None:
    assert isinstance(DECISIONS[grant_type](ENABLED).answer, TokenFamily)


@every_grant
@pytest.mark.parametrize("user", [DISABLED, None], ids=["disabled", "gone"])
def test_each_decision_refuses_a_person_who_is_disabled_or_gone(grant_type: str, user: User | None) -> None:
    assert refusal_to_issue(user, None, grant_type, "no")
    step = DECISIONS[grant_type](user)
    assert isinstance(step.answer, InvalidGrantException)
    assert step.answer.reason == "the person is disabled or gone"
    assert (step.insert, step.update) == ((), ())


@every_grant
def test_each_decision_refuses_another_client_inside_the_transaction(grant_type: str) -> None:
    step = DECISIONS[grant_type](ENABLED, b"another client".ljust(32))
    assert isinstance(step.answer, InvalidGrantException)
    assert (step.insert, step.update) == ((), ())


def test_every_modelled_request_member_is_used_by_a_grant() -> None:
    used = {member for grant in GRANTS.values() for member in grant.requires}
    common = {"client_id", "client_secret", "grant_type", "scope", "code_verifier"}
    assert used | common == set(CreateTokenRequest.__struct_fields__)
