"""Identity and audit contexts: assertions about a sign-in that applications hand on and only this server reads. Signed
and then encrypted (a JWS within a JWE, RFC 7519 5.2), each kind under a key of its own.

One that is opened must have, byte for byte, the headers that this server writes: no algorithm is chosen by what came.
"""

import secrets
from enum import Enum
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postern.core import base64url
from postern.core.keys import Key
from postern.core.service import Service
from postern.core.signing_keys import ES256, SigningKey

AUDIENCE = "sts"
MAX_LENGTH = 8192
_NONCE_BYTES = 12
_TAG_BYTES = 16


class ContextKind(Enum):
    """What a context is for. The name enters the derivation of its key, and ``typ`` of its headers."""

    IDENTITY = "identity"
    AUDIT = "audit"

    @property
    def key_name(self) -> str:
        return f"{self.value} context"

    @property
    def typ(self) -> str:
        return f"{self.value}-context+jwt"


class ContextClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``sub`` is a person; ``iat`` and ``exp`` are Unix seconds; ``jti`` is the same for the same sign-in and kind."""

    iss: str
    aud: str = AUDIENCE
    sub: str
    iat: int
    exp: int
    jti: str
    application_arn: str = msgspec.field(name="aws:application_arn")
    instance_arn: str = msgspec.field(name="aws:instance_arn")
    identity_store_arn: str = msgspec.field(name="aws:identity_store_arn")
    credential_id: str = msgspec.field(name="aws:credential_id")


class ContextRefused(Exception):
    """A text is no context that may be believed. The message says which check failed, and is for the log."""


_encode_claims = msgspec.json.Encoder().encode
_decode_claims = msgspec.json.Decoder(ContextClaims).decode


def write_context(service: Service, claims: ContextClaims, kind: ContextKind) -> str:
    """The context in compact form, about 1.2 KiB."""
    signer, key = service.signing_keys.internal, service.ring.active
    assert signer is not None, "there are signing keys as soon as a service is open"
    header = _header(key.key_id, kind)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = _cipher(key, kind).encrypt(nonce, signer.sign(_encode_claims(claims), kind.typ).encode(), header.encode())
    parts = (nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
    return f"{header}..{'.'.join(base64url.encode(part) for part in parts)}"


def open_context(service: Service, text: str, kind: ContextKind) -> ContextClaims:
    """What a context of this kind says.

    Raises:
        ContextRefused: this server did not make it, or made it as another kind, or it has expired.
    """
    signed, _, signature = _decrypt(service, text, kind).rpartition(".")
    header, _, payload = signed.partition(".")
    signer = _signer(service, header, kind)
    try:
        if not signer.verifies(signed.encode(), base64url.decode(signature)):
            raise ContextRefused("the signature is wrong")
        claims = _decode_claims(base64url.decode(payload))
    except (ValueError, msgspec.ValidationError):
        raise ContextRefused("the signed part is not in the form that this server writes") from None
    if (claims.iss, claims.aud) != (service.policy.public_url, AUDIENCE):
        raise ContextRefused("issuer or audience is another")
    if service.now() >= claims.exp:
        raise ContextRefused("it has expired")
    return claims


def _decrypt(service: Service, text: str, kind: ContextKind) -> str:
    parts = text.split(".")
    if len(text) > MAX_LENGTH or not text.isascii() or len(parts) != 5 or parts[1]:
        raise ContextRefused("it is not a compact JWE with a key that is not transported")
    header = parts[0]
    key = next((key for key in service.ring.keys.values() if _header(key.key_id, kind) == header), None)
    if key is None:
        raise ContextRefused(f"the header is not that of an {kind.key_name} of this server")
    try:
        nonce, ciphertext, tag = map(base64url.decode, parts[2:])
        if (len(nonce), len(tag)) != (_NONCE_BYTES, _TAG_BYTES):
            raise ContextRefused("nonce or tag has a wrong length")
        return _cipher(key, kind).decrypt(nonce, ciphertext + tag, header.encode()).decode()
    except (InvalidTag, ValueError):
        raise ContextRefused("it was not encrypted by this server, or was altered") from None


def _signer(service: Service, header: str, kind: ContextKind) -> SigningKey:
    written = (key for key in service.signing_keys.keys if key.algorithm == ES256 and key.header(kind.typ) == header)
    signer = next(written, None)
    if signer is None:
        raise ContextRefused("the signed part's header is not one that this server writes")
    return signer


def _cipher(key: Key, kind: ContextKind) -> AESGCM:
    return AESGCM(key.derived(kind.key_name))


@lru_cache(maxsize=64)
def _header(key_id: int, kind: ContextKind) -> str:
    members = {"alg": "dir", "enc": "A256GCM", "kid": f"{key_id:08x}", "typ": kind.typ, "cty": "JWT"}
    return base64url.encode(msgspec.json.encode(members))
