"""`postern configure sso`: what it writes, what it leaves alone, and when it asks."""

import io
import os
import stat
from pathlib import Path

import pytest

from postern.cli import aws_config_text
from postern.cli.aws_config_text import difference, with_settings
from postern.client.errors import ConfigurationError
from postern.client.settings import service_settings
from postern.client.shared_config import SharedConfig
from tests.cli.desk import Desk

GIVEN = ("--session", "lab", "--start-url", "https://lab.awsapps.com/start", "--region", "us-east-1")
ROLE = ("--account-id", "111122223333", "--role-name", "Admin")
ENDPOINT = ("--endpoint-url", "http://127.0.0.1:8765")
LIVED_IN = """\
# my own notes
[default]
region   = eu-west-1
aws_secret_access_key = hunter2

; the lab
[sso-session lab]
sso_region = us-east-1
sso_start_url: https://old.example/start
# end of lab

[profile other]   # not mine
output = json
"""


def read(desk: Desk) -> SharedConfig:
    return SharedConfig.load({"HOME": str(desk.home)})


def test_session_profile_and_endpoints_are_written_as_tools_read_them(desk: Desk) -> None:
    assert desk("configure", "sso", *GIVEN, *ROLE, *ENDPOINT, "--yes").code == 0
    written = read(desk)
    assert written.sso_session("lab") == {
        "sso_start_url": "https://lab.awsapps.com/start",
        "sso_region": "us-east-1",
        "sso_registration_scopes": "sso:account:access",
    }
    assert written.profile("lab") == {
        "sso_session": "lab",
        "sso_account_id": "111122223333",
        "sso_role_name": "Admin",
        "region": "us-east-1",
        "services": "lab",
    }
    assert written.services("lab") == {key: {"endpoint_url": ENDPOINT[1]} for key in ("sso_oidc", "sso", "sts")}
    for service in ("sso_oidc", "sso", "sts"):
        settings = service_settings(service, profile="lab", environment={}, shared=written)
        assert settings.endpoint_url == ENDPOINT[1]


def test_without_an_endpoint_there_is_no_services_section(desk: Desk) -> None:
    desk("configure", "sso", *GIVEN, "--yes")
    assert "services" not in desk.config_file.read_text()
    assert read(desk).profile("lab") == {"sso_session": "lab", "region": "us-east-1"}


def test_a_second_run_has_nothing_to_do(desk: Desk) -> None:
    desk("configure", "sso", *GIVEN, *ROLE, *ENDPOINT, "--yes")
    before = desk.config_file.read_bytes()
    again = desk("configure", "sso", *GIVEN, *ROLE, *ENDPOINT)
    assert (again.code, again.out) == (0, f"{desk.config_file} says that already: nothing to do\n")
    assert desk.config_file.read_bytes() == before


def test_a_configured_session_needs_only_what_is_to_change(desk: Desk) -> None:
    desk("configure", "sso", *GIVEN, *ROLE, "--yes")
    assert desk("configure", "sso", "--session", "lab", *ENDPOINT, "--yes").code == 0
    assert read(desk).profile("lab")["sso_account_id"] == "111122223333"
    assert read(desk).services("lab")["sso"] == {"endpoint_url": ENDPOINT[1]}


def test_comments_order_and_spelling_of_others_are_kept(desk: Desk) -> None:
    desk.configure(LIVED_IN)
    assert desk("configure", "sso", *GIVEN, "--profile", "other", "--yes").code == 0
    expected = LIVED_IN.replace("https://old.example/start", "https://lab.awsapps.com/start")
    expected = expected.replace("# end of lab", "sso_registration_scopes = sso:account:access\n# end of lab")
    expected += "sso_session = lab\nregion = us-east-1\n"
    assert desk.config_file.read_text() == expected


def test_the_difference_is_shown_before_anything_is_written(desk: Desk) -> None:
    desk.configure(LIVED_IN)
    shown = desk("configure", "sso", *GIVEN, "--profile", "default", "--dry-run")
    assert shown.code == 0
    assert "-sso_start_url: https://old.example/start" in shown.out
    assert "+sso_start_url: https://lab.awsapps.com/start" in shown.out
    assert desk.config_file.read_text() == LIVED_IN


def test_secrets_that_stand_nearby_are_not_shown(desk: Desk) -> None:
    desk.configure(LIVED_IN)
    for more in ((), ("--json",)):
        shown = desk("configure", "sso", *GIVEN, "--profile", "default", "--dry-run", *more)
        assert "aws_secret_access_key = ***" in shown.out
        assert "hunter2" not in shown.out + shown.err


def test_json_says_what_was_done(desk: Desk) -> None:
    outcome = desk("configure", "sso", *GIVEN, "--yes", "--json").json
    assert outcome.pop("diff").startswith("--- ")
    assert outcome == {"file": str(desk.config_file), "session": "lab", "profile": "lab", "written": True}
    assert desk("configure", "sso", *GIVEN, "--yes", "--json").json["written"] is False


def test_a_new_file_is_for_its_owner_and_an_old_one_keeps_its_mode(desk: Desk) -> None:
    desk("configure", "sso", *GIVEN, "--yes")
    assert stat.S_IMODE(desk.config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.config_file.parent.stat().st_mode) == 0o700
    desk.config_file.chmod(0o640)
    desk("configure", "sso", *GIVEN, *ENDPOINT, "--yes")
    assert stat.S_IMODE(desk.config_file.stat().st_mode) == 0o640


def test_a_link_stays_a_link(desk: Desk, tmp_path: Path) -> None:
    kept_elsewhere = tmp_path / "dotfiles"
    kept_elsewhere.write_text("# kept elsewhere\n")
    desk.config_file.parent.mkdir()
    desk.config_file.symlink_to(kept_elsewhere)
    desk("configure", "sso", *GIVEN, "--yes")
    assert desk.config_file.is_symlink()
    assert kept_elsewhere.read_text().startswith("# kept elsewhere\n\n[sso-session lab]\n")


def test_the_file_that_the_environment_names_is_written(desk: Desk, tmp_path: Path) -> None:
    desk.set(AWS_CONFIG_FILE=str(tmp_path / "other" / "config"))
    desk("configure", "sso", *GIVEN, "--yes")
    assert "[sso-session lab]" in (tmp_path / "other" / "config").read_text()


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ((), "--session"),
        (("--session", "lab"), "--start-url is needed"),
        (("--session", "lab", "--start-url", "https://x.example/start"), "--region is needed"),
        (GIVEN, "look with --dry-run, write with --yes"),
        ((*GIVEN, "--yes", "--region", "us east"), "is not a host label"),
        ((*GIVEN, "--yes", "--start-url", "ftp://x"), "is no http(s) URL"),
        ((*GIVEN, "--yes", "--start-url", "https://x\n[default]"), "is no http(s) URL"),
        ((*GIVEN, "--yes", "--endpoint-url", "http://user:word@x"), "user name or password"),
        ((*GIVEN, "--yes", "--endpoint-url", "127.0.0.1:8765"), "must begin with http:// or https://"),
        ((*GIVEN, "--yes", "--account-id", "12"), "is not twelve digits"),
        ((*GIVEN, "--yes", "--role-name", "a b"), "is no role name"),
        ((*GIVEN, "--yes", "--scopes", "a;b"), "is no scope"),
        ((*GIVEN, "--yes", "--session", "a]b"), "cannot be the name of a section"),
        ((*GIVEN, "--yes", "--profile", "a\nb"), "cannot be the name of a section"),
    ],
)
def test_what_cannot_be_written_is_wrong_usage(desk: Desk, arguments: tuple[str, ...], complaint: str) -> None:
    outcome = desk("configure", "sso", *arguments)
    assert (outcome.code, complaint in outcome.complaint) == (2, True), outcome
    assert not desk.config_file.exists()


def test_a_file_that_makes_no_sense_is_left_alone(desk: Desk) -> None:
    desk.configure("no section\n")
    outcome = desk("configure", "sso", *GIVEN, "--yes")
    assert outcome.code == 2
    assert f"{desk.config_file}, line 1" in outcome.complaint
    assert desk.config_file.read_text() == "no section\n"


def test_a_folder_that_cannot_be_made_is_told(desk: Desk) -> None:
    (desk.home / ".aws").write_text("in the way")
    outcome = desk("configure", "sso", *GIVEN, "--yes")
    assert outcome.code == 2
    assert f"cannot read {desk.config_file}" in outcome.complaint


def test_a_file_that_cannot_be_written_is_told(desk: Desk) -> None:
    desk.set(AWS_CONFIG_FILE="/proc/aws-config")
    outcome = desk("configure", "sso", *GIVEN, "--yes")
    assert outcome.code == 1
    assert "cannot write /proc/aws-config" in outcome.complaint


def test_what_is_known_must_be_usable(desk: Desk) -> None:
    desk.configure("[sso-session lab]\nsso_start_url = https://x.example/start  # mine\nsso_region = us-east-1\n")
    outcome = desk("configure", "sso", "--session", "lab", "--yes")
    assert (outcome.code, "is no http(s) URL" in outcome.complaint) == (2, True)


# More than one profile


def test_a_second_profile_goes_where_the_first_goes(desk: Desk) -> None:
    desk("configure", "sso", *GIVEN, *ENDPOINT, "--yes")
    assert desk("configure", "sso", "--session", "lab", "--profile", "second", "--yes").code == 0
    assert read(desk).profile("second")["services"] == "lab"
    assert desk("token", "--session", "lab").code == 4  # and not 2: there is one place to go to


def test_a_second_profile_takes_over_an_endpoint_of_the_profile_too(desk: Desk) -> None:
    desk.configure(
        "[sso-session lab]\nsso_start_url = https://lab.awsapps.com/start\nsso_region = us-east-1\n"
        f"[profile first]\nsso_session = lab\nendpoint_url = {ENDPOINT[1]}\n"
    )
    assert desk("configure", "sso", "--session", "lab", "--profile", "second", "--yes").code == 0
    assert read(desk).profile("second")["endpoint_url"] == ENDPOINT[1]


@pytest.mark.parametrize(
    "more, services", [(("--endpoint-url", "https://own.example"), "lab"), ((), "own")], ids=["given", "kept"]
)
def test_a_profile_that_says_where_to_go_takes_nothing_over(desk: Desk, more: tuple[str, ...], services: str) -> None:
    desk("configure", "sso", *GIVEN, *ENDPOINT, "--yes")
    own = "" if more else "[profile second]\nservices = own\n[services own]\nsso_oidc =\n  endpoint_url = https://own\n"
    desk.config_file.write_text(desk.config_file.read_text() + own)
    assert desk("configure", "sso", "--session", "lab", "--profile", "second", *more, "--yes").code == 0
    assert read(desk).profile("second")["services"] == services


def test_a_profile_of_the_older_form_has_said_already_what_its_session_shall_say(desk: Desk) -> None:
    desk.configure("[profile legacy]\nsso_start_url = https://lab.awsapps.com/start\nsso_region = eu-west-1\n")
    assert desk("configure", "sso", "--profile", "legacy", "--yes").code == 0
    assert read(desk).sso_session("legacy") == {
        "sso_start_url": "https://lab.awsapps.com/start",
        "sso_region": "eu-west-1",
        "sso_registration_scopes": "sso:account:access",
    }
    assert read(desk).profile("legacy")["sso_session"] == "legacy"


def test_the_next_command_can_be_copied(desk: Desk) -> None:
    arguments = ("--session", "big corp", *GIVEN[2:], "--yes")
    assert "next: postern login --session 'big corp'" in desk("configure", "sso", *arguments).out


# At a terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> Terminal:
    """What is shown there."""
    shown = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr", shown)
    return shown


def test_at_a_terminal_what_is_missing_is_asked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = "lab\nhttps://lab.awsapps.com/start\nus-east-1\nhttp://127.0.0.1:8765\n111122223333\nAdmin\nyes\n"
    at_a_terminal(monkeypatch, typed)
    assert desk("configure", "sso").code == 0
    assert read(desk).profile("lab")["sso_role_name"] == "Admin"
    assert read(desk).services("lab")["sts"] == {"endpoint_url": "http://127.0.0.1:8765"}


def test_at_a_terminal_each_answer_is_looked_at_before_the_next_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {
        "Name of the sign-in (sso-session)": ["", "a]b", "lab"],
        "Start URL": ["lab.awsapps.com", "https://lab.awsapps.com/start"],
        "Region of the start URL": ["us east", "us-east-1"],
        "Endpoint URL (empty: AWS's own)": ["127.0.0.1:8765", ""],
        "Account id (empty: none)": ["12", "111122223333"],
        "Role name (empty: none)": ["a b", "Admin"],
    }
    typed = "".join(f"{answer}\n" for each in answers.values() for answer in each) + "y\n"
    shown = at_a_terminal(monkeypatch, typed)
    assert desk("configure", "sso").code == 0
    for question, given in answers.items():
        assert shown.getvalue().count(f"{question}: ") == len(given)
    assert "is no http(s) URL." in shown.getvalue()
    assert read(desk).profile("lab")["sso_role_name"] == "Admin"


def test_at_a_terminal_an_option_that_cannot_be_ends_it_before_any_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch, "")
    assert desk("configure", "sso", "--role-name", "a b").code == 2


@pytest.mark.parametrize("typed, code", [("\n\n\nn\n", 1), ("\n\n\n\n", 1), ("", 130), ("\n\n\n", 130)])
def test_at_a_terminal_nothing_is_written_without_a_yes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    at_a_terminal(monkeypatch, typed)
    assert desk("configure", "sso", *GIVEN).code == code
    assert not desk.config_file.exists()


def test_a_change_by_others_meanwhile_is_not_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.configure("# one\n")

    def ask(question: str) -> str:
        desk.config_file.write_text("# two\n")
        return "y"

    at_a_terminal(monkeypatch, "")
    monkeypatch.setattr("postern.cli.configure.ask", ask)
    assert desk("configure", "sso", *GIVEN, *ROLE, *ENDPOINT).code == 1
    assert desk.config_file.read_text() == "# two\n"


# The text itself


@pytest.mark.parametrize(
    "before, after",
    [
        ("", "[s]\nkey = new\n"),
        ("[s]", "[s]\nkey = new\n"),
        ("[s]\n", "[s]\nkey = new\n"),
        ("[s]\nkey = new", "[s]\nkey = new\n"),
        ("[s]\nkey=old\n", "[s]\nkey=new\n"),
        ("[s]\nKey: old\n", "[s]\nKey: new\n"),
        ("[s]\nkey =\n  old\n  older\nnext = x\n", "[s]\nkey = new\nnext = x\n"),
        ("[ s ]\na = b\n\n[t]\n", "[ s ]\na = b\nkey = new\n\n[t]\n"),
        ("[s]\r\na = b\r\n", "[s]\r\na = b\r\nkey = new\r\n"),
        ("[t]\nkey = old\n", "[t]\nkey = old\n\n[s]\nkey = new\n"),
        ("[s]\n# key = old\nxkey = old\n", "[s]\n# key = old\nxkey = old\nkey = new\n"),
        ("[t]\na = \u2028b\x0c\n[s]\n", "[t]\na = \u2028b\x0c\n[s]\nkey = new\n"),
    ],
)
def test_a_setting_comes_to_stand_in_its_section(before: str, after: str) -> None:
    assert with_settings(before, "s", {"key": "new"}) == after
    assert with_settings(after, "s", {"key": "new"}) == after


@pytest.mark.parametrize(
    "before, after",
    [
        ("[s]\n", "[s]\nsso =\n  url = new\n"),
        ("[s]\nsso =\n  url = old\n  other = x\n", "[s]\nsso =\n  url = new\n  other = x\n"),
        ("[s]\nsso =\n    url=new\n", "[s]\nsso =\n    url=new\n"),
        ("[s]\nsso =\n  other = x\nsts =\n  url = old\n", "[s]\nsso =\n  other = x\n  url = new\nsts =\n  url = old\n"),
    ],
)
def test_a_setting_comes_to_stand_in_its_block(before: str, after: str) -> None:
    assert with_settings(before, "s", {"sso": {"url": "new"}}) == after
    assert with_settings(after, "s", {"sso": {"url": "new"}}) == after


@pytest.mark.parametrize(
    "kind, name, header",
    [
        ("profile", "dev", "profile dev"),
        ("profile", "default", "default"),
        ("sso-session", "default", "sso-session default"),
        ("profile", "my own", 'profile "my own"'),
    ],
)
def test_a_section_has_the_header_that_tools_look_for(kind: str, name: str, header: str) -> None:
    assert aws_config_text.header(kind, name) == header


@pytest.mark.parametrize("name", ["", " ", "a]b", "a[b", 'a"b', "a'b", "a\\b", "a\nb", "a\x00"])
def test_a_name_that_would_break_out_of_its_header_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        aws_config_text.header("profile", name)


def test_sections_with_quoted_names_are_found() -> None:
    assert with_settings("[profile 'my own']\n", 'profile "my own"', {"a": "b"}) == "[profile 'my own']\na = b\n"


def test_equal_texts_do_not_differ() -> None:
    assert difference("a\nb", "a\nb\n", os.devnull) == ""
