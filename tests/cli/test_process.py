"""The process of the `postern` command: how it begins and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.desk import ACCESS_TOKEN, Desk


def ran(desk: Desk, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(desk.home), "PATH": os.environ["PATH"]}
    return subprocess.run([sys.executable, *command], env=environment, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_the_command_that_is_installed_is_this_process(desk: Desk) -> None:
    desk.use_session()
    desk.keep_token()
    for command in (["-m", "postern"], [str(Path(sys.executable).with_name("postern"))]):
        done = ran(desk, *command, "token", capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{ACCESS_TOKEN}\n", "")


def test_what_is_said_is_written_before_the_process_ends_at_once(desk: Desk, tmp_path: Path) -> None:
    desk.use_session()
    desk.keep_token()
    file = tmp_path / "token"
    with file.open("w") as out:
        assert ran(desk, "-m", "postern", "token", stdout=out).returncode == 0
    assert file.read_text() == f"{ACCESS_TOKEN}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_a_failure(desk: Desk) -> None:
    desk.use_session()
    desk.keep_token()
    with Path("/dev/full").open("w") as full:
        done = ran(desk, "-m", "postern", "token", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "standard output cannot be written to" in done.stderr


@pytest.mark.parametrize("threads, at_the_end", [("", ""), ("import threading; ", "at the end\n")])
def test_the_process_ends_at_once_unless_something_may_be_left_to_do(desk: Desk, threads: str, at_the_end: str) -> None:
    desk.use_session()
    desk.keep_token()
    script = (
        f"import atexit, sys; {threads}atexit.register(print, 'at the end'); sys.argv = ['postern', 'token'];"
        "from postern.__main__ import run; sys.exit(run())"
    )
    done = ran(desk, "-c", script, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ACCESS_TOKEN}\n{at_the_end}", "")


def test_garbage_is_collected_while_a_command_runs(desk: Desk) -> None:
    script = (
        "import gc, sys, postern.cli.token as command; sys.argv = ['postern', 'token'];"
        "command.token = lambda options: print(gc.isenabled(), gc.get_freeze_count() > 1000);"
        "from postern.__main__ import run; sys.exit(run())"
    )
    assert ran(desk, "-c", script, capture_output=True).stdout == "True True\n"


def test_importing_the_package_imports_nothing_else(desk: Desk) -> None:
    script = "import sys; there = set(sys.modules); import postern; print(*sorted(set(sys.modules) - there))"
    assert ran(
        desk, "-I", "-S", "-c", f"import sys; sys.path = {sys.path!r}; {script}", capture_output=True
    ).stdout == ("postern\n")


def test_parsers_of_commands_that_are_not_called_are_not_made() -> None:
    from postern.cli.parser import command_line

    parser = command_line().declared()
    (commands,) = (action for action in parser._actions if action.dest == "==SUPPRESS==" and action.choices)
    assert all(each._settings is not None for each in commands.choices.values())  # type: ignore[union-attr]
