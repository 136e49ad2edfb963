"""`postern instance`."""

import re
from pathlib import Path

import pytest

from tests.cli.keeping import Keeper

ALIAS = "https://our.example/start"


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_the_life_of_an_instance(keeper: Keeper) -> None:
    added = keeper.json("instance", "add", "lab", "--start-url-alias", ALIAS, "--owner-account-id", "111122223333")
    assert set(added) == {
        *("name", "instance_id", "instance_arn", "identity_store_id", "owner_account_id", "is_primary", "start_url"),
        *("aws_start_url", "start_url_aliases", "created_at"),
    }
    assert added["instance_arn"] == f"arn:aws:sso:::instance/{added['instance_id']}"
    assert added["start_url"].endswith(f"/start/{added['instance_id']}")
    assert re.fullmatch(r"https://d-[0-9a-f]{10}\.awsapps\.com/start", added["aws_start_url"])
    assert (added["owner_account_id"], added["is_primary"]) == ("111122223333", False)
    assert added["start_url_aliases"] == [ALIAS]
    primary, listed = keeper.json("instance", "list")
    assert (primary["name"], primary["is_primary"], listed) == ("primary", True, added)
    aliases = ("--start-url-alias", f"{ALIAS}2", "--start-url-alias", f"{ALIAS}3")
    changed = keeper.json("instance", "update", "lab", *aliases)
    assert changed == added | {"start_url_aliases": [f"{ALIAS}2", f"{ALIAS}3"]}
    assert keeper.json("instance", "update", "lab") == changed
    emptied = keeper.json("instance", "update", added["instance_id"], "--start-url-alias", "")
    assert emptied == added | {"start_url_aliases": []}
    assert keeper.json("instance", "remove", "lab") == emptied
    assert keeper.json("instance", "list") == [primary]


def test_its_commands_speak_to_people(keeper: Keeper) -> None:
    lines = keeper("instance", "add", "lab").splitlines()
    assert lines[0] == "added instance lab"
    assert lines[1].startswith("start URL        http")
    assert lines[2].startswith("for the AWS CLI  https://d-")
    assert [line.split()[0] for line in keeper("instance", "list").splitlines()] == ["NAME", "primary", "lab"]
    assert keeper("instance", "update", "lab", "--start-url-alias", ALIAS) == "changed instance lab\n"
    assert keeper("instance", "remove", "lab") == "removed instance lab\n"


def test_the_primary_instance_takes_aliases_too(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    assert keeper.json("instance", "update", "primary", "--start-url-alias", ALIAS)["start_url_aliases"] == [ALIAS]


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["add", "lab"], "there is an instance lab already"),
        (["add", "primary"], "primary instance"),
        (["add", "The Lab"], "small letters"),
        (["add", "other", "--owner-account-id", "12"], "12 digits"),
        (["add", "other", "--start-url-alias", "ftp://our.example"], "not an http(s) URL"),
        (["update", "lab", "--start-url-alias", "nothing"], "not an http(s) URL"),
        (["update", "nothing"], "no instance 'nothing'"),
        (["remove", "nothing"], "no instance 'nothing'"),
        (["remove", "lab"], "instance lab is not empty"),
        (["remove", "primary"], "the primary instance stays"),
    ],
    ids=" ".join,
)
def test_what_is_refused_is_exit_code_1(keeper: Keeper, arguments: list[str], reason: str) -> None:
    keeper("instance", "add", "lab")
    keeper("group", "add", "analysts", "--instance", "lab")
    assert reason in keeper("instance", *arguments, code=1)
    assert [each["name"] for each in keeper.json("instance", "list")] == ["primary", "lab"]


def test_nobody_is_told_to_empty_the_primary_instance(keeper: Keeper) -> None:
    keeper.add_person("mira")
    assert "the primary instance stays" in keeper("instance", "remove", "primary", code=1)
