"""Flows driven by hand: what is answered is given, what was asked for is kept."""

import json
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from postern.client.credentials import Credentials
from postern.client.effects import Call, Effect, Flow, Send, Sleep
from postern.client.errors import CredentialsError
from postern.client.http import HttpRequest, HttpResponse
from postern.client.shared_config import SharedConfig
from tests.client import by_hand

T = TypeVar("T")
Answer = HttpResponse | Exception

NOW = 1_700_000_000.0
LATER = "2023-11-14T23:13:20Z"  # an hour after NOW
CANARY = "canaryCANARY1234567890/canary+canary"
DOCUMENT: Mapping[str, object] = {
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": CANARY,
    "Token": "session-" + CANARY,
    "Expiration": LATER,
}


class Driver:
    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.sent: list[HttpRequest] = []
        self.slept: list[float] = []
        self.calls: list[Call] = []

    def run(self, flow: Flow[T]) -> T:
        return by_hand.drive(flow, self._perform)

    def _perform(self, effect: Effect) -> object:
        match effect:
            case Send():
                self.sent.append(effect.request)
                answer = self._answers.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return answer
            case Sleep():
                self.slept.append(effect.seconds)
                return None
            case Call():
                self.calls.append(effect)
                return effect.function()
            case _:
                raise AssertionError(f"the flow asked for {effect}")


def drive(flow: Flow[T], *answers: Answer) -> T:
    return Driver(*answers).run(flow)


def found(flow: Flow[Credentials | None], *answers: Answer) -> Credentials:
    credentials = drive(flow, *answers)
    assert credentials is not None
    return credentials


def refusal(flow: Flow[Any], *answers: Answer) -> str:
    """The text with which a flow fails. It never holds the secret that all documents here are full of."""
    try:
        result = drive(flow, *answers)
    except CredentialsError as error:
        text = str(error)
        assert not any(part in text for part in (CANARY, CANARY[:12], CANARY[-12:]))
        return text
    raise AssertionError(f"not refused, but {result}")


def reply(status: int = 200, document: object = None) -> HttpResponse:
    body = document if isinstance(document, bytes) else json.dumps({} if document is None else document).encode()
    return HttpResponse(status=status, headers={"content-type": "application/json"}, body=body)


def shared_config(
    profiles: Mapping[str, Mapping[str, str]] | None = None,
    sso_sessions: Mapping[str, Mapping[str, str]] | None = None,
) -> SharedConfig:
    return SharedConfig(profile_sections=profiles or {}, sso_session_sections=sso_sessions or {})


def holds_in_a_forked_child(check: Callable[[], bool]) -> bool:
    """Whether the child finds so, within two seconds."""
    child = os.fork()
    if child == 0:
        os._exit(_in_the_child(check))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _in_the_child(check: Callable[[], bool]) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(2)
    try:
        return 0 if check() else 1
    except BaseException:
        return 1
