"""The store port: what the rules ask to be remembered. Each verb is a whole business step and happens entirely or not
at all.

When a verb returns, what it wrote is on disk. Of any number of callers that redeem, rotate or decide the same thing
at once, exactly one changes it and the others see what it did. A verb that refuses raises a modelled error, after the
refusal's own effects (a revoked family, a counted failure) are on disk as well. When the store cannot do its work a
verb raises `StoreUnavailable` and has changed nothing.
"""

from typing import Protocol, TypeVar

import msgspec

from postern.core.attempts import Schedule
from postern.core.directory.records import (
    AccessKey,
    Account,
    Application,
    ApplicationStanding,
    AssignedRole,
    Group,
    PermissionSet,
    TrustedTokenIssuer,
)
from postern.core.records import (
    Attempts,
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DevicePoll,
    Epoch,
    Instance,
    Record,
    RevokedClient,
    RingKeyRecord,
    RsaKeyRecord,
    TokenFamily,
    User,
    UserStatus,
)

R = TypeVar("R", bound=Record)

# An authorization code lives for a minute, but one that was redeemed must be known when it comes back later (RFC 6749
# 4.1.2): its row stays for so many seconds after its end.
REDEEMED_CODE_STAY = 600


class StoreError(Exception):
    """Base of what a store raises beside modelled errors."""


class StoreUnavailable(StoreError):
    """The store cannot be written or read now; nothing was changed."""


class StoreBusy(StoreUnavailable):
    """The store has more to do than it can do in time, and did not come to this; asked again later, it may."""


class AlreadyExists(StoreError):
    """A unique value (user name, user code) is taken."""


class NotFound(StoreError):
    """The record that a verb should change does not exist."""


class Conflict(StoreError):
    """The record that a verb should replace is not as it was read: somebody else changed it."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the commands: everything that a verb needs to know, the time included."""

    now: int


class RedeemDeviceAuthorization(Command, frozen=True, kw_only=True):
    """``family`` is what becomes of the grant if it is good; the verb fills in person, client and scopes."""

    authorization_id: int
    client_digest: bytes
    requested_scopes: tuple[str, ...] | None
    replay_window: int
    family: "FamilyTerms"


class RedeemAuthorizationCode(Command, frozen=True, kw_only=True):
    code_id: int
    client_digest: bytes
    redirect_uri: str
    code_verifier: str
    requested_scopes: tuple[str, ...] | None
    replay_window: int
    family: "FamilyTerms"
    application_arn: str | None = None

    def __repr__(self) -> str:
        """Without the code verifier, which is a secret."""
        return f"RedeemAuthorizationCode(code_id={self.code_id}, now={self.now})"


class RotateRefreshToken(Command, frozen=True, kw_only=True):
    family_id: int
    generation: int
    client_digest: bytes
    requested_scopes: tuple[str, ...] | None
    replay_window: int
    access_lifetime: int
    idle_lifetime: int
    application_arn: str | None = None


class AcceptAssertion(Command, frozen=True, kw_only=True):
    """``assertion_digest`` stands for issuer and ``jti``; it is remembered until ``assertion_expires_at``.
    ``trusted_token_issuer_arn`` must still be enabled, and the application must still trust it.
    """

    assertion_digest: bytes
    assertion_expires_at: int
    trusted_token_issuer_arn: str
    user_id: str
    client_digest: bytes
    client_name: str
    application_arn: str
    scopes: tuple[str, ...]
    issues_refresh_token: bool
    authenticated_at: int | None
    family: "FamilyTerms"


class ExchangeToken(Command, frozen=True, kw_only=True):
    """``subject_family_id`` is the sign-in that the subject token belongs to, ``subject_scopes`` what it carries."""

    subject_family_id: int
    subject_scopes: tuple[str, ...]
    client_digest: bytes
    client_name: str
    application_arn: str
    instance_arn: str
    scopes: tuple[str, ...]
    issues_refresh_token: bool
    family: "FamilyTerms"


class ConfigurationChange(msgspec.Struct, frozen=True, kw_only=True):
    """What administrators change, all of it or nothing. ``replace`` holds pairs: as it was read, as it shall be;
    ``remove`` holds whole records. ``now`` is needed where people are replaced or removed, since sign-ins end with
    them.
    """

    create: tuple[Record, ...] = ()
    replace: tuple[tuple[Record, Record], ...] = ()
    remove: tuple[Record, ...] = ()
    now: int | None = None


class FamilyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How a new token family shall be: its number, its key, the lives of its tokens in seconds."""

    family_id: int
    key_id: int
    grant_type: str
    access_lifetime: int
    family_lifetime: int
    idle_lifetime: int


class DecideDeviceAuthorization(Command, frozen=True, kw_only=True):
    """A person's decision on a pending device authorization. ``session_digest`` names the browser session that it was
    made in, which must still be there; empty where there is none.
    """

    authorization_id: int
    user_id: str
    approve: bool
    approver_address: str
    session_digest: bytes = b""


class Store(Protocol):
    """All that is remembered. Finders return ``None`` for what is not there; they may return what has expired."""

    # Instances and keys

    async def ensure_instance(self, instance: Instance) -> Instance:
        """Remember ``instance`` as the primary one unless there is one already; the one that is remembered."""
        ...

    async def find_instance(self) -> Instance | None:
        """The primary instance."""
        ...

    async def list_instances(self) -> list[Instance]:
        """The primary one first, the others by name."""
        ...

    async def ensure_ring_key(self, key: RingKeyRecord, unless_newer_than: int) -> None:
        """Add ``key`` unless another was made that activates after ``unless_newer_than``."""
        ...

    async def list_ring_keys(self) -> list[RingKeyRecord]: ...

    async def remove_ring_keys(self, key_ids: list[int]) -> None:
        """With their RSA halves."""
        ...

    async def ensure_rsa_key(self, key: RsaKeyRecord) -> None:
        """Add the RSA half of a ring key unless it has one."""
        ...

    async def list_rsa_keys(self) -> list[RsaKeyRecord]: ...

    # People

    async def create_user(self, user: User) -> None:
        """
        Raises:
            AlreadyExists: the canonical name is taken in the instance.
        """
        ...

    async def find_user(self, user_id: str) -> User | None: ...

    async def find_user_by_name(self, instance_id: str, canonical_name: str) -> User | None: ...

    async def find_users_by_attribute(self, instance_id: str, path: str, value: str) -> list[User]:
        """People of the instance with this very value of ``userName`` (canonical), ``emails.value`` (in lower case) or
        ``externalIds.id``; nobody for other paths, nor for an empty value. Two at most: more are not told apart.
        """
        ...

    async def list_users(self) -> list[User]: ...

    async def set_user_status(self, user_id: str, status: UserStatus, now: int) -> None:
        """Disabling revokes every token family, withdraws every approval that is not redeemed yet, and ends every
        browser session of the person too.

        Raises:
            NotFound: there is no such person.
        """
        ...

    async def set_password(self, user_id: str, password_hash: str, now: int) -> None:
        """Revokes every token family, withdraws every approval that is not redeemed yet, and ends every browser
        session of the person too.

        Raises:
            NotFound: there is no such person.
        """
        ...

    # Configuration: groups, applications, issuers, access keys

    async def list_configuration(self, kind: type[R]) -> list[R]:
        """All records of a kind of `postern.core.directory.records` that administrators keep."""
        ...

    async def change_configuration(self, change: ConfigurationChange) -> None:
        """What is removed takes what hangs on it along: a group its memberships and assignments, a person those and the
        external ids too, an application, an account and a permission set their assignments. A person who is removed,
        disabled, or given another password loses every sign-in, as in `set_user_status`.

        Raises:
            AlreadyExists: a key or unique name is taken.
            Conflict: a record to be replaced or removed is not as given, or one that is removed is still needed: an
                instance that has something, a credential source that an account or permission set names.
            NotFound: what an account assignment that is created refers to does not exist in its instance.
        """
        ...

    # What people may be where

    async def list_assigned_accounts(self, user_id: str, after: str, limit: int) -> list[Account]:
        """Accounts where the person has a role, by themselves or by a group, in the order of their ids: the first
        ``limit`` after the id ``after`` (empty: from the beginning).
        """
        ...

    async def list_assigned_roles(self, user_id: str, account_id: str) -> list[PermissionSet]:
        """The person's roles in an account, by name; none in an account that does not exist."""
        ...

    async def list_all_assigned_roles(self, user_id: str) -> list[AssignedRole]:
        """All that the person may be, in the order of account ids and of names."""
        ...

    async def list_groups_of(self, user_id: str) -> list[Group]:
        """The groups that the person is in, by name."""
        ...

    async def find_assigned_role(self, user_id: str, account_id: str, role_name: str) -> AssignedRole | None: ...

    async def find_access_key(self, access_key_id: str) -> AccessKey | None: ...

    async def find_application(self, application_arn: str) -> Application | None: ...

    async def find_trusted_token_issuer(self, trusted_token_issuer_arn: str) -> TrustedTokenIssuer | None: ...

    async def find_standing(self, application_arn: str, user_id: str) -> ApplicationStanding: ...

    # Clients

    async def revoke_client(self, revocation: RevokedClient) -> None:
        """Put a registration on the denylist. Whoever verifies tokens holds it against their families."""
        ...

    async def list_revoked_clients(self, now: int) -> list[RevokedClient]: ...

    # Device authorizations

    async def create_device_authorization(self, authorization: DeviceAuthorization) -> None:
        """
        Raises:
            AlreadyExists: the user code is in use; nothing was written.
        """
        ...

    async def find_device_authorization(self, authorization_id: int) -> DeviceAuthorization | None: ...

    async def find_device_poll(self, authorization_id: int) -> DevicePoll | None:
        """What a poll needs to know of a device authorization."""
        ...

    async def find_device_authorization_by_user_code(self, user_code_digest: bytes) -> DeviceAuthorization | None: ...

    async def decide_device_authorization(self, command: DecideDeviceAuthorization) -> DeviceAuthorization:
        """The authorization as it is after the first decision, whoever made it.

        Raises:
            ExpiredTokenException: it has expired undecided, or never was.
            AccessDeniedException: the person is disabled, or of another instance, or their browser session has ended.
        """
        ...

    async def redeem_device_authorization(self, command: RedeemDeviceAuthorization) -> TokenFamily:
        """The token family of an approved authorization: created once, the same again within the replay window.

        Raises:
            InvalidGrantException: unknown, of another client, of a disabled person, or redeemed before the window
                (then the family is revoked).
            AuthorizationPendingException: nobody decided yet.
            AccessDeniedException: it was denied.
            ExpiredTokenException: it has expired.
            InvalidScopeException: more scopes are requested than were granted; nothing is consumed.
        """
        ...

    # Authorization codes

    async def create_authorization_code(self, code: AuthorizationCode, session_digest: bytes = b"") -> None:
        """
        Raises:
            AlreadyExists: the number is taken.
            NotFound: the browser session in which the person consented has ended.
        """
        ...

    async def redeem_authorization_code(self, command: RedeemAuthorizationCode) -> TokenFamily:
        """The token family of a code: created once, the same again within the replay window.

        Raises:
            InvalidGrantException: unknown, expired, of another client or redirect URI or verifier, of a disabled
                person, or redeemed before the window (then the family is revoked).
            InvalidScopeException: more scopes are requested than were granted; nothing is consumed.
            InvalidClientException, UnauthorizedClientException, AccessDeniedException: the application is disabled,
                has lost the grant, or the person is not assigned to it.
        """
        ...

    # Token families

    async def find_token_family(self, family_id: int) -> TokenFamily | None: ...

    async def rotate_refresh_token(self, command: RotateRefreshToken) -> TokenFamily:
        """The family with its next generation; within the replay window the generation before it leads to the very
        same one.

        Raises:
            InvalidGrantException: unknown, ended, of another client, of a disabled person; or of an older generation:
                then the family is revoked.
            InvalidScopeException: more scopes are requested than were granted; nothing is consumed.
            InvalidClientException, UnauthorizedClientException, AccessDeniedException: the application is disabled,
                has lost the grant, or the person is not assigned to it.
        """
        ...

    async def accept_assertion(self, command: AcceptAssertion) -> TokenFamily:
        """The token family of an assertion (RFC 7523), which no second call ever gets.

        Raises:
            InvalidGrantException: the assertion was used before, the person is disabled, or the issuer is not trusted
                any more.
            InvalidClientException, UnauthorizedClientException: the application is disabled, or has lost the grant.
            AccessDeniedException: the person is not assigned.
        """
        ...

    async def exchange_token(self, command: ExchangeToken) -> TokenFamily:
        """A new token family that ends with the subject's (RFC 8693).

        Raises:
            InvalidGrantException: the subject has ended, is the application itself, does not name it as a target, or
                the person is disabled.
            InvalidClientException, UnauthorizedClientException: the application is disabled, or has lost the grant.
            AccessDeniedException: the person is not assigned.
        """
        ...

    async def find_lineage(self, family_id: int) -> list[TokenFamily]:
        """A family and those that it was made from by token exchange, nearest first; one that is gone ends the list
        early.
        """
        ...

    async def revoke_token_family(self, family_id: int, reason: str, now: int) -> bool:
        """End a sign-in; ``False`` if it had ended before or never was."""
        ...

    async def end_other_sign_ins(self, user_id: str, keeps: bytes, reason: str, now: int) -> list[TokenFamily]:
        """Revoke every token family of the person, withdraw every approval that is not redeemed yet, and end every
        browser session but the one with the digest ``keeps``. Returns the families that lived until now.
        """
        ...

    async def end_sign_ins_of_client(self, client_digest: bytes, reason: str, now: int) -> list[TokenFamily]:
        """Revoke every token family of the client, and withdraw every approval that is not redeemed yet; the client may
        ask people anew. Returns the families that lived until now.
        """
        ...

    async def list_token_families(self, user_id: str, now: int) -> list[TokenFamily]:
        """The person's live sign-ins, newest first. What was made from one that has ended does not live."""
        ...

    async def list_all_token_families(self, now: int) -> list[TokenFamily]:
        """Everybody's live sign-ins, likewise."""
        ...

    # Browser sessions and guesses

    async def create_browser_session(self, session: BrowserSession, replaces: bytes | None) -> None:
        """Remember a session and forget the one it replaces, in one step."""
        ...

    async def find_browser_session(self, session_digest: bytes) -> BrowserSession | None: ...

    async def end_browser_session(self, session_digest: bytes) -> None: ...

    async def reserve_attempt(self, counter_digest: bytes, schedule: Schedule, now: int) -> int:
        """Count one guess. Returns 0 if it may be made, otherwise the seconds to wait (then it was not counted)."""
        ...

    async def find_attempts(self, counter_digest: bytes) -> Attempts | None: ...

    async def return_attempt(self, counter_digest: bytes, *, forget: bool) -> None:
        """The guess was right: uncount it, or forget the whole counter."""
        ...

    # Epochs

    async def begin_epoch(self, now: int, *, end_sign_ins: bool = False) -> None:
        """Say that the store was put back to an earlier state. Whatever may have been used or ended since is void:
        every refresh token, every approval that is not redeemed, every browser session. Access tokens live to their
        own end, unless ``end_sign_ins``: then every token family is revoked.
        """
        ...

    async def enter_service(self, now: int) -> bool:
        """What a server does before it serves anybody: begin an epoch if the store is a back-up that was put in place
        as it is. Whether it was.

        Raises:
            StoreUnavailable: a copy into the store was not finished.
        """
        ...

    async def find_epoch(self) -> Epoch | None:
        """The latest one."""
        ...

    # House-keeping

    async def read_clock(self) -> float | None:
        """Unix seconds by the clock that all nodes share, or ``None``: the machine's own is the only one."""
        ...

    async def sweep(self, now: int, limit: int) -> int:
        """Delete up to ``limit`` expired rows of each kind, authorization codes `REDEEMED_CODE_STAY` later; how many
        were deleted.
        """
        ...

    async def check(self, *, thoroughly: bool = False) -> None:
        """Whether the store answers; ``thoroughly`` reads through all of it.

        Raises:
            StoreError: the store cannot answer, or is damaged.
        """
        ...

    async def close(self) -> None: ...
