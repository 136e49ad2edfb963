"""The shared files of AWS's SDKs and tools, ``~/.aws/config`` and ``~/.aws/credentials``, read as botocore reads them.

Settings and Configuration File Formats: AWS SDKs and Tools Reference Guide.
"""

# ruff: noqa: PTH111, PTH116, PTH123  # PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
import stat
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from postern.client.errors import ConfigurationError

if TYPE_CHECKING:
    import configparser

Section: TypeAlias = Mapping[str, str | Mapping[str, str]]


class SharedConfig(NamedTuple):
    """What the two files say. Keys are in lower case; those of an indented block are as written."""

    config_file: str = ""
    credentials_file: str = ""
    profile_sections: Mapping[str, Section] = {}
    sso_session_sections: Mapping[str, Section] = {}
    services_sections: Mapping[str, Section] = {}

    def __repr__(self) -> str:
        """Names only: values may be secret."""
        return f"SharedConfig({', '.join(self.profile_names)})"

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> Self:
        """Read the files that ``AWS_CONFIG_FILE`` and ``AWS_SHARED_CREDENTIALS_FILE`` name, or those in ``~/.aws``.
        One that does not exist is empty.

        Raises:
            ConfigurationError: a file cannot be read or understood; the text has its path and the line.
        """
        config_file = _path(environment.get("AWS_CONFIG_FILE") or "~/.aws/config", environment)
        credentials_file = _path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials", environment)
        sections = _sections(config_file)
        profiles = _named("profile", sections)
        for name, section in _sections(credentials_file).items():
            profiles[name] = {**profiles.get(name, {}), **section}
        return cls(
            config_file=config_file,
            credentials_file=credentials_file,
            profile_sections=profiles,
            sso_session_sections=_named("sso-session", sections),
            services_sections=_named("services", sections),
        )

    @property
    def profile_names(self) -> tuple[str, ...]:
        return tuple(self.profile_sections)

    @property
    def sso_session_names(self) -> tuple[str, ...]:
        return tuple(self.sso_session_sections)

    def profile(self, name: str) -> Mapping[str, str]:
        """The settings of a profile, without its indented blocks. The credentials file goes before the config file.

        Raises:
            ConfigurationError: there is no such profile.
        """
        where = f"{self.config_file} or {self.credentials_file}"
        return _texts(_find(self.profile_sections, name, "profile", where))

    def sso_session(self, name: str) -> Mapping[str, str]:
        """The settings of a section ``[sso-session NAME]``.

        Raises:
            ConfigurationError: there is no such section.
        """
        return _texts(_find(self.sso_session_sections, name, "sso-session", self.config_file))

    def services(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """The indented blocks of a section ``[services NAME]``, by service.

        Raises:
            ConfigurationError: there is no such section.
        """
        section = _find(self.services_sections, name, "services section", self.config_file)
        return {key: value for key, value in section.items() if not isinstance(value, str)}


def _path(text: str, environment: Mapping[str, str]) -> str:
    if "$" in text:
        from string import Template

        text = Template(text).safe_substitute(environment)
    home = environment.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        return home + text[1:]
    return os.path.expanduser(text)


def _sections(path: str) -> dict[str, Section]:
    text = _read(path)
    if not text or text.isspace():
        return {}
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise _malformed(path, *_complaint(error)) from None
    return {
        name: {key: _value(value, path, text, name) for key, value in parser.items(name)} for name in parser.sections()
    }


def _read(path: str) -> str:
    """The file's text; nothing for what is not a plain file, which could block for ever."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return ""
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _malformed(path, line, "this is not UTF-8") from None


def _value(value: str, path: str, text: str, section: str) -> str | dict[str, str]:
    """A value, or the block that is indented below an empty one."""
    if not value.startswith("\n"):
        return value
    block = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        key, equals, nested = line.partition("=")
        if not equals:
            raise _malformed(path, _line_of(line, text, section), f"not NAME = VALUE in a block of [{section}]")
        block[key.strip()] = nested.strip()
    return block


def _line_of(line: str, text: str, section: str) -> int:
    """The number of a line of ``section``; that of its header if it cannot be told."""
    before = text[: text.find(f"[{section}]")].count("\n")
    lines = text.split("\n")[before:]
    return before + 1 + next((number for number, each in enumerate(lines) if each.strip() == line), 0)


def _complaint(error: "configparser.Error") -> tuple[int, str]:
    """The line and what is wrong with it. The parser's own text is of no use: it quotes the line, which may hold a
    secret.
    """
    import configparser

    match error:
        case configparser.DuplicateSectionError():
            return error.lineno or 0, f"section [{error.section}] is there already"
        case configparser.DuplicateOptionError():
            return error.lineno or 0, f"[{error.section}] has {error.option} already"
        case configparser.MissingSectionHeaderError():
            return error.lineno, "a setting before the first [section]"
        case configparser.ParsingError():
            return error.errors[0][0], "neither [section] nor NAME = VALUE"
        case _:
            return 0, type(error).__name__


def _malformed(path: str, line: int, complaint: str) -> ConfigurationError:
    return ConfigurationError(f"{path}, line {line}: {complaint}")


def _named(kind: str, sections: Mapping[str, Section]) -> dict[str, Section]:
    """The sections ``[KIND NAME]`` by name. As botocore has it, ``[KINDs NAME]`` will do; of two with one name the
    later counts.
    """
    found: dict[str, Section] = {}
    for header, section in sections.items():
        if header.startswith(kind):
            words = _words(header)
            if len(words) == 2:
                found[words[1]] = section
        elif header == "default" and kind == "profile":
            found[header] = section
    return found


def _words(header: str) -> list[str]:
    import shlex

    try:
        return shlex.split(header)
    except ValueError:
        return []


def _texts(section: Section) -> dict[str, str]:
    return {key: value for key, value in section.items() if isinstance(value, str)}


def _find(sections: Mapping[str, Section], name: str, what: str, where: str) -> Section:
    if name in sections:
        return sections[name]
    raise ConfigurationError(f"no {what} {name!r} in {where}{_suggestion(name, sections)}")


def _suggestion(name: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known)
    return f": did you mean {' or '.join(map(repr, close))}?" if close else ""
