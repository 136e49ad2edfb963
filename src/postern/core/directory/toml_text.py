"""Values as TOML 1.0: what declarations are made of, and no more. Any text is written so that it is read again."""

import re
from collections.abc import Mapping, Sequence

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def tables(name: str, rows: Sequence[Mapping[str, object]], comments: Sequence[str] = ()) -> str:
    """An array of tables; after the members of the table at each place stands its comment, if there is one."""
    texts = []
    for place, row in enumerate(rows):
        lines = [f"[[{_key(name)}]]", *(f"{_key(key)} = {_value(value)}" for key, value in row.items())]
        if place < len(comments) and comments[place]:
            lines.append(f"# {comments[place]}")
        texts.append("\n".join(lines) + "\n")
    return "\n".join(texts)


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else _string(text)


def _value(value: object) -> str:
    """
    Raises:
        TypeError: TOML has no such value.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _string(value)
        case dict():
            members = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
            return f"{{{members}}}"
        case list() | tuple():
            return f"[{', '.join(_value(each) for each in value)}]"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")


def _string(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
