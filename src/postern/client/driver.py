"""The blocking driver of flows."""

import time
from typing import Any, TypeVar

from postern.client.effects import Call, Effect, Emit, Flow, Protected, Send, Sleep
from postern.client.errors import ConfigurationError
from postern.client.http import Transport

T = TypeVar("T")


def run(flow: Flow[T], transport: Transport) -> T:
    """Drive ``flow`` to its end; its result, or what it raises."""
    try:
        effect = next(flow)
        while True:
            try:
                answer = _perform(effect, transport)
            except BaseException as error:  # noqa: BLE001  # the flow decides: it cleans up, goes on, or lets it out
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()


def _perform(effect: Effect, transport: Transport) -> Any:
    match effect:
        case Send():
            return transport.send(effect.request)
        case Sleep():
            time.sleep(effect.seconds)
        case Call():
            return effect.function()
        case Emit():
            for listener in effect.listeners:
                _refuse_coroutine(listener(*effect.arguments))
        case Protected():
            return run(effect.flow, transport)
    return None


def _refuse_coroutine(result: object) -> None:
    close = getattr(result, "close", None)
    if hasattr(result, "__await__") and close is not None:
        close()
        raise ConfigurationError("a listener of a blocking client cannot be a coroutine function")
