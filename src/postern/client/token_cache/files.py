"""Files that hold secrets: read without trust, written whole or not at all, for their owner only."""

# ruff: noqa: PTH102, PTH105, PTH108, PTH112, PTH116, PTH118, PTH120, PTH123, PTH208
# PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
import stat
import time
from contextlib import suppress

from postern.client.token_cache.entries import UnreadableEntry
from postern.client.token_cache.places import place_to_write
from postern.client.token_cache.port import TokenCacheError

LARGEST = 1 << 20
_LEFT_BEHIND_AFTER = 3600.0
_TEMPORARY = ".postern.tmp"


def read(path: str) -> bytes | None:
    """The content of a file; None if there is none.

    Raises:
        UnreadableEntry: it cannot be read, is not a file, or is larger than `LARGEST` bytes.
    """
    try:
        # A pipe of that name would block for ever.
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableEntry(f"it cannot be opened: {error.strerror}") from None
    try:
        return _content(opened)
    except OSError as error:
        raise UnreadableEntry(f"it cannot be read: {error.strerror}") from None
    finally:
        os.close(opened)


def write(path: str, content: bytes) -> None:
    """Replace a file, with mode 0600. Through a symbolic link, what it points to is replaced, as a person who keeps
    the folder elsewhere expects.

    Raises:
        TokenCacheError: it cannot be written, and is as it was.
    """
    make_folder(os.path.dirname(path))
    target = place_to_write(path)
    folder = os.path.dirname(target)
    try:
        _sweep(folder)
        _replace(target, content)
        _sync_folder(folder)
    except OSError as error:
        raise TokenCacheError(f"{path} cannot be written: {error.strerror}") from error


def remove(path: str) -> bool:
    """Remove a file, or the link to it; whether there was one.

    Raises:
        TokenCacheError: it cannot be removed.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise TokenCacheError(f"{path} cannot be removed: {error.strerror}") from error
    return True


def names(folder: str) -> list[str]:
    """The names in a folder, in order; none if it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def make_folder(folder: str) -> None:
    """Make a folder and those above it, each for its owner only; what is there stays as it is.

    Raises:
        TokenCacheError: it cannot be made.
    """
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    if above != folder:
        make_folder(above)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise TokenCacheError(f"{folder} is not a folder") from None
    except OSError as error:
        raise TokenCacheError(f"{folder} cannot be made: {error.strerror}") from error


def is_open_to_others(path: str) -> bool:
    """Whether others than the owner may read or write a file."""
    if os.name == "nt":
        return False
    try:
        return bool(os.stat(path).st_mode & 0o077)
    except OSError:
        return False


def is_left_behind(path: str) -> bool:
    """Whether a crash left this temporary file: it is older than any write takes."""
    try:
        return path.endswith(_TEMPORARY) and time.time() - os.stat(path).st_mtime > _LEFT_BEHIND_AFTER
    except OSError:
        return False


def _content(opened: int) -> bytes:
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        raise UnreadableEntry("it is not a file")
    content = b""
    while piece := os.read(opened, LARGEST + 1 - len(content)):
        content += piece
        if len(content) > LARGEST:
            raise UnreadableEntry("it is too large")
    return content


def _replace(target: str, content: bytes) -> None:
    temporary = f"{target}.{os.urandom(8).hex()}{_TEMPORARY}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    opened = os.open(temporary, flags, 0o600)
    try:
        with open(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(opened)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: str) -> None:
    """A refresh token is used once: its successor should not be lost with a power cut, where the file system can."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _sweep(folder: str) -> None:
    """Remove what writes that crashed have left: it holds secrets, and nobody will ever come for it."""
    for name in names(folder):
        path = os.path.join(folder, name)
        if is_left_behind(path):
            remove(path)
