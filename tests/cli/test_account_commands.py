"""`postern account` and `postern permission-set`."""

from pathlib import Path

import pytest

from tests.cli.keeping import Keeper

ACCOUNT = "111122223333"


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_the_life_of_an_account(keeper: Keeper) -> None:
    added = keeper.json("account", "add", ACCOUNT, "--name", "Production", "--email", "ops@example.org")
    created_at = added.pop("created_at")
    assert added == {
        "account_id": ACCOUNT,
        "name": "Production",
        "email": "ops@example.org",
        "credential_source": "",
    }
    added["created_at"] = created_at
    assert keeper.json("account", "list") == [added]
    keeper("credential-source", "add", "own", "--type", "local")
    changed = keeper.json("account", "update", "Production", "--name", "Prod", "--credential-source", "own")
    assert changed == added | {"name": "Prod", "credential_source": "own"}
    assert keeper.json("account", "update", ACCOUNT, "--credential-source", "") == added | {"name": "Prod"}
    assert keeper.json("account", "remove", "Prod") == added | {"name": "Prod"}
    assert keeper.json("account", "list") == []


def test_an_account_s_commands_speak_to_people(keeper: Keeper) -> None:
    keeper.add_person("mira")
    assert keeper("account", "list") == "no account yet: postern account add ACCOUNT_ID --name NAME\n"
    assert keeper("account", "add", ACCOUNT, "--name", "Production") == f"added account {ACCOUNT}\n"
    assert keeper("account", "list").splitlines()[1].split() == [ACCOUNT, "Production", "-"]
    assert keeper("account", "update", ACCOUNT, "--email", "ops@example.org") == f"changed account {ACCOUNT}\n"
    assert keeper("account", "remove", ACCOUNT) == f"removed account {ACCOUNT} and its assignments\n"


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["add", ACCOUNT, "--name", "Other"], f"there is an account {ACCOUNT} already"),
        (["add", "1111", "--name", "Other"], "12 digits"),
        (["add", "222222222222", "--name", ""], "1 to 50"),
        (["add", "222222222222", "--name", "Other", "--credential-source", "gone"], "no credential source 'gone'"),
        (["update", ACCOUNT, "--name", "x" * 51], "1 to 50"),
        (["update", ACCOUNT, "--credential-source", "gone"], "no credential source 'gone'"),
        (["update", "nothing", "--name", "x"], "no account 'nothing'"),
        (["remove", "nothing"], "no account 'nothing'"),
        (["remove", "Twin"], "several accounts are called 'Twin'"),
        (["list", "--instance", "nothing"], "no instance 'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_an_account_refuses_is_exit_code_1(keeper: Keeper, arguments: list[str], reason: str) -> None:
    keeper("account", "add", ACCOUNT, "--name", "Production")
    for twin in ("333333333333", "444444444444"):
        keeper("account", "add", twin, "--name", "Twin")
    before = keeper.json("account", "list")
    assert reason in keeper("account", *arguments, code=1)
    assert keeper.json("account", "list") == before


def test_accounts_of_instances_are_apart(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    keeper("account", "add", ACCOUNT, "--name", "Here")
    keeper("account", "add", ACCOUNT, "--name", "There", "--instance", "lab")
    assert [each["name"] for each in keeper.json("account", "list")] == ["Here"]
    keeper("account", "remove", ACCOUNT)
    assert [each["name"] for each in keeper.json("account", "list", "--instance", "lab")] == ["There"]


def test_the_life_of_a_permission_set(keeper: Keeper) -> None:
    given = ("--description", "may do all", "--session-duration", "4h", "--relay-state", "https://example.org/console")
    added = keeper.json("permission-set", "add", "Admin", *given)
    arn, created_at = added.pop("permission_set_arn"), added.pop("created_at")
    assert added == {
        "name": "Admin",
        "description": "may do all",
        "session_duration": 4 * 3600,
        "relay_state": "https://example.org/console",
        "credential_source": "",
    }
    added |= {"permission_set_arn": arn, "created_at": created_at}
    assert keeper.json("permission-set", "list") == [added]
    keeper("credential-source", "add", "own", "--type", "local")
    changed = keeper.json("permission-set", "update", arn, "--relay-state", "", "--credential-source", "own")
    assert changed == added | {"relay_state": "", "credential_source": "own"}
    assert keeper.json("permission-set", "remove", "Admin") == changed
    assert keeper.json("permission-set", "list") == []


@pytest.mark.parametrize("written, seconds", [("5400", 5400), ("90m", 5400), ("PT1H30M", 5400), ("12h", 43_200)])
def test_a_session_duration_may_be_written_in_several_ways(keeper: Keeper, written: str, seconds: int) -> None:
    added = keeper.json("permission-set", "add", "Admin", "--session-duration", written)
    assert added["session_duration"] == seconds
    keeper("permission-set", "add", "Reader")
    changed = keeper.json("permission-set", "update", "Reader", "--session-duration", written)
    assert changed["session_duration"] == seconds


def test_a_permission_set_s_commands_speak_to_people(keeper: Keeper) -> None:
    keeper.add_person("mira")
    assert keeper("permission-set", "list") == "no permission set yet: postern permission-set add NAME\n"
    assert keeper("permission-set", "add", "Admin", "--session-duration", "90m") == "added permission set Admin\n"
    keeper("permission-set", "add", "Reader", "--description", "may look")
    listed = [line.split() for line in keeper("permission-set", "list").splitlines()[1:]]
    assert listed == [["Admin", "90", "min", "-"], ["Reader", "1", "h", "-", "may", "look"]]
    assert keeper("permission-set", "update", "Admin", "--description", "x") == "changed permission set Admin\n"
    assert keeper("permission-set", "remove", "Admin") == "removed permission set Admin and its assignments\n"


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["add", "Admin"], "there is a permission set Admin already"),
        (["add", "a b"], "1 to 32 letters"),
        (["add", "Other", "--session-duration", "30m"], "1 to 12 hours"),
        (["add", "Other", "--session-duration", "13h"], "1 to 12 hours"),
        (["add", "Other", "--session-duration", "soon"], "like 1h, 90m or PT1H"),
        (["add", "Other", "--relay-state", "http://example.org"], "https URL"),
        (["add", "Other", "--credential-source", "gone"], "no credential source 'gone'"),
        (["update", "Admin", "--session-duration", ""], "like 1h, 90m or PT1H"),
        (["update", "Admin", "--description", "\x1b"], "printable"),
        (["update", "Admin", "--credential-source", "gone"], "no credential source 'gone'"),
        (["update", "nothing", "--description", "x"], "no permission set 'nothing'"),
        (["remove", "nothing"], "no permission set 'nothing'"),
        (["list", "--instance", "nothing"], "no instance 'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_a_permission_set_refuses_is_exit_code_1(keeper: Keeper, arguments: list[str], reason: str) -> None:
    keeper("permission-set", "add", "Admin")
    before = keeper.json("permission-set", "list")
    assert reason in keeper("permission-set", *arguments, code=1)
    assert keeper.json("permission-set", "list") == before


def test_permission_sets_of_instances_are_apart(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    here = keeper.json("permission-set", "add", "Admin")
    there = keeper.json("permission-set", "add", "Admin", "--instance", "lab")
    assert keeper.json("permission-set", "list") == [here]
    keeper("permission-set", "remove", "Admin")
    assert keeper.json("permission-set", "list", "--instance", "lab") == [there]
