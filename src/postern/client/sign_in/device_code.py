"""The device authorization grant (RFC 8628): the person signs in on any device, and we ask whether it is done."""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from postern.api.errors import AuthorizationPendingException, InvalidGrantException, ModelledError, SlowDownException
from postern.api.sso_oidc import (
    START_DEVICE_AUTHORIZATION,
    CreateTokenRequest,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
)
from postern.client.effects import Effect, Emit, Flow, Sleep
from postern.client.errors import ServiceError, SignInError, SignInExpired, TransportError, UnreadableResponse
from postern.client.retries import is_retryable
from postern.client.sign_in import addresses, tokens
from postern.client.sign_in.attempt import Attempt
from postern.client.sign_in.countdown import Countdown
from postern.client.sign_in.interface import DeviceCode
from postern.client.sign_in.persistence import is_busy, persistently
from postern.client.sign_in.registration import DEVICE_CODE, Registration, with_registration
from postern.client.token_cache.entries import CachedToken

T = TypeVar("T")

_INTERVAL = 5.0  # seconds, when the service does not say (RFC 8628 3.2)
_SHORTEST = 1.0
_SLOWER = 5.0  # seconds more for each slow_down (RFC 8628 3.5)
_LONGEST_BACKOFF = 15.0  # seconds between tries while the service cannot be reached
_LIFETIME = 600  # seconds, when the service does not say
_LONGEST_LIFETIME = 86_400  # seconds, whatever it says


def device_code_flow(attempt: Attempt) -> Flow[CachedToken]:
    """Sign in with a device code.

    Raises:
        SignInDenied, SignInExpired, SignInError: the person, or the time, or the service said no.
        ModelledError, ClientError: a call went wrong.
    """
    registration, started = yield from with_registration(attempt, DEVICE_CODE, partial(_started, attempt))
    code = _to_show(attempt, started)
    time = Countdown(code.expires_in, attempt.now, within=attempt.time)
    yield Emit((attempt.interface.show_device_code,), (code,))
    yield from attempt.open_browser(code.verification_uri_complete)
    request = CreateTokenRequest(
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        grant_type=DEVICE_CODE,
        device_code=started.device_code,
    )

    def ask() -> Flow[CachedToken]:
        asked_at = attempt.now()
        response = yield from attempt.redeem(request)
        return tokens.issued(
            attempt.request, registration, response, endpoint=attempt.caller.endpoint, asked_at=asked_at
        )

    interval = _INTERVAL if started.interval is None else float(started.interval)
    return (yield from poll_flow(ask, time, interval=interval, waiting=attempt.interface.waiting))


def poll_flow(
    ask: Callable[[], Generator[Effect, Any, T]],
    time: Countdown,
    *,
    interval: float,
    waiting: Callable[[float], object] | None = None,
) -> Flow[T]:
    """``ask`` every ``interval`` seconds until it has a result, beginning with a pause. Each slow_down adds 5 seconds
    for good. While there is no answer, or a 5xx, the pauses grow, and ``time`` decides when to give up. An answer that
    the sign-in is pending is better evidence than the clock: then only what was waited counts.

    Raises:
        SignInExpired: nobody decided in time.
        Exception: what else ``ask`` raises.
    """
    interval, failures = max(interval, _SHORTEST), 0
    while True:
        if waiting is not None:
            yield Emit((waiting,), (time.left,))
        pause = _pause(interval, failures, time.left_to_wait)
        yield Sleep(pause)
        time.waited(pause)
        try:
            return (yield from ask())
        except (ModelledError, TransportError, ServiceError) as error:
            failure = error
        if isinstance(failure, AuthorizationPendingException | SlowDownException):
            interval, failures = interval + _slower(failure), 0
            _expire(time.left_to_wait, failure)
        elif _may_pass(failure):
            failures += 1
            _expire(time.left, failure)
        elif isinstance(failure, InvalidGrantException):
            _expire(time.left, failure)  # some services say so of a code that has expired long ago
            raise failure
        else:
            raise failure


def _pause(interval: float, failures: int, left: float) -> float:
    backoff = min(interval * 2.0**failures, _LONGEST_BACKOFF)
    return min(max(interval, backoff), max(left, _SHORTEST))


def _slower(failure: ModelledError) -> float:
    return _SLOWER if isinstance(failure, SlowDownException) else 0.0


def _may_pass(failure: Exception) -> bool:
    """Whether asking again may help: the service was there a moment ago, and has not refused."""
    return isinstance(failure, TransportError) or is_retryable(failure)


def _expire(left: float, failure: Exception) -> None:
    if left <= 0:
        raise SignInExpired("nobody signed in in time") from failure


def _started(
    attempt: Attempt, registration: Registration
) -> Flow[tuple[Registration, StartDeviceAuthorizationResponse]]:
    request = StartDeviceAuthorizationRequest(
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        start_url=attempt.request.start_url,
    )
    ask = partial(attempt.caller.flow, START_DEVICE_AUTHORIZATION, request)
    return registration, (yield from persistently(ask, attempt, is_busy, sent={}))


def _to_show(attempt: Attempt, started: StartDeviceAuthorizationResponse) -> DeviceCode:
    """
    Raises:
        UnreadableResponse: something is missing in the answer.
        SignInError: there is an address in it that nobody should be sent to.
    """
    uri, code = started.verification_uri, started.user_code
    if not uri or not code or not started.device_code:
        raise UnreadableResponse("StartDeviceAuthorization", "the answer has no code, or no address", status=200)
    complete = started.verification_uri_complete or _with_code(uri, code)
    if addresses.parsed(uri) is None or addresses.parsed(complete) is None:
        raise SignInError("the service names an address to sign in at that is no web address")
    return DeviceCode(
        user_code=code,
        verification_uri=uri,
        verification_uri_complete=complete,
        expires_in=min(started.expires_in or _LIFETIME, _LONGEST_LIFETIME),
        opens=attempt.opens_browser,
        reason=attempt.reason,
    )


def _with_code(uri: str, code: str) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}user_code={quote(code, safe='')}"
