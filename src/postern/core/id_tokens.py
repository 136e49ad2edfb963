"""ID tokens (OpenID Connect Core 1.0, 2) with the claims of IAM Identity Center, and the contexts within them.

What an ID token says is taken from its token family alone: a redemption that is repeated is told the same facts.
"""

from datetime import UTC, datetime

import msgspec

from postern.core import base64url
from postern.core.clients import TOKEN_EXCHANGE
from postern.core.contexts import ContextClaims, ContextKind, write_context
from postern.core.keys import Key
from postern.core.records import Instance, TokenFamily
from postern.core.service import Service

OPENID = "openid"
IDENTITY_CONTEXT = "sts:identity_context"
_ID_BYTES = 24


class IdToken(msgspec.Struct, frozen=True):
    """``text`` is the signed token, ``identity_context`` its claim of that name, if it has one."""

    text: str
    identity_context: str | None

    def __repr__(self) -> str:
        """Without the token, which is a secret."""
        return f"IdToken(of {len(self.text)} characters)"


class IdTokenClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims, in wire order. ``iat`` and ``exp`` are Unix seconds; ``auth_time`` is in ISO 8601, which is not
    what OpenID Connect says but what Identity Center does.
    """

    iss: str
    sub: str
    aud: str
    iat: int
    exp: int
    auth_time: str
    nonce: str | None = None
    identity_store_id: str = msgspec.field(name="aws:identity_store_id")
    identity_store_arn: str = msgspec.field(name="aws:identity_store_arn")
    instance_arn: str = msgspec.field(name="aws:instance_arn")
    instance_account: str = msgspec.field(name="aws:instance_account")
    credential_id: str = msgspec.field(name="aws:credential_id")
    identity_context: str | None = msgspec.field(name="sts:identity_context", default=None)
    audit_context: str | None = msgspec.field(name="sts:audit_context", default=None)

    def __repr__(self) -> str:
        """Without the contexts, which are secrets."""
        return f"IdTokenClaims(sub={self.sub}, aud={self.aud})"


_encode = msgspec.json.Encoder().encode


async def write(service: Service, family: TokenFamily, scopes: tuple[str, ...]) -> IdToken | None:
    """The ID token of a family's first tokens; ``None`` if ``scopes`` are without ``openid``.

    PERF: 70 µs by ES256, of which the signature is 25; by RS256 220 µs more.
    """
    if OPENID not in scopes:
        return None
    # The family's own key, which never changes, gives the same ids again after a key rotation.
    key = service.ring.get(family.key_id) or service.ring.active
    instance, credential_id = _instance_of(service, family), _opaque_id(key, "credential", family)

    def context(kind: ContextKind) -> str:
        claims = _context_claims(service, family, credential_id, _opaque_id(key, kind.key_name, family))
        return write_context(service, claims, kind)

    identity_context = context(ContextKind.IDENTITY) if IDENTITY_CONTEXT in scopes else None
    exchanged = family.grant_type == TOKEN_EXCHANGE
    claims = IdTokenClaims(
        iss=service.policy.public_url,
        sub=family.user_id,
        aud=family.application_arn or "",
        iat=family.created_at,
        exp=family.access_expires_at,
        auth_time=_iso(family.created_at if family.authenticated_at is None else family.authenticated_at),
        nonce=family.nonce,
        identity_store_id=instance.identity_store_id,
        identity_store_arn=instance.identity_store_arn,
        instance_arn=instance.arn,
        instance_account=instance.owner_account_id,
        credential_id=credential_id,
        identity_context=identity_context,
        audit_context=None if exchanged else context(ContextKind.AUDIT),
    )
    return IdToken(service.signing_keys.sign(_encode(claims)), identity_context)


def _context_claims(service: Service, family: TokenFamily, credential_id: str, jti: str) -> ContextClaims:
    return ContextClaims(
        iss=service.policy.public_url,
        sub=family.user_id,
        iat=family.created_at,
        exp=family.access_expires_at,
        jti=jti,
        application_arn=family.application_arn or "",
        instance_arn=_instance_of(service, family).arn,
        identity_store_arn=_instance_of(service, family).identity_store_arn,
        credential_id=credential_id,
    )


def _opaque_id(key: Key, purpose: str, family: TokenFamily) -> str:
    """An id of the sign-in that says nothing of its number: 32 characters."""
    message = f"{purpose} {family.family_id}".encode()
    return base64url.encode(key.named_mac("credential id", message)[:_ID_BYTES])


def _instance_of(service: Service, family: TokenFamily) -> Instance:
    arn = family.application_arn
    return service.instance if arn is None else service.instances.of_application(arn)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00") + "Z"
