"""How often one caller may ask: token buckets in this process's memory, bounded in number.

They protect, they do not decide: a second worker has buckets of its own, so the true limit is up to the number of
workers times larger.
"""

_MAX_BUCKETS = 100_000
_ENOUGH = 0.8  # of a call: a poll may come a little early


class Pacer:
    """One bucket per key. A bucket holds ``burst`` calls and regains one every ``interval`` seconds.

    With ``penalty``, each refusal makes that key's interval so many seconds longer (RFC 8628 3.5, slow_down).
    """

    def __init__(self, interval: float, burst: int, penalty: float = 0) -> None:
        self._interval = interval
        self._burst = float(burst)
        self._penalty = penalty
        self._buckets: dict[object, tuple[float, float, float]] = {}

    def take(self, key: object, now: float) -> bool:
        """Whether the call may go on. A clock that stepped back counts as a full interval."""
        tokens, then, interval = self._buckets.get(key) or (self._burst, now, self._interval)
        tokens += (now - then) / interval if now >= then else 1
        tokens = min(tokens, self._burst)
        allowed = tokens >= _ENOUGH
        if allowed:
            tokens -= 1
        else:
            interval += self._penalty
        if len(self._buckets) >= _MAX_BUCKETS and key not in self._buckets:
            self._forget_oldest()
        self._buckets[key] = (tokens, now, interval)
        return allowed

    def forget(self, key: object) -> None:
        self._buckets.pop(key, None)

    def _forget_oldest(self) -> None:
        """Drop the tenth that was created first; dictionaries keep the order of creation."""
        for key in list(self._buckets)[: _MAX_BUCKETS // 10]:
            del self._buckets[key]
