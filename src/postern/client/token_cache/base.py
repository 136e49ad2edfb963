"""What all token caches do alike, on top of four verbs over named entries that each kind brings along."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from postern.client.token_cache import entries
from postern.client.token_cache.entries import (
    CachedRegistration,
    CachedToken,
    RegistrationKey,
    SessionKey,
    UnreadableEntry,
)
from postern.client.token_cache.lock import FileLock
from postern.client.token_cache.port import CacheLock, Problem, Problems, Tokens

T = TypeVar("T")


class EntryCache(ABC):
    """A `TokenCache` over entries. Names are SHA-1 digests in hex."""

    @abstractmethod
    def _read(self, name: str) -> bytes | None:
        """An entry; None if there is none. Raises `UnreadableEntry` if it cannot be had."""

    @abstractmethod
    def _write(self, name: str, content: bytes) -> None:
        """Make or replace an entry, at once and as a whole."""

    @abstractmethod
    def _remove(self, name: str) -> bool:
        """Remove an entry; whether there was one."""

    @abstractmethod
    def _names(self) -> list[str]:
        """The names of all entries."""

    @abstractmethod
    def _place(self, name: str) -> str:
        """Where an entry is, for a person to read."""

    @abstractmethod
    def _lock_file(self, name: str) -> str: ...

    def load(self, key: SessionKey) -> CachedToken | None:
        token = self._token(key.primary)
        if token is None or not _is_of(token, key.start_url):
            return None
        return token._replace(start_url=token.start_url or key.start_url, session_name=key.session_name)

    def store(self, key: SessionKey, token: CachedToken) -> None:
        self._write(key.primary, entries.write_token(token._replace(session_name=key.session_name)))

    def delete(self, key: SessionKey) -> bool:
        return self._remove(key.primary)

    def forget(self, token: CachedToken) -> int:
        held = [name for name, other in self._tokens() if other.access_token == token.access_token]
        return sum([self._remove(name) for name in held])

    def list(self) -> Tokens:
        return [
            token._replace(session_name=_session_name(name, token))
            for name, token in self._tokens()
            if not self._is_copy(name, token)
        ]

    def load_registration(self, key: RegistrationKey) -> CachedRegistration | None:
        return _unless_unreadable(lambda: self._registration(key.digest))

    def store_registration(self, key: RegistrationKey, registration: CachedRegistration) -> None:
        self._write(key.digest, entries.write_registration(registration))

    def delete_registration(self, key: RegistrationKey) -> bool:
        return self._remove(key.digest)

    def lock(self, key: SessionKey, timeout: float = 60.0) -> CacheLock:
        return FileLock(self._lock_file(key.primary), timeout)

    def problems(self, keys: Iterable[SessionKey] = ()) -> Problems:
        found = [Problem(self._place(name), reason) for name in self._names() if (reason := self._fault(name))]
        for key in keys:
            token = self._token(key.primary)
            if token is not None and not _is_of(token, key.start_url):
                found.append(Problem(self._place(key.primary), f"it is of another start URL than {key.start_url}"))
        return found

    def _is_copy(self, name: str, token: CachedToken) -> bool:
        """Whether the token is a second one of a session that has an entry of its own."""
        own = entries.digest(token.session_name) if token.session_name else name
        return own != name and self._token(own) is not None

    def _fault(self, name: str) -> str | None:
        """Why an entry cannot be used, or None."""
        try:
            content = self._read(name)
            if content is not None:
                entries.read_token(content)
        except UnreadableEntry as error:
            return str(error)
        return None

    def _token(self, name: str) -> CachedToken | None:
        return _unless_unreadable(lambda: self._readable_token(name))

    def _tokens(self) -> Iterator[tuple[str, CachedToken]]:
        for name in self._names():
            token = self._token(name)
            if token is not None:
                yield name, token

    def _readable_token(self, name: str) -> CachedToken | None:
        content = self._read(name)
        return None if content is None else entries.read_token(content)

    def _registration(self, name: str) -> CachedRegistration | None:
        content = self._read(name)
        return None if content is None else entries.read_registration(content)


def _unless_unreadable(read: Callable[[], T | None]) -> T | None:
    try:
        return read()
    except UnreadableEntry:
        return None


def _is_of(token: CachedToken, start_url: str) -> bool:
    """Whether a token is of this start URL, or does not say. One that is not, such as after a session has been
    configured anew, would take its refresh token to a server that it does not belong to.
    """
    return not token.start_url or _plain(token.start_url) == _plain(start_url)


def _plain(start_url: str) -> str:
    return start_url.partition("#")[0].rstrip("/").lower()


def _session_name(name: str, token: CachedToken) -> str | None:
    is_own = token.session_name is not None and entries.digest(token.session_name) == name
    return token.session_name if is_own else None
