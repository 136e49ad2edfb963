"""Access keys as IAM has them: long-term ones, whose secret lies sealed in the store, and temporary credentials, which
lie nowhere. Their session token carries all that they are, sealed (AES-256-GCM) under a key of the ring.
"""

import hmac
import re
import secrets
from base64 import b64encode
from hashlib import sha256
from struct import Struct

import msgspec
from cryptography.exceptions import InvalidTag

from postern.core import base64url
from postern.core.caller import Principal
from postern.core.directory.records import AccessKey
from postern.core.keys import Key, KeyRing, MasterKey
from postern.core.policy import HOUR, MINUTE

MIN_DURATION = 15 * MINUTE
MAX_DURATION = 36 * HOUR
MAX_DESCRIPTION = 128

_NAME = r"[A-Za-z0-9_+=,.@-]{1,64}"
_ACCOUNT = r"arn:(?P<partition>aws(?:-[a-z]{2,10}){0,3}):iam::(?P<account>[0-9]{12})"
_PRINCIPAL = re.compile(rf"{_ACCOUNT}:(?:root|(?:user|role)/(?:{_NAME}/){{0,8}}{_NAME})")
_ROLE = re.compile(rf"{_ACCOUNT}:role/(?:{_NAME}/){{0,8}}(?P<name>{_NAME})")
_SESSION_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
_ACCESS_KEY_ID = re.compile(r"AKIA[A-Z0-9]{12,28}")
_SECRET = re.compile(r"[A-Za-z0-9+/]{40}")

_VERSION = 1
_HEAD = Struct(">BI")  # version, key id
_ID_DIGITS = 16
_TO_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 8  # for each byte the digit of its last five bits
_TOKEN_KEY = "session token"
_NONCE_BYTES = 12
_MARK_BYTES = 16
_LONGEST_TOKEN = 4096


class InvalidAccessKey(ValueError):
    """An access key, or what temporary credentials shall be, is not as IAM has it. The text says what is wrong, and
    holds no secret.
    """


class TemporaryCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What is given out, once. ``expires_at`` is in Unix seconds."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"TemporaryCredentials({self.access_key_id}, expires_at={self.expires_at})"


class Session(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a session token says. ``source_access_key_id`` is the long-term key that the credentials were made from, if
    they were, and ``source_mark`` what that key was then (`is_source`).
    """

    access_key_id: str
    secret_access_key: str
    principal_arn: str
    role_arn: str | None
    source_access_key_id: str | None
    source_mark: bytes
    expires_at: int

    @property
    def principal(self) -> Principal:
        return Principal(arn=self.principal_arn, access_key_id=self.access_key_id, role_arn=self.role_arn)

    def is_source(self, access_key: AccessKey) -> bool:
        """Whether ``access_key`` is the one that the credentials were made from: not another of the same id, nor the
        same with another secret or of another principal.
        """
        return access_key.access_key_id == self.source_access_key_id and hmac.compare_digest(
            self.source_mark, _mark(access_key)
        )

    def __repr__(self) -> str:
        return f"Session({self.access_key_id}, {self.principal_arn}, expires_at={self.expires_at})"


def new_access_key(
    master: MasterKey,
    *,
    principal_arn: str,
    now: int,
    description: str = "",
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
) -> tuple[AccessKey, str]:
    """A long-term access key for the user, role or account ``principal_arn``, and its secret. Id and secret are new
    ones unless they are given.

    Raises:
        InvalidAccessKey: the principal, the given id or the given secret is not one, or the description is too long
            or has control characters.
    """
    if not _PRINCIPAL.fullmatch(principal_arn):
        raise InvalidAccessKey("the principal is not arn:aws:iam::<account>:user/<name>, :role/<name> or :root")
    if len(description) > MAX_DESCRIPTION or not description.isprintable():
        raise InvalidAccessKey(f"an access key's description has up to {MAX_DESCRIPTION} printable characters")
    if access_key_id is None:
        access_key_id = _new_id("AKIA")
    elif not _ACCESS_KEY_ID.fullmatch(access_key_id):
        raise InvalidAccessKey("the access key id is not AKIA and 12 to 28 capital letters and digits")
    if secret_access_key is None:
        secret_access_key = _new_secret()
    elif not _SECRET.fullmatch(secret_access_key):
        raise InvalidAccessKey("the secret access key is not 40 letters, digits, + and /")
    record = AccessKey(
        access_key_id=access_key_id,
        principal_arn=principal_arn,
        sealed_secret=master.seal(_label(access_key_id), secret_access_key.encode()),
        description=description,
        created_at=now,
    )
    return record, secret_access_key


def secret_of(master: MasterKey, record: AccessKey) -> str:
    """
    Raises:
        MasterKeyError: it was sealed under another master key, or for another access key id.
    """
    return master.unseal(_label(record.access_key_id), record.sealed_secret).decode()


def issue_temporary_credentials(
    ring: KeyRing,
    *,
    access_key: AccessKey,
    duration: int,
    role_arn: str | None = None,
    session_name: str | None = None,
    now: int,
) -> TemporaryCredentials:
    """Credentials for ``duration`` seconds, for the principal of ``access_key`` or for a session of the role
    ``role_arn``. They are void as soon as the access key is inactive, gone, or another's.

    Raises:
        InvalidAccessKey: the duration is not from `MIN_DURATION` to `MAX_DURATION`, or there is no such session.
    """
    if role_arn is None:
        if session_name is not None:
            raise InvalidAccessKey("a session name is for the session of a role")
        return _issue(ring, access_key.principal_arn, None, access_key, duration, now)
    arn = session_arn(role_arn, session_name or access_key.access_key_id)
    return _issue(ring, arn, role_arn, access_key, duration, now)


def issue_role_credentials(
    ring: KeyRing, *, role_arn: str, session_name: str, duration: int, now: int
) -> TemporaryCredentials:
    """Credentials for a session of a role that no access key stands behind: they are good until they expire.

    Raises:
        InvalidAccessKey: as for `issue_temporary_credentials`.
    """
    return _issue(ring, session_arn(role_arn, session_name), role_arn, None, duration, now)


def session_arn(role_arn: str, session_name: str) -> str:
    """The ARN of a role's session, as STS forms it: without the role's path.

    Raises:
        InvalidAccessKey: the ARN is not a role's, or the name not one of 2 to 64 allowed characters.
    """
    role = _ROLE.fullmatch(role_arn)
    if role is None:
        raise InvalidAccessKey("the role is not arn:aws:iam::<account>:role/<name>")
    if not _SESSION_NAME.fullmatch(session_name):
        raise InvalidAccessKey("the session name is not 2 to 64 letters, digits and _+=,.@-")
    return f"arn:{role['partition']}:sts::{role['account']}:assumed-role/{role['name']}/{session_name}"


def open_session_token(ring: KeyRing, text: str) -> Session | None:
    """What a session token says if this server made it, expired or not; ``None`` for anything else."""
    sealed = _read_base64(text)
    if sealed is None or len(sealed) < _HEAD.size + _NONCE_BYTES:
        return None
    head, nonce, rest = sealed[: _HEAD.size], sealed[_HEAD.size :][:_NONCE_BYTES], sealed[_HEAD.size + _NONCE_BYTES :]
    version, key_id = _HEAD.unpack(head)
    key = ring.get(key_id)
    if key is None or version != _VERSION:
        return None
    try:
        return msgspec.msgpack.decode(key.cipher(_TOKEN_KEY).decrypt(nonce, rest, head), type=Session)
    except InvalidTag:
        return None


def _issue(
    ring: KeyRing, principal_arn: str, role_arn: str | None, source: AccessKey | None, duration: int, now: int
) -> TemporaryCredentials:
    if not MIN_DURATION <= duration <= MAX_DURATION:
        raise InvalidAccessKey(f"the duration is not {MIN_DURATION} to {MAX_DURATION} seconds")
    session = Session(
        access_key_id=_new_id("ASIA"),
        secret_access_key=_new_secret(),
        principal_arn=principal_arn,
        role_arn=role_arn,
        source_access_key_id=source.access_key_id if source else None,
        source_mark=_mark(source) if source else b"",
        expires_at=now + duration,
    )
    return TemporaryCredentials(
        access_key_id=session.access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=_seal(ring.active, session),
        expires_at=session.expires_at,
    )


def _seal(key: Key, session: Session) -> str:
    head, nonce = _HEAD.pack(_VERSION, key.key_id), secrets.token_bytes(_NONCE_BYTES)
    sealed = head + nonce + key.cipher(_TOKEN_KEY).encrypt(nonce, msgspec.msgpack.encode(session), head)
    return base64url.encode(sealed)


def _read_base64(text: str) -> bytes | None:
    """The bytes of a session token, if they are written in the one way that `_seal` has."""
    if len(text) > _LONGEST_TOKEN:
        return None
    try:
        return base64url.decode(text)
    except ValueError:
        return None


def _mark(access_key: AccessKey) -> bytes:
    return sha256(access_key.principal_arn.encode() + b"\n" + access_key.sealed_secret).digest()[:_MARK_BYTES]


def _label(access_key_id: str) -> str:
    return f"secret access key of {access_key_id}"


def _new_id(prefix: str) -> str:
    """The prefix and 80 random bits. PERF: 1 µs; b32encode takes 4."""
    return prefix + secrets.token_bytes(_ID_DIGITS).translate(_TO_BASE32).decode()


def _new_secret() -> str:
    return b64encode(secrets.token_bytes(30)).decode()
