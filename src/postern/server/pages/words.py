"""Times, waits, scopes and destinations in the words that people read."""

from datetime import UTC, datetime

import msgspec

from postern.core import redirect_uris, scopes
from postern.core.attempts import DAY, HOUR, MINUTE


class ScopeWords(msgspec.Struct, frozen=True):
    """A scope by name, and what it allows."""

    name: str
    text: str


class Destination(msgspec.Struct, frozen=True):
    """Where the browser goes after consent, and whether that is the person's own computer."""

    origin: str
    is_this_computer: bool


def span(seconds: int) -> str:
    """``40 seconds``, ``1 minute``, ``3 hours``: rounded up, so that whoever waits that long has waited long enough."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit:
            return _counted(-(-seconds // unit), name)
    return _counted(max(seconds, 1), "second")


def moment(then: int, now: int) -> str:
    """``2 minutes ago (2026-02-03 04:05 UTC)``."""
    ago = now - then
    relative = "just now" if ago < 10 else f"{_elapsed(ago)} ago"
    return f"{relative} ({datetime.fromtimestamp(then, UTC):%Y-%m-%d %H:%M} UTC)"


def until(then: int, now: int) -> str:
    """``for 7 hours 59 minutes, until 2026-02-03 04:05 UTC``: rounded down, so that nobody counts on more than there
    is.
    """
    left = max(then - now, 0)
    hours, minutes = (left // HOUR, left % HOUR // MINUTE) if left < DAY else (0, 0)
    spoken = f"{_counted(hours, 'hour')} {_counted(minutes, 'minute')}" if hours and minutes else _elapsed(left)
    return f"for {spoken}, until {datetime.fromtimestamp(then, UTC):%Y-%m-%d %H:%M} UTC"


def wait(seconds: int) -> str:
    return f"Too many attempts. Wait {span(seconds)}, then try again."


def granted(names: tuple[str, ...]) -> list[ScopeWords]:
    """What is asked for. A client older than scopes names none and yet gets access to accounts, so that is said."""
    return [ScopeWords(name, scopes.plain_words(name)) for name in names or (scopes.ACCOUNT_ACCESS,)]


def destination(redirect_uri: str) -> Destination:
    origin = redirect_uris.origin(redirect_uri)
    return Destination(origin, is_this_computer=origin.startswith("http://"))


def _elapsed(seconds: int) -> str:
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit:
            return _counted(seconds // unit, name)
    return _counted(seconds, "second")


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
