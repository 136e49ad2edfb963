"""Tokens in the operating system's keyring, by the package of that name (the extra ``keyring``).

A keyring cannot be listed, so an entry named ``index`` has the names of all others. Some keyrings take only short
texts; a longer one is cut into parts, and the entry itself names them, written last, so that a reader sees either the
old parts or the new.
"""

# ruff: noqa: PTH100, PTH118

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from postern.client.errors import ConfigurationError
from postern.client.token_cache.aws import default_folder
from postern.client.token_cache.base import EntryCache
from postern.client.token_cache.entries import UnreadableEntry
from postern.client.token_cache.lock import FileLock
from postern.client.token_cache.port import TokenCacheError

T = TypeVar("T")

_INDEX = "index"
_PARTS = "parts "
_USELESS = frozenset({"keyring.backends.null", "keyring.backends.fail"})
# Windows keeps 2,560 bytes of UTF-16 per entry.
_PART_SIZE = 1200 if sys.platform == "win32" else None


class Backend(Protocol):
    """The part of a keyring backend that is used."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class KeyringTokenCache(EntryCache):
    """A `TokenCache` in a keyring: by default that of the person who is logged in. Locks are files in ``folder``, by
    default ``~/.aws/sso/cache``. ``part_size`` is in characters; None never cuts.

    Raises:
        ConfigurationError: the package is missing, or there is no keyring on this machine.
    """

    def __init__(
        self,
        *,
        service: str = "postern",
        folder: str | os.PathLike[str] | None = None,
        backend: Backend | None = None,
        part_size: int | None = _PART_SIZE,
    ) -> None:
        self.service = service
        self.folder = os.path.abspath(folder or default_folder())
        self._backend = backend or system_keyring()
        self._part_size = part_size

    def __repr__(self) -> str:
        return f"KeyringTokenCache({self.service!r})"

    def _read(self, name: str) -> bytes | None:
        try:
            text = self._get(name)
            while text is not None:
                joined = self._joined(name, text)
                if joined is not None:
                    return joined.encode()
                text = self._another(name, text)
        except TokenCacheError as error:
            raise UnreadableEntry(str(error)) from error
        return None

    def _write(self, name: str, content: bytes) -> None:
        with self._index_lock():
            old = self._get(name)
            if old is None:
                self._enlist(name)  # first: nobody would ever find an entry that is not listed
            self._set(name, self._cut(name, content.decode()))
            # The entry is kept by now, and what it needs is done.
            with suppress(TokenCacheError):
                self._remove_parts(name, old)
                self._enlist(name)

    def _remove(self, name: str) -> bool:
        with self._index_lock():
            names = self._listed()
            old = self._get(name)
            self._delete(name)
            self._remove_parts(name, old)
            self._write_index(names - {name})
        return old is not None

    def _names(self) -> list[str]:
        try:
            return sorted(self._listed())
        except TokenCacheError:
            return []

    def _place(self, name: str) -> str:
        return f"keyring entry {self.service}/{name}"

    def _lock_file(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.lock")

    def _index_lock(self) -> FileLock:
        return FileLock(self._lock_file("keyring"), timeout=30.0)

    def _listed(self) -> set[str]:
        """The names in the index. One that is no index has none: it is written anew.

        Raises:
            TokenCacheError: it could not be read.
        """
        try:
            names = json.loads(self._get(_INDEX) or "[]")
        except (ValueError, RecursionError):
            return set()
        return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()

    def _enlist(self, name: str) -> None:
        self._write_index({*self._listed(), name})

    def _write_index(self, names: set[str]) -> None:
        text = json.dumps(sorted(names))
        if text != self._get(_INDEX):
            self._set(_INDEX, text)

    def _cut(self, name: str, text: str) -> str:
        """What goes into the entry: the text, or where its parts are, which are written first."""
        size = self._part_size
        if size is None or len(text) <= size:
            return text
        generation = os.urandom(8).hex()
        parts = [text[at : at + size] for at in range(0, len(text), size)]
        for number, part in enumerate(parts):
            self._set(f"{name}.{generation}.{number}", part)
        return f"{_PARTS}{generation} {len(parts)}"

    def _joined(self, name: str, text: str) -> str | None:
        """The text of an entry; None if a part is missing."""
        names = _parts(name, text)
        parts = [part for part in map(self._get, names) if part is not None]
        if len(parts) < len(names):
            return None
        return "".join(parts) if names else text

    def _another(self, name: str, text: str) -> str | None:
        """What is there instead of an entry without its parts: a writer has been quicker than we were."""
        now_there = self._get(name)
        if now_there == text:
            raise UnreadableEntry("a part of it is missing")
        return now_there

    def _remove_parts(self, name: str, text: str | None) -> None:
        for part in _parts(name, text or ""):
            self._delete(part)

    def _get(self, name: str) -> str | None:
        return self._ask(lambda: self._backend.get_password(self.service, name))

    def _set(self, name: str, text: str) -> None:
        self._ask(lambda: self._backend.set_password(self.service, name, text))

    def _delete(self, name: str) -> None:
        if self._get(name) is not None:
            self._ask(lambda: self._backend.delete_password(self.service, name))

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        # Backends raise what the libraries below them raise, and some of that quotes what it was given.
        except Exception as error:  # noqa: BLE001
            raise TokenCacheError(f"the keyring refused: {type(error).__name__}") from None


def system_keyring() -> Backend:
    """The keyring of the person who is logged in.

    Raises:
        ConfigurationError: the package is missing, or there is no keyring on this machine.
    """
    try:
        import keyring
    except ImportError:
        raise ConfigurationError(
            "tokens in the keyring need the package keyring: pip install 'postern[keyring]'"
        ) from None
    backend = keyring.get_keyring()
    if type(backend).__module__ in _USELESS:
        raise ConfigurationError(
            "there is no keyring on this machine that could hold tokens: choose aws or encrypted:/folder"
        )
    return backend


def _parts(name: str, text: str) -> list[str]:
    """The names of the parts that an entry speaks of; none if it is the text itself."""
    if not text.startswith(_PARTS):
        return []
    generation, _, count = text.removeprefix(_PARTS).partition(" ")
    return [f"{name}.{generation}.{number}" for number in range(int(count) if count.isdecimal() else 0)]
