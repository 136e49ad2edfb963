"""A token that is good for as long as is asked for, refreshed when it is not: by one of all processes that share a
cache, while the others wait and take what it got (RFC 6749 6).
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from postern.api import errors as wire
from postern.api.operation import Operation, Shape
from postern.api.sso_oidc import CREATE_TOKEN, CreateTokenRequest
from postern.client.effects import Call, Flow, Protected
from postern.client.errors import ServiceError, SignInRequired, TransportError, UnreadableResponse
from postern.client.token_cache.entries import CachedToken, SessionKey, expiry
from postern.client.token_cache.port import TokenCache, TokenCacheError
from postern.client.token_demand import REFRESH_WINDOW, TokenDemand
from postern.client.token_lock import acquired, stored

# Who fails by itself when a token is too short-lived need not hear of it here.
LIFETIME_LOGGER = f"{__name__}.lifetime"

Output = TypeVar("Output", bound=Shape)

# The service does not renew this sign-in any more. It has probably been ended, and the token with it: what is left of
# its time is not used, and somebody has to sign in now.
_REFUSALS = (
    wire.InvalidGrantException,
    wire.InvalidClientException,
    wire.UnauthorizedClientException,
    wire.ExpiredTokenException,
    wire.AccessDeniedException,
)


class Caller(Protocol):
    """Makes calls as flows: the clients do."""

    def flow(self, operation: Operation[Any, Output], request: Shape) -> Flow[Output]: ...


def usable_token(
    key: SessionKey,
    cache: TokenCache,
    caller: Caller,
    *,
    now: Callable[[], float],
    min_ttl: float = 0.0,
    refresh_window: float = REFRESH_WINDOW,
) -> Flow[CachedToken]:
    """The session's token with more than ``min_ttl`` seconds left, refreshed if fewer than ``refresh_window`` are.

    If the service issues tokens that live shorter than ``min_ttl``, the result is a new one, and a warning is logged:
    to sign in again would give no better. So who depends on ``min_ttl`` looks at ``expires_at``. While it has more than
    ``min_ttl`` left, the old token is the result if the service cannot be reached, is busy or finds fault with the
    request, and also if there is nothing to refresh it with.

    Under asyncio a cancelled task waits for a refresh that is under way, and for its token to be kept: the old refresh
    token has been spent.

    Raises:
        SignInRequired: there is no token; or it is over, and there is nothing to refresh it with; or the service does
            not renew the sign-in, however much of the token's time is left.
        TransportError, ServiceError, ModelledError: it could not be refreshed now, and the old one is not good enough.
        TokenCacheError: the same, because the cache cannot be locked.
    """
    demand = TokenDemand(now, min_ttl, refresh_window)
    token = yield from _load(cache, key)
    if token is None:
        raise SignInRequired(f"nobody is signed in: run {login_command(key)}")
    if demand.is_met_by(token) or (not token.is_refreshable(now()) and demand.is_tolerated(token)):
        return token
    lock = cache.lock(key)
    try:
        try:
            yield from acquired(lock, now)
        except TokenCacheError as error:
            return demand.fall_back_on(token, error)
        return (yield from _renewed(key, cache, caller, demand))
    finally:
        lock.release()


def _renewed(key: SessionKey, cache: TokenCache, caller: Caller, demand: TokenDemand) -> Flow[CachedToken]:
    """The token after the lock was got: what somebody else got meanwhile, or a new one."""
    token = yield from _load(cache, key)
    if token is None:
        raise SignInRequired(f"nobody is signed in any more: run {login_command(key)}")
    if demand.is_met_by(token):
        return token
    if not token.is_refreshable(demand.now()):
        if demand.is_tolerated(token):
            return token
        raise SignInRequired(f"the sign-in is over and cannot be renewed: run {login_command(key)}")
    try:
        new: CachedToken = yield Protected(_refreshed_and_kept(key, cache, token, caller, demand.now))
    except _REFUSALS as error:
        return (yield from _of_another_tool(key, cache, token, demand, error))
    except (TransportError, ServiceError, wire.ModelledError) as error:
        return demand.fall_back_on(token, error)
    _warn_if_short(new, demand)
    return new


def _refreshed_and_kept(
    key: SessionKey, cache: TokenCache, old: CachedToken, caller: Caller, now: Callable[[], float]
) -> Flow[CachedToken]:
    new = yield from _refreshed(old, caller, now)
    held = yield from _load(cache, key)
    if held is not None and held.access_token != old.access_token and held.expires_at > now():
        return held  # Somebody has signed in anew, and did not wait for our lock.
    yield from _kept(key, cache, new)
    return new


def _refreshed(token: CachedToken, caller: Caller, now: Callable[[], float]) -> Flow[CachedToken]:
    asked_at = now()
    answer = yield from caller.flow(
        CREATE_TOKEN,
        CreateTokenRequest(
            client_id=token.client_id or "",
            client_secret=token.client_secret or "",
            grant_type="refresh_token",
            refresh_token=token.refresh_token,
        ),
    )
    if not answer.access_token or answer.expires_in is None:
        raise UnreadableResponse("CreateToken", "the answer has no token, or does not say for how long", status=200)
    return token._replace(
        access_token=answer.access_token,
        expires_at=expiry(asked_at, answer.expires_in),
        refresh_token=answer.refresh_token or token.refresh_token,
        issued_at=asked_at,
    )


def _of_another_tool(
    key: SessionKey, cache: TokenCache, refused: CachedToken, demand: TokenDemand, error: Exception
) -> Flow[CachedToken]:
    """The AWS CLI and the SDKs refresh without our lock: that our refresh token was refused may be their doing."""
    token = yield from _load(cache, key)
    if token is not None and token.access_token != refused.access_token and demand.is_tolerated(token):
        return token
    raise SignInRequired(f"the service does not renew the sign-in any more: run {login_command(key)}") from error


def _load(cache: TokenCache, key: SessionKey) -> Flow[CachedToken | None]:
    # A keyring may ask a person to unlock it.
    token: CachedToken | None = yield Call(lambda: cache.load(key))
    return token


def _kept(key: SessionKey, cache: TokenCache, token: CachedToken) -> Flow[None]:
    """That the token cannot be kept is no reason not to use it."""
    try:
        yield from stored(cache, key, token)
    except TokenCacheError as error:
        from logging import getLogger

        getLogger(__name__).warning("the refreshed token could not be kept, the sign-in may be lost: %s", error)


def _warn_if_short(token: CachedToken, demand: TokenDemand) -> None:
    if demand.is_tolerated(token):
        return
    from logging import getLogger

    lifetime = token.expires_at - (token.issued_at or demand.now())
    getLogger(LIFETIME_LOGGER).warning(
        "tokens of this service live %d s: there is none for %d s", round(lifetime), round(demand.min_ttl)
    )


def login_command(key: SessionKey) -> str:
    """What to run to sign in, in backquotes."""
    from shlex import quote

    if key.session_name is not None:
        return f"`postern login --session {quote(key.session_name)}`"
    return f"`postern login --start-url {quote(key.start_url)}`"
