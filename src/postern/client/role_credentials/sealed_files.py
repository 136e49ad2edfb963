"""Role credentials on disk, one file for each role of each sign-in, sealed with a key that is made of the access token.

So they open for as long as the sign-in's token is in the token cache, wherever that is: with a token that was refreshed
or a sign-in that has ended they are of no use to anybody, and nothing of them has to be found and removed.

`postern credentials` comes through here on its way to a warm cache, so nothing that is costly to import is imported.
"""

# ruff: noqa: PTH118, PTH111  # PERF: pathlib costs 3 ms of a start-up, os.path nothing

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from postern.client.token_cache import files
from postern.client.token_cache.entries import SessionKey, UnreadableEntry
from postern.client.token_cache.lock import FileLock

_NONCE_BYTES = 12
_SUFFIX = ".role"
_PURPOSE = b"postern role credentials"


class RoleKey(NamedTuple):
    """Which role of which sign-in."""

    session: SessionKey
    account_id: str
    role_name: str

    @property
    def digest(self) -> str:
        """SHA-256 (hex): what the file is called."""
        parts = (self.session.start_url, self.session.session_name or "", self.account_id, self.role_name)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class RoleCredentials(NamedTuple):
    """``expires_at`` is Unix seconds."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: float

    def __repr__(self) -> str:
        return f"RoleCredentials({self.access_key_id}, expires_at={self.expires_at})"


class RoleCredentialFiles:
    """The files in ``folder``, which is made when it is needed, for its owner only."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"RoleCredentialFiles({self.folder!r})"

    def load(self, key: RoleKey, access_token: str) -> RoleCredentials | None:
        """What is kept for the role; ``None`` if there is nothing that opens with this token."""
        try:
            sealed = files.read(self._path(key))
        except UnreadableEntry:
            return None
        if sealed is None:
            return None
        content = _open(access_token, key.digest, sealed)
        return None if content is None else _read(content)

    def store(self, key: RoleKey, access_token: str, credentials: RoleCredentials) -> None:
        """
        Raises:
            TokenCacheError: they cannot be written.
        """
        content = json.dumps(credentials._asdict()).encode()
        files.write(self._path(key), _close(access_token, key.digest, content))

    def lock(self, key: RoleKey, timeout: float = 60.0) -> FileLock:
        return FileLock(self._path(key) + ".lock", timeout)

    def _path(self, key: RoleKey) -> str:
        return os.path.join(self.folder, key.digest + _SUFFIX)


def open_role_credential_files(environment: Mapping[str, str]) -> RoleCredentialFiles:
    """Those of the person, beside the shared token cache: ``~/.aws/sso/postern``."""
    home = environment.get("HOME") or os.path.expanduser("~")
    return RoleCredentialFiles(os.path.join(home, ".aws", "sso", "postern"))


def _key(access_token: str) -> bytes:
    """HKDF (RFC 5869) with SHA-256, extract and the one block that is needed of expand."""
    extracted = hmac.digest(bytes(32), access_token.encode("utf-8", "surrogatepass"), "sha256")
    return hmac.digest(extracted, _PURPOSE + b"\x01", "sha256")


def _close(access_token: str, name: str, content: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(access_token).encrypt(nonce, content, name.encode())


def _open(access_token: str, name: str, sealed: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(access_token).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        return None


def _cipher(access_token: str) -> "AESGCM":
    return AESGCM(_key(access_token))


def _read(content: bytes) -> RoleCredentials | None:
    try:
        members = json.loads(content)
        return RoleCredentials(**members)
    except (ValueError, TypeError):
        return None


try:
    # PERF: the very class that the public module has; by way of that module it takes 35 ms longer to import.
    from cryptography.hazmat.bindings._rust import openssl as _openssl

    AESGCM = _openssl.aead.AESGCM
except (ImportError, AttributeError):  # pragma: no cover  # it may move
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
