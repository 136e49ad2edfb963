"""User codes (RFC 8628 6.1): eight of twenty consonants, shown as ``XXXX-XXXX``. The store sees them only as keyed
digests.

34.5 bits are few, so the digest is keyed with a secret outside the store, and guesses are counted.
"""

import secrets

from postern.core.keys import Key, KeyRing, Purpose

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8


def new_user_code() -> str:
    # PERF: one number instead of eight draws: 2 µs, not 15. `randbelow` is free of bias.
    number = secrets.randbelow(len(ALPHABET) ** LENGTH)
    letters = ""
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return f"{letters[:4]}-{letters[4:]}"


def normalise(typed: str) -> str | None:
    """The code that a person meant: case, dashes, spaces and dots do not matter. ``None`` if it cannot be a code."""
    letters = "".join(character for character in typed[:64].upper() if character.isalnum())
    if len(letters) != LENGTH or any(letter not in ALPHABET for letter in letters):
        return None
    return f"{letters[:4]}-{letters[4:]}"


def digest(key: Key, user_code: str) -> bytes:
    return key.mac(Purpose.USER_CODE, user_code.encode())


def candidate_digests(ring: KeyRing, user_code: str) -> list[bytes]:
    """Digests under every key: a code from just before a rotation is found as well. The newest key comes first."""
    newest_first = sorted(ring.keys.values(), key=lambda key: key.activates_at, reverse=True)
    return [digest(key, user_code) for key in newest_first]
