"""`Rows`: what a store must be able to do inside one transaction. The verbs are written once on top of it, in
`row_store`.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from postern.core.directory.records import (
    AccessKey,
    Account,
    AccountAssignment,
    Application,
    ApplicationAssignment,
    CredentialSource,
    ExternalId,
    Group,
    GroupMembership,
    PermissionSet,
    PrincipalType,
    TrustedTokenIssuer,
    UsedAssertion,
)
from postern.core.records import (
    Attempts,
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DevicePoll,
    Epoch,
    Instance,
    Mark,
    Record,
    RevokedClient,
    RingKeyRecord,
    RsaKeyRecord,
    TokenFamily,
    User,
)

R = TypeVar("R", bound=Record)

KINDS: tuple[type[Record], ...] = (
    Instance,
    RingKeyRecord,
    RsaKeyRecord,
    User,
    RevokedClient,
    DeviceAuthorization,
    AuthorizationCode,
    TokenFamily,
    BrowserSession,
    Attempts,
    Group,
    GroupMembership,
    ExternalId,
    TrustedTokenIssuer,
    Application,
    ApplicationAssignment,
    AccessKey,
    UsedAssertion,
    Account,
    PermissionSet,
    AccountAssignment,
    CredentialSource,
    Epoch,
    Mark,
)


def key_of(record: Record) -> object:
    """What a record is found by: its first member."""
    key: object = getattr(record, record.__struct_fields__[0])
    return key


class Rows(Protocol):
    """The rows as they are inside one transaction."""

    def find(self, kind: type[R], key: object) -> R | None: ...

    def find_for_update(self, kind: type[R], key: object) -> R | None:
        """Nobody else changes it, or holds it, until this transaction ends. Where transactions run side by side, people
        are held first, then approvals, then token families.
        """
        ...

    def find_for_share(self, kind: type[R], key: object) -> R | None:
        """Nobody else changes it until this transaction ends."""
        ...

    def find_each(self, kind: type[R], keys: Sequence[str]) -> list[R]:
        """Those that are there, of some hundred at most, in the order of their keys."""
        ...

    def all(self, kind: type[R]) -> list[R]: ...

    def where(self, kind: type[R], column: str, value: str) -> list[R]:
        """Those with the value in a column that has an index."""
        ...

    def insert(self, record: Record) -> None:
        """
        Raises:
            AlreadyExists: its key or another unique value is taken; nothing was written.
        """
        ...

    def update(self, record: Record) -> None:
        """
        Raises:
            AlreadyExists: a unique value is taken.
        """
        ...

    def put(self, record: Record) -> None:
        """Insert, or replace the record with the same key."""
        ...

    def delete(self, kind: type[Record], key: object) -> None: ...

    def device_poll(self, authorization_id: int) -> DevicePoll | None: ...

    def device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None: ...

    def user_by_name(self, instance_id: str, canonical_name: str) -> User | None: ...

    def assigned_account_ids(
        self, principal_type: PrincipalType, principal_id: str, after: str, limit: int
    ) -> list[str]:
        """Each once, in their order: the first ``limit`` after ``after``."""
        ...

    def account_assignments(
        self, principal_type: PrincipalType, principal_id: str, account_id: str
    ) -> list[AccountAssignment]: ...

    def all_assignments(self, principal_type: PrincipalType, principal_id: str) -> list[tuple[str, str]]:
        """Account ids and permission set ARNs."""
        ...

    def all_assigned_accounts(self, principal_type: PrincipalType, principal_id: str) -> list[Account]:
        """Each once, as far as they are there."""
        ...

    def live_families_of(self, user_id: str, now: int) -> list[TokenFamily]:
        """Newest first."""
        ...

    def live_families_of_client(self, client_digest: bytes, now: int) -> list[TokenFamily]:
        """Newest first."""
        ...

    def all_live_families(self, now: int) -> list[TokenFamily]:
        """Newest first."""
        ...

    def revoke_families_of(self, user_id: str, reason: str, now: int) -> None:
        """Revoke all that are not revoked, the expired too: a clock that stepped forward may step back."""
        ...

    def revoke_families_of_client(self, client_digest: bytes, reason: str, now: int) -> None: ...

    def withdraw_approvals_of(self, user_id: str) -> None:
        """Take the person off the device authorizations that they approved, and delete their authorization codes, as
        far as they are not redeemed.
        """
        ...

    def withdraw_approvals_of_client(self, client_digest: bytes) -> None:
        """The same of all people who approved the client."""
        ...

    def end_browser_sessions_of(self, user_id: str, keeps: bytes = b"") -> None:
        """All but the one with the digest ``keeps``."""
        ...

    def delete_expired(self, kind: type[Record], now: int, limit: int) -> int:
        """Delete up to ``limit`` rows with ``expires_at`` <= ``now``. Looks at a bounded number of rows and goes round,
        so that a row may be met only by a later call.
        """
        ...

    def end_refreshing(self) -> None:
        """No refresh token that was issued until now is good any more, whatever a clock says."""
        ...

    def revoke_all_families(self, reason: str, now: int) -> None:
        """Revoke all that are not revoked, the expired too."""
        ...

    def withdraw_all(self) -> None:
        """Let device authorizations expire and delete authorization codes, as far as they are not redeemed; end every
        browser session.
        """
        ...
