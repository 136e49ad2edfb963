"""Records and commands to test stores with: all good by themselves, each member open to change."""

import itertools
from base64 import urlsafe_b64encode
from hashlib import sha256

import msgspec

from postern.core.records import (
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    RingKeyRecord,
    TokenFamily,
    User,
    UserStatus,
)
from postern.core.store import (
    DecideDeviceAuthorization,
    FamilyTerms,
    RedeemAuthorizationCode,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
)

NOW = 1_800_000_000
WINDOW = 10
MAX_INTEGER = 2**63 - 1
SCOPES = ("sso:account:access", "codewhisperer:completions")
REDIRECT_URI = "http://127.0.0.1:53412/oauth/callback"
VERIFIER = "v" * 43
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
AUTHORIZATION_CODE = "authorization_code"
DEVICE_LIFE = 600
CODE_LIFE = 60
ACCESS_LIFE = 3600
IDLE_LIFE = 7200
FAMILY_LIFE = 28_800

_numbers = itertools.count(1_000)


def next_number() -> int:
    """A row number that no other record of this process has; they grow, as real ones do."""
    return next(_numbers)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


CLIENT = digest("the client")
OTHER_CLIENT = digest("another client")


def user(name: str = "mira", **changes: object) -> User:
    return msgspec.structs.replace(
        User(
            user_id=f"id of {name}",
            user_name=name.title(),
            canonical_name=name,
            display_name=f"{name.title()} Example",
            email=f"{name}@example.org",
            password_hash="a password hash",
            status=UserStatus.ENABLED,
            created_at=NOW,
        ),
        **changes,
    )


def device_authorization(**changes: object) -> DeviceAuthorization:
    number = next_number()
    return msgspec.structs.replace(
        DeviceAuthorization(
            authorization_id=number,
            user_code_digest=digest(f"user code {number}"),
            client_digest=CLIENT,
            client_name="a tool",
            scopes=SCOPES,
            issues_refresh_token=True,
            requester_address="192.0.2.10",
            requester_agent="aws-cli/2",
            created_at=NOW,
            expires_at=NOW + DEVICE_LIFE,
        ),
        **changes,
    )


def authorization_code(owner: User, **changes: object) -> AuthorizationCode:
    return msgspec.structs.replace(
        AuthorizationCode(
            code_id=next_number(),
            client_digest=CLIENT,
            client_name="a tool",
            user_id=owner.user_id,
            scopes=SCOPES,
            issues_refresh_token=True,
            redirect_uri=REDIRECT_URI,
            code_challenge=urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
            created_at=NOW,
            expires_at=NOW + CODE_LIFE,
        ),
        **changes,
    )


def browser_session(owner: User, name: str = "a browser", **changes: object) -> BrowserSession:
    session = BrowserSession(
        session_digest=digest(name), user_id=owner.user_id, created_at=NOW, expires_at=NOW + FAMILY_LIFE
    )
    return msgspec.structs.replace(session, **changes)


def ring_key(**changes: object) -> RingKeyRecord:
    number = next_number()
    key = RingKeyRecord(key_id=number, wrapped_secret=digest(f"secret {number}"), created_at=NOW, activates_at=NOW)
    return msgspec.structs.replace(key, **changes)


def family_terms(**changes: object) -> FamilyTerms:
    terms = FamilyTerms(
        family_id=next_number(),
        key_id=7,
        grant_type=DEVICE_CODE,
        access_lifetime=ACCESS_LIFE,
        family_lifetime=FAMILY_LIFE,
        idle_lifetime=IDLE_LIFE,
    )
    return msgspec.structs.replace(terms, **changes)


def decision(pending: DeviceAuthorization, by: User, **changes: object) -> DecideDeviceAuthorization:
    command = DecideDeviceAuthorization(
        authorization_id=pending.authorization_id,
        user_id=by.user_id,
        approve=True,
        approver_address="198.51.100.7",
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def device_redemption(approved: DeviceAuthorization, **changes: object) -> RedeemDeviceAuthorization:
    """Each has family terms of its own, as concurrent requests have."""
    command = RedeemDeviceAuthorization(
        authorization_id=approved.authorization_id,
        client_digest=CLIENT,
        requested_scopes=None,
        replay_window=WINDOW,
        family=family_terms(),
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def code_redemption(code: AuthorizationCode, **changes: object) -> RedeemAuthorizationCode:
    command = RedeemAuthorizationCode(
        code_id=code.code_id,
        client_digest=CLIENT,
        redirect_uri=REDIRECT_URI,
        code_verifier=VERIFIER,
        requested_scopes=None,
        replay_window=WINDOW,
        family=family_terms(grant_type=AUTHORIZATION_CODE),
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)


def rotation(family: TokenFamily, **changes: object) -> RotateRefreshToken:
    """With the refresh token of the family's generation."""
    command = RotateRefreshToken(
        family_id=family.family_id,
        generation=family.generation,
        client_digest=CLIENT,
        requested_scopes=None,
        replay_window=WINDOW,
        access_lifetime=ACCESS_LIFE,
        idle_lifetime=IDLE_LIFE,
        now=NOW,
    )
    return msgspec.structs.replace(command, **changes)
