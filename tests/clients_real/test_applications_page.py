"""docs/applications.md, done as it says: every command and every piece of Python in order, at a fresh demo server. Only
addresses are replaced, and files stand where the page names them.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from postern.testing.oidc_issuer import IssuerProcess
from tests.clients_real.conftest import person_at
from tests.clients_real.person import Person
from tests.clients_real.sdks import node_environment
from tests.clients_real.servers import POSTERN, ROOT, Server, started

pytestmark = pytest.mark.real_client

PAGE = ROOT / "docs" / "applications.md"
SERVER, ISSUER = "http://127.0.0.1:8765", "http://127.0.0.1:8766"
FILES = {"json": "policy.json", "toml": "applications.toml"}
# In other terminals: the server and the issuer, which the test has started.
ELSEWHERE = ["make run", "python -m postern.testing.oidc_issuer --port 8766"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks() -> list[Block]:
    page = PAGE.read_text()
    return [Block(found[1], found[2], page.count("\n", 0, found.start()) + 2) for found in _BLOCK.finditer(page)]


class Reader:
    """Does what the page says, in a folder; the Python of it is one program, as for somebody who types it in."""

    def __init__(self, server: Server, issuer: IssuerProcess, folder: Path) -> None:
        self._addresses = {SERVER: server.endpoint, ISSUER: issuer.url}
        self._folder = folder
        self._person: Person = person_at(server)
        self._environment = node_environment(
            {
                "HOME": str(folder),
                "PATH": f"{POSTERN.parent}:{os.environ['PATH']}",
                "POSTERN_SERVER__DATA": str(server.data),
            }
        )
        self._python = subprocess.Popen(
            (sys.executable, "-u", "-c", _INTERPRETER),
            cwd=folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._watchdog = threading.Timer(60, self._python.kill)
        self._watchdog.start()

    def do(self, block: Block) -> None:
        text = block.text
        for address, real in self._addresses.items():
            text = text.replace(address, real)
        if block.language in FILES:
            (self._folder / FILES[block.language]).write_text(text)
        elif block.language == "console":
            for command, said in _commands(text):
                self._run(command, said)
        elif block.language == "python":
            self._interpret(text, block.line)

    def close(self) -> None:
        self._watchdog.cancel()
        self._python.kill()
        self._python.communicate()

    def _run(self, command: str, said: str) -> None:
        done = subprocess.run(
            ("bash", "-ec", command),
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert said == "" or _as_pattern(said).fullmatch(done.stdout), f"{command}\n{done.stdout}"

    def _interpret(self, source: str, line: int) -> None:
        assert self._python.stdin
        assert self._python.stdout
        print(json.dumps(["\n" * (line - 1) + source]), file=self._python.stdin, flush=True)
        said = ""
        for answer in self._python.stdout:
            if answer == "done\n":
                return
            said += answer
            if answer.startswith("open "):
                print(self._person.consent(answer.split()[1]), file=self._python.stdin, flush=True)
        raise AssertionError(said)


# Runs what it is sent, line by line, in one namespace; ends with a traceback when a piece does not run.
_INTERPRETER = f"""
import json, sys
namespace = {{"__name__": "__main__"}}
while line := sys.stdin.readline():
    exec(compile(json.loads(line)[0], {PAGE.name!r}, "exec"), namespace)
    print("done")
"""


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console, and what it prints; nothing where the page does not show it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, said = re.sub(r"\\\n\s*", "", part).partition("\n")
        yield command, said


def _as_pattern(said: str) -> re.Pattern[str]:
    """``…`` stands for anything, and any number of spaces for another."""
    pattern = re.escape(said).replace("…", ".*")
    return re.compile(re.sub(r"(?:\\ )+", " +", pattern), re.DOTALL)


def test_nothing_of_the_page_is_left_out() -> None:
    languages = {block.language for block in blocks()}
    assert languages == {"sh", "console", "python", *FILES}
    assert PAGE.read_text().count("```") == 2 * len(blocks())
    assert [block.text.strip() for block in blocks() if block.language == "sh"] == ELSEWHERE


def test_the_page_from_nothing_to_a_token_by_each_grant(tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    with started(tmp_path / "server") as server, IssuerProcess() as issuer:
        reader = Reader(server, issuer, folder)
        try:
            for block in blocks():
                reader.do(block)
        finally:
            reader.close()
