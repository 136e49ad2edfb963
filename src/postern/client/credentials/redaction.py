"""What other programs and services say, made fit for an error text: one short line without what looks secret."""

import re

_MAX_LENGTH = 200
_MAX_READ = 4096
# The text is a stranger's: each name is looked through once, from its start, and not from each of its characters.
_NAMED = re.compile(
    r"(?i)(?<![\w-])(?=[\w-]*?(?:password|passwd|secret|token|credential|api[_-]?key))([\w-]++[\"']?\s*[=:]\s*)\S+"
)
_WORD = re.compile(r"[A-Za-z0-9+/=_.~-]{16,}")
_MAX_PLAIN_LENGTH = 31


def redacted(text: str) -> str:
    """The first line of ``text`` that says something. Values of secret names and long words that a key or a token might
    be are replaced: rather too many than too few.
    """
    line = _WORD.sub(_mask, _NAMED.sub(r"\1***", _first_line(text)))
    return "".join(character if character.isprintable() else " " for character in line[:_MAX_LENGTH])


def _first_line(text: str) -> str:
    line = next(iter(text.lstrip()[:_MAX_READ].splitlines()), "")
    if len(line) == _MAX_READ:
        # Its last word may be the start of a secret that is too short to look like one.
        line = f"{line.rpartition(' ')[0]} ***"
    return line.strip()


def _mask(word: re.Match[str]) -> str:
    text = word[0]
    is_plain = len(text) <= _MAX_PLAIN_LENGTH and not any(character.isdigit() for character in text)
    return text if is_plain else "***"
