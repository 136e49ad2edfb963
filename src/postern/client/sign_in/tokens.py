"""The token that a sign-in ends with, as it is kept."""

from postern.api.sso_oidc import CreateTokenResponse
from postern.client.endpoints import Endpoint
from postern.client.errors import UnreadableResponse
from postern.client.sign_in.login_request import LoginRequest
from postern.client.sign_in.registration import Registration
from postern.client.token_cache.entries import ENDPOINT_MEMBER, CachedToken, expiry


def issued(
    request: LoginRequest,
    registration: Registration,
    response: CreateTokenResponse,
    *,
    endpoint: Endpoint,
    asked_at: float,
) -> CachedToken:
    """The token of this answer, with a note of the ``endpoint`` that it is from. Its life is counted from ``asked_at``,
    when it was asked for: rather too short.

    Raises:
        UnreadableResponse: there is no token in the answer, or it does not say how long it lives.
    """
    if not response.access_token or response.expires_in is None:
        raise UnreadableResponse("CreateToken", "the answer has no token, or does not say for how long", status=200)
    return CachedToken(
        start_url=request.start_url,
        region=request.region,
        access_token=response.access_token,
        expires_at=expiry(asked_at, response.expires_in),
        refresh_token=response.refresh_token,
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        registration_expires_at=registration.expires_at,
        session_name=request.session_name,
        scopes=request.scopes,
        issued_at=asked_at,
        extra={ENDPOINT_MEMBER: endpoint.base},
    )


def fits(token: CachedToken, request: LoginRequest, endpoint: Endpoint) -> bool:
    """Whether a cached token is of this service and region and has the scopes that are asked for; where it does not
    say, it does. One of another service is of no use at this one, and must not be shown to it.
    """
    is_of_service = token.endpoint_url in (None, endpoint.base)
    is_of_region = token.region in ("", request.region)
    return is_of_service and is_of_region and (token.scopes is None or set(request.scopes) <= set(token.scopes))
