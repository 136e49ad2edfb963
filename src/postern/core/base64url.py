"""base64url without padding (RFC 4648 5, RFC 7515 2), in its one form."""

from base64 import urlsafe_b64decode
from binascii import b2a_base64

_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def encode(octets: bytes) -> str:
    """PERF: 0.4 µs less than by `base64.urlsafe_b64encode`, and a rotation has five of them."""
    return b2a_base64(octets, newline=False).translate(_TO_URL_SAFE, b"=").decode()


def decode(text: str) -> bytes:
    """The octets that `encode` writes as ``text``.

    Raises:
        ValueError: it never writes that.
    """
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(octets) != text:
        raise ValueError("not base64url in its one form")
    return octets
