"""Minting and opening of every one-time or bearer value: access and refresh tokens, device and authorization codes.

All have one form, ``<prefix><40 characters>:<43 characters>``: the left part names a row (its number sealed in one
AES block, so that order and volume do not show), the right part is an HMAC-SHA256 under a key of its own purpose.
Nothing random is stored: a value is opened by making it again and comparing, which also refuses every re-encoding of
a valid one. The left part alone may be logged.
"""

import hmac
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from enum import Enum
from struct import Struct

import msgspec

from postern.api.sso_oidc import CreateTokenResponse
from postern.core import base64url
from postern.core.keys import Key, KeyRing, Purpose
from postern.core.records import TokenFamily

_VERSION = 1
_PAYLOAD = Struct(">BxIQ16s")  # version, key id, region tag (24 bits) and end (40 bits), sealed block
_END_BITS = 40
_END_MASK = (1 << _END_BITS) - 1
_BLOCK = Struct(">QII")
_LEFT = 3 + _PAYLOAD.size * 4 // 3
_LENGTH = _LEFT + 1 + 43
ALL_SCOPES = 0xFFFFFFFF


class Kind(Enum):
    """What a value is good for: its prefix on the wire and the purpose of its key."""

    ACCESS_TOKEN = ("aoa", Purpose.ACCESS_TOKEN)
    REFRESH_TOKEN = ("aor", Purpose.REFRESH_TOKEN)
    DEVICE_CODE = ("aod", Purpose.DEVICE_CODE)
    AUTHORIZATION_CODE = ("aoc", Purpose.AUTHORIZATION_CODE)

    def __init__(self, prefix: str, purpose: Purpose) -> None:
        self.prefix = prefix
        self.purpose = purpose


class Claims(msgspec.Struct, frozen=True):
    """What an opened value says: its row, the generation of the family, the scopes as a mask over the family's, and
    its end.
    """

    row_id: int
    generation: int
    scope_mask: int
    expires_at: int


def mint(key: Key, kind: Kind, claims: Claims) -> str:
    block = key.seal(_BLOCK.pack(claims.row_id, claims.generation, claims.scope_mask))
    tagged_end = key.region_tag << _END_BITS | min(claims.expires_at, _END_MASK)
    return _write(key, kind, _PAYLOAD.pack(_VERSION, key.key_id, tagged_end, block))


def open_value(ring: KeyRing, kind: Kind, text: str) -> Claims | None:
    """What ``text`` says if this server made it as a ``kind``; ``None`` for anything else."""
    payload = _payload(kind, text)
    if payload is None:
        return None
    version, key_id, tagged_end, block = _PAYLOAD.unpack(payload)
    key = ring.get(key_id)
    if key is None or version != _VERSION:
        return None
    # The left part has no spare bits and one alphabet, so its bytes stand for one text only; the right is compared.
    if text[_LEFT] != ":" or not hmac.compare_digest(text[_LEFT + 1 :], _write_mac(key, kind, payload)):
        return None
    row_id, generation, mask = _BLOCK.unpack(key.unseal(block))
    return Claims(row_id, generation, mask, tagged_end & _END_MASK)


def region_tag(kind: Kind, text: str) -> int:
    """The tag of the region where ``text`` says that it was made, 0 if it does not say. Nothing proves it: it is good
    for pointing the way, not for more.
    """
    payload = _payload(kind, text)
    return 0 if payload is None else _PAYLOAD.unpack(payload)[2] >> _END_BITS


def _payload(kind: Kind, text: str) -> bytes | None:
    """The left part of a value, if it has the form of one."""
    if len(text) != _LENGTH or not text.isascii() or not text.startswith(kind.prefix) or "+" in text or "/" in text:
        return None
    try:
        payload = urlsafe_b64decode(text[3:_LEFT])
    except Base64Error:
        return None
    return payload if len(payload) == _PAYLOAD.size else None


def _write(key: Key, kind: Kind, payload: bytes) -> str:
    return f"{kind.prefix}{base64url.encode(payload)}:{_write_mac(key, kind, payload)}"


def _write_mac(key: Key, kind: Kind, payload: bytes) -> str:
    return base64url.encode(key.mac(kind.purpose, payload))


def issue(ring: KeyRing, family: TokenFamily, scope_mask: int, now: int) -> CreateTokenResponse | None:
    """The tokens of the family's current generation: the same text however often it is asked for.

    ``None`` when the family's key has left the ring (an emergency rotation).
    """
    key = ring.get(family.key_id)
    if key is None:
        return None
    access = Claims(family.family_id, family.generation, scope_mask, family.access_expires_at)
    refresh = Claims(family.family_id, family.generation, ALL_SCOPES, family.expires_at)
    return CreateTokenResponse(
        access_token=mint(key, Kind.ACCESS_TOKEN, access),
        token_type="Bearer",
        expires_in=max(1, family.access_expires_at - now),
        refresh_token=mint(key, Kind.REFRESH_TOKEN, refresh) if family.issues_refresh_token else None,
    )
