"""What is remembered. One frozen record per row; `*_at` is Unix seconds, `*_digest` a SHA-256 digest.

No record holds a code, a token or a password that could be used: codes and tokens are verified by MAC, look-up values
are digests.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

PRIMARY_NAME = "primary"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records."""


class Instance(Record, frozen=True, kw_only=True):
    """An Identity Center instance: people, groups, accounts and applications of its own. A server has one that is
    primary, whose addresses name no instance, and any number of others. ``name`` is unique.
    """

    instance_id: str
    identity_store_id: str
    owner_account_id: str
    created_at: int
    name: str = PRIMARY_NAME
    start_url_aliases: tuple[str, ...] = ()
    is_primary: bool = True

    @property
    def arn(self) -> str:
        return f"arn:aws:sso:::instance/{self.instance_id}"

    @property
    def identity_store_arn(self) -> str:
        return f"arn:aws:identitystore::{self.owner_account_id}:identitystore/{self.identity_store_id}"


class RingKeyRecord(Record, frozen=True, kw_only=True):
    """A key of the ring, its secret wrapped under the master key."""

    key_id: int
    wrapped_secret: bytes
    created_at: int
    activates_at: int


class RsaKeyRecord(Record, frozen=True, kw_only=True):
    """The RSA half of a ring key, where ID tokens are signed with RS256: PKCS #8 in DER, sealed by the master key."""

    key_id: int
    wrapped_private_key: bytes


class UserStatus(StrEnum):
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class User(Record, frozen=True, kw_only=True):
    """A person of an instance. ``user_name`` is kept as typed, ``canonical_name`` is what look-ups and counters use;
    it is unique in the instance. Without a password hash nobody signs in.
    """

    user_id: str
    instance_id: str
    user_name: str
    canonical_name: str
    display_name: str
    email: str
    password_hash: str
    status: UserStatus
    created_at: int
    given_name: str = ""
    family_name: str = ""

    def __repr__(self) -> str:
        """Without the password hash."""
        return f"User({self.user_id}, {self.status})"

    @property
    def enabled(self) -> bool:
        return self.status is UserStatus.ENABLED


class DeviceStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    REDEEMED = "REDEEMED"


class DeviceAuthorization(Record, frozen=True, kw_only=True):
    """A device authorization request (RFC 8628 3.1) from its start to its redemption."""

    authorization_id: int
    user_code_digest: bytes
    client_digest: bytes
    client_name: str
    scopes: tuple[str, ...]
    issues_refresh_token: bool
    requester_address: str
    requester_agent: str
    created_at: int
    expires_at: int
    status: DeviceStatus = DeviceStatus.PENDING
    user_id: str | None = None
    decided_at: int | None = None
    approver_address: str | None = None
    family_id: int | None = None
    redeemed_at: int | None = None
    instance_id: str


class DevicePoll(Record, frozen=True, kw_only=True):
    """As much of a device authorization as a poll needs to know. PERF: four columns are read in half the time."""

    authorization_id: int
    client_digest: bytes
    status: DeviceStatus
    expires_at: int


class AuthorizationCode(Record, frozen=True, kw_only=True):
    """An authorization code (RFC 6749 4.1) bound to client, redirect URI, code challenge and person.

    ``code_challenge`` is empty where an application does without PKCE. ``authenticated_at`` is when the person proved
    who they are, ``nonce`` what the application wants to find in the ID token (OIDC Core 3.1.2.1).
    """

    code_id: int
    client_digest: bytes
    client_name: str
    user_id: str
    scopes: tuple[str, ...]
    issues_refresh_token: bool
    redirect_uri: str
    code_challenge: str
    created_at: int
    expires_at: int
    failed_verifiers: int = 0
    family_id: int | None = None
    redeemed_at: int | None = None
    application_arn: str | None = None
    authenticated_at: int | None = None
    nonce: str | None = None


class TokenFamily(Record, frozen=True, kw_only=True):
    """A sign-in: every token that came from one approval. ``generation`` counts rotations, beginning with 0.

    ``rotated_at`` is when the current generation was issued, ``expires_at`` the absolute end that rotation does not
    move. All tokens of a family are made with one ring key, so that a retried rotation gets the identical successor
    even across a key rotation.

    ``application_arn`` is there if the client is an application. A family that token exchange made ends with its
    ``parent_family_id``.
    """

    family_id: int
    key_id: int
    user_id: str
    client_digest: bytes
    client_name: str
    scopes: tuple[str, ...]
    issues_refresh_token: bool
    grant_type: str
    created_at: int
    expires_at: int
    generation: int = 0
    rotated_at: int
    access_expires_at: int
    idle_expires_at: int
    revoked_at: int | None = None
    revocation_reason: str | None = None
    application_arn: str | None = None
    parent_family_id: int | None = None
    authenticated_at: int | None = None
    nonce: str | None = None

    def is_live(self, now: int) -> bool:
        """Neither revoked nor past its absolute end."""
        return self.revoked_at is None and now < self.expires_at


def is_live_lineage(lineage: Sequence[TokenFamily], now: int) -> bool:
    """Whether a sign-in lives: ``lineage`` is a family and those that it was made from by token exchange, and all of
    them must be there and live.
    """
    if not lineage or lineage[-1].parent_family_id is not None:
        return False
    return all(family.is_live(now) for family in lineage)


class BrowserSession(Record, frozen=True, kw_only=True):
    """A person's signed-in browser. The cookie holds the secret, the row its digest."""

    session_digest: bytes
    user_id: str
    created_at: int
    expires_at: int


class RevokedClient(Record, frozen=True, kw_only=True):
    """A registration on the denylist, kept until the registration would have expired by itself."""

    client_digest: bytes
    revoked_at: int
    expires_at: int


class Attempts(Record, frozen=True, kw_only=True):
    """Failed guesses against one counter (a user's password from one source, user codes from one address, …)."""

    counter_digest: bytes
    failures: int
    last_failure_at: int
    blocked_until: int
    expires_at: int


class Epoch(Record, frozen=True, kw_only=True):
    """That the store was put back to an earlier state, and when. ``made_at`` is when that state was saved, if it is
    known. Nothing says what was used, ended or revoked in between.
    """

    restored_at: int
    made_at: int | None = None


class Mark(Record, frozen=True, kw_only=True):
    """What a store knows of itself as a file or database: that it is a back-up, or has moved. It is not copied along
    with what the store holds.
    """

    name: str
    said: str
