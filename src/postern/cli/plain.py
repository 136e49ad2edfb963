"""The command lines of programs: ``postern token`` and ``postern credentials``, called at each start of a program with
a few options and their values. These are read here, and whatever else there may be by the parser of all commands.

PERF: argparse takes 6 ms of a start, half of what the interpreter itself takes.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

_TOKEN = ("session", "profile", "start_url", "region", "endpoint_url", "cache")
_OTHERS = {"min_ttl": 0.0, "json": False}

# By command: the options whose value may be any text, and what the parser gives besides.
COMMANDS: Mapping[str, tuple[tuple[str, ...], Mapping[str, object]]] = {
    "token": (_TOKEN, {**_OTHERS, "module": "token", "function": "token"}),
    "credentials": (
        (*_TOKEN, "account_id", "role_name"),
        {**_OTHERS, "format": "process", "module": "credentials", "function": "credentials"},
    ),
}


def plain_options(words: Sequence[str]) -> SimpleNamespace | None:
    """What the parser would make of ``words``, or None where it has to be asked."""
    if len(words) % 2 == 0 or words[0] not in COMMANDS:
        return None
    texts, others = COMMANDS[words[0]]
    names = {f"--{name.replace('_', '-')}": name for name in texts}
    found = dict[str, str | None].fromkeys(texts)
    for word, value in zip(words[1::2], words[2::2], strict=True):
        if word not in names or value.startswith("-"):
            return None
        found[names[word]] = value
    return SimpleNamespace(**found, **others)
