"""What accounts, permission sets and assignments may be."""

import msgspec
import pytest

from postern.core.directory import accounts, groups
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import AccountAssignment, PrincipalType
from postern.core.service import new_instance
from postern.core.store import ConfigurationChange, NotFound
from postern.core.users import new_person
from tests.core.world import World

NOW = 1_790_000_000
PRIMARY, LAB = new_instance(NOW), new_instance(NOW, name="lab")
ACCOUNT = accounts.new_account(PRIMARY, account_id="111122223333", name="Production", now=NOW)
ROLE = accounts.new_permission_set(PRIMARY, name="Admin", now=NOW)


def test_an_account_is_of_its_instance() -> None:
    made = accounts.new_account(
        LAB, account_id="111122223333", name="Lab", email="ops@example.org", credential_source="aws", now=NOW
    )
    assert (made.instance_id, made.account_id) == (LAB.instance_id, "111122223333")
    assert made.account_key != ACCOUNT.account_key


@pytest.mark.parametrize(
    "members",
    [
        {"account_id": "11112222333"},
        {"account_id": "1111222233334"},
        {"account_id": "11112222333a"},
        {"account_id": "\u0661" * 12},
        {"account_id": "111122223333\n"},
        {"name": ""},
        {"name": " "},
        {"name": "a" * 51},
        {"name": "a\x1b[31m"},
        {"email": "a" * 255},
        {"email": "a\n"},
    ],
    ids=str,
)
def test_an_account_may_not_be_so(members: dict[str, str]) -> None:
    with pytest.raises(InvalidDirectoryRecord):
        accounts.new_account(PRIMARY, **({"account_id": "111122223333", "name": "a"} | members), now=NOW)


def test_the_longest_names_are_good() -> None:
    assert accounts.new_account(PRIMARY, account_id="0" * 12, name="a" * 50, email="e" * 254, now=NOW).name == "a" * 50
    made = accounts.new_permission_set(PRIMARY, name="_+=,.@-0aZ" + "a" * 22, description="d" * 700, now=NOW)
    assert len(made.name) == 32


def test_a_permission_set_has_an_arn_of_its_own_or_the_given_id() -> None:
    assert ROLE.permission_set_arn != accounts.new_permission_set(PRIMARY, name="Admin", now=NOW).permission_set_arn
    given = accounts.new_permission_set(PRIMARY, name="Admin", permission_set_id="ps-0123456789abcdef", now=NOW)
    assert given.permission_set_arn == f"arn:aws:sso:::permissionSet/{PRIMARY.instance_id}/ps-0123456789abcdef"
    assert given.session_duration == 3600


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a" * 33},
        {"name": "\u00e9"},
        {"name": "a\n"},
        {"permission_set_id": "ps-0123"},
        {"permission_set_id": "0123456789abcdef"},
        {"permission_set_id": "ps-0123456789abcdef/x"},
        {"description": "a" * 701},
        {"description": "a\x00"},
        {"session_duration": 3599},
        {"session_duration": 43_201},
        {"session_duration": -1},
        {"relay_state": "http://console.example.org"},
        {"relay_state": "https://"},
        {"relay_state": "https://mira@console.example.org/"},
        {"relay_state": "https://[console"},
        {"relay_state": "javascript:alert(1)"},
        {"relay_state": "https://console.example.org/a b"},
        {"relay_state": "https://console.example.org/\u00e9"},
        {"relay_state": "https://console.example.org/" + "a" * 240},
    ],
    ids=str,
)
def test_a_permission_set_may_not_be_so(members: dict[str, object]) -> None:
    values: dict[str, object] = {"name": "Admin", "now": NOW} | members
    with pytest.raises(InvalidDirectoryRecord):
        accounts.new_permission_set(PRIMARY, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("3600", 3600),
        ("1h", 3600),
        ("90m", 5400),
        ("7200s", 7200),
        ("PT1H", 3600),
        ("PT12H", 43_200),
        ("PT1H30M", 5400),
        ("PT90M", 5400),
        ("PT3600S", 3600),
    ],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert accounts.seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "PT", "h", "1", "1d", "P1D", "pt1h", "1.5h", "-1h", "PT1H ", "9" * 30, "\u0661h"], ids=repr
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidDirectoryRecord):
        accounts.new_permission_set(PRIMARY, name="a", session_duration=accounts.seconds_of(text), now=NOW)


def test_people_and_groups_are_assigned() -> None:
    person = new_person(PRIMARY, user_name="mira", now=NOW)
    group = groups.new_group(PRIMARY, display_name="analysts", now=NOW)
    made = [accounts.account_assignment(ACCOUNT, ROLE, principal) for principal in (person, group)]
    assert [(each.principal_type, each.principal_id) for each in made] == [
        (PrincipalType.USER, person.user_id),
        (PrincipalType.GROUP, group.group_id),
    ]
    assert {(each.account_id, each.permission_set_arn) for each in made} == {
        (ACCOUNT.account_id, ROLE.permission_set_arn)
    }
    assert len({each.assignment_id for each in made}) == 2


@pytest.mark.parametrize("other", ["account", "permission_set", "principal"])
def test_nothing_is_assigned_across_instances(other: str) -> None:
    members = {"account": ACCOUNT, "permission_set": ROLE, "principal": new_person(PRIMARY, user_name="mira", now=NOW)}
    members[other] = msgspec.structs.replace(members[other], instance_id=LAB.instance_id)
    with pytest.raises(InvalidDirectoryRecord, match="of one instance"):
        accounts.account_assignment(**members)  # type: ignore[arg-type]


async def test_accounts_and_permission_sets_are_found_in_their_instance(world: World) -> None:
    here = world.service.instance
    production = accounts.new_account(here, account_id="111122223333", name="Production", now=NOW)
    twins = [accounts.new_account(here, account_id=f"{each:012d}", name="Twin", now=NOW) for each in (1, 2)]
    namesake = accounts.new_account(here, account_id="444455556666", name="111122223333", now=NOW)
    role = accounts.new_permission_set(here, name="Admin", now=NOW)
    elsewhere = accounts.new_account(LAB, account_id="777788889999", name="Lab", now=NOW)
    change = ConfigurationChange(create=(production, *twins, namesake, role, elsewhere))
    await world.store.change_configuration(change)
    for text in ("111122223333", "Production"):
        assert await accounts.find_account(world.store, text, here) == production
    for text in ("Admin", role.permission_set_arn):
        assert await accounts.find_permission_set(world.store, text, here) == role
    for text in ("Twin", "777788889999", "nothing"):
        with pytest.raises(NotFound):
            await accounts.find_account(world.store, text, here)
    with pytest.raises(NotFound):
        await accounts.find_permission_set(world.store, "Admin", LAB)
    assert await world.store.list_configuration(AccountAssignment) == []
