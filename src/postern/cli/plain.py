"""The command lines of programs: ``postern token`` and ``postern credentials``, called at each start of a program with
a few options and their values. These are read here, and whatever else there may be by the parser of all commands.

PERF: argparse takes 6 ms of a start, half of what the interpreter itself takes.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import NamedTuple


class PlainCommand(NamedTuple):
    """``texts`` are the options whose value may be any text, ``others`` is what the parser gives besides."""

    texts: tuple[str, ...]
    others: Mapping[str, object]

    @property
    def options(self) -> dict[str, str]:
        return {f"--{name.replace('_', '-')}": name for name in self.texts}


_TOKEN = ("session", "profile", "start_url", "region", "endpoint_url", "cache")
_OTHERS = {"min_ttl": 0.0, "json": False}
COMMANDS = {
    "token": PlainCommand(_TOKEN, {**_OTHERS, "module": "token", "function": "token"}),
    "credentials": PlainCommand(
        (*_TOKEN, "account_id", "role_name"),
        {**_OTHERS, "format": "process", "module": "credentials", "function": "credentials"},
    ),
}


def plain_options(words: Sequence[str]) -> SimpleNamespace | None:
    """What the parser would make of ``words``, or None where it has to be asked."""
    command = COMMANDS.get(words[0]) if len(words) % 2 else None
    if command is None:
        return None
    options, found = command.options, dict[str, str | None].fromkeys(command.texts)
    for word, value in zip(words[1::2], words[2::2], strict=True):
        if word not in options or value.startswith("-"):
            return None
        found[options[word]] = value
    return SimpleNamespace(**found, **command.others)
