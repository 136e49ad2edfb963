"""How often one caller may ask: token buckets in this process's memory, bounded in number.

They protect, they do not decide: a second worker has buckets of its own, so the true limit is up to the number of
workers times larger.
"""

Bucket = tuple[float, float, float]  # the calls in it, since when, and the seconds that one more takes

_MAX_BUCKETS = 100_000
_ENOUGH = 0.8  # of a call: a poll may come a little early
_PENALTY_STAYS = 900.0  # seconds: longer than a device code lives by default


class Pacer:
    """One bucket per key. A bucket holds ``burst`` calls and regains one every ``interval`` seconds.

    With ``penalty``, each refusal makes that key's interval so many seconds longer (RFC 8628 3.5, slow_down).

    A bucket that is full again is as good as none. So there are two generations, as long as a bucket takes to fill:
    what was not used in the one before is forgotten when the next begins, unless its interval was made longer lately.
    """

    def __init__(self, interval: float, burst: int, penalty: float = 0) -> None:
        self._interval = interval
        self._burst = float(burst)
        self._penalty = penalty
        self._generation = interval * (burst + 1)  # one more: a bucket may be in debt for what came early
        self._recent: dict[object, Bucket] = {}
        self._older: dict[object, Bucket] = {}
        self._begun_at: float | None = None  # the recent generation

    @property
    def remembered(self) -> int:
        """How many buckets are remembered, at most: one may be there as it is and as it was."""
        return len(self._recent) + len(self._older)

    def take(self, key: object, now: float) -> bool:
        """Whether the call may go on. A clock that stepped back counts as a full interval."""
        bucket = self._recent.get(key) or self._older.get(key) or (self._burst, now, self._interval)
        tokens, then, interval = bucket
        tokens += (now - then) / interval if now >= then else 1
        tokens = min(tokens, self._burst)
        allowed = tokens >= _ENOUGH
        if allowed:
            tokens -= 1
        else:
            interval += self._penalty
        if self._begun_at is None or now >= self._begun_at + self._generation or len(self._recent) >= _MAX_BUCKETS // 2:
            self._begin_generation(now)
        self._recent[key] = (tokens, now, interval)
        return allowed

    def forget(self, key: object) -> None:
        self._recent.pop(key, None)
        self._older.pop(key, None)

    def _begin_generation(self, now: float) -> None:
        kept = self._slowed(now)[-_MAX_BUCKETS // 4 :] if self._penalty else []
        self._recent, self._older = dict(kept), self._recent
        self._begun_at = now

    def _slowed(self, now: float) -> list[tuple[object, Bucket]]:
        """Those of the older generation whose interval was made longer, and who did not come since."""
        return [
            (key, bucket)
            for key, bucket in self._older.items()
            if bucket[2] > self._interval and now < bucket[1] + _PENALTY_STAYS and key not in self._recent
        ]
