"""Instances, people, groups and assignments: from a declaration to the change that makes it true."""

import msgspec
import pytest

from postern.core.directory.declaration import InvalidDeclaration, read
from postern.core.directory.planning import Difference, plan, read_known
from postern.core.directory.records import (
    AccountAssignment,
    ExternalId,
    Group,
    GroupMembership,
    PermissionSet,
    TrustedTokenIssuer,
)
from postern.core.records import TokenFamily, UserStatus
from postern.core.service import new_instance
from postern.core.store import ConfigurationChange
from postern.stores.memory import MemoryStore
from tests.core.directory.planner import Planner
from tests.core.world import World

MIRA = {"user_name": "mira", "display_name": "Mira", "email": "mira@example.org"}
ID = "00000000-0000-4000-8000-000000000001"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
ROLES: dict[str, object] = {
    "group": [{"name": "analysts", "members": ["mira"]}],
    "account": [{"account_id": "111122223333", "name": "Production"}, {"account_id": "444455556666", "name": "Test"}],
    "permission_set": [{"name": "Admin", "id": "ps-0123456789abcdef"}, {"name": "ReadOnly"}],
}
EVERYTHING = {
    "accounts": ["111122223333", "444455556666"],
    "permission_sets": ["Admin", "ReadOnly"],
    "users": ["mira"],
    "groups": ["analysts"],
}
NOTHING = ConfigurationChange()


@pytest.fixture
def planner(world: World) -> Planner:
    return Planner(world)


def said(differences: tuple[Difference, ...]) -> list[tuple[str, str, str]]:
    return [(each.action, each.kind, each.name) for each in differences]


async def sign_in(world: World) -> TokenFamily:
    return await world.family_of(await world.signed_in(await world.register()))


# Instances


async def test_the_first_instance_is_made_as_it_is_declared() -> None:
    store = MemoryStore()
    declared = {
        "name": "head-office",
        "primary": True,
        "id": "ssoins-0123456789abcdef",
        "identity_store_id": "d-0123456789",
        "owner_account_id": "111122223333",
    }
    wanted = msgspec.structs.replace(
        new_instance(7),
        name="head-office",
        instance_id="ssoins-0123456789abcdef",
        identity_store_id="d-0123456789",
        owner_account_id="111122223333",
    )
    known = await read_known(store, wanted)
    declaration = read({"instance": [declared], "user": [MIRA]})
    made = plan(declaration, known, secrets={}, master=None, now=7)
    assert said(made.differences) == [("create", "instance", "head-office"), ("create", "user", "mira")]
    await store.change_configuration(made.change)
    assert await store.find_instance() == wanted
    (person,) = await store.list_users()
    assert person.instance_id == "ssoins-0123456789abcdef"


async def test_an_empty_file_makes_the_primary_instance_where_there_is_none() -> None:
    primary = new_instance(7)
    known = await read_known(MemoryStore(), primary)
    made = plan(read({}), known, secrets={}, master=None, now=7)
    assert made.change.create == (primary,)


async def test_a_primary_instance_gets_another_name_and_stays_what_it_is(planner: Planner, world: World) -> None:
    before = world.service.instance
    made = await planner.apply(instance=[{"name": "head-office", "primary": True}], group=[{"name": "analysts"}])
    assert made.differences[0].changed == {"name": ("primary", "head-office")}
    assert await world.store.find_instance() == msgspec.structs.replace(before, name="head-office")
    (group,) = await planner.all(Group)
    assert group.instance_id == before.instance_id
    planner.prune = True
    made = await planner.plan(instance=[{"name": "head-office"}])
    assert ("remove", "instance", "head-office") not in said(made.differences)


async def test_each_instance_has_people_of_its_own(planner: Planner) -> None:
    await planner.apply(
        instance=[{"name": "lab"}],
        user=[MIRA | {"instance": "lab"}],
        group=[{"name": "analysts", "instance": "lab", "members": ["mira"]}, {"name": "analysts"}],
    )
    people = {user.instance_id: user.user_id for user in await planner.world.store.list_users()}
    (membership,) = await planner.all(GroupMembership)
    lab = next(each for each in await planner.world.store.list_instances() if not each.is_primary)
    assert len(people) == 2
    assert membership.user_id == people[lab.instance_id]


# People


async def test_people_change_and_keep_what_the_file_does_not_say(planner: Planner, world: World) -> None:
    before = world.person
    named = {"user_name": "MIRA", "display_name": "Mira Example", "given_name": "Mira", "family_name": "Example"}
    ids = [{"issuer": "corp", "id": "M-1"}]
    made = await planner.apply(user=[named | {"external_ids": ids}])
    assert said(made.differences) == [("replace", "user", "MIRA"), ("create", "external id", "M-1 of MIRA")]
    (after,) = await world.store.list_users()
    assert (after.user_id, after.password_hash, after.created_at, after.status) == (
        before.user_id,
        before.password_hash,
        before.created_at,
        UserStatus.ENABLED,
    )
    assert (after.display_name, after.given_name, after.family_name) == ("Mira Example", "Mira", "Example")
    assert [each.user_id for each in await planner.all(ExternalId)] == [before.user_id]


@pytest.mark.parametrize("what", ["status", "password"])
async def test_who_is_disabled_or_gets_another_password_is_signed_out(
    planner: Planner, world: World, what: str
) -> None:
    family = await sign_in(world)
    if what == "password":
        planner.password_hashes[0] = "another hash"
    await planner.apply(user=[MIRA | ({"status": "DISABLED"} if what == "status" else {})])
    found = await world.store.find_token_family(family.family_id)
    assert found is not None
    assert found.revoked_at == world.now
    (after,) = await world.store.list_users()
    assert after.enabled == (what == "password")


async def test_a_password_hash_is_never_shown(planner: Planner) -> None:
    planner.password_hashes[0] = "another hash"
    made = await planner.plan(user=[MIRA])
    assert made.differences[0].changed["password"] == ("(hidden)", "(hidden)")
    assert "another hash" not in repr(made.differences)


async def test_who_has_the_id_gets_the_new_name(planner: Planner, world: World) -> None:
    person = world.person
    made = await planner.apply(
        user=[MIRA | {"user_name": "Mira.Example", "id": person.user_id}],
        group=[{"name": "analysts", "members": ["mira.example"]}],
    )
    assert said(made.differences)[0] == ("replace", "user", "Mira.Example")
    (after,) = await world.store.list_users()
    assert (after.user_id, after.canonical_name) == (person.user_id, "mira.example")
    with pytest.raises(InvalidDeclaration, match="there is no user 'mira'"):
        await planner.plan(group=[{"name": "analysts", "members": ["mira"]}])


async def test_groups_and_roles_get_new_names_by_their_ids(planner: Planner) -> None:
    await planner.apply(**ROLES)
    (group,) = await planner.all(Group)
    made = await planner.apply(
        group=[{"name": "researchers", "id": group.group_id}],
        permission_set=[{"name": "Root", "id": "ps-0123456789abcdef"}],
    )
    assert [each.changed for each in made.differences] == [
        {"display_name": ("analysts", "researchers")},
        {"name": ("Admin", "Root")},
    ]
    assert [each.group_id for each in await planner.all(Group)] == [group.group_id]
    assert {each.name for each in await planner.all(PermissionSet)} == {"Root", "ReadOnly"}


async def test_an_id_is_of_one_record(planner: Planner, world: World) -> None:
    await planner.apply(user=[{"user_name": "noor", "id": ID}])
    with pytest.raises(InvalidDeclaration, match="user 'noor' has that id") as refusal:
        await planner.plan(user=[MIRA | {"id": ID}])
    assert refusal.value.place == ("user", 0, "id")
    await planner.apply(instance=[{"name": "lab"}])
    with pytest.raises(InvalidDeclaration, match="user 'noor' has that id"):
        await planner.plan(user=[{"user_name": "sly", "instance": "lab", "id": ID}])


# Assignments


async def test_everybody_gets_every_role_in_every_account(planner: Planner) -> None:
    await planner.apply(**ROLES)
    made = await planner.apply(assignment=[EVERYTHING])
    assert len(made.differences) == 8
    assert len(await planner.all(AccountAssignment)) == 8
    assert made.differences[0].name == "Mira as Admin in 111122223333"
    assert (await planner.plan(assignment=[EVERYTHING])).change == NOTHING


async def test_assignments_may_overlap(planner: Planner) -> None:
    await planner.apply(**ROLES)
    fewer = EVERYTHING | {"accounts": ["111122223333"], "users": ["mira", "MIRA"]}
    assert len((await planner.apply(assignment=[fewer, EVERYTHING])).differences) == 8


# What is not in the file


async def test_what_is_not_in_the_file_is_counted(planner: Planner) -> None:
    await planner.apply(**ROLES, assignment=[EVERYTHING])
    made = await planner.plan(group=[{"name": "analysts"}])
    assert made.change == NOTHING
    # mira, her membership, two accounts, two permission sets, eight assignments
    assert made.unlisted == 14


async def test_what_is_not_in_the_file_is_removed_where_that_is_asked(planner: Planner, world: World) -> None:
    await planner.apply(**ROLES, assignment=[EVERYTHING], user=[MIRA, {"user_name": "noor"}])
    family = await sign_in(world)
    planner.prune = True
    made = await planner.apply(user=[{"user_name": "noor"}], account=ROLES["account"])
    removed = [each.kind for each in made.differences]
    assert removed == [
        *["account assignment"] * 8,
        *("membership", "group", "user", "permission set", "permission set"),
    ]
    assert (await planner.plan(user=[{"user_name": "noor"}], account=ROLES["account"])).change == NOTHING
    found = await world.store.find_token_family(family.family_id)
    assert found is not None
    assert found.revoked_at == world.now


async def test_pruning_keeps_what_the_file_says_in_other_words(planner: Planner, world: World) -> None:
    """New names, and an external id that goes on."""
    ids = [{"issuer": "corp", "id": "M-1"}]
    await planner.apply(**ROLES, user=[MIRA | {"external_ids": ids}])
    planner.prune = True
    made = await planner.apply(
        user=[MIRA | {"user_name": "m", "id": world.person.user_id, "external_ids": ids}],
        group=[{"name": "analysts", "members": ["m"]}],
        account=ROLES["account"],
        permission_set=ROLES["permission_set"],
    )
    assert said(made.differences) == [("replace", "user", "m")]


@pytest.mark.parametrize(
    "tables",
    [
        {"group": [{"name": "analysts", "members": ["mira"]}]},
        {"user": [MIRA], "assignment": [EVERYTHING]},
        {"account": [{"account_id": "111122223333", "name": "a", "instance": "lab"}]},
        {"application": [{"name": "a", "assigned_groups": ["analysts"]}]},
        {
            "application": [
                {
                    "name": "a",
                    "jwt_bearer": {
                        "authorized_token_issuers": [{"trusted_token_issuer": "corp", "authorized_audiences": ["a"]}]
                    },
                }
            ]
        },
        {"application": [{"name": "a", "access_scopes": [{"scope": "q:use", "authorized_targets": ["lake"]}]}]},
        {"account": [{"account_id": "111122223333", "name": "a", "credential_source": "aws"}]},
    ],
    ids=str,
)
async def test_what_goes_cannot_be_named(planner: Planner, tables: dict[str, object]) -> None:
    issuer = {
        "name": "corp",
        "issuer_url": "https://login.example.org",
        "claim_attribute_path": "sub",
        "identity_store_attribute_path": "userName",
    }
    source = {"name": "aws", "type": "web-identity", "endpoint": "https://sts.example.org", "audience": "a"}
    await planner.apply(
        **ROLES,
        instance=[{"name": "lab"}],
        trusted_token_issuer=[issuer],
        application=[{"name": "lake"}],
        credential_source=[source],
    )
    assert (await planner.plan(**tables)).unlisted > 0
    planner.prune = True
    with pytest.raises(InvalidDeclaration, match="there is no"):
        await planner.plan(**tables)
    assert len(await planner.all(TrustedTokenIssuer)) == 1


# What cannot be


@pytest.mark.parametrize(
    "tables, complaint, place",
    [
        ({"instance": [{"name": "a", "primary": True}, {"name": "primary"}]}, "two instances are", ("instance", 1)),
        ({"instance": [{"name": "lab"}, {"name": "lab", "primary": True}]}, "declared twice", ("instance", 1)),
        ({"instance": [{"id": "ssoins-ffffffffffffffff"}]}, "the id of instance", ("instance", 0, "id")),
        (
            {"instance": [{"identity_store_id": "d-ffffffffff"}]},
            "the identity_store_id of",
            ("instance", 0, "identity_store_id"),
        ),
        (
            {"instance": [{"owner_account_id": "999999999999"}]},
            "the owner_account_id of",
            ("instance", 0, "owner_account_id"),
        ),
        (
            {
                "instance": [
                    {"name": "a", "start_url_aliases": ["https://our.example/start"]},
                    {"name": "b", "start_url_aliases": ["https://our.example/start/"]},
                ]
            },
            "start URL of instance 'b'",
            ("instance", 0, "start_url_aliases"),
        ),
        (
            {"user": [MIRA, MIRA | {"instance": "primary"}]},
            "user 'mira' is declared twice",
            ("user", 1),
        ),
        (
            {"group": [{"name": "a"}, {"name": "a", "instance": "primary"}]},
            "group 'a' is declared twice",
            ("group", 1),
        ),
        (
            {"user": [MIRA | {"external_ids": [{"issuer": "a", "id": "1"}, {"issuer": "b", "id": "1"}]}]},
            "declared twice",
            ("user", 0),
        ),
        ({"user": [MIRA | {"external_ids": [{"issuer": "", "id": "1"}]}]}, "external id", ("user", 0, "external_ids")),
        ({"user": [{"user_name": " "}]}, "a user name has", ("user", 0)),
        ({"user": [MIRA | {"email": "a" * 1025}]}, "e-mail addresses have", ("user", 0)),
        ({"group": [{"name": "a", "id": "1"}]}, "a group id is", ("group", 0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_it_is_refused_with_its_place(
    planner: Planner, tables: dict[str, object], complaint: str, place: tuple[object, ...]
) -> None:
    with pytest.raises(InvalidDeclaration, match=complaint) as refusal:
        await planner.plan(**tables)
    assert refusal.value.place == place


async def test_two_new_people_cannot_have_one_id(planner: Planner) -> None:
    people = [{"user_name": name, "id": OTHER_ID} for name in ("a", "b")]
    with pytest.raises(InvalidDeclaration, match="has that id") as refusal:
        await planner.plan(user=people)
    assert refusal.value.place == ("user", 1, "id")


async def test_another_instance_does_not_take_the_primary_one_s_name(planner: Planner) -> None:
    await planner.apply(instance=[{"name": "lab"}])
    with pytest.raises(InvalidDeclaration, match="another instance is called 'lab'"):
        await planner.plan(instance=[{"name": "lab", "primary": True}])
