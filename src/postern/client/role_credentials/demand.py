"""What is asked of role credentials: the one rule of when those that are kept are good enough."""

from collections.abc import Callable

from postern.client.role_credentials.sealed_files import RoleCredentials

# Whoever is given credentials shall have some time with them: the last minutes are not given out from the cache.
REFRESH_WINDOW = 300.0


class RoleDemand:
    """``min_ttl`` is how many seconds the credentials must still be good for."""

    def __init__(self, now: Callable[[], float], min_ttl: float = 0.0) -> None:
        self.now = now
        self.min_ttl = min_ttl

    def is_met_by(self, kept: RoleCredentials | None) -> bool:
        return kept is not None and kept.expires_at - self.now() > max(self.min_ttl, REFRESH_WINDOW)
