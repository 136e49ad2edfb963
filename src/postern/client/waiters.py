"""Waiting for a state by asking again and again. The service's own model has no waiters; the one thing that everybody
waits for is that a person approves a device.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from postern.api.errors import AuthorizationPendingException, SlowDownException
from postern.api.sso_oidc import CREATE_TOKEN, CreateTokenResponse
from postern.client.effects import Flow, Sleep
from postern.client.errors import ConfigurationError, WaiterError
from postern.client.retries import is_retryable

if TYPE_CHECKING:
    from postern.client.base_service import BaseService

_INTERVAL = 5.0  # seconds, when the device authorization did not say (RFC 8628 3.5)
_SLOWER = 5.0
_MAX_ATTEMPTS = 600


def token_issued(
    service: "BaseService", params: Mapping[str, object], settings: Mapping[str, float]
) -> Flow[CreateTokenResponse]:
    """CreateToken until the person has decided. When the service cannot be reached, it is asked less often (RFC 8628
    3.5). The result is always a shape.

    Raises:
        WaiterError: undecided after so many attempts.
        AccessDeniedException, ExpiredTokenException: the person said no, or nothing in time.
    """
    if settings["delay"] < 0 or settings["max_attempts"] < 0:
        raise ConfigurationError("delay and max_attempts of a waiter cannot be negative")
    interval = settings["delay"] or _INTERVAL
    attempts = int(settings["max_attempts"] or _MAX_ATTEMPTS)
    for _ in range(attempts):
        try:
            return (yield from service.named_flow(CREATE_TOKEN, params))
        except AuthorizationPendingException:
            pass
        except Exception as error:
            if not isinstance(error, SlowDownException) and not is_retryable(error):
                raise
            interval += _SLOWER
        yield Sleep(interval)
    raise WaiterError(f"nobody has decided after {attempts} attempts")
