"""The declarative file as a file: its text, the secrets that it refers to, and the lines that its parts stand on."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from postern.cli.exit_codes import UsageError
from postern.core.directory.declaration import Declaration, InvalidDeclaration, Place
from postern.core.directory.planning.access import secret_name

_KEY = "secret_access_key"


def text_of(file: Path) -> str:
    """
    Raises:
        UsageError: there is no text.
    """
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not text") from None


def parsed(text: str, file: Path) -> Mapping[str, object]:
    """
    Raises:
        UsageError: the text is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: an integer of thousands of digits too
        raise UsageError(f"{file} is not TOML: {error}") from None


def secrets_of(declared: Declaration, folder: Path) -> dict[str, str]:
    """The secrets that the file refers to: those of access keys by access key id, of credential sources by
    `secret_name`, passwords by `password_name`. Paths are relative to the file's folder.

    Raises:
        InvalidDeclaration: one is not there, or open to others.
    """
    found: dict[str, str] = {}

    def find(name: str, place: Place, member: str, file: str | None, variable: str | None) -> None:
        if file:
            found[name] = _secret_of_file(folder / file, (*place, f"{member}_file"))
        if variable:
            found[name] = _secret_of_environment(variable, (*place, f"{member}_env"))

    for position, key in enumerate(declared.access_key):
        place = ("access_key", position)
        find(key.access_key_id, place, _KEY, key.secret_access_key_file, key.secret_access_key_env)
    for position, source in enumerate(declared.credential_source):
        place = ("credential_source", position)
        find(secret_name(source.name), place, _KEY, source.secret_access_key_file, source.secret_access_key_env)
    for position, user in enumerate(declared.user):
        find(password_name(position), ("user", position), "password", user.password_file, user.password_env)
    return found


def password_name(position: int) -> str:
    """What the password of a person is called among the secrets, by the person's place in the file."""
    return f"user {position}"


def _secret_of_file(file: Path, place: Place) -> str:
    try:
        with file.open("r", encoding="utf-8") as stream:
            if not os.fstat(stream.fileno()).st_mode & 0o077:
                return stream.read().strip()
            text = f"the secret's file {file} is open to others: chmod 600 it"
    except OSError as error:
        text = f"the secret's file {file} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        text = f"the secret's file {file} is not text"
    except ValueError:  # a NUL
        text = "the secret's file cannot have such a name"
    raise InvalidDeclaration(text, place)


def _secret_of_environment(variable: str, place: Place) -> str:
    secret = os.environ.get(variable)
    if not secret:
        raise InvalidDeclaration(f"the variable {variable} is not set", place)
    return secret


def line_of(text: str, place: Place) -> int | None:
    """The line, counted from 1, where a place of the declaration stands: found by looking for the words, since TOML's
    decoder does not say. The nearest that is found, or ``None``.
    """
    lines = ["" if line.lstrip().startswith("#") else line for line in text.split("\n")]
    start, end = _extent(lines, place)
    found = start + 1 if start is not None else None
    number = start or 0
    for key in (step for step in place[2 if start is not None else 0 :] if isinstance(step, str)):
        word = re.compile(rf"""(?:^|[\s\[.{{,"']){re.escape(key)}(?=["']?\s*[=.\]])""")
        number = next((each for each in range(number, end) if word.search(lines[each])), -1)
        if number < 0:
            break
        found = number + 1
    return found


def _extent(lines: list[str], place: Place) -> tuple[int | None, int]:
    """From which line on, and up to which, the entry of an array of tables goes that the place is in."""
    if len(place) > 1:
        headers = [number for number, name in _headers(lines) if name == place[0]]
        start = next((number for index, number in enumerate(headers) if index == place[1]), None)
        if start is not None:
            return start, next((number for number, _ in _headers(lines) if number > start), len(lines))
    return None, len(lines)


def _headers(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        found = re.match(r"""\s*\[\[\s*["']?(\w+)["']?\s*\]\]""", line)
        if found:
            yield number, found[1]
