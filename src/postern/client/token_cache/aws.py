"""The files that the AWS CLI and the SDKs share: one JSON file per entry in ``~/.aws/sso/cache``.

Tools look for a session's token under the SHA-1 of its name, and legacy profiles under that of the start URL. There is
one refresh token in one place: what legacy profiles find is a copy without it. They never refresh, and two copies of a
token that is used once look like theft to the server.
"""

# ruff: noqa: PTH100, PTH111, PTH112, PTH114, PTH118  # PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from postern.client.token_cache import entries, files, places
from postern.client.token_cache.base import EntryCache
from postern.client.token_cache.entries import CachedToken, SessionKey, UnreadableEntry
from postern.client.token_cache.lock import FileLock
from postern.client.token_cache.port import Problem, Problems, TokenCacheError

_ENTRY = re.compile(r"[0-9a-f]{40}\.json")
_COPY_WAIT = 0.2


def default_folder(home: str | None = None) -> str:
    """Where the AWS CLI keeps tokens."""
    return os.path.join(home or os.path.expanduser("~"), ".aws", "sso", "cache")


class FileTokenCache(EntryCache):
    """A `TokenCache` in the files of the AWS CLI; ``folder`` is ``~/.aws/sso/cache`` unless given.

    The token of a named session goes under its name. Its copy for legacy profiles carries the session's name, by which
    it is known as ours; it is written where there is nothing, an expired token that cannot be refreshed, or an earlier
    copy of the same session. What another tool, or another session at the same start URL, keeps there is left alone.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.folder = os.path.abspath(folder or default_folder())
        self._now = now

    def __repr__(self) -> str:
        return f"FileTokenCache({self.folder!r})"

    def path(self, name: str) -> str:
        """The file of an entry, by its digest."""
        return os.path.join(self.folder, f"{name}.json")

    def store(self, key: SessionKey, token: CachedToken) -> None:
        super().store(key, token)
        # The token is kept by now. A copy that cannot be written is told by `problems`.
        with suppress(TokenCacheError):
            self._store_copy(key, token)

    def delete(self, key: SessionKey) -> bool:
        was_there = super().delete(key)
        slot = key.digests[-1]
        if slot == key.primary or not self._is_copy_of(slot, key):
            return was_there
        return self._remove(slot) or was_there

    def problems(self, keys: Iterable[SessionKey] = ()) -> Problems:
        keys = tuple(keys)
        found = super().problems(keys)
        for name in files.names(self.folder):
            path = os.path.join(self.folder, name)
            if _ENTRY.fullmatch(name) and files.is_open_to_others(path):
                found.append(Problem(path, f"others may read it: chmod 600 {path}"))
            if files.is_left_behind(path):
                found.append(Problem(path, "a write that crashed has left it; the next write removes it"))
        if os.path.isdir(self.folder) and (place := places.open_to_all(self.folder)):
            found.append(Problem(place, f"everybody may write to it, so we do not: chmod o-w {place}"))
        return [*found, *self._problems_of_copies(keys)]

    def _store_copy(self, key: SessionKey, token: CachedToken) -> None:
        slot = key.digests[-1]
        if slot == key.primary:
            return
        # Whoever keeps the lock of a start URL is about to write a sign-in of its own there: it is not waited for, and
        # nobody who has it waits for ours.
        with FileLock(self._lock_file(slot), _COPY_WAIT):
            if self._may_hold_copy(slot, key):
                self._write(slot, entries.write_token(_copy(key, token)))

    def _problems_of_copies(self, keys: Iterable[SessionKey]) -> Problems:
        found = []
        for key in keys:
            path = self.path(key.digests[-1])
            # A copy lies beside its token, unless it is elsewhere.
            if not os.path.islink(path) or not self._may_hold_copy(key.digests[-1], key):
                continue
            try:
                places.place_to_write(path)
            except TokenCacheError as error:
                found.append(Problem(path, f"the copy for legacy profiles cannot be written: {error}"))
        return found

    def _may_hold_copy(self, slot: str, key: SessionKey) -> bool:
        try:
            held = self._readable_token(slot)
        except UnreadableEntry:
            return False
        if held is None:
            return not os.path.lexists(self.path(slot))
        is_of_no_use = held.expires_at <= self._now() and not held.refresh_token
        return held.session_name == key.session_name or is_of_no_use

    def _is_copy_of(self, slot: str, key: SessionKey) -> bool:
        held = self._token(slot)
        return held is not None and held.session_name == key.session_name

    def _read(self, name: str) -> bytes | None:
        return files.read(self.path(name))

    def _write(self, name: str, content: bytes) -> None:
        files.write(self.path(name), content)

    def _remove(self, name: str) -> bool:
        return files.remove(self.path(name))

    def _names(self) -> list[str]:
        return [name.removesuffix(".json") for name in files.names(self.folder) if _ENTRY.fullmatch(name)]

    def _place(self, name: str) -> str:
        return self.path(name)

    def _lock_file(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.lock")


def _copy(key: SessionKey, token: CachedToken) -> CachedToken:
    return CachedToken(
        start_url=token.start_url,
        region=token.region,
        access_token=token.access_token,
        expires_at=token.expires_at,
        session_name=key.session_name,
    )
