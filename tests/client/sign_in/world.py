"""A sign-in without a network: the service answers what it was told to, the person does what a test says, and time
passes only when a flow waits.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from postern.api.operation import Operation, Shape
from postern.api.sso_oidc import (
    CreateTokenResponse,
    RegisterClientResponse,
    StartDeviceAuthorizationResponse,
)
from postern.client.effects import Call, Effect, Emit, Flow, Sleep
from postern.client.endpoints import Endpoint
from postern.client.sign_in.interface import Authorization, DeviceCode
from postern.client.sign_in.login_request import LoginRequest
from postern.client.token_cache import CachedToken
from tests.client import by_hand

T = TypeVar("T")
Output = TypeVar("Output", bound=Shape)
Answer = Shape | Exception

NOW = 1_700_000_000.0
START_URL = "https://d-1234567890.awsapps.com/start"
ENDPOINT = "https://sso.example.test"
DESKTOP = {"BROWSER": sys.executable}  # a program that is there; none is started here
REMOTE = {"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}

REGISTRATION = RegisterClientResponse(
    client_id="client-1",
    client_secret="secret-of-client-1",
    client_secret_expires_at=int(NOW) + 90 * 86_400,
    authorization_endpoint=f"{ENDPOINT}/authorize",
)
RENEWED = RegisterClientResponse(
    client_id="client-2", client_secret="secret-of-client-2", client_secret_expires_at=int(NOW) + 90 * 86_400
)
STARTED = StartDeviceAuthorizationResponse(
    device_code="device-code-1",
    user_code="BRCJ-PDVT",
    verification_uri=f"{ENDPOINT}/device",
    verification_uri_complete=f"{ENDPOINT}/device?user_code=BRCJ-PDVT",
    expires_in=600,
    interval=1,
)
TOKEN = CreateTokenResponse(
    access_token="access-token-1", token_type="Bearer", expires_in=3600, refresh_token="refresh-token-1"
)


def a_request(**changes: Any) -> LoginRequest:
    return LoginRequest(**{"start_url": START_URL, "region": "eu-central-1", "session_name": "work", **changes})


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Service:
    """A caller whose answers are scripted by operation; what is scripted last is answered again and again."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self.endpoint = Endpoint.parse(ENDPOINT)
        self._answers = {name: list(given) if isinstance(given, list) else [given] for name, given in answers.items()}
        self.calls: list[tuple[str, Any]] = []

    def flow(self, operation: Operation[Any, Output], request: Shape) -> Flow[Output]:
        yield from ()
        self.calls.append((operation.name, request))
        answers = self._answers[operation.name]
        answer: Any = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return cast(Output, answer)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def asked(self, name: str) -> list[Any]:
        """The requests of one operation."""
        return [request for called, request in self.calls if called == name]


class Person:
    """Remembers what was shown, and returns to the address with ``answer`` as soon as it is asked to sign in."""

    paste_input: int | None = None

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.authorizations: list[Authorization] = []
        self.codes: list[DeviceCode] = []
        self.notices: list[str] = []
        self.left: list[float] = []
        self.tokens: list[CachedToken] = []
        self.times_ended = 0

    def show_authorization(self, authorization: Authorization) -> None:
        self.authorizations.append(authorization)
        for answer in self._answers:
            authorization.paste(f"{authorization.redirect_uri}?{answer}&state={state_of(authorization.url)}")

    def show_device_code(self, code: DeviceCode) -> None:
        self.codes.append(code)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def waiting(self, seconds_left: float) -> None:
        self.left.append(seconds_left)

    def finished(self, token: CachedToken) -> None:
        self.tokens.append(token)

    def ended(self) -> None:
        self.times_ended += 1


def state_of(url: str) -> str:
    return url.partition("&state=")[2].partition("&")[0]


def drive(flow: Flow[T], clock: Clock, *, on_sleep: Callable[[float], None] | None = None) -> T:
    """Drive a flow by hand. Sleeping moves the clock, unless ``on_sleep`` does something else to it; the wait for a
    callback lasts no time, but counts as if it had.
    """
    return by_hand.drive(flow, lambda effect: _perform(effect, clock, on_sleep))


def _perform(effect: Effect, clock: Clock, on_sleep: Callable[[float], None] | None) -> object:
    match effect:
        case Sleep():
            clock.time += effect.seconds
            if on_sleep is not None:
                on_sleep(effect.seconds)
        case Call():
            return _call(effect, clock)
        case Emit():
            for listener in effect.listeners:
                listener(*effect.arguments)
        case _:
            raise AssertionError(f"a flow over a scripted caller asked for {effect}")
    return None


def _call(effect: Call, clock: Clock) -> object:
    function: Any = effect.function
    name = getattr(getattr(function, "func", function), "__name__", "")
    if name == "open_url":
        return True
    if name != "wait":
        return function()
    (pause,) = function.args
    clock.time += pause
    return function.func(0.01)
