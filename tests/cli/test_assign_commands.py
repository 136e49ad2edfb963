"""`postern assign`, `unassign` and `assignments`."""

from pathlib import Path

import pytest

from postern.cli import assign
from postern.core.directory.records import AccountAssignment
from tests.cli.keeping import Keeper

ACCOUNT, OTHER = "111122223333", "222222222222"


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    """Two accounts, two permission sets, two people, one of them in a group."""
    keeper = Keeper(tmp_path / "data", capsys)
    for name in ("mira", "noor"):
        keeper("user", "add", name, "--no-password")
    keeper("group", "add", "analysts")
    keeper("group", "join", "analysts", "noor")
    keeper("account", "add", ACCOUNT, "--name", "Production")
    keeper("account", "add", OTHER, "--name", "Lab")
    for name in ("Admin", "Reader"):
        keeper("permission-set", "add", name)
    return keeper


def listed(keeper: Keeper, *filters: str) -> list[tuple[str, str, str]]:
    """Account names, permission sets and whom."""
    found = keeper.json("assignments", *filters)
    return [(each["account_name"], each["permission_set"], each["principal"]) for each in found]


def test_people_and_groups_are_assigned_and_taken_out(keeper: Keeper) -> None:
    whom = ("--user", "mira", "--user", "noor", "--group", "analysts")
    made = keeper.json("assign", "Production", "Admin", *whom)
    assert {each["account_id"] for each in made} == {ACCOUNT}
    assert [each["principal_type"] for each in made] == ["USER", "USER", "GROUP"]
    assert set(made[0]) == {"account_id", "permission_set_arn", "principal_type", "principal_id"}
    assert sorted(listed(keeper)) == [("Production", "Admin", name) for name in ("analysts", "mira", "noor")]
    assert keeper.json("unassign", ACCOUNT, "Admin", "--user", "MIRA", "--group", "analysts") == [made[0], made[2]]
    assert listed(keeper) == [("Production", "Admin", "noor")]


def test_the_commands_speak_to_people(keeper: Keeper) -> None:
    nothing = "nothing is assigned: postern assign ACCOUNT PERMISSION_SET --user NAME\n"
    assert keeper("assignments") == nothing
    assert keeper("assign", ACCOUNT, "Admin", "--user", "mira") == "1 assignment made\n"
    assert keeper("assign", ACCOUNT, "Admin", "--user", "mira", "--user", "noor", "--group", "analysts") == (
        "2 assignments made, 1 was there\n"
    )
    rows = [line.split() for line in keeper("assignments").splitlines()]
    assert rows[0] == ["ACCOUNT", "ID", "ACCOUNT", "PERMISSION", "SET", "TYPE", "WHO"]
    assert rows[1] == [ACCOUNT, "Production", "Admin", "group", "analysts"]
    assert keeper("unassign", ACCOUNT, "Admin", "--user", "mira", "--user", "noor") == "2 assignments removed\n"


def test_assignments_are_found_by_account_role_person_and_group(keeper: Keeper) -> None:
    keeper("assign", ACCOUNT, "Admin", "--user", "mira")
    keeper("assign", ACCOUNT, "Reader", "--group", "analysts")
    keeper("assign", OTHER, "Reader", "--user", "noor")
    admin, group, noor = (
        ("Production", "Admin", "mira"),
        ("Production", "Reader", "analysts"),
        ("Lab", "Reader", "noor"),
    )
    assert listed(keeper) == [admin, group, noor]
    assert listed(keeper, "--account", "Production") == [admin, group]
    assert listed(keeper, "--permission-set", "Reader") == [group, noor]
    assert listed(keeper, "--user", "mira") == [admin]
    assert listed(keeper, "--user", "noor") == [group, noor]
    assert listed(keeper, "--group", "analysts") == [group]
    assert listed(keeper, "--account", OTHER, "--user", "noor") == [noor]
    assert listed(keeper, "--account", OTHER, "--group", "analysts") == []


@pytest.mark.parametrize(
    "arguments, code, reason",
    [
        (["assign", ACCOUNT, "Admin"], 2, "to whom? give --user or --group"),
        (["unassign", ACCOUNT, "Admin"], 2, "to whom? give --user or --group"),
        (["assign", ACCOUNT, "Admin", "--user", "mira"], 1, "that is assigned already"),
        (["unassign", ACCOUNT, "Reader", "--user", "mira"], 1, "that is not assigned"),
        (["assign", "nothing", "Admin", "--user", "mira"], 1, "no account 'nothing'"),
        (["assign", ACCOUNT, "nothing", "--user", "mira"], 1, "no permission set 'nothing'"),
        (["assign", ACCOUNT, "Reader", "--user", "mira", "--user", "nobody"], 1, "no user 'nobody'"),
        (["assign", ACCOUNT, "Reader", "--user", "mira", "--group", "nothing"], 1, "no group 'nothing'"),
        (["assign", ACCOUNT, "Admin", "--user", "mira", "--instance", "nothing"], 1, "no instance 'nothing'"),
        (["assignments", "--account", "nothing"], 1, "no account 'nothing'"),
        (["assignments", "--permission-set", "nothing"], 1, "no permission set 'nothing'"),
        (["assignments", "--user", "nobody"], 1, "no user 'nobody'"),
        (["assignments", "--group", "nothing"], 1, "no group 'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused_changes_nothing(keeper: Keeper, arguments: list[str], code: int, reason: str) -> None:
    keeper("assign", ACCOUNT, "Admin", "--user", "mira")
    assert reason in keeper(*arguments, code=code)
    assert listed(keeper) == [("Production", "Admin", "mira")]


def test_one_who_is_named_twice_is_assigned_once(keeper: Keeper) -> None:
    assert len(keeper.json("assign", ACCOUNT, "Admin", "--user", "mira", "--user", "MIRA")) == 1


def test_two_who_assign_at_once_are_told(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one does it between this one's look and its change."""
    meant = assign._meant

    async def late(*arguments: object) -> list[AccountAssignment]:
        wanted = await meant(*arguments)  # type: ignore[arg-type]
        await arguments[1].change_configuration(assign.ConfigurationChange(create=tuple(wanted)))  # type: ignore[attr-defined]
        return wanted

    monkeypatch.setattr(assign, "_meant", late)
    monkeypatch.setattr(assign, "_known", lambda store: _nothing())
    assert "at the same time: try again" in keeper("assign", ACCOUNT, "Admin", "--user", "mira", code=1)


async def _nothing() -> set[str]:
    return set()


def test_instances_are_apart(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    keeper("user", "add", "mira", "--no-password", "--instance", "lab")
    keeper("account", "add", ACCOUNT, "--name", "There", "--instance", "lab")
    keeper("permission-set", "add", "Admin", "--instance", "lab")
    keeper("assign", ACCOUNT, "Admin", "--user", "mira", "--instance", "lab")
    assert listed(keeper) == []
    assert listed(keeper, "--instance", "lab") == [("There", "Admin", "mira")]
    assert "that is not assigned" in keeper("unassign", ACCOUNT, "Admin", "--user", "mira", code=1)
