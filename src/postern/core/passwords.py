"""Passwords: Argon2id (RFC 9106) with 19 MiB, two passes, one lane. Hashing takes some 20 ms, so the server does it
in a thread of its own.
"""

import unicodedata
from typing import Protocol

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
MIN_LENGTH = 8
MAX_LENGTH = 256


class PasswordTooWeak(ValueError):
    """The password is shorter or longer than allowed."""


class HasherBusy(Exception):
    """So many passwords wait to be verified that this one was not looked at."""


class PasswordHasher(Protocol):
    """Hashes and verifies without holding up other requests."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. With ``None`` (no such person) the same work is done and the answer is
        ``False``.

        Raises:
            HasherBusy: too many wait already.
        """
        ...


def normalise(password: str) -> str:
    """The same password typed on another keyboard (RFC 8265 4.2: NFC)."""
    return unicodedata.normalize("NFC", password)


def require_acceptable(password: str) -> str:
    """The normalised password.

    Raises:
        PasswordTooWeak: fewer than 8 or more than 256 characters.
    """
    text = normalise(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise PasswordTooWeak(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    return text
