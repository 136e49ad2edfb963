"""Identity and audit contexts: this server opens what it made, and nothing else."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe, jws
from joserfc.jwk import ECKey, KeySet, OctKey

from postern.core.contexts import ContextClaims, ContextKind, ContextRefused, open_context, write_context
from tests.core.world import PUBLIC_URL, World, present

IDENTITY, AUDIT = ContextKind.IDENTITY, ContextKind.AUDIT


def claims_of(world: World) -> ContextClaims:
    return ContextClaims(
        iss=PUBLIC_URL,
        sub=world.person.user_id,
        iat=world.now,
        exp=world.now + 3600,
        jti="a-jti",
        application_arn="arn:aws:sso::111122223333:application/ssoins-1111111111111111/apl-1111111111111111",
        instance_arn=world.service.instance.arn,
        identity_store_arn="arn:aws:identitystore::111122223333:identitystore/d-3333333333",
        credential_id="a-credential",
    )


def encrypted(key: bytes, header: dict[str, str], plaintext: bytes) -> str:
    """A compact JWE with a key that both sides have, made by hand, so that it may be anything."""
    protected = urlsafe_b64encode(msgspec.json.encode(header)).rstrip(b"=")
    sealed = AESGCM(key).encrypt(bytes(12), plaintext, protected)
    parts = (
        protected,
        b"",
        *(urlsafe_b64encode(part).rstrip(b"=") for part in (bytes(12), sealed[:-16], sealed[-16:])),
    )
    return b".".join(parts).decode()


def jwe_header(world: World, kind: ContextKind, **changes: str) -> dict[str, str]:
    kid = f"{world.service.ring.active.key_id:08x}"
    return {"alg": "dir", "enc": "A256GCM", "kid": kid, "typ": f"{kind.value}-context+jwt", "cty": "JWT"} | changes


def key_of(world: World, kind: ContextKind) -> bytes:
    return world.service.ring.active.derived(f"{kind.value} context")


@pytest.mark.parametrize("kind", ContextKind)
async def test_a_context_says_what_was_written(world: World, kind: ContextKind) -> None:
    text = write_context(world.service, claims_of(world), kind)
    assert open_context(world.service, text, kind) == claims_of(world)


@pytest.mark.parametrize("kind", ContextKind)
async def test_a_context_is_a_jws_within_a_jwe(world: World, kind: ContextKind) -> None:
    text = write_context(world.service, claims_of(world), kind)
    outer = jwe.decrypt_compact(text, OctKey.import_key(key_of(world, kind)), algorithms=["dir", "A256GCM"])
    assert outer.protected == jwe_header(world, kind)
    keys = KeySet.import_key_set(json.loads(world.service.signing_keys.jwks))
    inner = jws.deserialize_compact(present(outer.plaintext), keys, algorithms=["ES256"])
    assert inner.protected["typ"] == f"{kind.value}-context+jwt"
    assert json.loads(inner.payload) == msgspec.to_builtins(claims_of(world))


async def test_what_joserfc_makes_of_the_same_is_opened_too(world: World) -> None:
    signed = present(world.service.signing_keys.internal).sign(msgspec.json.encode(claims_of(world)), IDENTITY.typ)
    key = OctKey.import_key(key_of(world, IDENTITY))
    text = jwe.encrypt_compact(jwe_header(world, IDENTITY), signed, key, algorithms=["dir", "A256GCM"])
    assert open_context(world.service, text, IDENTITY) == claims_of(world)


async def test_nothing_of_it_can_be_read_from_outside(world: World) -> None:
    text = write_context(world.service, claims_of(world), IDENTITY)
    seen = b"".join(urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
    assert world.person.user_id.encode() not in seen
    assert b"ES256" not in seen
    assert text != write_context(world.service, claims_of(world), IDENTITY)


async def test_it_is_signed_with_es256_whatever_signs_id_tokens(world: World) -> None:
    world.change("id_tokens", algorithm="RS256")
    await world.service.renew()
    text = write_context(world.service, claims_of(world), IDENTITY)
    outer = jwe.decrypt_compact(text, OctKey.import_key(key_of(world, IDENTITY)), algorithms=["dir", "A256GCM"])
    assert jws.extract_compact(present(outer.plaintext)).protected["alg"] == "ES256"
    assert open_context(world.service, text, IDENTITY) == claims_of(world)


async def test_one_that_is_signed_with_rs256_is_refused(world: World) -> None:
    world.change("id_tokens", algorithm="RS256")
    await world.service.renew()
    signed = present(world.service.signing_keys.active).sign(msgspec.json.encode(claims_of(world)), IDENTITY.typ)
    text = encrypted(key_of(world, IDENTITY), jwe_header(world, IDENTITY), signed.encode())
    with pytest.raises(ContextRefused, match="header"):
        open_context(world.service, text, IDENTITY)


async def test_it_is_opened_after_the_keys_were_rotated(world: World) -> None:
    claims = claims_of(world)
    text = write_context(world.service, claims, IDENTITY)
    await world.rotate_keys()
    world.clock.advance(1)
    await world.service.renew()
    assert open_context(world.service, text, IDENTITY) == claims


async def test_it_is_good_until_it_expires(world: World) -> None:
    text = write_context(world.service, claims_of(world), IDENTITY)
    world.clock.advance(3599)
    open_context(world.service, text, IDENTITY)
    world.clock.advance(1)
    with pytest.raises(ContextRefused, match="expired"):
        open_context(world.service, text, IDENTITY)


@pytest.mark.parametrize("made, opened", [(IDENTITY, AUDIT), (AUDIT, IDENTITY)])
async def test_one_of_another_kind_is_refused(world: World, made: ContextKind, opened: ContextKind) -> None:
    text = write_context(world.service, claims_of(world), made)
    with pytest.raises(ContextRefused, match="header"):
        open_context(world.service, text, opened)


@pytest.mark.parametrize("part", range(5))
async def test_one_that_was_tampered_with_is_refused(world: World, part: int) -> None:
    parts = write_context(world.service, claims_of(world), IDENTITY).split(".")
    parts[part] = ("B" if parts[part][:1] == "A" else "A") + parts[part][1:]
    with pytest.raises(ContextRefused):
        open_context(world.service, ".".join(parts), IDENTITY)


@pytest.mark.parametrize("part", range(5))
async def test_a_part_that_is_written_in_another_way_is_refused(world: World, part: int) -> None:
    parts = write_context(world.service, claims_of(world), IDENTITY).split(".")
    parts[part] += "="
    with pytest.raises(ContextRefused):
        open_context(world.service, ".".join(parts), IDENTITY)


@pytest.mark.parametrize(
    "text",
    ["", ".", "....", "a.b.c", "a.b.c.d.e", "é..a.b.c", "\ud800....", "." * 5, "A" * 9000, "eyJhbGciOiJub25lIn0.e30."],
    ids=["nothing", "a dot", "dots", "three", "five", "not ASCII", "surrogate", "six", "long", "alg none"],
)
async def test_what_is_none_is_refused(world: World, text: str) -> None:
    with pytest.raises(ContextRefused):
        open_context(world.service, text, IDENTITY)


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "A256KW"},
        {"alg": "none"},
        {"enc": "A128GCM"},
        {"enc": "A256CBC-HS512"},
        {"kid": "ffffffff"},
        {"typ": "JWT"},
        {"typ": "audit-context+jwt"},
        {"cty": "json"},
        {"zip": "DEF"},
        {"crit": "exp"},
    ],
    ids=lambda changes: "=".join(*changes.items()),
)
async def test_a_header_that_this_server_does_not_write_is_refused(world: World, changes: dict[str, str]) -> None:
    signed = present(world.service.signing_keys.internal).sign(msgspec.json.encode(claims_of(world)), IDENTITY.typ)
    good = encrypted(key_of(world, IDENTITY), jwe_header(world, IDENTITY), signed.encode())
    assert open_context(world.service, good, IDENTITY) == claims_of(world)
    text = encrypted(key_of(world, IDENTITY), jwe_header(world, IDENTITY, **changes), signed.encode())
    with pytest.raises(ContextRefused, match="header"):
        open_context(world.service, text, IDENTITY)


async def test_one_of_another_server_is_refused(world: World) -> None:
    signed = present(world.service.signing_keys.internal).sign(msgspec.json.encode(claims_of(world)), IDENTITY.typ)
    text = encrypted(bytes(32), jwe_header(world, IDENTITY), signed.encode())
    with pytest.raises(ContextRefused, match="not encrypted by this server"):
        open_context(world.service, text, IDENTITY)


def _unsigned(world: World, claims: bytes) -> str:
    header = msgspec.json.encode({"alg": "none", "typ": IDENTITY.typ})
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims, b"")).decode()


def _signed_by_a_stranger(world: World, claims: bytes) -> str:
    kid = present(world.service.signing_keys.internal).kid
    return jws.serialize_compact(
        {"alg": "ES256", "kid": kid, "typ": IDENTITY.typ}, claims, ECKey.generate_key("P-256"), algorithms=["ES256"]
    )


def _signed_as_id_token(world: World, claims: bytes) -> str:
    return world.service.signing_keys.sign(claims)


def _with_half_a_signature(world: World, claims: bytes) -> str:
    return present(world.service.signing_keys.internal).sign(claims, IDENTITY.typ)[:-46]


def _with_other_claims(world: World, claims: bytes) -> str:
    return present(world.service.signing_keys.internal).sign(b'{"iss":"x"}', IDENTITY.typ)


def _with_more_claims(world: World, claims: bytes) -> str:
    return present(world.service.signing_keys.internal).sign(claims[:-1] + b',"admin":true}', IDENTITY.typ)


def _of_another_issuer(world: World, claims: bytes) -> str:
    other = claims.replace(PUBLIC_URL.encode(), b"https://evil.example")
    return present(world.service.signing_keys.internal).sign(other, IDENTITY.typ)


def _for_another_audience(world: World, claims: bytes) -> str:
    return present(world.service.signing_keys.internal).sign(claims.replace(b'"sts"', b'"s3"'), IDENTITY.typ)


@pytest.mark.parametrize(
    "forge, because",
    [
        (_unsigned, "header"),
        (_signed_by_a_stranger, "signature"),
        (_signed_as_id_token, "header"),
        (_with_half_a_signature, "signature"),
        (_with_other_claims, "form"),
        (_with_more_claims, "form"),
        (_of_another_issuer, "issuer"),
        (_for_another_audience, "audience"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
async def test_one_whose_signed_part_is_no_good_is_refused(
    world: World, forge: Callable[[World, bytes], str], because: str
) -> None:
    """Whoever has the encryption key still cannot make one."""
    inner = forge(world, msgspec.json.encode(claims_of(world)))
    text = encrypted(key_of(world, IDENTITY), jwe_header(world, IDENTITY), inner.encode())
    with pytest.raises(ContextRefused, match=because):
        open_context(world.service, text, IDENTITY)
