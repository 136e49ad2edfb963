"""The token when it is needed: for programs that run for long, with threads or under asyncio."""

import os
from collections.abc import Callable, Mapping
from time import time
from typing import TYPE_CHECKING, Protocol, Self, TypedDict, Unpack

from postern.client.effects import Flow
from postern.client.http import AsyncTransport, Transport
from postern.client.token_cache.entries import CachedToken, SessionKey
from postern.client.token_cache.port import TokenCache
from postern.client.token_demand import PAUSE, REFRESH_WINDOW, TokenDemand
from postern.client.token_refresh import Caller, usable_token

if TYPE_CHECKING:
    from threading import Lock

    from postern.client.options import Options
    from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC


class SessionOptions(TypedDict, total=False):
    """Which sign-in is meant, as on the command line: a named session, a ``profile``, or a ``start_url`` with its
    ``region``; without any, the one that is configured. ``cache`` is a cache or how one is called (``keyring``).
    """

    profile: str | None
    start_url: str | None
    region: str | None
    endpoint_url: str | None
    cache: TokenCache | str | None
    environment: Mapping[str, str] | None


class BlockingCaller(Caller, Protocol):
    transport: Transport


class AsyncCaller(Caller, Protocol):
    transport: AsyncTransport


class TokenProvider:
    """Hands out a session's token, to any number of threads. A token that is fresh costs no look at the cache.

    ``client`` is an `SSOOIDC`; ``min_ttl`` and ``refresh_window`` as in `usable_token`.
    """

    def __init__(
        self,
        client: BlockingCaller,
        key: SessionKey,
        cache: TokenCache,
        *,
        refresh_window: float = REFRESH_WINDOW,
        now: Callable[[], float] = time,
    ) -> None:
        self._client = client
        self._own: SSOOIDC | None = None
        self._memory = _Memory(key, cache, refresh_window, now)
        self._begin()

    def _begin(self) -> None:
        from threading import Lock

        self._turn = Lock()
        self._process = os.getpid()

    @classmethod
    def for_session(cls, session: str | None = None, **options: Unpack[SessionOptions]) -> Self:
        """The provider of a sign-in that `postern login` (or the AWS CLI) made; ``session`` is its name. Close it when
        done.

        Raises:
            ConfigurationError: no sign-in is meant, or several are; or there is no such argument.
        """
        from postern.client.sso_oidc import SSOOIDC

        key, cache, chosen = _opened(session, options)
        client = SSOOIDC(**chosen)
        provider = cls(client, key, cache)
        provider._own = client
        return provider

    def close(self) -> None:
        """Close the client, if it came with `for_session`."""
        if self._own is not None:
            self._own.close()

    def get_token(self, min_ttl: float = 0.0) -> CachedToken:
        """The token with more than ``min_ttl`` seconds left.

        Raises:
            SignInRequired: somebody has to sign in.
            ClientError, ModelledError: as `usable_token` says.
        """
        token = self._memory.recall(min_ttl)
        if token is not None:
            return token
        from postern.client.driver import run

        with self._own_turn():
            return run(self._memory.flow(self._client, min_ttl), self._client.transport)

    def access_token(self, min_ttl: float = 0.0) -> str:
        """What goes into a request, as `get_token` has it."""
        return self.get_token(min_ttl).access_token

    def _own_turn(self) -> "Lock":
        """In a forked child a new one: one of the parent's threads may have held the lock when it forked."""
        if self._process != os.getpid():
            self._begin()
        return self._turn


class AsyncTokenProvider:
    """The same for the tasks of one event loop; ``client`` is an `AsyncSSOOIDC`.

    A task that is cancelled stops waiting at once. A refresh that is under way goes on, since the refresh token has
    been spent: close the provider before its client.
    """

    def __init__(
        self,
        client: AsyncCaller,
        key: SessionKey,
        cache: TokenCache,
        *,
        refresh_window: float = REFRESH_WINDOW,
        now: Callable[[], float] = time,
    ) -> None:
        from asyncio import Lock

        from postern.client.shared_work import SharedWork

        self._client = client
        self._own: AsyncSSOOIDC | None = None
        self._memory = _Memory(key, cache, refresh_window, now)
        self._turn = Lock()
        self._work = SharedWork[CachedToken]()

    @classmethod
    def for_session(cls, session: str | None = None, **options: Unpack[SessionOptions]) -> Self:
        """As `TokenProvider.for_session`."""
        from postern.client.sso_oidc import AsyncSSOOIDC

        key, cache, chosen = _opened(session, options)
        client = AsyncSSOOIDC(**chosen)
        provider = cls(client, key, cache)
        provider._own = client
        return provider

    async def close(self) -> None:
        """Wait for what is under way, and close the client, if it came with `for_session`."""
        await self._work.ended()
        if self._own is not None:
            await self._own.close()

    async def get_token(self, min_ttl: float = 0.0) -> CachedToken:
        """As `TokenProvider.get_token`."""
        token = self._memory.recall(min_ttl)
        if token is not None:
            return token
        return await self._work.result(min_ttl, lambda: self._asked(min_ttl))

    async def access_token(self, min_ttl: float = 0.0) -> str:
        """As `TokenProvider.access_token`."""
        return (await self.get_token(min_ttl)).access_token

    async def _asked(self, min_ttl: float) -> CachedToken:
        from postern.client.async_driver import run

        async with self._turn:
            return await run(self._memory.flow(self._client, min_ttl), self._client.transport)


class _Memory:
    """The token that a provider has handed out last."""

    def __init__(self, key: SessionKey, cache: TokenCache, refresh_window: float, now: Callable[[], float]) -> None:
        self._key = key
        self._cache = cache
        self._refresh_window = refresh_window
        self._now = now
        self._token: CachedToken | None = None
        self._asked_at = float("-inf")

    def recall(self, min_ttl: float) -> CachedToken | None:
        """The token, if there is nothing to gain from asking; an outage is not asked about all the time."""
        token = self._token
        if token is None:
            return None
        demand = TokenDemand(self._now, min_ttl, self._refresh_window)
        was_just_asked = 0 <= self._now() - self._asked_at < PAUSE
        return token if demand.is_met_by(token) or (was_just_asked and demand.is_tolerated(token)) else None

    def flow(self, caller: Caller, min_ttl: float) -> Flow[CachedToken]:
        """Ask, unless another thread or task has asked while this one waited for its turn."""
        recalled = self.recall(min_ttl)
        if recalled is not None:
            return recalled
        token = yield from usable_token(
            self._key, self._cache, caller, now=self._now, min_ttl=min_ttl, refresh_window=self._refresh_window
        )
        self._token, self._asked_at = token, self._now()
        return token


def _opened(session: str | None, given: SessionOptions) -> "tuple[SessionKey, TokenCache, Options]":
    from postern.client.options import check_name
    from postern.client.sessions import resolve_session
    from postern.client.shared_config import SharedConfig
    from postern.client.token_cache import open_token_cache

    for name in given:
        check_name(name, ("session", *SessionOptions.__annotations__), "argument of for_session")
    environment = given.get("environment")
    environment = os.environ if environment is None else environment
    found = resolve_session(
        SharedConfig.load(environment),
        environment,
        session=session,
        profile=given.get("profile"),
        start_url=given.get("start_url"),
        region=given.get("region"),
        endpoint_url=given.get("endpoint_url"),
    )
    cache = given.get("cache")
    if cache is None or isinstance(cache, str):
        cache = open_token_cache(cache, environment)
    return found.key, cache, {**found.options(), "environment": environment}
