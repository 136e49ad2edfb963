"""Who may use an application (statement 89), and what strangers hear of one (statement 91)."""

import json

import msgspec
import pytest

from postern.api.errors import AccessDeniedException, InvalidClientException
from postern.core.caller import Caller, Principal
from postern.core.directory.records import Application, Status
from postern.core.iam.actor_policy import Action
from postern.core.iam.authorization import authorize
from tests.core.application_world import ACCOUNT, APPLICATION_CALLER, PRINCIPAL, add_application
from tests.core.world import LAPTOP, World, refused

CREATE, INTROSPECT, REVOKE = (
    Action.CREATE_TOKEN_WITH_IAM,
    Action.INTROSPECT_TOKEN_WITH_IAM,
    Action.REVOKE_TOKEN_WITH_IAM,
)
NEIGHBOUR = Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/neighbour", access_key_id="AKIANEIGHBOUR")
STRANGER = Principal(arn="arn:aws:iam::999999999999:role/reports", access_key_id="AKIASTRANGER")


def policy(*statements: tuple[str, Action]) -> str:
    written = [
        {"Effect": effect, "Principal": {"AWS": PRINCIPAL.arn}, "Action": action, "Resource": "*"}
        for effect, action in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": written})


def caller(principal: Principal | None) -> Caller:
    return msgspec.structs.replace(LAPTOP, principal=principal)


async def hear(world: World, client_id: str, principal: Principal | None) -> tuple[str, str]:
    with pytest.raises((InvalidClientException, AccessDeniedException)) as refusal:
        await authorize(world.service, client_id, caller(principal), CREATE)
    return refusal.value.wire_name(), refusal.value.description


async def test_statement_89_whom_the_actor_policy_names(world: World) -> None:
    application = await add_application(world)
    found = await authorize(world.service, application.application_arn, APPLICATION_CALLER, CREATE)
    assert found == application


async def test_statement_89_a_roles_session_is_named_by_its_role(world: World) -> None:
    application = await add_application(world)
    session = Principal(
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/reports/mira", access_key_id="ASIA", role_arn=PRINCIPAL.arn
    )
    assert await authorize(world.service, application.application_arn, caller(session), CREATE) == application


@pytest.mark.parametrize("actor_policy", ["", policy(("Allow", INTROSPECT)), policy(("Deny", CREATE))])
async def test_statement_89_whom_it_does_not_let(world: World, actor_policy: str) -> None:
    application = await add_application(world, actor_policy=actor_policy)
    with refused(AccessDeniedException, "does not allow sso-oauth:CreateTokenWithIAM"):
        await authorize(world.service, application.application_arn, APPLICATION_CALLER, CREATE)


async def test_statement_89_another_of_the_same_account(world: World) -> None:
    application = await add_application(world)
    with refused(AccessDeniedException, NEIGHBOUR.arn):
        await authorize(world.service, application.application_arn, caller(NEIGHBOUR), CREATE)


@pytest.mark.parametrize("action", [INTROSPECT, REVOKE])
async def test_whoever_may_create_tokens_may_look_at_them_and_revoke_them_unless_that_is_denied(
    world: World, action: Action
) -> None:
    application = await add_application(world)
    assert await authorize(world.service, application.application_arn, APPLICATION_CALLER, action) == application
    denying = await add_application(world, actor_policy=policy(("Allow", CREATE), ("Deny", action)))
    with refused(AccessDeniedException, f"does not allow {action}"):
        await authorize(world.service, denying.application_arn, APPLICATION_CALLER, action)


async def test_whoever_may_only_look_at_tokens_creates_none(world: World) -> None:
    application = await add_application(world, actor_policy=policy(("Allow", INTROSPECT)))
    assert await authorize(world.service, application.application_arn, APPLICATION_CALLER, INTROSPECT) == application
    with refused(AccessDeniedException, "does not allow sso-oauth:CreateTokenWithIAM"):
        await authorize(world.service, application.application_arn, APPLICATION_CALLER, CREATE)


@pytest.mark.parametrize("principal", [STRANGER, None], ids=["another account", "nobody"])
@pytest.mark.parametrize("status", list(Status))
async def test_statement_91_a_stranger_cannot_tell_an_application_from_none(
    world: World, principal: Principal | None, status: Status
) -> None:
    application = await add_application(world, status=status)
    missing = application.application_arn[:-1] + ("0" if application.application_arn[-1] == "f" else "f")
    heard = await hear(world, application.application_arn, principal)
    assert heard == await hear(world, missing, principal)
    assert heard == ("InvalidClientException", "Invalid client provided")


@pytest.mark.parametrize("client_id", ["", "a", "arn:aws:sso::111122223333:application/*", "arn:aws:iam::1:user/a"])
async def test_statement_91_what_is_no_application_arn_is_no_application(world: World, client_id: str) -> None:
    await add_application(world)
    with refused(InvalidClientException, "there is no such application"):
        await authorize(world.service, client_id, APPLICATION_CALLER, CREATE)


async def test_statement_91_a_public_client_is_no_application(world: World) -> None:
    client = await world.register()
    with refused(InvalidClientException, "there is no such application"):
        await authorize(world.service, client.client_id, APPLICATION_CALLER, CREATE)


async def test_a_disabled_application_is_refused(world: World) -> None:
    application: Application = await add_application(world, status=Status.DISABLED)
    with refused(InvalidClientException, "the application is disabled"):
        await authorize(world.service, application.application_arn, APPLICATION_CALLER, CREATE)
