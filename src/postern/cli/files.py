"""Reading and writing the files of others: whole, never half, and with the mode that they have."""

import os
from pathlib import Path

from postern.cli.exit_codes import CommandFailed
from postern.client.errors import ConfigurationError


def read_text(path: str) -> str:
    """The file's text; empty if there is none.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return Path(path).read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {_reason(error)}") from None


def write_text(path: str, text: str) -> None:
    """Through a draft beside it, so that no reader ever sees half. A link is followed; a new file has mode 0600.

    Raises:
        CommandFailed: it cannot be written; what was there is there still.
    """
    target = Path(path).resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(draft, text, target.stat().st_mode & 0o777 if target.exists() else 0o600)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise CommandFailed(f"cannot write {path}: {_reason(error)}") from None


def parsed_sections(text: str) -> dict[str, dict[str, str]]:
    """An AWS configuration file as its readers see it: settings by section.

    Raises:
        ConfigurationError: it is none.
    """
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except configparser.Error as error:
        raise ConfigurationError(f"this is no configuration file: {type(error).__name__}") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _write(draft: Path, text: str, mode: int) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        stream.write(text.encode())
        stream.flush()
        os.fsync(descriptor)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
