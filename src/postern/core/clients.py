"""Clients, as grants and pages see them: a public one that registered itself, or an application of the directory."""

from hashlib import sha256

import msgspec

AUTHORIZATION_CODE = "authorization_code"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_TOKEN = "refresh_token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client that was verified. ``digest`` is how rows refer to it.

    A registration ends at ``expires_at``; an application has an ``application_arn`` instead, and a name that somebody
    vouches for. ``issuer_url`` is the start URL that a registration names, if it names one.
    """

    digest: bytes
    name: str
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    expires_at: int | None = None
    application_arn: str | None = None
    requires_pkce: bool = True
    issuer_url: str | None = None

    @property
    def issues_refresh_token(self) -> bool:
        return REFRESH_TOKEN in self.grant_types


def client_digest(client_id: str) -> bytes:
    return sha256(client_id.encode("utf-8", "surrogatepass")).digest()
