"""The command line as docs/client.md has it: commands, what they print for programs, exit codes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.cli.completion import places
from postern.cli.parser import EXIT_CODES, command_line
from tests.cli.desk import REGION, START_URL, Desk
from tests.cli.stub import Answer, Stub, refusal, serving

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "client.md").read_text().partition("\n## The command line\n")[2]
OF_SERVERS = {
    *("serve", "demo", "user", "client", "keys", "store", "config"),
    *("iam", "application", "trusted-token-issuer", "group", "plan", "apply", "export"),
    *("instance", "account", "permission-set", "assign", "unassign", "assignments", "credential-source", "session"),
    *("explain",),
}
ROWS = {
    cells[0].strip("| `"): cells[2] for line in SECTION.splitlines() if len(cells := re.split(r" \|(?: |$)", line)) == 4
}


@pytest.fixture
def service(desk: Desk) -> Iterator[Stub]:
    with serving() as stub:
        stub.answers = {"/token": refusal("InvalidRequestException", "invalid_request"), "/logout": Answer()}
        desk.use_session(stub.url)
        desk.keep_token()
        yield stub


def test_each_command_is_on_the_page() -> None:
    known = {place.words for place in places(command_line()) if place.words}
    of_clients = {words for words in known if words.split()[0] not in OF_SERVERS} - {"configure"}
    assert {row.removeprefix("postern ") for row in ROWS if row.startswith("postern ")} == of_clients


@pytest.mark.parametrize(
    "command",
    [
        ("login",),
        ("token",),
        ("status",),
        ("logout",),
        ("configure", "sso", "--session", "new", "--start-url", START_URL, "--region", REGION, "--yes"),
        ("doctor",),
    ],
    ids=lambda command: command[0],
)
def test_what_is_printed_for_programs_is_on_the_page(desk: Desk, service: Stub, command: tuple[str, ...]) -> None:
    printed = desk(*command, "--json").json
    names = set(printed[0] if isinstance(printed, list) else printed)
    names |= {name for finding in (printed["findings"] if "findings" in names else ()) for name in finding}
    words = " ".join(["postern", *(word for word in command[:2] if word.isalpha())])
    assert set(re.findall(r"`(\w+)`", ROWS[words])) - {"ok", "warn", "problem"} == names


def test_each_exit_code_is_on_the_page() -> None:
    for line in EXIT_CODES.splitlines()[1:]:
        code, meaning = line.split(maxsplit=1)
        assert re.search(rf"^\| {code} \| {re.escape(meaning)}", SECTION, re.MULTILINE), line
