"""From a declaration to the change that makes it true."""

import datetime

import msgspec
import pytest

from postern.core.directory.declaration import InvalidDeclaration
from postern.core.directory.records import (
    AccessKey,
    AccessKeyStatus,
    Application,
    Group,
    GroupMembership,
    Status,
    TrustedTokenIssuer,
)
from postern.core.iam.access_keys import secret_of
from postern.core.records import Record
from postern.core.store import ConfigurationChange
from tests.core.directory.planner import Planner
from tests.core.world import World

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PRINCIPAL = "arn:aws:iam::111122223333:user/reports"
ISSUER = {
    "name": "corp",
    "issuer_url": "https://login.example.org",
    "claim_attribute_path": "sub",
    "identity_store_attribute_path": "userName",
}
KEY = {"access_key_id": KEY_ID, "principal_arn": PRINCIPAL}


@pytest.fixture
def planner(world: World) -> Planner:
    return Planner(world)


NOTHING = ConfigurationChange()


async def test_what_is_new_is_created(planner: Planner) -> None:
    made = await planner.apply(
        {KEY_ID: SECRET},
        group=[{"name": "analysts", "members": ["MIRA"]}],
        trusted_token_issuer=[ISSUER],
        access_key=[KEY],
        application=[{"name": "reports", "assigned_groups": ["analysts"], "assigned_users": ["mira", "Mira"]}],
    )
    kinds = [difference.kind for difference in made.differences]
    assert kinds == [
        *("group", "membership", "trusted token issuer", "access key"),
        *("application", "assignment", "assignment"),
    ]
    assert {difference.action for difference in made.differences} == {"create"}


async def test_what_is_as_declared_is_untouched(planner: Planner, world: World) -> None:
    declared: dict[str, object] = {
        "group": [{"name": "analysts", "description": "x", "members": ["mira"]}],
        "trusted_token_issuer": [ISSUER],
        "access_key": [KEY],
        "application": [{"name": "reports", "principals": [PRINCIPAL], "assigned_users": ["mira"]}],
    }
    await planner.apply({KEY_ID: SECRET}, **declared)
    world.clock.advance(60)
    assert (await planner.plan({KEY_ID: SECRET}, **declared)).change == NOTHING
    assert (await planner.plan(**declared)).change == NOTHING


async def test_what_differs_is_replaced_and_keeps_id_and_age(planner: Planner, world: World) -> None:
    await planner.apply(
        {KEY_ID: SECRET},
        group=[{"name": "analysts"}],
        trusted_token_issuer=[ISSUER],
        access_key=[KEY],
        application=[{"name": "reports", "description": "monthly"}],
    )
    kinds: list[type[Record]] = [Group, TrustedTokenIssuer, AccessKey, Application]
    before = [(await planner.all(kind))[0] for kind in kinds]
    world.clock.advance(60)
    made = await planner.apply(
        group=[{"name": "analysts", "description": "who read"}],
        trusted_token_issuer=[ISSUER | {"claim_attribute_path": "email"}],
        access_key=[KEY | {"description": "nightly"}],
        application=[{"name": "reports", "assignment_required": False}],
    )
    assert [difference.changed for difference in made.differences] == [
        {"description": ("", "who read")},
        {"claim_attribute_path": ("sub", "email")},
        {"description": ("", "nightly")},
        {"description": ("monthly", ""), "assignment_required": (True, False)},
    ]
    after = [(await planner.all(kind))[0] for kind in kinds]
    assert after == [
        msgspec.structs.replace(before[0], description="who read"),
        msgspec.structs.replace(before[1], claim_attribute_path="email"),
        msgspec.structs.replace(before[2], description="nightly"),
        msgspec.structs.replace(before[3], description="", assignment_required=False),
    ]


async def test_a_status_that_is_not_declared_stays(planner: Planner) -> None:
    off = {"status": "DISABLED"}
    await planner.apply(
        {KEY_ID: SECRET},
        trusted_token_issuer=[ISSUER | off],
        access_key=[KEY | {"status": "Inactive"}],
        application=[{"name": "reports"} | off],
    )
    declared: dict[str, object] = {
        "trusted_token_issuer": [ISSUER],
        "access_key": [KEY],
        "application": [{"name": "reports"}],
    }
    assert (await planner.plan(**declared)).change == NOTHING
    on = {"status": "ENABLED"}
    made = await planner.apply(
        trusted_token_issuer=[ISSUER | on],
        access_key=[KEY | {"status": "Active"}],
        application=[{"name": "reports"} | on],
    )
    assert [difference.changed["status"] for difference in made.differences] == [
        (Status.DISABLED, Status.ENABLED),
        (AccessKeyStatus.INACTIVE, AccessKeyStatus.ACTIVE),
        (Status.DISABLED, Status.ENABLED),
    ]


async def test_a_secret_is_replaced_and_never_shown(planner: Planner, world: World) -> None:
    await planner.apply({KEY_ID: SECRET}, access_key=[KEY])
    made = await planner.apply({KEY_ID: SECRET[::-1]}, access_key=[KEY])
    assert [difference.changed for difference in made.differences] == [{"secret_access_key": ("(hidden)", "(hidden)")}]
    (key,) = await planner.all(AccessKey)
    assert isinstance(key, AccessKey)
    assert secret_of(world.service.master, key) == SECRET[::-1]
    assert SECRET not in repr(made)
    assert SECRET[::-1] not in repr(made)


async def test_applications_may_name_each_other(planner: Planner, world: World) -> None:
    def exchanging(name: str, target: str) -> dict[str, object]:
        scopes = [{"scope": "q:use", "authorized_targets": [target]}]
        return {"name": name, "access_scopes": scopes, "token_exchange": {}}

    await planner.apply(application=[exchanging("a", "b"), exchanging("b", "a"), exchanging("c", _instance_arn(world))])
    arns = {each.name: each.application_arn for each in await world.store.list_configuration(Application)}
    targets = {
        each.name: each.access_scopes[0].authorized_targets
        for each in await world.store.list_configuration(Application)
    }
    assert targets == {"a": (arns["b"],), "b": (arns["a"],), "c": (_instance_arn(world),)}
    by_arn = await planner.plan(application=[exchanging("a", arns["b"])])
    assert by_arn.change == NOTHING


def _instance_arn(world: World) -> str:
    return world.service.instance.arn


async def test_nobody_leaves_a_group_by_being_left_out(planner: Planner) -> None:
    await planner.apply(group=[{"name": "analysts", "members": ["mira"]}])
    assert (await planner.plan(group=[{"name": "analysts"}])).change == NOTHING
    assert len(await planner.all(GroupMembership)) == 1


async def test_an_actor_policy_is_written_as_a_table(planner: Planner, world: World) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": PRINCIPAL}, "Action": "sso-oauth:CreateTokenWithIAM"}
    declared: dict[str, object] = {"Version": "2012-10-17", "Statement": [statement]}
    await planner.apply(application=[{"name": "reports", "actor_policy": declared}])
    (application,) = await world.store.list_configuration(Application)
    assert msgspec.json.decode(application.actor_policy) == declared


def _nested(depth: int) -> object:
    value: object = "a"
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "id_, because",
    [
        (datetime.date(2026, 1, 1), "dates"),
        (datetime.time(12), "dates"),
        (16**5000, "too long"),
        (_nested(3000), "nested too deeply"),
    ],
    ids=["date", "time", "number", "depth"],
)
async def test_a_policy_that_json_cannot_say_is_refused(planner: Planner, id_: object, because: str) -> None:
    with pytest.raises(InvalidDeclaration, match=because) as refusal:
        await planner.plan(application=[{"name": "a", "actor_policy": {"Id": id_}}])
    assert refusal.value.place == ("application", 0, "actor_policy")


@pytest.mark.parametrize(
    "tables, place",
    [
        ({"group": [{"name": ""}]}, ("group", 0)),
        ({"group": [{"name": "a"}, {"name": "b", "members": ["nobody"]}]}, ("group", 1, "members")),
        ({"trusted_token_issuer": [ISSUER | {"algorithms": ["HS256"]}]}, ("trusted_token_issuer", 0)),
        ({"access_key": [KEY]}, ("access_key", 0)),
        ({"application": [{"name": ""}]}, ("application", 0, "name")),
        ({"application": [{"name": "arn:aws:a"}]}, ("application", 0, "name")),
        ({"application": [{"name": "a", "principals": ["mira"]}]}, ("application", 0)),
        ({"application": [{"name": "a", "actor_policy": {"Statement": 7}}]}, ("application", 0, "actor_policy")),
        ({"application": [{"name": "a", "assigned_users": ["nobody"]}]}, ("application", 0, "assigned_users")),
        ({"application": [{"name": "a", "assigned_groups": ["none"]}]}, ("application", 0, "assigned_groups")),
        (
            {"application": [{"name": "a", "authorization_code": {"redirect_uris": []}}]},
            ("application", 0),
        ),
        (
            {"application": [{"name": "a", "access_scopes": [{"scope": "q:use", "authorized_targets": ["b"]}]}]},
            ("application", 0, "access_scopes"),
        ),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
async def test_what_cannot_be_is_refused_with_its_place(
    planner: Planner, tables: dict[str, object], place: tuple[object, ...]
) -> None:
    with pytest.raises(InvalidDeclaration) as refusal:
        await planner.plan(**tables)
    assert refusal.value.place == place
