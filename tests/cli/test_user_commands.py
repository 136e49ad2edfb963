"""`postern user`: names, what a person may be, changes and removals. How a person's life begins is in test_cli.py."""

from pathlib import Path

import pytest

from postern.cli import configuring
from postern.core.directory.records import AccountAssignment, ExternalId, GroupMembership
from postern.core.records import Record
from tests.cli.keeping import Keeper

ACCOUNT = "111122223333"


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_a_person_is_added_with_all_names(keeper: Keeper) -> None:
    names = ("--display-name", "Mira M.", "--given-name", "Mira", "--family-name", "Marsh")
    added = keeper.json("user", "add", "mira", *names, "--email", "Mira@Example.org", "--generate")
    assert {name: added[name] for name in ("display_name", "given_name", "family_name", "email")} == {
        "display_name": "Mira M.",
        "given_name": "Mira",
        "family_name": "Marsh",
        "email": "mira@example.org",
    }
    assert added["has_password"]


def test_a_person_may_be_added_without_a_password_and_get_one_later(keeper: Keeper) -> None:
    assert not keeper.json("user", "add", "mira", "--no-password")["has_password"]
    assert "ENABLED, without a password" in keeper("user", "show", "mira")
    assert keeper.json("user", "password", "mira", "--generate")["has_password"]


def test_a_name_that_is_taken_takes_no_external_id_along(keeper: Keeper) -> None:
    keeper.add_person("mira")
    taken = keeper("user", "add", "Mira", "--no-password", "--external-id", "https://idp.example.org=00u1", code=1)
    assert "there is a user 'Mira' already" in taken
    keeper("user", "add", "noor", "--no-password", "--external-id", "https://idp.example.org=00u1")


def test_an_external_id_of_another_instance_s_person_is_taken(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    given = ("--no-password", "--external-id", "https://idp.example.org=00u1")
    keeper("user", "add", "mira", *given, "--instance", "lab")
    assert "somebody's already" in keeper("user", "add", "mira", *given, code=1)
    assert keeper.json("user", "list") == []


def test_all_of_a_person_is_shown(keeper: Keeper) -> None:
    mira = keeper.json("user", "add", "mira", "--no-password", "--external-id", "https://idp.example.org=00u1")
    group = keeper.json("group", "add", "analysts")
    keeper("group", "join", "analysts", "mira")
    keeper("account", "add", ACCOUNT, "--name", "Lab")
    keeper("permission-set", "add", "Admin")
    keeper("permission-set", "add", "Reader")
    keeper("assign", ACCOUNT, "Reader", "--group", "analysts")
    keeper("assign", ACCOUNT, "Admin", "--user", "mira")
    assert "not signed in" in keeper("user", "show", "mira")
    family = keeper.sign_in("mira")
    shown = keeper.json("user", "show", "MIRA")
    (session,) = shown["sign_ins"]
    assert session["id"] == f"{family.family_id:016x}"
    assert shown == mira | {
        "external_ids": [{"issuer": "https://idp.example.org", "id": "00u1"}],
        "groups": [{"group_id": group["group_id"], "display_name": "analysts"}],
        "roles": [{"account_id": ACCOUNT, "account_name": "Lab", "role_name": name} for name in ("Admin", "Reader")],
        "sign_ins": keeper.json("session", "list", "--user", "mira"),
    }
    text = keeper("user", "show", "mira")
    for part in ("https://idp.example.org=00u1", "analysts", f"{ACCOUNT}  Lab      Reader", session["id"]):
        assert part in text


def test_an_update_changes_what_is_given_and_nothing_else(keeper: Keeper) -> None:
    keeper("user", "add", "mira", "--generate", "--given-name", "Mira", "--email", "m@example.org")
    before = keeper.json("user", "show", "mira")
    family = keeper.sign_in("mira")
    changed = keeper.json("user", "update", "mira", "--family-name", "Marsh", "--email", "")
    assert changed["family_name"] == "Marsh"
    after = keeper.json("user", "show", "mira")
    (session,) = after["sign_ins"]
    assert session["id"] == f"{family.family_id:016x}"
    assert after == before | {"family_name": "Marsh", "email": "", "sign_ins": [session]}


def test_a_renamed_person_is_the_same_person(keeper: Keeper) -> None:
    mira = keeper.add_person("mira")
    assert keeper("user", "update", "mira", "--user-name", "mira.marsh") == "changed mira.marsh\n"
    assert keeper.json("user", "show", "mira.marsh")["user_id"] == mira
    keeper("user", "show", "mira", code=1)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["update", "mira", "--user-name", "NOOR"], "there is a user 'NOOR' already"),
        (["update", "mira", "--user-name", ""], "user name"),
        (["update", "mira", "--given-name", "a\x1bb"], "printable"),
        (["update", "nobody", "--email", "n@example.org"], "no user 'nobody'"),
        (["show", "nobody"], "no user 'nobody'"),
        (["remove", "nobody", "--yes"], "no user 'nobody'"),
        (["list", "--instance", "nothing"], "no instance 'nothing'"),
    ],
    ids=" ".join,
)
def test_what_is_refused_is_exit_code_1(keeper: Keeper, arguments: list[str], reason: str) -> None:
    keeper.add_person("mira")
    keeper.add_person("noor")
    assert reason in keeper("user", *arguments, code=1)
    assert [each["user_name"] for each in keeper.json("user", "list")] == ["mira", "noor"]


def test_a_removed_person_leaves_nothing(keeper: Keeper) -> None:
    keeper("user", "add", "mira", "--no-password", "--external-id", "https://idp.example.org=00u1")
    keeper("group", "add", "analysts")
    keeper("group", "join", "analysts", "mira")
    keeper("account", "add", ACCOUNT, "--name", "Lab")
    keeper("permission-set", "add", "Admin")
    keeper("assign", ACCOUNT, "Admin", "--user", "mira")
    family = keeper.sign_in("mira")
    assert "removed mira" in keeper("user", "remove", "mira", "--yes")
    kinds: tuple[type[Record], ...] = (ExternalId, GroupMembership, AccountAssignment)
    for kind in kinds:
        assert keeper.ask(lambda store, kind=kind: store.list_configuration(kind)) == []  # type: ignore[misc]
    ended = keeper.ask(lambda store: store.find_token_family(family.family_id))
    assert ended is not None
    assert ended.revocation_reason == "the person was removed"


def test_where_nobody_can_be_asked_a_removal_needs_to_be_confirmed(keeper: Keeper) -> None:
    keeper.add_person("mira")
    assert "mira will be removed for good: add --yes" in keeper("user", "remove", "mira", code=2)
    keeper("user", "show", "mira")


@pytest.mark.parametrize("answer, code", [("y", 0), ("YES", 0), ("", 1), ("n", 1), ("no", 1)])
def test_a_person_is_asked_before_somebody_is_removed(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    keeper.add_person("mira")
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr(configuring, "is_interactive", lambda: True)
    monkeypatch.setattr(configuring, "ask", ask)
    keeper("user", "remove", "mira", code=code)
    assert asked == ["mira will be removed for good. Go on? [y/N] "]
    assert len(keeper.json("user", "list")) == code


def test_people_of_instances_are_apart(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    here = keeper.add_person("mira")
    there = keeper.json("user", "add", "mira", "--no-password", "--instance", "lab")["user_id"]
    assert [each["user_id"] for each in keeper.json("user", "list")] == [here]
    assert [each["user_id"] for each in keeper.json("user", "list", "--instance", "lab")] == [there]
    keeper("user", "disable", "mira", "--instance", "lab")
    assert keeper.json("user", "show", "mira")["status"] == "ENABLED"
    keeper("user", "remove", "mira", "--yes")
    assert keeper.json("user", "show", "mira", "--instance", "lab")["user_id"] == there
