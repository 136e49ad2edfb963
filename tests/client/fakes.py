"""Clients without a network: answers are scripted, what was sent is kept, and time passes only when a flow waits."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from postern.client.effects import Call, Effect, Emit, Flow, Protected, Send, Sleep
from postern.client.http import HttpRequest, HttpResponse
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from tests.client import by_hand

T = TypeVar("T")
Answer = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]

ENDPOINT = "https://sso.example.test"
NOW = 1_700_000_000.0
QUIET: Mapping[str, str] = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}


def answer(status: int = 200, members: object = None, **headers: str) -> HttpResponse:
    """A JSON answer; header names with underscores for hyphens."""
    body = json.dumps({} if members is None else members).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers={"content-type": "application/json", **named}, body=body)


def refusal(shape: str, error: str, status: int = 400, **members: str) -> HttpResponse:
    """A modelled error as the service sends it."""
    body = {"error": error, "error_description": "said by the service", **members}
    return answer(status, body, x_amzn_errortype=shape, x_amzn_requestid="request-1")


def signature_refusal(code: str, **headers: str) -> HttpResponse:
    """What stands before the service says when it does not like a signature."""
    return answer(403, {"message": "no"}, x_amzn_errortype=code, **headers)


class Scripted:
    """A transport that answers what it was told to, in turn; the last answer is given again and again."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.is_closed = False

    def answer(self, request: HttpRequest) -> HttpResponse:
        kept = HttpRequest(method=request.method, url=request.url, headers=dict(request.headers), body=request.body)
        self.requests.append(kept)
        given = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, HttpResponse) else given(request)

    def send(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request)

    def close(self) -> None:
        self.is_closed = True

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests]


class AsyncScripted(Scripted):
    async def send(self, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        await asyncio.sleep(0)
        return self.answer(request)

    async def close(self) -> None:  # type: ignore[override]
        self.is_closed = True


class Trip:
    """A flow driven by hand: what it sent, and how long it waited."""

    def __init__(self, transport: Scripted) -> None:
        self.transport = transport
        self.slept: list[float] = []
        self.effects: list[object] = []

    def run(self, flow: Flow[T]) -> T:
        return by_hand.drive(flow, self._perform)

    def _perform(self, effect: Effect) -> object:
        self.effects.append(effect)
        match effect:
            case Send():
                return self.transport.answer(effect.request)
            case Sleep():
                self.slept.append(effect.seconds)
            case Call():
                return effect.function()
            case Emit():
                for listener in effect.listeners:
                    listener(*effect.arguments)
            case Protected():
                return self.run(effect.flow)
        return None


def options(transport: Scripted, **more: Any) -> dict[str, Any]:
    """Options of a client that talks to ``transport``, reads no file and waits for nothing between tries."""
    return {
        "endpoint": ENDPOINT,
        "http_options": {"agent": transport},
        "environment": QUIET,
        "retry_delay_options": {"base": 0},
        "now": lambda: NOW,
        **more,
    }


def client(transport: Scripted, **more: Any) -> SSOOIDC:
    return SSOOIDC(**options(transport, **more))


class Either:
    """The blocking or the asyncio client, called in the same way."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return self.kind

    def call(self, operation: str, answers: Iterable[Answer], params: Mapping[str, object], **more: Any) -> Any:
        """Make one call against these answers."""
        return self.call_over(self.transport(*answers), operation, params, **more)

    def transport(self, *answers: Answer) -> Scripted:
        return (Scripted if self.kind == "sync" else AsyncScripted)(*answers)

    def call_over(self, transport: Scripted, operation: str, params: Mapping[str, object], **more: Any) -> Any:
        if self.kind == "sync":
            with client(transport, **more) as blocking:
                return getattr(blocking, operation)(**params)

        async def run() -> Any:
            async with AsyncSSOOIDC(**options(transport, **more)) as waiting:
                return await getattr(waiting, operation)(**params)

        return asyncio.run(run())
