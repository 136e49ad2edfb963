"""RegisterClient (RFC 7591): validate what a client says of itself and sign it. Nothing is stored and nothing is
fetched.
"""

import re
import unicodedata

from postern.api.errors import (
    InvalidClientMetadataException,
    InvalidRedirectUriException,
    InvalidRequestException,
    SlowDownException,
    UnsupportedGrantTypeException,
)
from postern.api.sso_oidc import RegisterClientRequest, RegisterClientResponse
from postern.core import redirect_uris, scopes
from postern.core.caller import Caller
from postern.core.client_registration import (
    MAX_CLIENT_ID,
    ClientRegistration,
    new_nonce,
    write_client_id,
    write_client_secret,
)
from postern.core.clients import AUTHORIZATION_CODE
from postern.core.grants import GRANTS
from postern.core.service import Service

MAX_NAME = 256
_APPLICATION_ARN = re.compile(r"arn:aws[a-z-]*:sso::\d{12}:application/(sso)?ins-[a-zA-Z0-9-.]{16}/apl-[a-zA-Z0-9]{16}")
# Controls, separators of lines, and the marks that reverse text: a name made of them could show as another.
_REFUSED_CATEGORIES = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
# Letters and symbols that show as nothing: fillers of Hangul, the empty Braille pattern, the note without a head.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159")
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


async def register_client(service: Service, request: RegisterClientRequest, caller: Caller) -> RegisterClientResponse:
    """Register a public client for the configured time."""
    if service.register_pacer and not service.register_pacer.take(caller.counted_address, service.clock()):
        raise SlowDownException(reason="too many registrations from one address")
    now = service.now()
    registration = _validate(service, request, now)
    key = service.ring.active
    client_id = write_client_id(key, registration)
    if len(client_id) > MAX_CLIENT_ID:
        raise InvalidClientMetadataException(reason="the registration is too large")
    return RegisterClientResponse(
        client_id=client_id,
        client_secret=write_client_secret(key, client_id),
        client_id_issued_at=now,
        client_secret_expires_at=registration.expires_at,
        authorization_endpoint=f"{service.policy.public_url}/authorize",
        token_endpoint=f"{service.policy.public_url}/token",
    )


def _validate(service: Service, request: RegisterClientRequest, now: int) -> ClientRegistration:
    if request.client_type != "public":
        raise InvalidClientMetadataException("clientType must be public", reason="clientType is not public")
    _require_presentable(request.client_name)
    if request.issuer_url is not None:
        service.instances.named_by(request.issuer_url)
    if request.entitled_application_arn is not None and not _APPLICATION_ARN.fullmatch(
        request.entitled_application_arn
    ):
        raise InvalidRequestException("entitledApplicationArn is malformed", reason="not an application ARN")
    grant_types = _grant_types(request)
    uris = redirect_uris.validate(request.redirect_uris)
    if AUTHORIZATION_CODE in grant_types and not uris:
        raise InvalidRedirectUriException("redirectUris is required", reason="authorization_code without redirect URIs")
    return ClientRegistration(
        nonce=new_nonce(),
        issued_at=now,
        expires_at=now + service.policy.lifetimes.client_registration,
        name=request.client_name,
        scopes=scopes.validate(request.scopes, service.policy.clients.scopes),
        named_grant_types=grant_types,
        redirect_uris=uris,
        issuer_url=request.issuer_url,
        entitled_application_arn=request.entitled_application_arn,
    )


def _require_presentable(name: str) -> None:
    if len(name) > MAX_NAME or not name.strip():
        raise InvalidClientMetadataException("clientName is too long or blank", reason="length of clientName")
    if name.isascii() and name.isprintable():
        return
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES or character in _BIDI_CONTROLS for character in name):
        raise InvalidClientMetadataException(
            "clientName has characters that are not allowed", reason="control character in clientName"
        )
    if not any(_is_visible(character) for character in name):
        raise InvalidClientMetadataException("clientName shows as nothing", reason="nothing visible in clientName")


def _is_visible(character: str) -> bool:
    """Letters, numbers, punctuation and symbols are; marks, formats and spaces by themselves are not."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _INVISIBLE


def _grant_types(request: RegisterClientRequest) -> tuple[str, ...]:
    grant_types = tuple(dict.fromkeys(request.grant_types or ()))
    if not all(grant_type in GRANTS for grant_type in grant_types):
        raise UnsupportedGrantTypeException(reason="registration names a grant type that is not offered")
    return grant_types
