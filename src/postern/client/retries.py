"""Whether an answer is worth another try, and after how long.

The delays are those of the SDKs: a random share of a bound that doubles with each try. In the retry modes ``standard``
and ``adaptive`` a quota stops a client from hammering a service that is down; adaptive mode's rate limiter has no
counterpart, since a sign-in makes few requests.
"""

import os
import threading
from collections.abc import Callable, Mapping

import msgspec

from postern.api.errors import InternalServerException, TooManyRequestsException
from postern.client.errors import (
    ClientError,
    ConfigurationError,
    ConnectionBroken,
    ReadTimeout,
    ServiceError,
    TransportError,
)

CustomBackoff = Callable[[int, Exception], float]

ONE_TIME_SECRETS = frozenset({"code", "deviceCode", "refreshToken"})
# Servers that answer a repeated one-time secret do so for a short while only; this one for 10 seconds. After that it is
# taken for theft.
_REPEATABLE_FOR = 8.0
_MAX_DELAY = 20.0
_HONOURED_RETRY_AFTER = 60.0


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """``max_retries`` tries follow the first one; ``base`` is the first bound of the delay in seconds.
    ``custom_backoff`` is asked instead of the bound: it gets the retry count and the error and answers milliseconds,
    a negative number meaning no further try.
    """

    max_retries: int = 2
    base: float = 0.1
    custom_backoff: CustomBackoff | None = None

    def delay(self, retry_count: int, error: Exception) -> float | None:
        """Seconds to wait before retry number ``retry_count`` (from 0), or None for no more tries.

        Raises:
            ConfigurationError: the custom back-off answers no number.
        """
        if self.custom_backoff is None:
            import random

            bound: float = min(self.base * 2**retry_count, _MAX_DELAY)
            return random.random() * bound  # noqa: S311  # spreads retries out, guards nothing
        milliseconds: object = self.custom_backoff(retry_count, error)
        if not isinstance(milliseconds, int | float) or milliseconds != milliseconds:  # not a number
            raise ConfigurationError("retry_delay_options custom_backoff must answer a number of milliseconds")
        return None if milliseconds < 0 else milliseconds / 1000


class RetryQuota:
    """What retries cost a client in all, so that an outage is not answered with a multiple of the load. For any number
    of threads; a forked child has a quota of its own.
    """

    def __init__(self, capacity: int = 500) -> None:
        self._capacity = capacity
        self._start()

    def _start(self) -> None:
        self._left = self._capacity
        self._lock = threading.Lock()
        self._process = os.getpid()

    def take(self, error: Exception) -> int | None:
        """What this retry costs, or None if the quota does not have it."""
        self._leave_parent()
        cost = 10 if isinstance(error, TransportError) else 5
        with self._lock:
            if cost > self._left:
                return None
            self._left -= cost
        return cost

    def give_back(self, amount: int) -> None:
        """After a call that succeeded: the cost of its last retry, or 1 if it had none."""
        if self._left >= self._capacity:
            return
        self._leave_parent()
        with self._lock:
            self._left = min(self._capacity, self._left + amount)

    def _leave_parent(self) -> None:
        """One of the parent's threads may have held the lock when it forked."""
        if self._process != os.getpid():
            self._start()


def is_retryable(error: Exception) -> bool:
    """Whether the client itself sends the same request again. Not after SlowDownException and
    AuthorizationPendingException: whoever polls decides when to ask next.
    """
    if isinstance(error, ClientError):
        return error.retryable
    return isinstance(error, InternalServerException | TooManyRequestsException)


def may_be_spent(params: Mapping[str, object], error: Exception, elapsed: float) -> bool:
    """Whether a one-time secret among ``params`` may have been spent so long ago (in seconds) that to send it again
    would look like theft.
    """
    if elapsed <= _REPEATABLE_FOR or ONE_TIME_SECRETS.isdisjoint(params):
        return False
    has_unknown_outcome = isinstance(error, ReadTimeout | ConnectionBroken | InternalServerException)
    return has_unknown_outcome or (isinstance(error, ServiceError) and error.is_of_server)


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds in a ``Retry-After`` header, at most a minute; 0 without one."""
    value = headers.get("retry-after", "")
    return min(float(value), _HONOURED_RETRY_AFTER) if value.isascii() and value.isdigit() else 0.0
