"""`Rows`: what an embedded store must be able to do inside one transaction. The verbs are written once on top of it,
in `embedded`.
"""

from typing import Protocol, TypeVar

from postern.core.records import DeviceAuthorization, Record, TokenFamily, User

R = TypeVar("R", bound=Record)


class Rows(Protocol):
    """The rows as they are inside one transaction."""

    def find(self, kind: type[R], key: object) -> R | None: ...

    def all(self, kind: type[R]) -> list[R]: ...

    def insert(self, record: Record) -> None:
        """
        Raises:
            AlreadyExists: its key or another unique value is taken; nothing was written.
        """
        ...

    def update(self, record: Record) -> None: ...

    def put(self, record: Record) -> None:
        """Insert, or replace the record with the same key."""
        ...

    def delete(self, kind: type[Record], key: object) -> None: ...

    def device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None: ...

    def user_by_name(self, canonical_name: str) -> User | None: ...

    def live_families_of(self, user_id: str, now: int) -> list[TokenFamily]:
        """Newest first."""
        ...

    def end_browser_sessions_of(self, user_id: str) -> None: ...

    def delete_expired(self, kind: type[Record], now: int, limit: int) -> int:
        """Look at the next ``limit`` rows of a kind, going round, and delete those with ``expires_at`` <= ``now``."""
        ...
