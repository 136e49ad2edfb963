"""A call as an object: its parameters, its listeners, and what became of it. AWS.Request and AWS.Response of the
reference page's SDK.
"""

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, Self

from postern.api.operation import Operation
from postern.client.effects import Effect, Emit, Flow
from postern.client.errors import ConfigurationError
from postern.client.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from postern.client.base_service import BaseService
    from postern.client.service import AsyncService, Service

EVENTS = (
    "validate",
    "build",
    "sign",
    "send",
    "extract_data",
    "extract_error",
    "retry",
    "success",
    "error",
    "complete",
)
Listener = Callable[..., Any]
Callback = Callable[[Exception | None, Any], object]


class Response:
    """What is known of a call so far.

    ``data`` is the result, ``error`` the failure of the last try; ``http_response`` the last answer; ``retry_count``
    and ``redirect_count`` count what came after the first try. A listener for ``retry`` may set ``retryable``.
    """

    __slots__ = (
        "data",
        "error",
        "http_response",
        "redirect_count",
        "request",
        "request_id",
        "retry_count",
        "retryable",
    )

    def __init__(self, request: "BaseRequest") -> None:
        self.request = request
        self.data: Any = None
        self.error: Exception | None = None
        self.http_response: HttpResponse | None = None
        self.request_id: str | None = None
        self.retry_count = 0
        self.redirect_count = 0
        self.retryable = False


class BaseRequest:
    """``params`` are by wire name. ``http_request`` is there from the event ``build`` on, and may be changed by
    listeners until it is sent. ``signed`` is whether credentials go with it, ``convert`` whether the result is made a
    shape.
    """

    def __init__(
        self, service: "BaseService", operation: Operation[Any, Any], params: Mapping[str, object], *, signed: bool
    ) -> None:
        self.service = service
        self.operation = operation
        self.params: dict[str, object] = dict(params)
        self.signed = signed
        self.convert = service.configuration.convert_response_types
        self.http_request: HttpRequest | None = None
        self.response = Response(self)
        self._is_sent = False
        self._listeners: dict[str, list[Listener]] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.operation.name})"

    def on(self, event: str, listener: Listener, *, prepend: bool = False) -> Self:
        """Call ``listener`` at ``event``, after those that are there, or before them.

        ``validate``, ``build`` and ``sign`` pass the request; ``send``, ``extract_data``, ``extract_error``,
        ``retry``, ``success`` and ``complete`` the response; ``error`` the error and the response. What a listener
        raises becomes the call's error. Under asyncio a listener may be a coroutine function.

        Raises:
            ConfigurationError: there is no such event.
        """
        listeners = self._listeners_of(event)
        listeners.insert(0 if prepend else len(listeners), listener)
        return self

    def remove_listener(self, event: str, listener: Listener) -> Self:
        """
        Raises:
            ConfigurationError: there is no such event.
        """
        listeners = self._listeners_of(event)
        if listener in listeners:
            listeners.remove(listener)
        return self

    def emit(self, event: str, *arguments: object) -> Generator[Effect, Any, None]:
        """The part of a flow that calls the listeners of ``event``."""
        listeners = self._listeners.get(event)
        if listeners:
            yield Emit(tuple(listeners), arguments)

    def flow(self) -> Flow[Any]:
        """The call as a flow, for a driver of one's own. A request is good for one call.

        Raises:
            ConfigurationError: it was sent before.
        """
        if self._is_sent:
            raise ConfigurationError("this request was sent already: make a new one")
        self._is_sent = True
        return self.service.call_flow(self)

    def _listeners_of(self, event: str) -> list[Listener]:
        if event not in EVENTS:
            raise ConfigurationError(f"there is no event {event!r}: there is {', '.join(EVENTS)}")
        return self._listeners.setdefault(event, [])


class Request(BaseRequest):
    """A call of a blocking client."""

    service: "Service"

    def send(self, callback: Callback | None = None) -> Any:
        """Make the call; its result. With a ``callback``, that is called with the error (or None) and the result (or
        None), and an error is not raised; ``response`` knows the rest.

        Raises:
            ModelledError: the service refused.
            ClientError: anything else went wrong; see `postern.client.errors`.
        """
        if callback is None:
            return self.service.drive(self.flow())
        try:
            self.service.drive(self.flow())
        except Exception as error:  # noqa: BLE001  # whatever it is, the callback is told
            callback(error, None)
        else:
            callback(None, self.response.data)
        return self.response.data


class AsyncRequest(BaseRequest):
    """A call of an asyncio client: ``await request`` or ``await request.send()``."""

    service: "AsyncService"

    async def send(self) -> Any:
        """Make the call; its result.

        Raises:
            ModelledError: the service refused.
            ClientError: anything else went wrong; see `postern.client.errors`.
        """
        return await self.service.drive(self.flow())

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.send().__await__()
