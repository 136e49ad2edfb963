"""The key of encrypted tokens: given, or made from a passphrase by scrypt (RFC 7914).

The file ``cache.key`` beside them has the salt, and something sealed with the key by which a wrong one is known before
anything is written with it. It does not contain the key.
"""

# ruff: noqa: PTH118

import json
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable
from hashlib import scrypt
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postern.client.errors import ConfigurationError
from postern.client.token_cache import files
from postern.client.token_cache.entries import UnreadableEntry
from postern.client.token_cache.lock import FileLock

KEY_LENGTH = 32
_NONCE_LENGTH = 12
_FILE = "cache.key"
_PROOF = b"cache.key"
_BLOCK = 8
_COST, _PASSES = 1 << 15, 3  # 32 MiB, about 0.2 s
_COSTS = frozenset(1 << exponent for exponent in range(4, 19))
_LARGEST_PASSES = 16


class Recipe(NamedTuple):
    """How a passphrase becomes the key; without a salt, the key is given as it is."""

    salt: bytes = b""
    cost: int = _COST
    passes: int = _PASSES

    def key(self, passphrase: str) -> bytes:
        memory = 128 * _BLOCK * self.cost + (1 << 20)
        password = passphrase.encode("utf-8", "surrogateescape")
        return scrypt(
            password, salt=self.salt, n=self.cost, r=_BLOCK, p=self.passes, maxmem=2 * memory, dklen=KEY_LENGTH
        )


class Seal:
    """Seals and opens with one key; ``name`` is what a sealed text is bound to."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise ConfigurationError(f"the key of the token cache is not {KEY_LENGTH} bytes long")
        self._cipher = AESGCM(key)

    def close(self, name: bytes, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, content, name)

    def open(self, name: bytes, sealed: bytes) -> bytes | None:
        """What was sealed; None if it was sealed with another key or for another name, or has been changed."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], name)
        except (InvalidTag, ValueError):
            return None


def with_key(folder: str, key: bytes) -> Seal:
    """The seal of a folder whose key is given.

    Raises:
        ConfigurationError: it is not the key that the folder was begun with.
    """
    return _seal(folder, lambda recipe: key, Recipe())


def with_passphrase(folder: str, passphrase: str) -> Seal:
    """The seal of a folder whose key is made of a passphrase.

    Raises:
        ConfigurationError: it is empty, or not the one that the folder was begun with.
    """
    if not passphrase:
        raise ConfigurationError("the passphrase of the token cache is empty")
    return _seal(folder, lambda recipe: recipe.key(passphrase), Recipe(os.urandom(16)))


def read_key(text: bytes, source: str) -> bytes:
    """A key in hex or Base64 (also its URL-safe form). ``source`` is where it came from, for the error.

    Raises:
        ConfigurationError: it is neither, or not 32 bytes long.
    """
    stripped = text.strip()
    if re.fullmatch(rb"[0-9A-Fa-f]{64}", stripped):
        return bytes.fromhex(stripped.decode())
    try:
        key = b64decode(stripped.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(stripped) % 4), validate=True)
    except BadBase64:
        key = b""
    if len(key) != KEY_LENGTH:
        raise ConfigurationError(
            f"{source} is not a key: {KEY_LENGTH} bytes as hex or Base64 are (openssl rand -hex 32)"
        )
    return key


def read_key_file(path: str) -> bytes:
    """The key in a file: raw, in hex or in Base64.

    Raises:
        ConfigurationError: there is no key in it.
    """
    try:
        content = files.read(path)
    except UnreadableEntry as error:
        raise ConfigurationError(f"the key file {path} cannot be used: {error}") from None
    if content is None:
        raise ConfigurationError(f"there is no key file {path}")
    return content if len(content) == KEY_LENGTH else read_key(content, path)


def _seal(folder: str, make_key: Callable[[Recipe], bytes], new: Recipe) -> Seal:
    begun = _stored(folder)
    if begun is None:
        # Somebody may begin at the same time, with another salt.
        with FileLock(os.path.join(folder, f"{_FILE}.lock"), timeout=30.0):
            begun = _stored(folder)
            if begun is None:
                return _begin(folder, make_key, new)
    recipe, proof = begun
    if bool(recipe.salt) != bool(new.salt):
        raise ConfigurationError(f"the tokens in {folder} have a {'passphrase' if recipe.salt else 'key'}")
    seal = Seal(make_key(recipe))
    if seal.open(_PROOF, proof) is None:
        raise ConfigurationError(f"this is not the {'passphrase' if recipe.salt else 'key'} of the tokens in {folder}")
    return seal


def _begin(folder: str, make_key: Callable[[Recipe], bytes], recipe: Recipe) -> Seal:
    if any(name.endswith(".token") for name in files.names(folder)):
        raise ConfigurationError(f"{folder} has tokens but no {_FILE}: put it back, or remove the tokens")
    seal = Seal(make_key(recipe))
    members = {
        "salt": b64encode(recipe.salt).decode(),
        "cost": recipe.cost,
        "passes": recipe.passes,
        "proof": b64encode(seal.close(_PROOF, b"")).decode(),
    }
    files.write(os.path.join(folder, _FILE), json.dumps(members).encode())
    return seal


def _stored(folder: str) -> tuple[Recipe, bytes] | None:
    """The recipe of a folder and the proof of its key; None if it has not been begun."""
    path = os.path.join(folder, _FILE)
    try:
        content = files.read(path)
        if content is None:
            return None
        members = json.loads(content)
        recipe = Recipe(b64decode(members["salt"], validate=True), int(members["cost"]), int(members["passes"]))
        proof = b64decode(members["proof"], validate=True)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise ConfigurationError(f"{path} cannot be read: put back a copy of it, or remove the folder") from None
    if not (recipe.cost in _COSTS and 1 <= recipe.passes <= _LARGEST_PASSES):
        raise ConfigurationError(f"{path} asks for an unreasonable amount of work")
    return recipe, proof
