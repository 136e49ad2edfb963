"""`postern apply`: a declarative file, all or nothing."""

from pathlib import Path

import pytest

from postern.cli import main
from postern.cli.declaration_file import line_of
from postern.core.directory.declaration import Place
from tests.cli.keeping import Keeper

ROLE = "arn:aws:iam::111122223333:role/reports"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
FILE = f"""
[[group]]
name = "analysts"
description = "who may read"
members = ["mira"]

[[trusted_token_issuer]]
name = "corp"
issuer_url = "https://login.example.org/v2.0"
claim_attribute_path = "email"
identity_store_attribute_path = "emails.value"

[[access_key]]
access_key_id = "{KEY_ID}"
principal_arn = "{ROLE}"
secret_access_key_file = "reports.secret"

[[application]]
name = "reports"
principals = ["{ROLE}"]
access_scopes = ["redshift:connect", {{scope = "s3:access_grants", authorized_targets = ["lake"]}}]
assigned_groups = ["analysts"]
assigned_users = ["noor"]
[application.authorization_code]
redirect_uris = ["http://127.0.0.1:8080/callback"]
[application.refresh_token]
[application.jwt_bearer]
authorized_token_issuers = [{{trusted_token_issuer = "corp", authorized_audiences = ["api://reports"]}}]

[[application]]
name = "lake"
assignment_required = false
[application.token_exchange]
"""
DIFFERENCES = [
    ("create", "group", "analysts"),
    ("create", "membership", "mira in analysts"),
    ("create", "trusted token issuer", "corp"),
    ("create", "access key", KEY_ID),
    ("create", "application", "reports"),
    ("create", "assignment", "user noor to reports"),
    ("create", "assignment", "group analysts to reports"),
    ("create", "application", "lake"),
]


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    keeper = Keeper(tmp_path / "data", capsys)
    keeper.add_person("mira")
    keeper.add_person("noor")
    return keeper


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "reports.secret").write_text(SECRET + "\n")
    (tmp_path / "reports.secret").chmod(0o600)
    file = tmp_path / "postern.toml"
    file.write_text(FILE)
    return file


def everything(keeper: Keeper) -> list[object]:
    kinds = ("group", "trusted-token-issuer", "iam", "application")
    found: list[object] = [keeper.json(kind, "list") for kind in kinds]
    return found


def test_a_file_is_applied_and_a_second_time_there_is_nothing_to_do(keeper: Keeper, file: Path) -> None:
    done = keeper.json("apply", str(file))
    assert done["applied"] is True
    assert [(each["action"], each["kind"], each["name"]) for each in done["differences"]] == DIFFERENCES
    before = everything(keeper)
    assert keeper.json("application", "show", "reports")["grants"].keys() == {
        "authorization_code",
        "refresh_token",
        "jwt_bearer",
    }
    assert [each["name"] for each in keeper.json("application", "assignments", "reports")] == ["analysts", "noor"]
    assert keeper.json("apply", str(file)) == {"applied": False, "differences": [], "unlisted": 2}
    assert keeper("apply", str(file)) == "there is nothing to do\n"
    assert everything(keeper) == before


def test_a_dry_run_shows_the_differences_and_changes_nothing(keeper: Keeper, file: Path) -> None:
    said = keeper("apply", str(file), "--dry-run").splitlines()
    assert said == [
        *(f"+ {kind} {name}" for _, kind, name in DIFFERENCES),
        "2 stored records not in the file: --prune removes what is not",
        "8 differences; nothing was changed",
    ]
    assert everything(keeper) == [[], [], [], []]
    assert not (keeper.data / "master.key").exists()
    assert keeper.json("apply", str(file), "--dry-run")["applied"] is False
    keeper("apply", str(file))
    file.write_text(FILE.replace('"who may read"', '"who may write"'))
    said = keeper("apply", str(file), "--dry-run").splitlines()
    assert said == [
        "~ group analysts",
        '    description: "who may read" -> "who may write"',
        "2 stored records not in the file: --prune removes what is not",
        "1 difference; nothing was changed",
    ]
    assert keeper.json("group", "list")[0]["description"] == "who may read"


def test_a_dry_run_makes_no_store(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = Keeper(tmp_path / "new", capsys)
    assert "there is no store" in keeper("apply", str(file), "--dry-run", code=3)
    assert not keeper.data.exists()


def test_what_the_file_does_not_name_is_left_alone(keeper: Keeper, file: Path) -> None:
    keeper("apply", str(file))
    other = keeper.json("application", "add", "other")
    keeper("group", "join", "analysts", "noor")
    keeper("application", "assign", "lake", "--user", "mira")
    keeper("application", "disable", "lake")
    assert keeper("apply", str(file)) == "there is nothing to do\n"
    assert other in keeper.json("application", "list")
    assert [person["user_name"] for person in keeper.json("group", "members", "analysts")] == ["mira", "noor"]
    file.write_text("")
    assert keeper("apply", str(file)) == "there is nothing to do\n"
    assert len(keeper.json("application", "list")) == 3


def test_all_is_applied_or_nothing(keeper: Keeper, file: Path) -> None:
    file.write_text(FILE + '\n[[application]]\nname = "late"\nassigned_users = ["nobody"]\n')
    assert "there is no user 'nobody'" in keeper("apply", str(file), code=2)
    assert everything(keeper) == [[], [], [], []]


def test_a_secret_may_come_from_the_environment(keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper("apply", str(file))
    file.write_text(FILE.replace('_file = "reports.secret"', '_env = "REPORTS_SECRET"'))
    assert ":16: the variable REPORTS_SECRET is not set" in keeper("apply", str(file), code=2)
    monkeypatch.setenv("REPORTS_SECRET", SECRET)
    assert keeper("apply", str(file)) == "there is nothing to do\n"
    monkeypatch.setenv("REPORTS_SECRET", SECRET[::-1])
    said = keeper("apply", str(file))
    assert f"~ access key {KEY_ID}\n    secret_access_key: " in said
    assert SECRET[::-1] not in said


def test_a_secret_s_file_must_be_there(keeper: Keeper, file: Path) -> None:
    secret = file.parent / "reports.secret"
    secret.unlink()
    said = keeper("apply", str(file), code=2)
    assert f"{file}:16: the secret's file" in said
    secret.touch(mode=0o600)
    secret.write_bytes(b"\xff")
    assert "is not text" in keeper("apply", str(file), code=2)
    secret.write_text("short")
    said = keeper("apply", str(file), code=2)
    assert f"{file}:13: " in said
    assert "short" not in said
    file.write_text(FILE.replace("reports.secret", r"reports\u0000secret"))
    assert f"{file}:16: the secret's file cannot have such a name" in keeper("apply", str(file), code=2)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_s_file_that_others_can_read_is_refused(keeper: Keeper, file: Path, mode: int) -> None:
    secret = file.parent / "reports.secret"
    secret.chmod(mode)
    said = keeper("apply", str(file), code=2)
    assert f"{file}:16: the secret's file {secret} is open to others: chmod 600 it" in said
    assert everything(keeper) == [[], [], [], []]
    secret.chmod(0o400)
    assert keeper.json("apply", str(file))["applied"] is True


@pytest.mark.parametrize(
    "text, replacement, complaint",
    [
        ('description = "who', 'descripton = "who', ":4: group.descripton is not known: did you mean description?"),
        ("[application.refresh_token]", "[application.refresh_tokens]", ":26: application.refresh_tokens is not known"),
        ("redirect_uris", "redirect_uri", ":25: application.authorization_code.redirect_uri is not known: did you"),
        ("authorized_audiences", "audiences", ":28: application.jwt_bearer.authorized_token_issuers.audiences"),
        ("authorized_targets", "targets", ":21: application.access_scopes.targets is not known"),
        ("[[group]]", "[[groups]]", ":2: groups is not known: did you mean group?"),
        ("assignment_required = false", 'assignment_required = "no"', ":32: application.assignment_required: Expected"),
        ('name = "lake"', "name = 7", ":31: application.name: Expected `str`, got `int`"),
        ('name = "lake"', 'name = "reports"', ":30: application 'reports' is declared twice"),
        ('members = ["mira"]', 'members = ["mia"]', ":5: there is no user 'mia'"),
        ('= ["lake"]', '= ["lakes"]', ":21: there is no application 'lakes'"),
        ('= "corp", auth', '= "corps", auth', ":28: there is no trusted token issuer 'corps'"),
        ('["analysts"]', '["analists"]', ":22: there is no group 'analists'"),
        ("https://login", "ftp://login", ":7: "),
        ("http://127", "http://example.org", ":18: "),
        (ROLE, "mira", ":13: "),
        ("assignment_required = false", 'status = "off"', ":32: application.status: Invalid enum value 'off': it is"),
    ],
    ids=lambda value: value if value.startswith(":") else "",
)
def test_what_is_wrong_is_said_with_its_line(
    keeper: Keeper, file: Path, text: str, replacement: str, complaint: str
) -> None:
    assert text in FILE
    file.write_text(FILE.replace(text, replacement))
    assert f"{file}{complaint}" in keeper("apply", str(file), code=2)
    assert everything(keeper) == [[], [], [], []]


def test_a_file_that_is_none_is_exit_code_2(keeper: Keeper, tmp_path: Path) -> None:
    file = tmp_path / "postern.toml"
    assert "cannot read" in keeper("apply", str(file), code=2)
    file.write_bytes(b"\xff\xfe")
    assert "is not text" in keeper("apply", str(file), code=2)
    for text in ("[[group]\n", f"a = {'1' * 5000}", f"a = {'[' * 5000}"):
        file.write_text(text)
        assert "is not TOML" in keeper("apply", str(file), code=2)


def test_the_example_of_the_help_works(keeper: Keeper, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["apply", "--help"])
    file.write_text(capsys.readouterr().out.partition("an example:")[2])
    differences = keeper.json("apply", str(file))["differences"]
    made = {(each["action"], each["kind"], each["name"]) for each in differences}
    assert made >= {difference for difference in DIFFERENCES if "noor" not in difference[2]}
    assert made >= {
        ("replace", "user", "mira"),
        ("create", "account", "111122223333 (Production)"),
        ("create", "account assignment", "analysts as Admin in 111122223333"),
    }
    assert keeper("apply", str(file)) == "there is nothing to do\n"


@pytest.mark.parametrize(
    "place, line",
    [
        ((), None),
        (("groups",), None),
        (("group",), 2),
        (("group", 0), 2),
        (("group", 0, "name"), 3),
        (("group", 1), 7),
        (("group", 1, "name"), 8),
        (("group", 1, "missing"), 7),
        (("group", 1, "members", 0), 9),
        (("application", 0, "jwt_bearer", "issuers", 0, "audience"), 14),
        (("group", 0, "members"), 2),
        (("group", 2), 2),
        (("user", 0), None),
    ],
    ids=str,
)
def test_lines_are_found(place: Place, line: int | None) -> None:
    text = """
[[group]]
name = "a"
# members = "no"


 [[ "group" ]]  # comment
"name" = "name = x"
members = ["mira"]
[[application]]
name = "jwt_bearer"

  [application.jwt_bearer]
  issuers = [{audience = 1}]
"""
    assert line_of(text, place) == line
