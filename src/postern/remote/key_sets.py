"""JSON Web Key Sets (RFC 7517 5): those keys of an issuer that a signature may be verified with; others are passed
over.
"""

from base64 import urlsafe_b64decode

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from postern.core.issuer_keys import IssuerUnavailable

MAX_KEYS = 100  # reading one takes up to 0.1 ms, in which nothing else happens
_RSA_BITS = range(2048, 8192 + 1)
_MAX_EXPONENT = 2**32
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519",)}


class _Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """The public members. A private one that somebody published by mistake stays where it is."""

    kty: str
    kid: str | None = None
    use: str | None = None
    key_ops: tuple[str, ...] | None = None
    alg: str | None = None
    crv: str | None = None
    n: str | None = None
    e: str | None = None
    x: str | None = None
    y: str | None = None


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[msgspec.Raw]


class KeySet:
    """Keys by ``kid``. Of several with one ``kid`` the first counts."""

    def __init__(self, keys: list[Key]) -> None:
        self._only = keys[0] if len(keys) == 1 else None
        self._by_id = {key.kid: key for key in reversed(keys) if key.kid is not None}

    def find(self, key_id: str | None) -> Key | None:
        """The key with that ``kid``; without one, the only key."""
        return self._only if key_id is None else self._by_id.get(key_id)


def read(text: bytes) -> KeySet:
    """
    Raises:
        IssuerUnavailable: not a key set, or one with nothing to verify a signature with.
    """
    try:
        entries = msgspec.json.decode(text, type=_KeySet).keys
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IssuerUnavailable("the keys are not a JSON Web Key Set") from None
    if len(entries) > MAX_KEYS:
        raise IssuerUnavailable(f"there are more than {MAX_KEYS} keys")
    keys = [key for entry in entries if (key := _read_key(entry)) is not None]
    if not keys:
        raise IssuerUnavailable("there is no key that verifies signatures")
    return KeySet(keys)


def _read_key(entry: msgspec.Raw) -> Key | None:
    try:
        jwk = msgspec.json.decode(entry, type=_Jwk)
        return _import(jwk) if _is_for_signatures(jwk) else None
    except (msgspec.MsgspecError, JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _is_for_signatures(jwk: _Jwk) -> bool:
    return jwk.use in (None, "sig") and (jwk.key_ops is None or "verify" in jwk.key_ops)


def _import(jwk: _Jwk) -> Key | None:
    named = {"kid": jwk.kid, "alg": jwk.alg, "use": "sig"}
    parameters: dict[str, str | list[str]] = {name: value for name, value in named.items() if value is not None}
    match jwk:
        case _Jwk(kty="RSA", n=str(n), e=str(e)) if _number(n).bit_length() in _RSA_BITS and _number(e) < _MAX_EXPONENT:
            return RSAKey.import_key(parameters | {"kty": "RSA", "n": n, "e": e})
        case _Jwk(kty="EC", crv=str(crv), x=str(x), y=str(y)) if crv in _CURVES["EC"]:
            return ECKey.import_key(parameters | {"kty": "EC", "crv": crv, "x": x, "y": y})
        case _Jwk(kty="OKP", crv=str(crv), x=str(x)) if crv in _CURVES["OKP"]:
            return OKPKey.import_key(parameters | {"kty": "OKP", "crv": crv, "x": x})
        case _:
            return None


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
