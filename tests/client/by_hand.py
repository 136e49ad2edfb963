"""A flow driven by hand: without clock, socket and event loop."""

from collections.abc import Callable
from typing import TypeVar

from postern.client.effects import Effect, Flow, Protected

T = TypeVar("T")


def drive(flow: Flow[T], perform: Callable[[Effect], object]) -> T:
    """Drive ``flow`` to its end, and the flows that it protects. What ``perform`` raises is thrown into it."""
    try:
        effect = next(flow)
        while True:
            try:
                result = drive(effect.flow, perform) if isinstance(effect, Protected) else perform(effect)
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
