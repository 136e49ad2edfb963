"""`postern plan`, `apply` and `export`: the whole directory in one file."""

import json
from pathlib import Path

import pytest

from postern.cli import apply, main
from postern.core.directory.planning import Known, read_known
from postern.core.records import Instance
from postern.core.store import Store
from postern.core.users import new_person
from tests.cli.keeping import Keeper

PASSWORD = "correct horse battery"
FILE = """
[[instance]]
name = "primary"
primary = true
id = "ssoins-0123456789abcdef"
identity_store_id = "d-0123456789"
owner_account_id = "111122223333"

[[user]]
user_name = "mira"
password_file = "mira.password"

[[user]]
user_name = "noor"

[[group]]
name = "analysts"
members = ["mira", "noor"]

[[credential_source]]
name = "cloud"
type = "assume-role"
endpoint = "https://sts.example.org"
region = "us-east-1"
access_key_id = "AKIAIOSFODNN7EXAMPLE"
secret_access_key_env = "CLOUD_SECRET"

[[account]]
account_id = "111122223333"
name = "Production"
credential_source = "cloud"

[[permission_set]]
name = "Admin"
session_duration = "PT4H"

[[assignment]]
accounts = ["111122223333"]
permission_sets = ["Admin"]
groups = ["analysts"]
"""


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.setenv("CLOUD_SECRET", "a secret of the cloud")
    return Keeper(tmp_path / "data", capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_password(tmp_path, PASSWORD)
    file = tmp_path / "directory.toml"
    file.write_text(FILE)
    return file


def write_password(folder: Path, password: str) -> None:
    (folder / "mira.password").write_text(password)
    (folder / "mira.password").chmod(0o600)


def everybody(keeper: Keeper) -> list[str]:
    return [person["user_name"] for person in keeper.json("user", "list")]


def test_a_file_makes_a_whole_directory_where_there_is_none(keeper: Keeper, file: Path) -> None:
    assert keeper("apply", str(file)).splitlines()[-1] == "10 differences; applied"
    (instance,) = keeper.json("instance", "list")
    assert instance["instance_arn"] == "arn:aws:sso:::instance/ssoins-0123456789abcdef"
    assert (instance["identity_store_id"], instance["owner_account_id"]) == ("d-0123456789", "111122223333")
    assert everybody(keeper) == ["mira", "noor"]
    assert keeper.json("apply", str(file)) == {"applied": False, "differences": [], "unlisted": 0}
    assert keeper("plan", str(file)) == "there is nothing to do\n"


def test_a_file_that_cannot_be_leaves_no_instance_behind(keeper: Keeper, file: Path) -> None:
    file.write_text(FILE.replace('"noor"]', '"nobody"]'))
    assert f"{file}:18: there is no user 'nobody'" in keeper("apply", str(file), code=2)
    file.write_text(FILE.replace("ssoins-0123456789abcdef", "ssoins-fedcba9876543210"))
    keeper("apply", str(file))
    assert keeper.json("instance", "list")[0]["instance_arn"].endswith("/ssoins-fedcba9876543210")


# Plans


@pytest.mark.parametrize("command", [("plan",), ("apply", "--dry-run")], ids=" ".join)
def test_a_plan_says_what_differs_and_changes_nothing(keeper: Keeper, file: Path, command: tuple[str, ...]) -> None:
    keeper("apply", str(file))
    keeper("user", "add", "bela", "--generate")
    file.write_text(FILE.replace("PT4H", "PT1H").replace('"Production"', '"Live"'))
    expected = [
        "~ account 111122223333 (Live)",
        '    name: "Production" -> "Live"',
        "~ permission set Admin",
        "    session_duration: 14400 -> 3600",
        "1 stored record not in the file: --prune removes what is not",
        "2 differences; nothing was changed",
    ]
    assert keeper(*command, str(file)).splitlines() == expected
    expected[-2:] = ["- user bela", "3 differences; nothing was changed"]
    assert keeper(*command, str(file), "--prune").splitlines() == expected
    assert everybody(keeper) == ["bela", "mira", "noor"]


def test_a_script_learns_of_differences_by_the_exit_code(
    keeper: Keeper, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper("apply", str(file))
    keeper("plan", str(file), "--detailed-exitcode")
    file.write_text(FILE.replace("PT4H", "PT1H"))
    keeper("plan", str(file))
    assert main(["plan", str(file), "--detailed-exitcode", "--data", str(keeper.data)]) == 1
    assert "permission set Admin" in capsys.readouterr().out


def test_of_many_differences_a_person_sees_some_and_a_program_all(keeper: Keeper, file: Path) -> None:
    people = "".join(f'[[user]]\nuser_name = "person{number}"\n' for number in range(100))
    file.write_text(people)
    said = keeper("apply", str(file)).splitlines()
    assert "+ user: 70 more (--json shows all)" in said
    assert len(said) == 30 + 3
    file.write_text(people.replace("person", "another"))
    assert len(keeper.json("plan", str(file))["differences"]) == 100


# What is not in the file


def test_what_is_removed_is_confirmed(keeper: Keeper, file: Path) -> None:
    keeper("apply", str(file))
    file.write_text(FILE.replace('[[user]]\nuser_name = "noor"\n', "").replace(', "noor"', ""))
    said = keeper("apply", str(file), "--prune", code=2)
    assert "2 stored records would be removed: add --yes" in said
    assert everybody(keeper) == ["mira", "noor"]
    keeper("apply", str(file))
    assert everybody(keeper) == ["mira", "noor"]
    keeper("apply", str(file), "--prune", "--yes")
    assert everybody(keeper) == ["mira"]


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_a_person_at_a_terminal_is_asked(
    keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    keeper("apply", str(file))
    file.write_text("")
    monkeypatch.setattr(apply, "is_interactive", lambda: True)
    monkeypatch.setattr(apply, "ask", ask)
    if answer == "y":
        keeper("apply", str(file), "--prune")
    else:
        assert "nothing was changed" in keeper("apply", str(file), "--prune", code=1)
    assert asked == ["9 stored records will be removed. Go on? [y/N] "]
    assert everybody(keeper) == ([] if answer == "y" else ["mira", "noor"])


# Secrets


def test_a_password_is_changed_only_if_it_is_another_one(keeper: Keeper, file: Path) -> None:
    keeper("apply", str(file))
    assert keeper("apply", str(file)) == "there is nothing to do\n"
    write_password(file.parent, "another horse battery")
    said = keeper("apply", str(file))
    assert said == '~ user mira\n    password: "(hidden)" -> "(hidden)"\n1 difference; applied\n'
    assert keeper("apply", str(file)) == "there is nothing to do\n"


@pytest.mark.parametrize(
    "text, replacement, complaint",
    [
        ('"mira.password"', '"gone.password"', ":11: the secret's file"),
        ('password_file = "mira.password"', 'password_env = "MIRA"', ":11: the variable MIRA is not set"),
        ("_env =", "_file = 'a'\nsecret_access_key_env =", ":27: secret_access_key_file and secret_access_key_env"),
        ('user_name = "noor"', 'user_name = "noor"\npassword = "x"', ":15: user.password is not known: did you mean p"),
        ("CLOUD_SECRET", "OTHER_SECRET", ":26: the variable OTHER_SECRET is not set"),
        ("assume-role", "assume-rule", ":22: credential_source.type: Invalid enum value 'assume-rule': it is local"),
        ('"PT4H"', '"PT13H"', ":33: a session lasts"),
        ('"Production"', "7", ":30: account.name: Expected `str`, got `int`"),
        ('= "cloud"\n\n', '= "clod"\n\n', ":31: there is no credential source 'clod'"),
        ('permission_sets = ["Admin"]', 'permission_sets = ["Root"]', ":39: there is no permission set 'Root'"),
    ],
    ids=lambda value: value if value.startswith(":") else "",
)
def test_what_is_wrong_is_said_with_its_line(
    keeper: Keeper, file: Path, text: str, replacement: str, complaint: str
) -> None:
    assert text in FILE
    file.write_text(FILE.replace(text, replacement))
    assert f"{file}{complaint}" in keeper("apply", str(file), code=2)


def test_a_password_that_is_too_weak_is_refused(keeper: Keeper, file: Path) -> None:
    write_password(file.parent, "short")
    said = keeper("apply", str(file), code=2)
    assert f"{file}:9: the password of 'mira': " in said
    assert "short" not in said.partition("'mira'")[2].replace("too short", "")


# Export


def test_an_export_differs_in_nothing_and_makes_the_same_elsewhere(
    keeper: Keeper, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper("apply", str(file))
    text = keeper("export")
    assert keeper("export", "-") == text
    assert "a secret of the cloud" not in text
    assert PASSWORD not in text
    written = tmp_path / "written.toml"
    written.write_text(text)
    assert keeper("plan", str(written), "--prune") == "there is nothing to do\n"
    other = Keeper(tmp_path / "other", capsys)
    assert "the secret access key is not known here" in other("apply", str(written), code=2)
    written.write_text(text.replace('# secret_access_key_file = "…"', 'secret_access_key_env = "CLOUD_SECRET"'))
    other("apply", str(written))
    assert other("export") == text.replace('# password_file = "…"  # or password_env\n', "")


def test_comments_say_whose_secrets_are_missing(keeper: Keeper, file: Path) -> None:
    keeper("apply", str(file))
    text = keeper("export")
    mira, noor, *_ = [table for table in text.split("\n\n") if table.startswith("[[user]]")]
    assert mira.endswith('# password_file = "…"  # or password_env')
    assert "password" not in noor
    source = next(table for table in text.split("\n\n") if table.startswith("[[credential_source]]"))
    assert source.endswith('# secret_access_key_file = "…"  # or secret_access_key_env')


def test_an_export_is_written_once_and_for_its_owner(
    keeper: Keeper, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper("apply", str(file))
    written = tmp_path / "written.toml"
    assert main(["export", str(written), "--data", str(keeper.data)]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"8 tables written to {written}\n")
    assert written.stat().st_mode & 0o777 == 0o600
    assert written.read_text() == keeper("export")
    assert "is there already: --force overwrites it" in keeper("export", str(written), code=2)
    keeper("user", "add", "bela", "--generate")
    assert main(["export", str(written), "--force", "--json", "--data", str(keeper.data)]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(written), "tables": 9}
    assert '"bela"' in written.read_text()
    assert "cannot be written" in keeper("export", str(tmp_path / "no" / "file.toml"), code=2)


def test_an_export_for_programs_is_json(keeper: Keeper, file: Path) -> None:
    keeper("apply", str(file))
    tables = keeper.json("export")
    assert [*tables] == [
        *("instance", "user", "group", "credential_source"),
        *("account", "permission_set", "assignment"),
    ]
    assert tables["permission_set"][0]["session_duration"] == 14_400


def test_somebody_else_s_change_is_told_apart(keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was taken between reading and writing."""
    keeper("apply", str(file))
    file.write_text(FILE + '[[user]]\nuser_name = "bela"\n')

    async def read_then_lose(store: Store, instance: Instance) -> Known:
        known = await read_known(store, instance)
        await store.create_user(new_person(known.instance, user_name="bela", now=1))
        return known

    monkeypatch.setattr("postern.core.directory.planning.read_known", read_then_lose)
    assert "somebody else changed the directory at the same time: try again" in keeper("apply", str(file), code=1)
