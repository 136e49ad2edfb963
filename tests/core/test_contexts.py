"""Identity and audit contexts: this server opens what it made, and nothing else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe, jws
from joserfc.jwk import OctKey

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


def signed(world: World, claims: bytes, *, kind: ContextKind = IDENTITY, key: bytes = b"", **changes: str) -> str:
    """A compact JWS, made by another library than ours. ``changes`` are of its header."""
    active = world.service.ring.active
    header = {"alg": "HS256", "kid": f"{active.key_id:08x}", "typ": f"{kind.value}-context+jwt"} | changes
    signing_key = OctKey.import_key(key or active.derived(f"{kind.value} context hs256"))
    return jws.serialize_compact(header, claims, signing_key, algorithms=[header["alg"]])


def signed_claims(world: World) -> str:
    return signed(world, msgspec.json.encode(claims_of(world)))


@pytest.mark.parametrize("kind", ContextKind)
async def test_a_context_says_what_was_written(world: World, kind: ContextKind) -> None:
    text = write_context(world.service, claims_of(world), kind)
    assert open_context(world.service, text, kind) == claims_of(world)


@pytest.mark.parametrize("kind", ContextKind)
async def test_a_context_is_a_jws_within_a_jwe(world: World, kind: ContextKind) -> None:
    text = write_context(world.service, claims_of(world), kind)
    outer = jwe.decrypt_compact(text, OctKey.import_key(key_of(world, kind)), algorithms=["dir", "A256GCM"])
    assert outer.protected == jwe_header(world, kind)
    assert present(outer.plaintext).decode() == signed(world, msgspec.json.encode(claims_of(world)), kind=kind)


async def test_what_joserfc_makes_of_the_same_is_opened_too(world: World) -> None:
    key = OctKey.import_key(key_of(world, IDENTITY))
    text = jwe.encrypt_compact(jwe_header(world, IDENTITY), signed_claims(world), key, algorithms=["dir", "A256GCM"])
    assert open_context(world.service, text, IDENTITY) == claims_of(world)


async def test_nothing_of_it_can_be_read_from_outside(world: World) -> None:
    text = write_context(world.service, claims_of(world), IDENTITY)
    seen = b"".join(urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
    assert world.person.user_id.encode() not in seen
    assert b"HS256" not in seen
    assert text != write_context(world.service, claims_of(world), IDENTITY)


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
    good = encrypted(key_of(world, IDENTITY), jwe_header(world, IDENTITY), signed_claims(world).encode())
    assert open_context(world.service, good, IDENTITY) == claims_of(world)
    text = encrypted(key_of(world, IDENTITY), jwe_header(world, IDENTITY, **changes), signed_claims(world).encode())
    with pytest.raises(ContextRefused, match="header"):
        open_context(world.service, text, IDENTITY)


@pytest.mark.parametrize("moved", [-8, -1, 1, 4])
async def test_the_tag_has_one_length(world: World, moved: int) -> None:
    """What is cut at another place is the same when it is put together again."""
    header, _, nonce, *rest = write_context(world.service, claims_of(world), IDENTITY).split(".")
    ciphertext, tag = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in rest)
    sealed, cut = ciphertext + tag, len(ciphertext) + moved
    parts = (urlsafe_b64encode(part).rstrip(b"=").decode() for part in (sealed[:cut], sealed[cut:]))
    with pytest.raises(ContextRefused, match="length"):
        open_context(world.service, ".".join((header, "", nonce, *parts)), IDENTITY)


async def test_one_of_another_server_is_refused(world: World) -> None:
    text = encrypted(bytes(32), jwe_header(world, IDENTITY), signed_claims(world).encode())
    with pytest.raises(ContextRefused, match="not encrypted by this server"):
        open_context(world.service, text, IDENTITY)


def _unsigned(world: World, claims: bytes) -> str:
    header = msgspec.json.encode({"alg": "none", "typ": IDENTITY.typ})
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims, b"")).decode()


def _signed_by_a_stranger(world: World, claims: bytes) -> str:
    return signed(world, claims, key=bytes(32))


def _signed_by_the_key_of_another_kind(world: World, claims: bytes) -> str:
    return signed(world, claims, key=world.service.ring.active.derived("audit context hs256"))


def _signed_by_the_encryption_key(world: World, claims: bytes) -> str:
    return signed(world, claims, key=key_of(world, IDENTITY))


def _signed_with_another_algorithm(world: World, claims: bytes) -> str:
    return signed(world, claims, alg="HS512")


def _signed_by_a_key_that_is_not_named(world: World, claims: bytes) -> str:
    return signed(world, claims, kid="ffffffff")


def _signed_as_id_token(world: World, claims: bytes) -> str:
    return world.service.signing_keys.sign(claims)


def _with_half_a_signature(world: World, claims: bytes) -> str:
    return signed(world, claims)[:-20]


def _with_a_signature_in_another_spelling(world: World, claims: bytes) -> str:
    return signed(world, claims) + "="


def _with_other_claims(world: World, claims: bytes) -> str:
    return signed(world, b'{"iss":"x"}')


def _with_more_claims(world: World, claims: bytes) -> str:
    return signed(world, claims[:-1] + b',"admin":true}')


def _of_another_issuer(world: World, claims: bytes) -> str:
    return signed(world, claims.replace(PUBLIC_URL.encode(), b"https://evil.example"))


def _for_another_audience(world: World, claims: bytes) -> str:
    return signed(world, claims.replace(b'"sts"', b'"s3"'))


@pytest.mark.parametrize(
    "forge, because",
    [
        (_unsigned, "header"),
        (_signed_by_a_stranger, "signature"),
        (_signed_by_the_key_of_another_kind, "signature"),
        (_signed_by_the_encryption_key, "signature"),
        (_signed_with_another_algorithm, "header"),
        (_signed_by_a_key_that_is_not_named, "header"),
        (_signed_as_id_token, "header"),
        (_with_half_a_signature, "signature|form"),
        (_with_a_signature_in_another_spelling, "form"),
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
