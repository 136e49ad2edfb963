"""Asking again where one failure should not cost a person the sign-in: the service is busy, or the network is gone for
a moment.
"""

import math
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple, TypeVar

from postern.api.errors import ModelledError, SlowDownException
from postern.client.effects import Effect, Flow, Sleep
from postern.client.errors import ServiceError, TransportError
from postern.client.retries import is_retryable, may_be_spent
from postern.client.sign_in.attempt import Attempt
from postern.client.sign_in.countdown import Countdown

T = TypeVar("T")

_PATIENCE = 60.0  # seconds in all
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 8.0


class _Doubt(NamedTuple):
    """After this failure of what was sent at ``since``, what became of it is not known."""

    failure: Exception
    since: float


def persistently(
    ask: Callable[[], Generator[Effect, Any, T]],
    attempt: Attempt,
    may_pass: Callable[[Exception], bool],
    *,
    sent: Mapping[str, object],
) -> Flow[T]:
    """``ask`` until there is a result, for a minute at most and while failures ``may_pass``. A one-time secret among
    what is ``sent`` is not sent again when it may have been spent more than some seconds ago.

    Raises:
        Exception: the failure that was the last one.
    """
    time = Countdown(_PATIENCE, attempt.now, within=attempt.time)
    pause, doubt = _FIRST_PAUSE, None
    while True:
        asked_at = attempt.now()
        try:
            return (yield from ask())
        except (ModelledError, TransportError, ServiceError) as error:
            failure = error
        if doubt is None and may_be_spent(sent, failure, math.inf):
            doubt = _Doubt(failure, asked_at)
        if doubt is not None and may_be_spent(sent, doubt.failure, attempt.now() + pause - doubt.since):
            raise failure
        if not may_pass(failure) or time.left < pause:
            raise failure
        if pause == _FIRST_PAUSE:
            yield from attempt.notice(f"No answer to go on with yet ({failure}): asking again for up to a minute.")
        yield Sleep(pause)
        time.waited(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def is_busy(failure: Exception) -> bool:
    """Whether the service is there, and has done nothing yet."""
    if isinstance(failure, ServiceError):
        return failure.retryable and not failure.is_of_server
    return isinstance(failure, SlowDownException)


def is_hiccup(failure: Exception) -> bool:
    """Whether it is busy, down, or out of reach for now."""
    return is_busy(failure) or is_retryable(failure)
