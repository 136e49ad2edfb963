"""The key ring: one secret per key id, one derived key per purpose, so that a value of one kind is never taken for
another.

Keys lie in the store wrapped under the master key (AES-256-GCM). A new key is published before it is used, so every
worker and node knows it in time; an old one verifies until the last thing made with it has expired. Derivation:
HKDF-Expand with SHA-256 (RFC 5869).
"""

import secrets
from enum import IntEnum
from itertools import pairwise

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from postern.core.policy import DAY, LifetimePolicy, Policy
from postern.core.records import RingKeyRecord

SECRET_BYTES = 32
_NONCE_BYTES = 12
_FINGERPRINT_BYTES = 8


class Purpose(IntEnum):
    """What a derived key is for. The name enters the derivation; the number is only a place in a list."""

    CLIENT_ID = 0
    CLIENT_SECRET = 1
    ACCESS_TOKEN = 2
    REFRESH_TOKEN = 3
    DEVICE_CODE = 4
    AUTHORIZATION_CODE = 5
    USER_CODE = 6
    PAGE = 7
    ATTEMPTS = 8


class MasterKeyError(Exception):
    """The master key does not open the stored keys, or is not a key at all."""


class MasterKey:
    """Wraps ring secrets. 32 bytes from outside the store. ``fingerprint`` names the key and says nothing of it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise MasterKeyError(f"the master key must be {SECRET_BYTES} bytes")
        self._cipher = AESGCM(secret)
        self.fingerprint = (
            HKDFExpand(SHA256(), _FINGERPRINT_BYTES, b"postern master key fingerprint").derive(secret).hex()
        )

    def wrap(self, key_id: int, secret: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, _associated(key_id))

    def unwrap(self, record: RingKeyRecord) -> bytes:
        return self._open(record.wrapped_secret, _associated(record.key_id))

    def seal(self, label: str, secret: bytes) -> bytes:
        """Seal a secret that must be kept. It opens only under the same ``label``, which says what it is and whose."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, _labelled(label))

    def unseal(self, label: str, sealed: bytes) -> bytes:
        """
        Raises:
            MasterKeyError: it was sealed under another master key or label, or was altered.
        """
        return self._open(sealed, _labelled(label))

    def _open(self, sealed: bytes, associated: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
        except (InvalidTag, ValueError):
            raise MasterKeyError("the master key does not fit the keys in the store") from None


def _associated(key_id: int) -> bytes:
    return b"postern ring key " + key_id.to_bytes(4, "big")


def _labelled(label: str) -> bytes:
    return b"postern secret " + label.encode()


class Key:
    """One key of the ring: MACs by purpose, the sealing of one 16-byte block, and further keys by name.

    ``region_tag`` marks what is made with the key as this region's (`postern.core.regions`).
    """

    def __init__(self, key_id: int, secret: bytes, activates_at: int, region_tag: int = 0) -> None:
        self.key_id = key_id
        self.activates_at = activates_at
        self.region_tag = region_tag
        self._secret = secret
        self._derived: dict[str, bytes] = {}
        self._named_macs: dict[str, HMAC] = {}
        self._ciphers: dict[str, AESGCM] = {}
        # PERF: a copy of a prekeyed HMAC of OpenSSL takes 0.9 µs, of the standard library's 1.7, a new one 2.1.
        self._macs = [HMAC(_derive(secret, purpose.name), SHA256()) for purpose in Purpose]
        # One AES block hides a row's number in a token. ECB is the bare block cipher; no two blocks are ever chained.
        cipher = Cipher(AES(_derive(secret, "reference")), ECB())  # noqa: S305
        self.seal = cipher.encryptor().update
        self.unseal = cipher.decryptor().update

    def mac(self, purpose: Purpose, message: bytes) -> bytes:
        """HMAC-SHA256 of ``message`` under the key derived for ``purpose``."""
        return _finished(self._macs[purpose], message)

    def named_mac(self, name: str, message: bytes) -> bytes:
        """The same under the key named ``name``."""
        prekeyed = self._named_macs.get(name)
        if prekeyed is None:
            prekeyed = self._named_macs[name] = HMAC(self.derived(name), SHA256())
        return _finished(prekeyed, message)

    def cipher(self, name: str) -> AESGCM:
        """AES-256-GCM under the key named ``name``. PERF: made once; each time anew it would be 2 µs."""
        cipher = self._ciphers.get(name)
        if cipher is None:
            cipher = self._ciphers[name] = AESGCM(self.derived(name))
        return cipher

    def derived(self, name: str) -> bytes:
        """The 32-byte key named ``name``: for one use, which the name tells."""
        key = self._derived.get(name)
        if key is None:
            key = self._derived[name] = _derive(self._secret, f"name {name}")
        return key

    def __repr__(self) -> str:
        return f"Key(key_id={self.key_id:08x})"


def _finished(prekeyed: HMAC, message: bytes) -> bytes:
    mac = prekeyed.copy()
    mac.update(message)
    return mac.finalize()


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDFExpand(SHA256(), SECRET_BYTES, b"postern " + purpose.encode()).derive(secret)


class KeyRing(msgspec.Struct, frozen=True):
    """A snapshot of the ring: every key that verifies, and the one that signs."""

    active: Key
    keys: dict[int, Key]

    def get(self, key_id: int) -> Key | None:
        return self.keys.get(key_id)


def new_key_record(master: MasterKey, *, created_at: int, activates_at: int) -> RingKeyRecord:
    # 30 of 32 bits: a client id begins with its key's, and shall not begin with "-", which a command would take for
    # an option.
    key_id = secrets.randbits(30)
    wrapped = master.wrap(key_id, secrets.token_bytes(SECRET_BYTES))
    return RingKeyRecord(key_id=key_id, wrapped_secret=wrapped, created_at=created_at, activates_at=activates_at)


def new_successor(master: MasterKey, *, now: int, publish_lead: int) -> RingKeyRecord:
    """A key that is published for ``publish_lead`` seconds at least before it is used: the second ``now`` has begun."""
    return new_key_record(master, created_at=now, activates_at=now + 1 + publish_lead)


def open_ring(
    master: MasterKey,
    records: list[RingKeyRecord],
    now: int,
    known: KeyRing | None = None,
    region_tag: int = 0,
) -> KeyRing:
    """The ring that verifies with all of ``records`` and signs with the newest that is active at ``now``. Keys that are
    ``known`` are not derived anew.

    Raises:
        MasterKeyError: the master key does not open a record.
    """
    cached = known.keys if known else {}
    keys = {
        record.key_id: cached.get(record.key_id)
        or Key(record.key_id, master.unwrap(record), record.activates_at, region_tag)
        for record in records
    }
    usable = [key for key in keys.values() if key.activates_at <= now] or list(keys.values())
    return KeyRing(max(usable, key=lambda key: (key.activates_at, key.key_id)), keys)


def rotation_due(records: list[RingKeyRecord], policy: Policy, now: int) -> bool:
    """Whether the newest key is so old that its successor must be published now."""
    newest = max((record.activates_at for record in records), default=0)
    return now >= newest + policy.keys.rotation_interval - policy.keys.publish_lead


def retired(records: list[RingKeyRecord], policy: Policy, now: int) -> list[int]:
    """Ids of the keys that nothing unexpired can have been made with."""
    lifetimes = policy.lifetimes
    # The default stands for registrations that were issued before the settings were lowered.
    longest = (
        max(
            LifetimePolicy().client_registration,
            lifetimes.client_registration,
            lifetimes.sign_in,
            lifetimes.legacy_access_token,
        )
        + DAY
    )
    ordered = sorted(records, key=lambda record: record.activates_at)
    return [old.key_id for old, successor in pairwise(ordered) if successor.activates_at + longest < now]
