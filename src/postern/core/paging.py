"""Page by page: the token that leads to the next one says where to go on, sealed, for one person and one list."""

from struct import Struct

from cryptography.exceptions import InvalidTag

from postern.api.errors import PortalInvalidRequestException
from postern.api.portal import MAX_RESULTS
from postern.core import base64url
from postern.core.keys import Key, KeyRing

_HEAD = Struct(">BI")  # version, key id
_VERSION = 1
_KEY, _NONCE_KEY = "next token", "next token nonce"
_NONCE_BYTES = 12
_LONGEST = 1024


def page_size(max_results: int | None) -> int:
    """
    Raises:
        PortalInvalidRequestException: it is not 1 to `MAX_RESULTS`.
    """
    if max_results is None:
        return MAX_RESULTS
    if not 1 <= max_results <= MAX_RESULTS:
        raise PortalInvalidRequestException(f"max_result is 1 to {MAX_RESULTS}", reason="max_result is out of range")
    return max_results


def write_next_token(ring: KeyRing, of_list: str, after: str) -> str:
    """The token that goes on after ``after``. ``of_list`` says whose list it is and of what: it opens for no other.

    The nonce is derived, so that one page has one token: nothing but equality shows.
    """
    key, associated = ring.active, of_list.encode()
    head = _HEAD.pack(_VERSION, key.key_id)
    nonce = _nonce(key, associated, after)
    return base64url.encode(head + nonce + key.cipher(_KEY).encrypt(nonce, after.encode(), head + associated))


def read_next_token(ring: KeyRing, of_list: str, token: str | None) -> str:
    """Where to go on; empty for the first page.

    Raises:
        PortalInvalidRequestException: the token was not made here for this list.
    """
    if token is None:
        return ""
    after = _open(ring, of_list.encode(), token)
    if after is None:
        raise PortalInvalidRequestException("next_token is not valid", reason="next_token was not made for this list")
    return after


def _open(ring: KeyRing, associated: bytes, token: str) -> str | None:
    sealed = _sealed_bytes(token)
    if sealed is None:
        return None
    head, nonce, rest = sealed[: _HEAD.size], sealed[_HEAD.size :][:_NONCE_BYTES], sealed[_HEAD.size + _NONCE_BYTES :]
    version, key_id = _HEAD.unpack(head)
    key = ring.get(key_id)
    if key is None or version != _VERSION:
        return None
    try:
        return key.cipher(_KEY).decrypt(nonce, rest, head + associated).decode()
    except InvalidTag:
        return None


def _sealed_bytes(token: str) -> bytes | None:
    if len(token) > _LONGEST or not token.isascii():
        return None
    try:
        sealed = base64url.decode(token)
    except ValueError:
        return None
    return sealed if len(sealed) > _HEAD.size + _NONCE_BYTES else None


def _nonce(key: Key, associated: bytes, after: str) -> bytes:
    message = len(associated).to_bytes(4, "big") + associated + after.encode()
    return key.named_mac(_NONCE_KEY, message)[:_NONCE_BYTES]
