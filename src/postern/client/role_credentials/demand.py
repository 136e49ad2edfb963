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

    def fall_back_on(self, kept: RoleCredentials | None, error: Exception) -> RoleCredentials:
        """Those that are kept while they are good for more than ``min_ttl``, else the error."""
        if kept is None or kept.expires_at - self.now() <= self.min_ttl:
            raise error
        from logging import getLogger

        getLogger(__name__).warning("no new role credentials could be had, those that are kept are used: %s", error)
        return kept
