"""Editing the text of an AWS configuration file: settings come to stand in their section, and all else, comments and
order included, stays as it is.
"""

import re
from collections.abc import Mapping, Sequence

from postern.client.errors import ConfigurationError

_HEADER = re.compile(r"\[(?P<header>[^\]]+)\]")
_SETTING = re.compile(r"(?P<key>[^\s=:\[#;][^=:]*?)\s*[=:]\s*(?P<value>.*?)\s*")
_SECRET = re.compile(r"^(.?\s*[^=:]*(?:secret|token|password|passphrase)[^=:]*[=:]\s*)\S.*$", re.IGNORECASE)
_UNFIT = re.compile(r"[\[\]\"'\\\x00-\x1f\x7f]")
Settings = Mapping[str, "str | Mapping[str, str]"]


def header(kind: str, name: str) -> str:
    """``profile demo``: a section's header, without brackets.

    Raises:
        ConfigurationError: the name cannot stand in one.
    """
    if not name.strip() or _UNFIT.search(name):
        raise ConfigurationError(f"{name!r} cannot be the name of a section")
    if kind == "profile" and name == "default":
        return name
    return f'{kind} "{name}"' if re.search(r"\s", name) else f"{kind} {name}"


def with_settings(text: str, section: str, settings: Settings) -> str:
    """``text`` with these settings in the section of that header, which is added at the end if it is not there. A
    mapping is an indented block below its key. A setting that has its value already is left as it is written.
    """
    newline = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
    lines = text.removesuffix(newline).split(newline) if text else []
    start = _find(lines, section)
    if start is None:
        lines += [*([""] if lines and lines[-1].strip() else []), f"[{section}]"]
        start = len(lines) - 1
    end = _end(lines, start + 1)
    body = lines[start + 1 : end]
    for key, value in settings.items():
        body = _set(body, key, value) if isinstance(value, str) else _set_block(body, key, value)
    return newline.join([*lines[: start + 1], *body, *lines[end:]]) + newline


def difference(before: str, after: str, path: str) -> str:
    """As a unified diff, with the values of secrets that happen to stand nearby left out; empty if there is none."""
    import difflib

    old, new = (text.removesuffix("\n").split("\n") if text else [] for text in (before, after))
    diff = difflib.unified_diff(old, new, path, f"{path} (new)", lineterm="")
    return "\n".join(_SECRET.sub(r"\1***", line) for line in diff)


def _find(lines: Sequence[str], section: str) -> int | None:
    for number, line in enumerate(lines):
        found = _HEADER.match(line)
        if found and words(found["header"]) == words(section):
            return number
    return None


def words(text: str) -> list[str]:
    """A header's words, as tools read them."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return [text]


def _end(lines: Sequence[str], start: int) -> int:
    """Where the section's last setting ends: the comments and empty lines that follow belong to what comes after."""
    following = (number for number in range(start, len(lines)) if _HEADER.match(lines[number]))
    end = next(following, len(lines))
    while end > start and (not lines[end - 1].strip() or lines[end - 1].lstrip()[0] in "#;"):
        end -= 1
    return end


def _set(body: Sequence[str], key: str, value: str) -> list[str]:
    for number, line in enumerate(body):
        found = _SETTING.fullmatch(line)
        if found is None or found["key"].lower() != key:
            continue
        if found["value"] == value:
            return list(body)
        prefix = line[: found.start("value")] if found["value"] else f"{line.rstrip()} "
        return [*body[:number], prefix + value, *body[_after(body, number) :]]
    return [*body, f"{key} = {value}"]


def _set_block(body: Sequence[str], key: str, settings: Mapping[str, str]) -> list[str]:
    for number, line in enumerate(body):
        found = _SETTING.fullmatch(line)
        if found is None or found["key"].lower() != key:
            continue
        after = _after(body, number)
        block = [each.strip() for each in body[number + 1 : after]]
        for name, value in settings.items():
            block = _set(block, name, value)
        if block == [each.strip() for each in body[number + 1 : after]]:
            return list(body)
        return [*body[: number + 1], *(f"  {each}" for each in block), *body[after:]]
    return [*body, f"{key} =", *(f"  {name} = {value}" for name, value in settings.items())]


def _after(body: Sequence[str], number: int) -> int:
    """Where the lines that go on with a setting's value end: those that are indented."""
    number += 1
    while number < len(body) and body[number][:1].isspace() and body[number].strip():
        number += 1
    return number
