"""Completion scripts: they know every command and option, and a shell gets along with them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from postern.cli.completion import places
from postern.cli.parser import command_line
from tests.cli.desk import Desk

CONFIG = """
[sso-session lab]
[sso-session big corp]
[sso-session "it's mine"]
[profile dev]
[default]
"""
ALL = list(places(command_line()))
BASH = shutil.which("bash") or "/bin/bash"


@pytest.fixture
def script(desk: Desk, tmp_path: Path) -> Path:
    file = tmp_path / "postern.bash"
    file.write_text(desk("completion", "bash").out)
    return file


def complete(script: Path, home: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "config").write_text(CONFIG)
    asked = " ".join(f"'{word}'" for word in ("postern", *words))
    lines = f"""
source {script}
postern() {{ {sys.executable} -m postern "$@"; }}
COMP_WORDS=({asked}); COMP_CWORD={len(words)}
_postern postern "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [BASH, "--norc", "-c", lines],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env=environment | {"HOME": str(home)},
        cwd=home,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_all_commands_are_known() -> None:
    known = {place.words for place in ALL}
    assert {"", "login", "logout", "status", "token", "configure sso", "doctor", "completion", "user add"} <= known
    assert {"instance add", "account update", "permission-set remove", "assign", "session revoke"} <= known


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_has_every_command_and_option(desk: Desk, shell: str) -> None:
    script = desk("completion", shell).out
    for place in ALL:
        for name in place.commands:
            assert name in script
        for option in place.options:
            for name in option.names:
                bare = f"-{'l' if name.startswith('--') else 's'} {name.lstrip('-')}" if shell == "fish" else name
                assert bare in script, (place.words, name)


def test_bash_takes_its_script(script: Path) -> None:
    subprocess.run([BASH, "-n", str(script)], check=True, timeout=10)


@pytest.mark.parametrize(
    "words, offered",
    [
        (["lo"], ["login", "logout"]),
        (["group", ""], ["add", "list", "update", "remove", "join", "leave", "members", "-h", "--help"]),
        (["configure", "s"], ["sso"]),
        (["configure", "sso", "--dr"], ["--dry-run"]),
        (["completion", "z"], ["zsh"]),
        (["login", "--no-browser", "--use"], ["--use-device-code"]),
        (["login", "--session", ""], ["lab", "it\\'s\\ mine"]),
        (["login", "--session", "l"], ["lab"]),
        (["login", "--session", "="], ["lab", "it\\'s\\ mine"]),
        (["login", "--session", "=", "l"], ["lab"]),
        (["token", "--profile", "=", "d"], ["dev", "default"]),
        (["login", "--region", "=", "l"], []),
        (["token", "--profile", ""], ["dev", "default"]),
        (["login", "--region", ""], []),
        (["serve", "--data", ".a"], [".aws"]),
        (["serve", "--config", ".aws/c"], [".aws/config"]),
        (["credential-source", "add", "--secret-access-key-file", ".aws/c"], [".aws/config"]),
        (["application", "add", "--policy", ".aws/c"], [".aws/config"]),
        (["credential-source", "add", "--policy", ".aws/c"], []),
        (["credentials", "--profile", "d"], ["dev", "default"]),
        (["explain", "token", "--profile", "d"], []),
        (["nonsense", "--x"], []),
    ],
)
def test_bash_completes(script: Path, desk: Desk, words: list[str], offered: list[str]) -> None:
    assert complete(script, desk.home, *words) == offered


def test_names_are_data_to_the_shell_and_not_commands(script: Path, desk: Desk, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    desk.configure(f'[sso-session "$(touch {proof})"]\n')
    names = desk("__names", "sessions")
    assert (names.code, names.out) == (0, f"$(touch {proof})\n")
    lines = f"source {script}\npostern() {{ echo '$(touch {proof})'; }}\nCOMP_WORDS=(postern login --session '')\n"
    lines += 'COMP_CWORD=3\n_postern postern "" --session\n'
    subprocess.run([BASH, "--norc", "-c", lines], check=True, timeout=10)
    assert not proof.exists()


@pytest.mark.parametrize("config", ["", "no section", "[sso-session lab]\n[sso-session lab]\n"])
@pytest.mark.parametrize("words", [("sessions",), ("profiles",), ("nonsense",), ()])
def test_asking_for_names_never_complains(desk: Desk, config: str, words: tuple[str, ...]) -> None:
    desk.configure(config)
    assert desk("__names", *words) == (0, "", "")


def test_help_says_how_to_install_a_script(desk: Desk) -> None:
    help_ = desk("completion", "--help").out
    for shell in ("bash", "zsh", "fish"):
        assert f"postern completion {shell} >" in help_
