"""The way in: a token from the cache if it is still good, else a sign-in. As a flow, and as functions that drive it."""

from collections.abc import Callable, Generator, Mapping
from time import monotonic as monotonic_clock
from typing import Any, Unpack

from postern.client.effects import Call, Effect, Emit, Flow, Protected
from postern.client.errors import SignInRequired
from postern.client.sign_in import browser, login_options, tokens
from postern.client.sign_in.attempt import Attempt, Caller
from postern.client.sign_in.browser import Machine
from postern.client.sign_in.countdown import Countdown
from postern.client.sign_in.device_code import device_code_flow
from postern.client.sign_in.interface import SignInInterface, TerminalInterface
from postern.client.sign_in.login_options import LoginOptions
from postern.client.sign_in.login_request import LoginRequest
from postern.client.sign_in.pkce import ListenerUnavailable, pkce_flow
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, SessionKey, TokenCache, TokenCacheError
from postern.client.token_lock import signed_in_anew
from postern.client.token_refresh import usable_token


def login(**options: Unpack[LoginOptions]) -> CachedToken:
    """Sign in, unless there is a token that is still good: see `LoginOptions`.

    Raises:
        SignInDenied, SignInExpired, SignInError: the person, or the time, or the service said no.
        ConfigurationError: an argument cannot be used.
        ModelledError, ClientError: a call went wrong.
    """
    chosen = login_options.checked(options)
    given = login_options.given_client(chosen, SSOOIDC)
    chosen = login_options.completed(chosen, given)
    if given is not None:
        return given.drive(_login_flow_of(given, chosen))
    with SSOOIDC(**login_options.client_options(chosen)) as client:
        return client.drive(_login_flow_of(client, chosen))


async def async_login(**options: Unpack[LoginOptions]) -> CachedToken:
    """The same for asyncio; ``client`` is an `AsyncSSOOIDC`. A cancellation leaves no port open and nothing half
    written.
    """
    chosen = login_options.checked(options)
    given = login_options.given_client(chosen, AsyncSSOOIDC)
    chosen = login_options.completed(chosen, given)
    if given is not None:
        return await given.drive(_login_flow_of(given, chosen))
    async with AsyncSSOOIDC(**login_options.client_options(chosen)) as client:
        return await client.drive(_login_flow_of(client, chosen))


def login_flow(
    caller: Caller,
    request: LoginRequest,
    cache: TokenCache,
    interface: SignInInterface,
    *,
    now: Callable[[], float],
    environment: Mapping[str, str],
    machine: Machine | None = None,
    monotonic: Callable[[], float] = monotonic_clock,
) -> Flow[CachedToken]:
    """The token in the cache, refreshed if need be; else a sign-in, whose token is kept. No lock is held while the
    person acts. ``monotonic`` is a clock that is never set, in seconds: the request's time-out goes by it.

    Raises:
        SignInDenied, SignInExpired, SignInError: the person, or the time, or the service said no.
        ConfigurationError: the request cannot be meant.
        ModelledError, ClientError: a call went wrong, or the cache cannot be written.
    """
    request.check()
    key = SessionKey(request.start_url, request.session_name)
    held = yield from _still_good(caller, request, cache, key, now)
    if held is not None:
        return held
    attempt = Attempt(
        request=request,
        caller=caller,
        cache=cache,
        interface=interface,
        browser=browser.can_open(environment, machine),
        now=now,
        time=Countdown(request.timeout, monotonic),
    )
    try:
        token = yield from _signed_in(attempt)
        yield from _keep(attempt, key, token)
        yield Emit((interface.finished,), (token,))
    finally:
        interface.ended()
    return token


def _still_good(
    caller: Caller, request: LoginRequest, cache: TokenCache, key: SessionKey, now: Callable[[], float]
) -> Generator[Effect, Any, CachedToken | None]:
    """A token that makes a sign-in needless. One that cannot be refreshed because the service is down is an error."""
    if request.force:
        return None
    held = yield Call(lambda: cache.load(key))
    if held is None or not tokens.fits(held, request, caller.endpoint):
        return None
    try:
        return (yield from usable_token(key, cache, caller, now=now, min_ttl=request.min_ttl))
    except SignInRequired:
        return None


def _signed_in(attempt: Attempt) -> Flow[CachedToken]:
    method = attempt.request.method
    if method == "device_code" or (method == "auto" and not attempt.browser.can_open):
        return (yield from device_code_flow(attempt))
    try:
        return (yield from pkce_flow(attempt))
    except ListenerUnavailable:
        return (yield from device_code_flow(attempt))


def _keep(attempt: Attempt, key: SessionKey, token: CachedToken) -> Flow[None]:
    """Keep the token. That it cannot be kept is no reason not to use it: the person has done their part."""
    try:
        yield Protected(signed_in_anew(attempt.cache, key, token, attempt.now))
    except TokenCacheError as error:
        yield from attempt.notice(f"The sign-in could not be kept, and lasts no longer than this program: {error}")


def _login_flow_of(client: SSOOIDC | AsyncSSOOIDC, options: LoginOptions) -> Flow[CachedToken]:
    environment = login_options.environment_of(options)
    return login_flow(
        client,
        login_options.request_of(options, client.region),
        login_options.cache_of(options),
        options.get("interface") or TerminalInterface(environment=environment),
        now=client.now,
        environment=environment,
    )
