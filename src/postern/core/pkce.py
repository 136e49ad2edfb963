"""Proof Key for Code Exchange (RFC 7636), S256 only (RFC 9700 2.1.1)."""

import hmac
import re
from hashlib import sha256

from postern.core import base64url

METHOD = "S256"
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")


def is_challenge(text: str) -> bool:
    return _CHALLENGE.fullmatch(text) is not None


def is_verifier(text: str) -> bool:
    return _VERIFIER.fullmatch(text) is not None


def verifies(verifier: str, challenge: str) -> bool:
    computed = base64url.encode(sha256(verifier.encode()).digest())
    return hmac.compare_digest(computed.encode(), challenge.encode())
