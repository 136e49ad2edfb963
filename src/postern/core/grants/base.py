"""What all grants have in common: how a grant is described, what a step of the store consists of, and who may be
issued tokens.
"""

from collections.abc import Awaitable, Callable

import msgspec

from postern.api.errors import InvalidGrantException, InvalidScopeException, SsoOidcError
from postern.api.sso_oidc import CreateTokenRequest
from postern.core import scopes
from postern.core.client_registration import Client
from postern.core.records import AuthorizationCode, DeviceAuthorization, TokenFamily, User
from postern.core.service import Service
from postern.core.store import FamilyTerms

Redeem = Callable[[Service, Client, CreateTokenRequest], Awaitable[TokenFamily]]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant type: the members it requires beside the client's own, how it is proved, and what a refusal says. A
    grant proves, it does not mint.
    """

    grant_type: str
    requires: tuple[str, ...]
    redeem: Redeem
    refusal: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a pure decision: what to answer, and what to write with it in the same transaction."""

    answer: TokenFamily | SsoOidcError
    insert: TokenFamily | None = None
    update: tuple[TokenFamily | DeviceAuthorization | AuthorizationCode, ...] = ()


class Reused(InvalidGrantException):
    """A one-time secret came back after its window, and its family was revoked. On the wire an InvalidGrantException
    like any other.
    """

    shape = "InvalidGrantException"


def may_issue(user: User | None) -> bool:
    """Whether tokens may be issued for a person. Every grant asks inside its transaction."""
    return user is not None and user.enabled


def scope_refusal(requested: tuple[str, ...] | None, granted: tuple[str, ...]) -> InvalidScopeException | None:
    if scopes.within(requested, granted):
        return None
    return InvalidScopeException(reason="scope goes beyond what was granted")


def replay(
    family: TokenFamily | None,
    user: User | None,
    *,
    redeemed_at: int,
    now: int,
    window: int,
    client_digest: bytes,
    requested_scopes: tuple[str, ...] | None,
    refusal: InvalidGrantException,
) -> Step:
    """A code that was redeemed before: the identical answer within the window, the end of the family after it (RFC
    6749 4.1.2).
    """
    if family is None or family.client_digest != client_digest or not family.is_live(now) or not may_issue(user):
        return Step(answer=refusal)
    if family.generation == 0 and is_repetition(redeemed_at, now, window):
        return Step(answer=scope_refusal(requested_scopes, family.scopes) or family)
    reuse = Reused(refusal.description, reason=f"{refusal.reason}: the sign-in is revoked")
    return Step(answer=reuse, update=(revoked(family, "code presented again", now),))


def is_repetition(then: int, now: int, window: int) -> bool:
    """Whether so little time lies between that it is a client repeating itself. A clock that stepped far back does not
    make an old secret a recent one.
    """
    return abs(now - then) <= window


def revoked(family: TokenFamily, reason: str, now: int) -> TokenFamily:
    return msgspec.structs.replace(family, revoked_at=now, revocation_reason=reason)


def new_family(
    terms: FamilyTerms,
    approved: DeviceAuthorization | AuthorizationCode,
    user: User,
    now: int,
) -> TokenFamily:
    """The family that an approval becomes."""
    expires_at = now + terms.family_lifetime
    return TokenFamily(
        family_id=terms.family_id,
        key_id=terms.key_id,
        user_id=user.user_id,
        client_digest=approved.client_digest,
        client_name=approved.client_name,
        scopes=approved.scopes,
        issues_refresh_token=approved.issues_refresh_token,
        grant_type=terms.grant_type,
        created_at=now,
        expires_at=expires_at,
        rotated_at=now,
        access_expires_at=min(now + terms.access_lifetime, expires_at),
        idle_expires_at=min(now + terms.idle_lifetime, expires_at),
    )


def family_terms(service: Service, client: Client, grant_type: str) -> FamilyTerms:
    """Lives by the settings: one without refresh token gets the legacy life, since nothing could prolong it."""
    lifetimes = service.policy.lifetimes
    refreshable = client.registration.issues_refresh_token
    return FamilyTerms(
        family_id=service.new_row_id(),
        key_id=service.ring.active.key_id,
        grant_type=grant_type,
        access_lifetime=lifetimes.access_token if refreshable else lifetimes.legacy_access_token,
        family_lifetime=lifetimes.sign_in if refreshable else lifetimes.legacy_access_token,
        idle_lifetime=lifetimes.sign_in_idle,
    )
