"""The keys that sign ID tokens (JWS, RFC 7515) and what is published of them (JWK Set, RFC 7517).

Each key of the ring has an ES256 key, derived from its secret: publishing before use, rotation and retirement are those
of the ring. With RS256 each has an RSA key too, which cannot be derived and is therefore stored, wrapped.
"""

import datetime
from abc import ABC, abstractmethod
from base64 import standard_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from postern.core import base64url
from postern.core.keys import Key, KeyRing, MasterKey, MasterKeyError
from postern.core.policy import Policy
from postern.core.records import RsaKeyRecord
from postern.core.store import Store

ES256 = "ES256"
RS256 = "RS256"
_RSA_BITS = 2048
_COORDINATE_BYTES = 32
# 384 bits for a number below 2^256: what is left of the reduction's bias is 2^-128 (FIPS 186-5, A.2.1).
_SEED_BYTES = 48
_CURVE = ec.SECP256R1()
_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SHA256 = SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_PKCS1 = padding.PKCS1v15()
_CERTIFICATE_LIFE = datetime.timedelta(days=3650)


class SigningKey(ABC):
    """One key of one algorithm. ``key_id`` is its ring key's, ``jwk`` what is published of it."""

    def __init__(self, key_id: int, algorithm: str, public_members: Mapping[str, str | list[str]]) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.kid = key_kid(key_id, algorithm)
        self.jwk = {"kid": self.kid, "alg": algorithm, "use": "sig", **public_members}
        self._header = base64url.encode(msgspec.json.encode({"alg": algorithm, "kid": self.kid, "typ": "JWT"}))

    def sign(self, payload: bytes) -> str:
        """A JWT of ``payload``, in compact form."""
        signed = f"{self._header}.{base64url.encode(payload)}"
        return f"{signed}.{base64url.encode(self._signature(signed.encode()))}"

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether this key signed the first two parts of a JWS, with the dot between, like that."""
        try:
            self._verify(signed, signature)
        except InvalidSignature:
            return False
        return True

    @abstractmethod
    def _signature(self, signed: bytes) -> bytes: ...

    @abstractmethod
    def _verify(self, signed: bytes, signature: bytes) -> None:
        """
        Raises:
            InvalidSignature: it is not this key's.
        """

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


class EcSigningKey(SigningKey):
    """ES256 (RFC 7518 3.4), by a private key that is derived from the ring key's secret."""

    def __init__(self, key: Key) -> None:
        seed = HKDFExpand(_SHA256, _SEED_BYTES, b"postern es256").derive(key.derived("id token es256"))
        private_value = int.from_bytes(seed, "big") % (_CURVE_ORDER - 1) + 1
        self._private = ec.derive_private_key(private_value, _CURVE)
        self._public = self._private.public_key()
        point = self._public.public_numbers()
        x, y = (number.to_bytes(_COORDINATE_BYTES, "big") for number in (point.x, point.y))
        super().__init__(
            key.key_id, ES256, {"kty": "EC", "crv": "P-256", "x": base64url.encode(x), "y": base64url.encode(y)}
        )

    def _signature(self, signed: bytes) -> bytes:
        r, s = decode_dss_signature(self._private.sign(signed, _ECDSA))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    def _verify(self, signed: bytes, signature: bytes) -> None:
        if len(signature) != 2 * _COORDINATE_BYTES:
            raise InvalidSignature
        r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
        der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        self._public.verify(der, signed, _ECDSA)


class RsaSigningKey(SigningKey):
    """RS256 (RFC 7518 3.3), by a private key that the store keeps. What is published has a certificate too, since some
    consumers take no key without one (RFC 7517 4.7).
    """

    def __init__(self, key: Key, private: rsa.RSAPrivateKey) -> None:
        self._private = private
        self._public = private.public_key()
        numbers = self._public.public_numbers()
        certificate = _certificate(key, private)
        members: dict[str, str | list[str]] = {
            "kty": "RSA",
            "n": _b64_number(numbers.n),
            "e": _b64_number(numbers.e),
            "x5c": [standard_b64encode(certificate).decode()],
            "x5t#S256": base64url.encode(sha256(certificate).digest()),
        }
        super().__init__(key.key_id, RS256, members)

    def _signature(self, signed: bytes) -> bytes:
        return self._private.sign(signed, _PKCS1, _SHA256)

    def _verify(self, signed: bytes, signature: bytes) -> None:
        self._public.verify(signature, signed, _PKCS1, _SHA256)


class SigningKeys(msgspec.Struct, frozen=True):
    """A snapshot, as `postern.core.keys.KeyRing` is one: every key that is published, the ``active`` one that signs ID
    tokens, and the published JWK Set in JSON.
    """

    keys: tuple[SigningKey, ...]
    active: SigningKey | None = None
    jwks: bytes = b'{"keys":[]}'

    def find(self, kid: str) -> SigningKey | None:
        return next((key for key in self.keys if key.kid == kid), None)

    def sign(self, payload: bytes, algorithm: str | None = None) -> str:
        """A JWT of the active key, in compact form; with an ``algorithm``, by that half of the key.

        Raises:
            LookupError: the active key has no such half (yet).
        """
        assert self.active is not None, "there are signing keys as soon as a service is open"
        if algorithm in (None, self.active.algorithm):
            return self.active.sign(payload)
        half = self.find(key_kid(self.active.key_id, algorithm))
        if half is None:
            raise LookupError(f"there is no {algorithm} key yet")
        return half.sign(payload)


def key_kid(key_id: int, algorithm: str) -> str:
    """The published name of a ring key's half for ``algorithm``."""
    return f"{key_id:08x}-{algorithm.lower()}"


async def renew_signing_keys(
    store: Store, master: MasterKey, ring: KeyRing, policy: Policy, known: SigningKeys, *, needs_rsa: bool = False
) -> SigningKeys:
    """The signing keys of the ring; makes the RSA keys that are missing, where the policy wants RS256 or something else
    ``needs_rsa``.

    RSA keys are listed whatever the policy is: one that signed before it was changed, or that another node signs with,
    stays published.

    Raises:
        MasterKeyError: an RSA key was sealed under another master key, or is none.
    """
    algorithm = policy.id_tokens.algorithm
    records = await store.list_rsa_keys()
    if (needs_rsa or algorithm == RS256) and (missing := _without_rsa_key(ring, records)):
        for key in missing:
            await store.ensure_rsa_key(_new_rsa_key(master, key.key_id))
        records = await store.list_rsa_keys()  # where another node was first, its key holds
    keys = tuple(_all_keys(master, ring, records, known))
    active_kid = key_kid(ring.active.key_id, algorithm)
    if keys == known.keys and known.active and known.active.kid == active_kid:
        return known
    by_kid = {key.kid: key for key in keys}
    jwks = msgspec.json.encode({"keys": [key.jwk for key in keys]})
    return SigningKeys(keys, by_kid[active_kid], jwks)


def _without_rsa_key(ring: KeyRing, records: list[RsaKeyRecord]) -> list[Key]:
    """The ring keys that need one: a key that is older than the active one never signs again."""
    there = {record.key_id for record in records}
    return [
        key for key in ring.keys.values() if key.activates_at >= ring.active.activates_at and key.key_id not in there
    ]


def _all_keys(
    master: MasterKey, ring: KeyRing, records: list[RsaKeyRecord], known: SigningKeys
) -> Iterable[SigningKey]:
    """PERF: this runs each second, and takes 3 µs: a known key is not made again. Opening an RSA key takes 35 ms."""
    for key in ring.keys.values():
        yield known.find(key_kid(key.key_id, ES256)) or EcSigningKey(key)
    for record in records:
        if record.key_id in ring.keys:
            yield known.find(key_kid(record.key_id, RS256)) or _open_rsa_key(master, record, ring.keys[record.key_id])


def _new_rsa_key(master: MasterKey, key_id: int) -> RsaKeyRecord:
    der = rsa.generate_private_key(65537, _RSA_BITS).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return RsaKeyRecord(key_id=key_id, wrapped_private_key=master.seal(_rsa_label(key_id), der))


def _open_rsa_key(master: MasterKey, record: RsaKeyRecord, key: Key) -> RsaSigningKey:
    der = master.unseal(_rsa_label(record.key_id), record.wrapped_private_key)
    private = serialization.load_der_private_key(der, password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise MasterKeyError(f"what is kept as the RSA key of ring key {record.key_id:08x} is none")
    return RsaSigningKey(key, private)


def _certificate(key: Key, private: rsa.RSAPrivateKey) -> bytes:
    """A self-signed certificate in DER. All of it is derived, and the signature (PKCS #1 v1.5) is the same each time:
    all nodes publish the same bytes. PERF: X.509 takes 30 ms to import, and only servers with an RSA key need it.
    """
    from cryptography import x509

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"postern {key_kid(key.key_id, RS256)}")])
    begin = datetime.datetime.fromtimestamp(key.activates_at, datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(key.key_id + 1)
        .not_valid_before(begin - datetime.timedelta(days=1))
        .not_valid_after(begin + _CERTIFICATE_LIFE)
    )
    return builder.sign(private, _SHA256).public_bytes(serialization.Encoding.DER)


def _rsa_label(key_id: int) -> str:
    return f"rsa key {key_id:08x}"


def _b64_number(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
