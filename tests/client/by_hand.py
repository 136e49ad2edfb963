"""A flow driven by hand: without clock, socket and event loop."""

from collections.abc import Callable
from typing import TypeVar

from postern.client.effects import Effect, Flow

T = TypeVar("T")


def drive(flow: Flow[T], perform: Callable[[Effect], object]) -> T:
    """Drive ``flow`` to its end. What ``perform`` raises is thrown into it."""
    try:
        effect = next(flow)
        while True:
            try:
                result = perform(effect)
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
