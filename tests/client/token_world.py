"""A sign-in that is refreshed without a network: the service answers what it was told to, and time passes only when a
flow waits.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from postern.api.operation import Operation, Shape
from postern.api.sso_oidc import CREATE_TOKEN, CreateTokenRequest, CreateTokenResponse
from postern.client.effects import Call, Effect, Flow, Sleep
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from postern.client.token_refresh import usable_token
from tests.client import by_hand
from tests.client.token_cache.samples import NOW, SESSION, TOKEN

T = TypeVar("T")
O = TypeVar("O", bound=Shape)  # noqa: E741  # what comes out

NEARLY_OVER = TOKEN._replace(expires_at=NOW + 60, issued_at=NOW - 3540)
OVER = TOKEN._replace(expires_at=NOW - 60, issued_at=NOW - 3660)
NEW = CreateTokenResponse(access_token="new", token_type="Bearer", expires_in=3600, refresh_token="rotated")
REFRESHED = TOKEN._replace(access_token="new", refresh_token="rotated", issued_at=NOW, expires_at=NOW + 3600)


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Service:
    """What the service answers, in turn, and what it was asked. Before an answer something may ``happen``."""

    transport = cast(Any, None)

    def __init__(self, *answers: CreateTokenResponse | Exception, happen: Callable[[], object] = lambda: None) -> None:
        self._answers = list(answers)
        self._happen = happen
        self.requests: list[CreateTokenRequest] = []

    def flow(self, operation: Operation[Any, O], request: Shape) -> Flow[O]:
        assert operation is CREATE_TOKEN
        assert isinstance(request, CreateTokenRequest)
        self.requests.append(request)
        yield Call(self._happen)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast(O, answer)


class BriefCache(FileTokenCache):
    """A cache whose lock is waited for no longer than a test has time."""

    def lock(self, key: SessionKey, timeout: float = 5.0) -> Any:
        return super().lock(key, timeout)


class ImpatientCache(FileTokenCache):
    """A cache that does not wait for its lock."""

    def lock(self, key: SessionKey, timeout: float = 0.0) -> Any:
        return super().lock(key, timeout=0.0)


def drive(flow: Flow[T], clock: Clock, on_sleep: Callable[[], object] = lambda: None) -> T:
    """Drive a flow over a scripted service. When it waits, time passes, and something may happen."""

    def perform(effect: Effect) -> object:
        if isinstance(effect, Sleep):
            clock.time += effect.seconds
            return on_sleep()
        assert isinstance(effect, Call)
        return effect.function()

    return by_hand.drive(flow, perform)


def get(
    cache: FileTokenCache,
    service: Service,
    clock: Clock,
    *,
    key: SessionKey = SESSION,
    min_ttl: float = 0.0,
    refresh_window: float = 300.0,
    on_sleep: Callable[[], object] = lambda: None,
) -> CachedToken:
    flow = usable_token(key, cache, service, now=clock, min_ttl=min_ttl, refresh_window=refresh_window)
    return drive(flow, clock, on_sleep)


def lock_is_free(cache: FileTokenCache) -> bool:
    lock = FileTokenCache(cache.folder).lock(SESSION)
    try:
        return bool(lock.try_acquire())
    finally:
        lock.release()
