"""A breaker: whom nobody reaches is left alone for a while, and then asked by one before all others come again."""

import contextlib
from collections.abc import Callable, Iterator

from postern.core.role_credentials.port import StsRefused, StsUnavailable
from postern.remote.sts_answers import UnusableAnswer


class Breaker:
    """Open after ``failures`` calls in a row that ended in `StsUnavailable`. ``pause`` is in seconds of ``clock``."""

    def __init__(self, *, failures: int, pause: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._is_probing = False

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """The call within counts. A refusal is as good as an answer, and so is an answer that cannot be used: one role
        that is odd shall not keep the others out. A call that is cancelled says nothing.

        Raises:
            StsUnavailable: the breaker is open, or somebody else is trying just now.
        """
        is_probe = self._opened_at is not None
        if self._opened_at is not None and (self._is_probing or self._clock() - self._opened_at < self._pause):
            raise StsUnavailable("left alone for a while, since it failed")
        self._is_probing = self._is_probing or is_probe
        try:
            yield
        except (StsRefused, UnusableAnswer):
            self._close()
            raise
        except StsUnavailable:
            self._note_failure(is_probe=is_probe)
            raise
        else:
            self._close()
        finally:
            if is_probe:
                self._is_probing = False

    def _close(self) -> None:
        self._failures, self._opened_at = 0, None

    def _note_failure(self, *, is_probe: bool) -> None:
        """Those that were under way when it opened do not keep it open for longer."""
        self._failures += 1
        if is_probe or (self._opened_at is None and self._failures >= self._limit):
            self._opened_at = self._clock()
