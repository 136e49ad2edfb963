"""A registration is signed, not stored: the client id carries it under a MAC, the client secret is a MAC over the
client id.

Anyone may register, so a row per registration would let anyone fill the disk. This way one holds for its whole life
through restarts and on every node. What can be stored is the opposite: a denylist of revoked registrations.
"""

import hmac
import secrets

import msgspec

from postern.api.errors import InvalidClientException
from postern.core import base64url, scopes
from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN, Client, client_digest
from postern.core.keys import Key, KeyRing, Purpose

MAX_CLIENT_ID = 4096
_MAC_BYTES = 32
_KEY_ID_BYTES = 4


class ClientRegistration(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a client said of itself. All of it is self-asserted; ``nonce`` makes two equal registrations differ."""

    nonce: bytes
    issued_at: int
    expires_at: int
    name: str
    scopes: tuple[str, ...]
    named_grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    issuer_url: str | None = None
    entitled_application_arn: str | None = None

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grants that the client may use.

        One that names none is an AWS CLI of before PKCE or a tool of that age: it means the device grant, and with
        scopes it counts on being able to refresh.
        """
        if self.named_grant_types:
            return self.named_grant_types
        grants = (DEVICE_CODE, AUTHORIZATION_CODE) if self.redirect_uris else (DEVICE_CODE,)
        return grants if scopes.is_legacy(self.scopes) else (*grants, REFRESH_TOKEN)

    @property
    def issues_refresh_token(self) -> bool:
        return REFRESH_TOKEN in self.grant_types


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ClientRegistration).decode


def new_nonce() -> bytes:
    return secrets.token_bytes(16)


def write_client_id(key: Key, registration: ClientRegistration) -> str:
    payload = key.key_id.to_bytes(_KEY_ID_BYTES, "big") + _encode(registration)
    return base64url.encode(payload + key.mac(Purpose.CLIENT_ID, payload))


def write_client_secret(key: Key, client_id: str) -> str:
    return base64url.encode(key.mac(Purpose.CLIENT_SECRET, client_id.encode()))


def read(ring: KeyRing, client_id: str) -> ClientRegistration:
    """All that ``client_id`` carries.

    Raises:
        InvalidClientException: not a client id of this server.
    """
    return _open(ring, client_id)[0]


def identify(ring: KeyRing, client_id: str) -> Client:
    """The client that ``client_id`` names; it may have expired or been revoked.

    Raises:
        InvalidClientException: not a client id of this server.
    """
    return _client(read(ring, client_id), client_id)


def require_current(client: Client, revoked: frozenset[bytes], now: int) -> None:
    """
    Raises:
        InvalidClientException: the registration has expired or was revoked.
    """
    if client.expires_at is not None and now >= client.expires_at:
        raise InvalidClientException(reason="client registration has expired")
    if client.digest in revoked:
        raise InvalidClientException(reason="client registration was revoked")


def authenticate(ring: KeyRing, client_id: str, client_secret: str) -> Client:
    """The client that ``client_id`` names, proved by its secret; it may have expired or been revoked.

    Raises:
        InvalidClientException: unknown id or wrong secret: one text for both.
    """
    registration, key = _open(ring, client_id)
    expected = write_client_secret(key, client_id)
    if not client_secret.isascii() or not hmac.compare_digest(expected, client_secret):
        raise InvalidClientException(reason="wrong client secret")
    return _client(registration, client_id)


def _open(ring: KeyRing, client_id: str) -> tuple[ClientRegistration, Key]:
    payload, mac = _split(client_id)
    key = ring.get(int.from_bytes(payload[:_KEY_ID_BYTES], "big"))
    if key is None or not hmac.compare_digest(mac, key.mac(Purpose.CLIENT_ID, payload)):
        raise InvalidClientException(reason="client id was not issued by this server")
    return _decode(payload[_KEY_ID_BYTES:]), key


def _client(registration: ClientRegistration, client_id: str) -> Client:
    return Client(
        digest=client_digest(client_id),
        name=registration.name,
        scopes=registration.scopes,
        grant_types=registration.grant_types,
        redirect_uris=registration.redirect_uris,
        expires_at=registration.expires_at,
        issuer_url=registration.issuer_url,
    )


def _split(client_id: str) -> tuple[bytes, bytes]:
    if len(client_id) > MAX_CLIENT_ID or not client_id.isascii():
        raise InvalidClientException(reason="client id is not of this server's form")
    try:
        raw = base64url.decode(client_id)
    except ValueError:
        raise InvalidClientException(reason="client id is not of this server's form") from None
    if len(raw) <= _KEY_ID_BYTES + _MAC_BYTES:
        raise InvalidClientException(reason="client id is not of this server's form")
    return raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
