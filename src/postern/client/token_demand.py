"""What is asked of a token: the one rule of when it is good enough, when it has to be refreshed, and when it will do.

`postern token` comes through here on its way to a warm cache, so nothing that is costly to import is imported.
"""

from collections.abc import Callable

from postern.client.token_cache.entries import CachedToken

REFRESH_WINDOW = 300.0

# A token this young is the best that can be had. It bounds how often tokens are refreshed that live shorter than is
# asked for, and how often in vain when the service cannot be reached.
PAUSE = 30.0


class TokenDemand:
    """What is asked of a token."""

    def __init__(self, now: Callable[[], float], min_ttl: float = 0.0, refresh_window: float = REFRESH_WINDOW) -> None:
        self.now = now
        self.min_ttl = min_ttl
        self.refresh_window = refresh_window

    def is_met_by(self, token: CachedToken) -> bool:
        """Whether there is nothing to gain from refreshing the token."""
        left = token.expires_at - self.now()
        if left > max(self.min_ttl, self.refresh_window):
            return True
        return left > 0 and token.issued_at is not None and 0 <= self.now() - token.issued_at < PAUSE

    def is_tolerated(self, token: CachedToken) -> bool:
        """Whether the token will do if there is no better one."""
        return token.expires_at - self.now() > self.min_ttl

    def fall_back_on(self, token: CachedToken, error: Exception) -> CachedToken:
        """The old token while it will do, else the error."""
        if not self.is_tolerated(token):
            raise error
        from logging import getLogger

        getLogger(__name__).warning("the token could not be refreshed, the old one is used: %s", error)
        return token
