"""The way in: a token from the cache if it is still good, else a sign-in. As a flow, and as functions that drive it."""

import os
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypedDict, TypeVar, Unpack, cast

from postern.client.effects import Call, Effect, Emit, Flow
from postern.client.errors import ConfigurationError, SignInRequired
from postern.client.options import HttpOptions, Options
from postern.client.sessions import resolve_session
from postern.client.shared_config import SharedConfig
from postern.client.sign_in import browser, tokens
from postern.client.sign_in.attempt import Attempt, Caller
from postern.client.sign_in.browser import Machine
from postern.client.sign_in.countdown import Countdown
from postern.client.sign_in.device_code import device_code_flow
from postern.client.sign_in.interface import SignInInterface, TerminalInterface
from postern.client.sign_in.login_request import LoginRequest, Method
from postern.client.sign_in.pkce import ListenerUnavailable, pkce_flow
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, SessionKey, TokenCache, open_token_cache
from postern.client.token_refresh import usable_token

T = TypeVar("T")

# Milliseconds. A person is waiting: better to try again soon than to hang for two minutes.
_HTTP: HttpOptions = {"connect_timeout": 10_000, "timeout": 30_000}


class LoginOptions(TypedDict, total=False):
    """Arguments of `login` and `async_login`. ``session`` is the sso-session's name. ``profile`` is where endpoint and
    the like are looked up, as in the client's options; ``endpoint`` goes before it. Without a ``start_url``, the
    session or profile is looked up in the shared configuration files, or the only one that is there is taken. With a
    ``client``, ``region``, ``profile`` and ``endpoint`` are its own, and it stays open. The rest is as in
    `LoginRequest`.

    ``cache`` is that of the AWS CLI, or what ``POSTERN_TOKEN_CACHE`` names, unless given; ``interface`` the terminal.
    """

    start_url: str | None
    region: str | None
    session: str | None
    profile: str | None
    endpoint: str | None
    scopes: tuple[str, ...]
    method: Method
    open_browser: bool
    callback_port: int
    timeout: float | None
    min_ttl: float
    force: bool
    client_name: str
    cache: TokenCache | None
    interface: SignInInterface | None
    client: SSOOIDC | AsyncSSOOIDC | None
    environment: Mapping[str, str] | None


def login(**options: Unpack[LoginOptions]) -> CachedToken:
    """Sign in, unless there is a token that is still good: see `LoginOptions`.

    Raises:
        SignInDenied, SignInExpired, SignInError: the person, or the time, or the service said no.
        ConfigurationError: an option cannot be used.
        ModelledError, ClientError: a call went wrong.
    """
    options = _completed(options)
    given = options.get("client")
    client = cast(SSOOIDC, given) if given is not None else SSOOIDC(**_client_options(options))
    try:
        return client.drive(_login_flow_of(client, options))
    finally:
        if given is None:
            client.close()


async def async_login(**options: Unpack[LoginOptions]) -> CachedToken:
    """The same for asyncio; ``client`` is an `AsyncSSOOIDC`. A cancellation leaves no port open and nothing half
    written.
    """
    options = _completed(options)
    given = options.get("client")
    client = cast(AsyncSSOOIDC, given) if given is not None else AsyncSSOOIDC(**_client_options(options))
    try:
        return await client.drive(_login_flow_of(client, options))
    finally:
        if given is None:
            await client.close()


def login_flow(
    caller: Caller,
    request: LoginRequest,
    cache: TokenCache,
    interface: SignInInterface,
    *,
    now: Callable[[], float],
    environment: Mapping[str, str],
    machine: Machine | None = None,
) -> Flow[CachedToken]:
    """The token in the cache, refreshed if need be; else a sign-in, whose token is kept. No lock is held while the
    person acts.

    Raises:
        SignInDenied, SignInExpired, SignInError: the person, or the time, or the service said no.
        ConfigurationError: the request cannot be meant.
        ModelledError, ClientError: a call went wrong, or the token could not be kept.
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
        time=Countdown(request.timeout, now),
    )
    try:
        token = yield from _signed_in(attempt)
        yield from _keep(cache, key, token)
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
    if held is None or not tokens.fits(held, request):
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


def _keep(cache: TokenCache, key: SessionKey, token: CachedToken) -> Flow[None]:
    lock = cache.lock(key)

    def write() -> None:
        with lock:
            cache.store(key, token)

    yield Call(write, lock.cancel)


def _login_flow_of(client: SSOOIDC | AsyncSSOOIDC, options: LoginOptions) -> Flow[CachedToken]:
    environment = _environment(options)
    region = options.get("region") or client.region
    if not region:
        raise ConfigurationError("no region: pass region=…, or set AWS_REGION")
    chosen = {name: value for name, value in options.items() if name in LoginRequest.__struct_fields__}
    request = LoginRequest(**{**chosen, "region": region, "session_name": options.get("session")})  # type: ignore[arg-type]
    return login_flow(
        client,
        request,
        options.get("cache") or open_token_cache(None, environment),
        options.get("interface") or TerminalInterface(environment=environment),
        now=client.now,
        environment=environment,
    )


def _completed(options: LoginOptions) -> LoginOptions:
    """With what is configured of the session, where no start URL was given."""
    if options.get("start_url"):
        return options
    environment = _environment(options)
    found = resolve_session(
        SharedConfig.load(environment),
        environment,
        session=options.get("session"),
        profile=options.get("profile"),
        region=options.get("region"),
        endpoint_url=options.get("endpoint"),
        scopes=options.get("scopes"),
    )
    known = {"start_url": found.start_url, "region": found.region, "session": found.name, "scopes": found.scopes}
    return cast(LoginOptions, {**options, **known, "profile": found.profile})


def _client_options(options: LoginOptions) -> Options:
    chosen = {name: options.get(name) for name in ("region", "endpoint", "profile", "environment")}
    given = {name: value for name, value in chosen.items() if value is not None}
    return cast(Options, {**given, "http_options": _HTTP})


def _environment(options: LoginOptions) -> Mapping[str, str]:
    given = options.get("environment")
    return os.environ if given is None else given
