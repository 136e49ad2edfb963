"""docs/backup.md: its commands are those that there are, with the options that they have, and the way it describes is
walked.
"""

import re
import shlex
from pathlib import Path

import pytest

from postern.cli.completion import places
from postern.cli.parser import command_line
from postern.core.audit import EventName
from postern.core.policy import LifetimePolicy, TrustedIssuerPolicy
from postern.testing.processes import run_command
from tests.cli.sites import Site, new_site

PAGE = (Path(__file__).parents[2] / "docs" / "backup.md").read_text()
BLOCKS = re.findall(r"```console\n(.+?)```", PAGE, re.DOTALL)


def lines(block: str) -> list[tuple[list[str], str]]:
    """Commands, each with what the page says that it prints."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(shlex.split(command), output) for command, _, output in (part.partition("\n") for part in parts)]


COMMANDS = [words for block in BLOCKS for words, _ in lines(block) if words[0] == "postern"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_of_the_page_is_one(words: list[str]) -> None:
    command_line().parse_args(words[1:])


def test_commands_that_are_named_exist() -> None:
    known = {place.words for place in places(command_line())}
    named = {words.partition(" --")[0].removesuffix(" FILE") for words in re.findall(r"`postern ([a-z].+?)`", PAGE)}
    assert named <= known
    assert {words for words in known if words.startswith("store ")} <= named | {" ".join(c[1:3]) for c in COMMANDS}


def test_events_and_settings_that_are_named_exist() -> None:
    for event in ("Logout", "RevokeTokenWithIAM", "PasswordChanged", "RefreshTokenReuse", "CodeReuse"):
        assert f"`{event}`" in PAGE
        assert EventName(event)
    assert "trusted_issuers.max_assertion_lifetime" in PAGE
    assert TrustedIssuerPolicy().max_assertion_lifetime
    assert "(an hour; eight for clients without refresh tokens)" in PAGE
    lifetimes = LifetimePolicy()
    assert (lifetimes.access_token, lifetimes.legacy_access_token) == (3_600, 8 * 3_600)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = new_site(tmp_path / "lib" / "postern")
    (tmp_path / "backups").mkdir()
    return site


def as_on_the_page(text: str, folder: Path) -> str:
    """With the page's places, and without numbers, times and names of keys."""
    text = text.replace(str(folder), "/var")
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d[:-]\d\d([:-]\d\dZ| UTC)", "TIME", text)
    return re.sub(r"\b[0-9a-f]{16}\b", "KEY", re.sub(r"\d+ bytes", "N bytes", text))


def test_the_short_way_prints_what_the_page_says(site: Site, tmp_path: Path) -> None:
    for words, output in lines(BLOCKS[0]):
        here = [word.replace("/var", str(tmp_path)) for word in words[1:]]
        done = run_command(*here)
        assert done.returncode == 0, done.stderr
        assert as_on_the_page(done.stdout + done.stderr, tmp_path) == as_on_the_page(output, tmp_path)
