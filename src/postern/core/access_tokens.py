"""Access tokens in use: the MAC is verified and the family is read each time, so that a revocation holds at once."""

import msgspec

from postern.api.errors import UnauthorizedException
from postern.core import scopes, tokens
from postern.core.records import TokenFamily, is_live_lineage
from postern.core.service import Service


class AccessToken(msgspec.Struct, frozen=True):
    """A live access token: the sign-in it belongs to, and the scopes it carries."""

    family: TokenFamily
    scopes: tuple[str, ...]
    expires_at: int
    generation: int


async def verify(service: Service, text: str) -> AccessToken:
    """
    Raises:
        UnauthorizedException: not an access token of this server, expired, or its sign-in has ended.
    """
    now = service.now()
    claims = tokens.open_value(service.ring, tokens.Kind.ACCESS_TOKEN, text)
    if claims is None:
        raise UnauthorizedException(reason="access token was not issued by this server")
    if now >= claims.expires_at:
        raise UnauthorizedException(reason="access token has expired")
    family = await service.store.find_token_family(claims.row_id)
    if family is None or not family.is_live(now) or not await has_live_ancestors(service, family, now):
        raise UnauthorizedException(reason="the sign-in of the access token has ended")
    if family.client_digest in service.revoked_clients:
        # Begun on another worker in the second before it knew of the revocation.
        raise UnauthorizedException(reason="client registration was revoked")
    return AccessToken(family, scopes.unmask(claims.scope_mask, family.scopes), claims.expires_at, claims.generation)


async def has_live_ancestors(service: Service, family: TokenFamily, now: int) -> bool:
    """What token exchange made ends with what it was made from."""
    if family.parent_family_id is None:
        return True
    return is_live_lineage(await service.store.find_lineage(family.family_id), now)
