"""What a flow may ask of its driver.

A flow is a generator that yields effects and gets their results: it holds all decisions and does no I/O of its own, so
that it can be driven by threads, by an event loop, or by a test that has neither.
"""

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

import msgspec

from postern.client.http import HttpRequest

T = TypeVar("T")


class Send(msgspec.Struct, frozen=True):
    """Send a request. The result is an `HttpResponse`; a `TransportError` is thrown into the flow."""

    request: HttpRequest


class Sleep(msgspec.Struct, frozen=True):
    """Wait so many seconds."""

    seconds: float


class Call(msgspec.Struct, frozen=True):
    """Do something that may block (a file lock, a child process, a person). The result is what ``function`` returns,
    and what it raises is thrown into the flow.

    Under asyncio it runs in a thread; when the task is cancelled, ``cancel`` is called, and must make ``function``
    return soon.
    """

    function: Callable[[], Any]
    cancel: Callable[[], object] | None = None


class Emit(msgspec.Struct, frozen=True):
    """Call listeners in turn with ``arguments``; under asyncio, what they return is awaited if it can be. What one
    raises is thrown into the flow.
    """

    listeners: tuple[Callable[..., Any], ...]
    arguments: tuple[Any, ...]


class Protected(msgspec.Struct, frozen=True):
    """Go through another flow that a cancelled task must not break off half-way: it spends what can be spent only once.
    The result is that flow's, and what it raises is thrown into this one.

    Under asyncio the cancellation is thrown into this flow when the other one has ended, or after half a minute.
    """

    flow: "Flow[Any]"


Effect: TypeAlias = Send | Sleep | Call | Emit | Protected
Flow: TypeAlias = Generator[Effect, Any, T]
