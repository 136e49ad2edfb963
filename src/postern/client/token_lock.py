"""Waiting for the lock of a session, and what is done under it. No thread waits: under asyncio there are few of them,
and whoever has the lock needs one to go on.
"""

from collections.abc import Callable

from postern.client.effects import Call, Flow, Protected, Sleep
from postern.client.token_cache.entries import CachedToken, SessionKey
from postern.client.token_cache.lock import pauses
from postern.client.token_cache.port import CacheLock, TokenCache, TokenCacheError

# Seconds. Somebody has just signed in, and waits; and less than a cancelled task waits for what is protected.
_WAIT_OF_SIGN_IN = 10.0


def acquired(lock: CacheLock, now: Callable[[], float]) -> Flow[None]:
    """Take the lock as soon as it is free. Release it in a ``finally`` that also covers this flow.

    Raises:
        LockTimeout: somebody else has kept it for ``lock.timeout`` seconds.
        TokenCacheError: there can be no lock here.
    """
    give_up_at = now() + lock.timeout
    for pause in pauses(lock.timeout):
        if (yield from _taken(lock)):
            return
        if now() >= give_up_at:
            raise lock.timed_out()
        yield Sleep(pause)
    if not (yield from _taken(lock)):
        raise lock.timed_out()


def signed_in_anew(cache: TokenCache, key: SessionKey, token: CachedToken, now: Callable[[], float]) -> Flow[None]:
    """Keep the token of a new sign-in, under the lock, or without it when it cannot be had: a person should not have to
    sign in twice, and a refresh of the old token, which may have the lock, leaves a newer one alone.

    Raises:
        TokenCacheError: it cannot be written.
    """
    lock = cache.lock(key, _WAIT_OF_SIGN_IN)
    try:
        try:
            yield from acquired(lock, now)
        except TokenCacheError as error:
            from logging import getLogger

            getLogger(__name__).warning("the new token is written without the lock: %s", error)
        yield Protected(stored(cache, key, token))
    finally:
        lock.release()


def stored(cache: TokenCache, key: SessionKey, token: CachedToken) -> Flow[None]:
    """Write the token. Never broken off, only waited for."""
    yield Call(lambda: cache.store(key, token), _wait)


def _taken(lock: CacheLock) -> Flow[bool]:
    # A thread that nobody waits for would leave a lock behind that nobody releases.
    is_taken: bool = yield Call(lock.try_acquire, _wait)
    return is_taken


def _wait() -> None:
    """Nothing to cancel."""
