"""What `login` and `async_login` take, and what is made of it: a request, a client, a cache."""

import os
from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar, cast

import msgspec

from postern.client.errors import ConfigurationError
from postern.client.options import HttpOptions, Options, check_name
from postern.client.sessions import resolve_session
from postern.client.shared_config import SharedConfig
from postern.client.sign_in.interface import SignInInterface
from postern.client.sign_in.login_request import LoginRequest, Method
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import TokenCache, open_token_cache

Client = TypeVar("Client", SSOOIDC, AsyncSSOOIDC)

# Milliseconds. A person is waiting: better to try again soon than to hang for two minutes.
_HTTP: HttpOptions = {"connect_timeout": 10_000, "timeout": 30_000}


class LoginOptions(TypedDict, total=False):
    """Arguments of `login` and `async_login`; None is as if it were not given.

    ``session`` is the sso-session's name. If the shared configuration files have it, or if there is no ``start_url``,
    start URL, region and scopes are looked up there: of the session, else of the ``profile``, else of the only sign-in
    that is configured; what is given goes before. ``profile`` is also where endpoint and the like are looked up, as in
    the client's options, and ``endpoint`` goes before it.

    A ``client`` keeps its own endpoint, and its region if none is given, whatever is configured for the session; it
    stays open. ``cache`` is a cache or how one is called (``keyring``), else what ``POSTERN_TOKEN_CACHE`` names, else
    that of the AWS CLI; ``interface`` is the terminal unless given. The rest is as in `LoginRequest`.
    """

    start_url: str | None
    region: str | None
    session: str | None
    profile: str | None
    endpoint: str | None
    scopes: tuple[str, ...] | None
    method: Method
    open_browser: bool
    callback_port: int
    timeout: float | None
    min_ttl: float
    force: bool
    client_name: str
    cache: TokenCache | str | None
    interface: SignInInterface | None
    client: SSOOIDC | AsyncSSOOIDC | None
    environment: Mapping[str, str] | None


def checked(options: LoginOptions) -> LoginOptions:
    """What was really given.

    Raises:
        ConfigurationError: there is no such argument.
    """
    for name in options:
        check_name(name, LoginOptions.__annotations__, "argument of login")
    return cast(LoginOptions, {name: value for name, value in options.items() if value is not None})


def given_client(options: LoginOptions, kind: type[Client]) -> Client | None:
    """
    Raises:
        ConfigurationError: it is a client of another kind.
    """
    client: Any = options.get("client")
    if client is None or isinstance(client, kind):
        return client
    raise ConfigurationError(f"client takes an {kind.__name__} here, not {type(client).__name__}")


def completed(options: LoginOptions, client: SSOOIDC | AsyncSSOOIDC | None) -> LoginOptions:
    """With what is configured of the sign-in that is meant.

    Raises:
        ConfigurationError: none or several are meant.
    """
    start_url, session = options.get("start_url"), options.get("session")
    if start_url and not session:
        return options
    environment = environment_of(options)
    shared = SharedConfig.load(environment)
    if start_url and session not in shared.sso_session_names:
        return options
    found = resolve_session(
        shared,
        environment,
        session=session,
        profile=options.get("profile"),
        start_url=start_url,
        region=options.get("region") or (client.region if client else None),
        endpoint_url=client.endpoint.href if client else options.get("endpoint"),
        scopes=options.get("scopes"),
    )
    known = {"start_url": found.start_url, "region": found.region, "session": found.name, "scopes": found.scopes}
    return cast(LoginOptions, {**options, **known, "profile": found.profile})


def client_options(options: LoginOptions) -> Options:
    """Of the client that is made when none is given."""
    chosen = {name: options.get(name) for name in ("region", "endpoint", "profile", "environment")}
    given = {name: value for name, value in chosen.items() if value is not None}
    return cast(Options, {**given, "http_options": _HTTP})


def request_of(options: LoginOptions, region: str | None) -> LoginRequest:
    """``region`` is the client's, for when none is given.

    Raises:
        ConfigurationError: there is no region, or an argument is of a type that it cannot have.
    """
    region = options.get("region") or region
    if not region:
        raise ConfigurationError("no region: pass region=…, or set AWS_REGION")
    chosen = {name: value for name, value in options.items() if name in LoginRequest.__struct_fields__}
    try:
        return msgspec.convert({**chosen, "region": region, "session_name": options.get("session")}, LoginRequest)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"an argument of login cannot be used: {error}") from None


def cache_of(options: LoginOptions) -> TokenCache:
    """
    Raises:
        ConfigurationError: there is no such cache.
    """
    cache = options.get("cache")
    if cache is None or isinstance(cache, str):
        return open_token_cache(cache, environment_of(options))
    return cache


def environment_of(options: LoginOptions) -> Mapping[str, str]:
    given = options.get("environment")
    return os.environ if given is None else given
