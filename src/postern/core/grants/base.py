"""What all grants have in common: how a grant is described, what a step of the store consists of, and who may be
issued tokens.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from postern.api.errors import (
    AccessDeniedException,
    InvalidClientException,
    InvalidGrantException,
    InvalidScopeException,
    SsoOidcError,
    UnauthorizedClientException,
)
from postern.api.sso_oidc import CreateTokenRequest, CreateTokenWithIamRequest
from postern.core import scopes
from postern.core.clients import Client
from postern.core.directory.applications import grant_types
from postern.core.directory.records import ApplicationStanding, UsedAssertion
from postern.core.records import AuthorizationCode, DeviceAuthorization, TokenFamily, User
from postern.core.service import Service
from postern.core.store import FamilyTerms

_NOT_ASSIGNED = "The user is not assigned to the application"
TokenRequest = CreateTokenRequest | CreateTokenWithIamRequest
RequestT_contra = TypeVar("RequestT_contra", bound=TokenRequest, contravariant=True)


class Grant(msgspec.Struct, Generic[RequestT_contra], frozen=True, kw_only=True):
    """A grant type: the members it requires beside the client's own, how it is proved, and what a refusal says. A
    grant proves, it does not mint.
    """

    grant_type: str
    requires: tuple[str, ...]
    redeem: Callable[[Service, Client, RequestT_contra], Awaitable[TokenFamily]]
    refusal: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a pure decision: what to answer, and what to write with it in the same transaction."""

    answer: TokenFamily | SsoOidcError
    insert: tuple[TokenFamily | UsedAssertion, ...] = ()
    update: tuple[TokenFamily | DeviceAuthorization | AuthorizationCode, ...] = ()


class Reused(InvalidGrantException):
    """A one-time secret came back after its window, and its family was revoked. On the wire an InvalidGrantException
    like any other.
    """

    shape = "InvalidGrantException"


def refusal_to_issue(
    user: User | None, standing: ApplicationStanding | None, grant_type: str, description: str
) -> SsoOidcError | None:
    """Why this person must not get tokens through this client by this grant now, or ``None``: they may.

    The one place that decides it; every grant asks inside its transaction. ``standing`` is ``None`` for a public
    client, whose registration is verified and held against the denylist when it authenticates.
    """
    if user is None or not user.enabled:
        return InvalidGrantException(description, reason="the person is disabled or gone")
    if standing is None:
        return None
    application = standing.application
    if application is None or not application.enabled:
        return InvalidClientException(reason="the application is disabled or gone")
    if application.instance_id != user.instance_id:
        return AccessDeniedException(_NOT_ASSIGNED, reason="the person is of another instance than the application")
    if grant_type not in grant_types(application):
        return UnauthorizedClientException(reason="the application has no such grant")
    if not standing.is_assigned:
        return AccessDeniedException(
            _NOT_ASSIGNED,
            reason=f"user {user.user_id} is not assigned to {application.application_arn}: run `postern application "
            "assign`, or let everybody in with `postern application update --assignment-required no`",
        )
    return None


def scope_refusal(requested: tuple[str, ...] | None, granted: tuple[str, ...]) -> InvalidScopeException | None:
    if scopes.within(requested, granted):
        return None
    return InvalidScopeException(reason="scope goes beyond what was granted")


def replay(
    family: TokenFamily | None,
    denied: SsoOidcError | None,
    *,
    redeemed_at: int,
    now: int,
    window: int,
    client_digest: bytes,
    requested_scopes: tuple[str, ...] | None,
    refusal: InvalidGrantException,
) -> Step:
    """A code that was redeemed before: the identical answer within the window, the end of the family after it (RFC
    6749 4.1.2). Within it a family that cannot be refreshed is one that an epoch came upon: what became of it since is
    not known, so nothing is given, and who repeats itself is no thief.
    """
    if family is None or family.client_digest != client_digest or not family.is_live(now):
        return Step(answer=refusal)
    if denied is not None:
        return Step(answer=denied)
    if family.generation == 0 and is_repetition(redeemed_at, now, window):
        if now >= family.idle_expires_at:
            return Step(answer=refusal)
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
    user: User,
    now: int,
    *,
    client_digest: bytes,
    client_name: str,
    scopes: tuple[str, ...],
    issues_refresh_token: bool,
    application_arn: str | None = None,
    parent_family_id: int | None = None,
    authenticated_at: int | None = None,
    nonce: str | None = None,
) -> TokenFamily:
    """The family that a proved grant becomes."""
    expires_at = now + terms.family_lifetime
    return TokenFamily(
        family_id=terms.family_id,
        key_id=terms.key_id,
        user_id=user.user_id,
        client_digest=client_digest,
        client_name=client_name,
        scopes=scopes,
        issues_refresh_token=issues_refresh_token,
        grant_type=terms.grant_type,
        created_at=now,
        expires_at=expires_at,
        rotated_at=now,
        access_expires_at=min(now + terms.access_lifetime, expires_at),
        idle_expires_at=min(now + terms.idle_lifetime, expires_at),
        application_arn=application_arn,
        parent_family_id=parent_family_id,
        authenticated_at=authenticated_at,
        nonce=nonce,
    )


def family_terms(service: Service, client: Client, grant_type: str) -> FamilyTerms:
    """Lives by the settings: a public client's without refresh token get the legacy life, since nothing could prolong
    them. An application asks again.
    """
    lifetimes = service.policy.lifetimes
    alone = lifetimes.access_token if client.application_arn else lifetimes.legacy_access_token
    refreshable = client.issues_refresh_token
    return FamilyTerms(
        family_id=service.new_row_id(),
        key_id=service.ring.active.key_id,
        grant_type=grant_type,
        access_lifetime=lifetimes.access_token if refreshable else alone,
        family_lifetime=lifetimes.sign_in if refreshable else alone,
        idle_lifetime=lifetimes.sign_in_idle,
    )
