"""What every token cache can do, and what may go wrong with one."""

from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TypeAlias

from postern.client.errors import ClientError
from postern.client.token_cache.entries import CachedRegistration, CachedToken, RegistrationKey, SessionKey


class TokenCacheError(ClientError):
    """The cache cannot be written, locked or reached. What cannot be *read* is no error but no token."""


class LockTimeout(TokenCacheError):
    """Another process kept the lock for too long."""

    retryable = True


class Problem(NamedTuple):
    """Something that keeps an entry from being used, or from being safe: where, and why. No secret in either."""

    place: str
    reason: str


# A cache has a method `list`, so that inside its class the type has no name.
Problems: TypeAlias = list[Problem]
Tokens: TypeAlias = list[CachedToken]


class CacheLock(Protocol):
    """The right to refresh one session's token, held by one process and one thread at a time. It ends with its process.

    As a context manager it is acquired and released; flows wait for it with `token_lock.acquired`.
    """

    @property
    def timeout(self) -> float:
        """Seconds to wait for it at most."""

    def try_acquire(self) -> bool:
        """Take the lock if it is free; whether it was. Does not wait.

        Raises:
            TokenCacheError: there can be no lock here.
        """

    def acquire(self) -> None:
        """Wait for the lock.

        Raises:
            LockTimeout: somebody else has it, and keeps it.
            TokenCacheError: there can be no lock here.
        """

    def timed_out(self) -> LockTimeout:
        """The error of having waited in vain."""

    def release(self) -> None:
        """Give the lock back; without effect when it is not held."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class TokenCache(Protocol):
    """Keeps tokens and registrations. Any number of processes and threads may use the same place.

    A write is seen whole, or not at all.
    Verbs that write raise `TokenCacheError`, and then the old entry is still there.
    """

    def load(self, key: SessionKey) -> CachedToken | None:
        """The token of a session, however old; None if there is none that can be read and that is of this start URL."""

    def store(self, key: SessionKey, token: CachedToken) -> None:
        """Keep the token as that of this session."""

    def delete(self, key: SessionKey) -> bool:
        """Forget the token of this session; whether there was one. Registrations stay."""

    def forget(self, token: CachedToken) -> int:
        """Remove every entry that holds this access token, under whatever name; how many there were."""

    def list(self) -> Tokens:
        """All tokens, one for each session. ``session_name`` is None when it is a start URL's, and also when another
        tool wrote it for a session: the name of a session cannot be told from its digest.
        """

    def load_registration(self, key: RegistrationKey) -> CachedRegistration | None:
        """The registration, however old."""

    def store_registration(self, key: RegistrationKey, registration: CachedRegistration) -> None: ...

    def delete_registration(self, key: RegistrationKey) -> bool: ...

    def lock(self, key: SessionKey, timeout: float = 60.0) -> CacheLock:
        """The lock of a session, not yet acquired. ``timeout`` is in seconds."""

    def problems(self, keys: Iterable[SessionKey] = ()) -> Problems:
        """What a person should know: entries that cannot be read, are open to others, or left by a crash; and for
        ``keys``, those whose entry is of another start URL.
        """
