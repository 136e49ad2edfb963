"""Tokens in encrypted files (AES-256-GCM). Each is bound to its name, so that none can be passed off as another's."""

# ruff: noqa: PTH100, PTH112, PTH118

import os
import re
from collections.abc import Iterable
from typing import Self

from postern.client.token_cache import files, places, sealing
from postern.client.token_cache.base import EntryCache
from postern.client.token_cache.entries import SessionKey, UnreadableEntry
from postern.client.token_cache.port import Problem, Problems
from postern.client.token_cache.sealing import Seal

_FORM = b"postern-token-1\n"
_ENTRY = re.compile(r"[0-9a-f]{40}\.token")


class EncryptedFileTokenCache(EntryCache):
    """A `TokenCache` in files of ``folder`` that nobody can read without ``key`` (32 bytes).

    Raises:
        ConfigurationError: the key is not the one that the folder was begun with; nothing is touched.
    """

    def __init__(self, folder: str | os.PathLike[str], key: bytes | Seal) -> None:
        self.folder = os.path.abspath(folder)
        self._seal = key if isinstance(key, Seal) else sealing.with_key(self.folder, key)

    @classmethod
    def from_passphrase(cls, folder: str | os.PathLike[str], passphrase: str) -> Self:
        """The cache whose key is made of a passphrase.

        Raises:
            ConfigurationError: the passphrase is empty, or not the one that the folder was begun with.
        """
        return cls(folder, sealing.with_passphrase(os.path.abspath(folder), passphrase))

    def __repr__(self) -> str:
        return f"EncryptedFileTokenCache({self.folder!r})"

    def problems(self, keys: Iterable[SessionKey] = ()) -> Problems:
        found = super().problems(keys)
        if os.path.isdir(self.folder) and (place := places.open_to_all(self.folder)):
            found.append(Problem(place, f"everybody may write to it, so we do not: chmod o-w {place}"))
        return found

    def _read(self, name: str) -> bytes | None:
        content = files.read(self._place(name))
        if content is None:
            return None
        if not content.startswith(_FORM):
            raise UnreadableEntry("it is not an encrypted token")
        opened = self._seal.open(_bound_to(name), content.removeprefix(_FORM))
        if opened is None:
            raise UnreadableEntry("it was changed, moved, or encrypted with another key")
        return opened

    def _write(self, name: str, content: bytes) -> None:
        files.write(self._place(name), _FORM + self._seal.close(_bound_to(name), content))

    def _remove(self, name: str) -> bool:
        return files.remove(self._place(name))

    def _names(self) -> list[str]:
        return [name.removesuffix(".token") for name in files.names(self.folder) if _ENTRY.fullmatch(name)]

    def _place(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.token")

    def _lock_file(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.lock")


def _bound_to(name: str) -> bytes:
    return _FORM + name.encode()
