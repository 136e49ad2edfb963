"""The refresh token grant with rotation (RFC 6749 6, RFC 9700 4.14.2).

A refresh token names its family and its generation. The current generation rotates. The one before it, inside the
replay window, is a client that repeats itself and gets the very same successor; anything older, or later, is a stolen
token: the family ends.
"""

import msgspec

from postern.api.errors import InvalidGrantException
from postern.core import tokens
from postern.core.clients import REFRESH_TOKEN, Client
from postern.core.directory.records import ApplicationStanding
from postern.core.grants.base import (
    Grant,
    Reused,
    Step,
    TokenRequest,
    is_repetition,
    refusal_to_issue,
    revoked,
    scope_refusal,
)
from postern.core.records import TokenFamily, User, is_live_lineage
from postern.core.service import Service
from postern.core.store import RotateRefreshToken

# Clients tell "sign in again" from other faults by this very text.
_DESCRIPTION = "Invalid refresh token provided"


def _refusal(reason: str) -> InvalidGrantException:
    return InvalidGrantException(_DESCRIPTION, reason=reason)


async def redeem(service: Service, client: Client, request: TokenRequest) -> TokenFamily:
    """Rotate a refresh token."""
    claims = tokens.open_value(service.ring, tokens.Kind.REFRESH_TOKEN, request.refresh_token or "")
    if claims is None:
        raise _refusal("refresh token was not issued by this server")
    lifetimes = service.policy.lifetimes
    return await service.store.rotate_refresh_token(
        RotateRefreshToken(
            family_id=claims.row_id,
            generation=claims.generation,
            client_digest=client.digest,
            requested_scopes=request.scope,
            replay_window=lifetimes.replay_window,
            access_lifetime=lifetimes.access_token,
            idle_lifetime=lifetimes.sign_in_idle,
            application_arn=client.application_arn,
            now=service.now(),
        )
    )


def decide(
    command: RotateRefreshToken,
    family: TokenFamily | None,
    user: User | None,
    standing: ApplicationStanding | None,
    ancestors: tuple[TokenFamily, ...] = (),
) -> Step:
    """What a rotation does, given the rows as they are inside its transaction. Pure; every store calls it.

    ``ancestors`` are the families that the family was made from by token exchange, up to the sign-in itself.
    """
    now = command.now
    if family is None or family.client_digest != command.client_digest:
        return Step(answer=_refusal("refresh token is of an unknown family or another client"))
    if not is_live_lineage((family, *ancestors), now):
        return Step(answer=_refusal("the sign-in has ended"))
    if now >= family.idle_expires_at:
        return Step(answer=_refusal("the sign-in was idle for too long"))
    if denied := refusal_to_issue(user, standing, REFRESH_TOKEN, _DESCRIPTION):
        return Step(answer=denied)
    repeated = command.generation == family.generation - 1 and is_repetition(
        family.rotated_at, now, command.replay_window
    )
    if command.generation != family.generation and not repeated:
        reuse = Reused(_DESCRIPTION, reason="refresh token was rotated before: the sign-in is revoked")
        return Step(answer=reuse, update=(revoked(family, "refresh token presented again", now),))
    if refusal := scope_refusal(command.requested_scopes, family.scopes):
        return Step(answer=refusal)
    if repeated:
        return Step(answer=family)
    rotated = _rotate(family, command)
    return Step(answer=rotated, update=(rotated,))


def _rotate(family: TokenFamily, command: RotateRefreshToken) -> TokenFamily:
    return msgspec.structs.replace(
        family,
        generation=family.generation + 1,
        rotated_at=command.now,
        access_expires_at=min(command.now + command.access_lifetime, family.expires_at),
        idle_expires_at=min(command.now + command.idle_lifetime, family.expires_at),
    )


GRANT: Grant[TokenRequest] = Grant(
    grant_type=REFRESH_TOKEN, requires=("refresh_token",), redeem=redeem, refusal=_DESCRIPTION
)
