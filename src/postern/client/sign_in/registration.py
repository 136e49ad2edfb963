"""The client registration that a sign-in needs (RFC 7591): kept for the next ones, and renewed when the service does
not know it any more.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

import msgspec

from postern.api.errors import InvalidClientException
from postern.api.sso_oidc import REGISTER_CLIENT, RegisterClientRequest, RegisterClientResponse
from postern.client.effects import Call, Effect, Flow
from postern.client.errors import UnreadableResponse
from postern.client.sign_in import callback
from postern.client.sign_in.attempt import Attempt
from postern.client.sign_in.persistence import is_busy, persistently
from postern.client.token_cache.entries import CachedRegistration, RegistrationKey

T = TypeVar("T")

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"

# Without a port: that of the listener differs each time, and is left out of the comparison (RFC 8252 7.3).
_REDIRECT_URI = f"http://127.0.0.1{callback.PATH}"
# A token is refreshed with the registration that it was issued to, so one that is about to end is of little use.
_MIN_LEFT = 86_400.0
_AUTHORIZATION_ENDPOINT = "authorizationEndpoint"


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """``expires_at`` is Unix seconds. ``is_from_cache``: the service may have forgotten it."""

    client_id: str
    client_secret: str
    expires_at: float
    authorization_endpoint: str | None = None
    is_from_cache: bool = False

    def __repr__(self) -> str:
        return f"Registration({'cached' if self.is_from_cache else 'new'})"


def with_registration(
    attempt: Attempt, grant_type: str, use: Callable[[Registration], Generator[Effect, Any, T]]
) -> Flow[T]:
    """``use`` a registration for this grant; once more with a new one if the service refuses the first."""
    registration = yield from registered(attempt, grant_type)
    try:
        return (yield from use(registration))
    except InvalidClientException:
        if not registration.is_from_cache:
            raise
    yield Call(lambda: attempt.cache.delete_registration(_key(attempt, grant_type)))
    return (yield from use((yield from registered(attempt, grant_type))))


def registered(attempt: Attempt, grant_type: str) -> Flow[Registration]:
    """The registration in the cache, or a new one.

    Raises:
        ModelledError, ClientError: it was refused, or could not be kept.
    """
    key = _key(attempt, grant_type)
    held = yield Call(lambda: attempt.cache.load_registration(key))
    if held is not None and held.expires_at - attempt.now() > _MIN_LEFT:
        return _from_cache(held)
    return (yield from _register(attempt, key))


def _register(attempt: Attempt, key: RegistrationKey) -> Flow[Registration]:
    request = attempt.request
    asked = RegisterClientRequest(
        client_name=request.name,
        client_type="public",
        scopes=request.scopes or None,
        grant_types=key.grant_types,
        redirect_uris=(_REDIRECT_URI,) if AUTHORIZATION_CODE in key.grant_types else None,
        issuer_url=request.start_url,
    )
    ask = partial(attempt.caller.flow, REGISTER_CLIENT, asked)
    response = yield from persistently(ask, attempt, is_busy, sent={})
    registration = _from_response(response)
    # Before the person is asked for anything: who cannot keep this cannot keep the token either.
    yield Call(lambda: attempt.cache.store_registration(key, _to_cache(registration, key)))
    return registration


def _key(attempt: Attempt, grant_type: str) -> RegistrationKey:
    request = attempt.request
    return RegistrationKey(
        start_url=request.start_url,
        region=request.region,
        scopes=request.scopes,
        grant_types=(grant_type, REFRESH_TOKEN),
        session_name=request.session_name,
    )


def _from_response(response: RegisterClientResponse) -> Registration:
    if not response.client_id or not response.client_secret or not response.client_secret_expires_at:
        raise UnreadableResponse("RegisterClient", "the answer has no client id, secret or expiry", status=200)
    return Registration(
        client_id=response.client_id,
        client_secret=response.client_secret,
        expires_at=response.client_secret_expires_at,
        authorization_endpoint=response.authorization_endpoint,
    )


def _from_cache(held: CachedRegistration) -> Registration:
    endpoint = held.extra.get(_AUTHORIZATION_ENDPOINT)
    return Registration(
        client_id=held.client_id,
        client_secret=held.client_secret,
        expires_at=held.expires_at,
        authorization_endpoint=endpoint if isinstance(endpoint, str) else None,
        is_from_cache=True,
    )


def _to_cache(registration: Registration, key: RegistrationKey) -> CachedRegistration:
    endpoint = registration.authorization_endpoint
    return CachedRegistration(
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        expires_at=registration.expires_at,
        scopes=key.scopes,
        grant_types=key.grant_types,
        extra={_AUTHORIZATION_ENDPOINT: endpoint} if endpoint else {},
    )
