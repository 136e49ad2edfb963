"""`postern group`, and the external ids of `postern user`."""

from pathlib import Path

import pytest

from tests.cli.keeping import Keeper


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_the_life_of_a_group(keeper: Keeper) -> None:
    mira = keeper.add_person("Mira")
    group = keeper.json("group", "add", "analysts", "--description", "who read")
    assert set(group) == {"group_id", "display_name", "description", "created_at"}
    joined = keeper.json("group", "join", "analysts", "mira")
    assert joined == {
        "group_id": group["group_id"],
        "display_name": "analysts",
        "user_id": mira,
        "user_name": "Mira",
    }
    assert keeper.json("group", "list") == [group | {"members": 1}]
    assert [person["user_id"] for person in keeper.json("group", "members", group["group_id"])] == [mira]
    assert keeper.json("group", "leave", "analysts", "mira") == joined
    assert keeper.json("group", "members", "analysts") == []
    assert keeper.json("group", "remove", "analysts") == group
    assert keeper.json("group", "list") == []


def test_a_group_is_changed_and_keeps_its_people(keeper: Keeper) -> None:
    mira = keeper.add_person("mira")
    group = keeper.json("group", "add", "analysts", "--description", "who read")
    keeper("group", "join", "analysts", "mira")
    assert keeper("group", "update", "analysts", "--name", "readers") == "changed readers\n"
    assert keeper.json("group", "update", "readers", "--description", "") == group | {
        "display_name": "readers",
        "description": "",
    }
    assert [person["user_id"] for person in keeper.json("group", "members", "readers")] == [mira]


def test_groups_of_instances_are_apart(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    here = keeper.json("group", "add", "analysts")
    there = keeper.json("group", "add", "analysts", "--instance", "lab")
    keeper("user", "add", "mira", "--no-password", "--instance", "lab")
    assert keeper.json("group", "list") == [here | {"members": 0}]
    assert "no user 'mira'" in keeper("group", "join", "analysts", "mira", code=1)
    keeper("group", "join", "analysts", "mira", "--instance", "lab")
    assert keeper.json("group", "list", "--instance", "lab") == [there | {"members": 1}]
    keeper("group", "remove", "analysts")
    assert len(keeper.json("group", "members", "analysts", "--instance", "lab")) == 1


def test_a_group_s_commands_speak_to_people(keeper: Keeper) -> None:
    keeper.add_person("Mira")
    assert keeper("group", "list") == "no group yet: postern group add NAME\n"
    assert keeper("group", "add", "analysts") == "added analysts\n"
    assert keeper("group", "members", "analysts") == "nobody is in analysts\n"
    assert keeper("group", "join", "analysts", "mira") == "Mira is in analysts\n"
    assert keeper("group", "members", "analysts").splitlines()[1].split() == ["Mira", "Mira", "ENABLED"]
    assert keeper("group", "list").splitlines()[1].split()[:2] == ["analysts", "1"]
    assert keeper("group", "leave", "analysts", "mira") == "Mira has left analysts\n"
    assert "memberships" in keeper("group", "remove", "analysts")


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["add", "analysts"], "there is a group 'analysts' already"),
        (["add", ""], ""),
        (["update", "analysts", "--name", "readers"], "there is a group 'readers' already"),
        (["update", "analysts", "--name", " "], "1 to 1024"),
        (["update", "nothing", "--name", "x"], "no group 'nothing'"),
        (["remove", "nothing"], "nothing"),
        (["members", "nothing"], "nothing"),
        (["join", "analysts", "mira"], "Mira is in analysts already"),
        (["join", "analysts", "nobody"], "no user 'nobody'"),
        (["join", "nothing", "mira"], "nothing"),
        (["leave", "analysts", "noor"], "noor is not in analysts"),
    ],
    ids=" ".join,
)
def test_what_a_group_refuses_is_exit_code_1(keeper: Keeper, arguments: list[str], reason: str) -> None:
    keeper.add_person("Mira")
    keeper.add_person("noor")
    keeper("group", "add", "analysts")
    keeper("group", "add", "readers")
    keeper("group", "join", "analysts", "mira")
    assert reason in keeper("group", *arguments, code=1)


def test_an_external_id_is_noted_and_forgotten(keeper: Keeper) -> None:
    keeper.json("user", "add", "mira", "--generate", "--external-id", "https://idp.example.org=00u1")
    noted = keeper.json("user", "external-id", "mira", "https://hr.example.org=77=x")
    assert noted["user_name"] == "mira"
    assert noted["external_ids"] == [
        {"issuer": "https://idp.example.org", "id": "00u1"},
        {"issuer": "https://hr.example.org", "id": "77=x"},
    ]
    left = keeper.json("user", "external-id", "mira", "https://idp.example.org=00u1", "--remove")
    assert left["external_ids"] == [{"issuer": "https://hr.example.org", "id": "77=x"}]
    assert "has the external id" in keeper("user", "external-id", "mira", "https://idp.example.org=00u1")


@pytest.mark.parametrize(
    "ids, code",
    [
        (["https://idp.example.org=00u1", "https://idp.example.org=00u1"], 2),
        (["https://idp.example.org=00u1", "https://hr.example.org=00u1"], 2),
        (["https://idp.example.org=00u1", f"https://hr.example.org={'x' * 513}"], 1),
        (["https://idp.example.org=00u1", "https://hr.example.org=\x1b"], 1),
        (["https://idp.example.org=00u1", "https://hr.example.org=taken"], 1),
    ],
    ids=["twice", "twice, of two issuers", "too long", "unprintable", "taken"],
)
def test_a_refused_external_id_leaves_nobody_half_made(keeper: Keeper, ids: list[str], code: int) -> None:
    keeper("user", "add", "noor", "--generate", "--external-id", "https://idp.example.org=taken")
    given = [word for id_ in ids for word in ("--external-id", id_)]
    keeper("user", "add", "mira", "--generate", *given, code=code)
    assert [person["user_name"] for person in keeper.json("user", "list")] == ["noor"]
    keeper("user", "add", "mira", "--generate", "--external-id", ids[0])


def test_an_external_id_is_one_person_s(keeper: Keeper) -> None:
    keeper("user", "add", "mira", "--generate", "--external-id", "https://idp.example.org=00u1")
    taken = ["--external-id", "https://other.example.org=00u1"]
    assert "somebody's already" in keeper("user", "add", "noor", "--generate", *taken, code=1)
    assert [person["user_name"] for person in keeper.json("user", "list")] == ["mira"]
    assert "somebody's already" in keeper("user", "external-id", "mira", taken[1], code=1)
    gone = keeper("user", "external-id", "mira", "https://idp.example.org=other", "--remove", code=1)
    assert "has no external id" in gone


@pytest.mark.parametrize("text", ["00u1", "=00u1", "https://idp.example.org="])
def test_an_external_id_without_issuer_or_id_is_exit_code_2(keeper: Keeper, text: str) -> None:
    keeper.add_person("mira")
    assert "ISSUER=ID" in keeper("user", "external-id", "mira", text, code=2)
    assert "ISSUER=ID" in keeper("user", "add", "noor", "--generate", "--external-id", text, code=2)
