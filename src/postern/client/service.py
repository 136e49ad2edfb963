"""The two kinds of clients: one blocks, one runs under asyncio. They differ in how flows are driven and no more."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

from postern.api.operation import Operation, Shape
from postern.client.base_service import BaseService
from postern.client.configuration import Configuration
from postern.client.driver import run
from postern.client.effects import Flow
from postern.client.http import AsyncTransport, Transport
from postern.client.options import Options
from postern.client.request import AsyncRequest, Callback, Request

if TYPE_CHECKING:
    from postern.client.transports.options import TransportOptions

T = TypeVar("T")
Output = TypeVar("Output", bound=Shape)


class Service(BaseService):
    """The blocking client of a service. Close it, or use it as a context manager, to close its connections."""

    request_type = Request

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.transport: Transport = self._agent() or self._pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, also those of a transport that was handed in."""
        self.transport.close()
        self._close_observers()

    def drive(self, flow: Flow[T]) -> T:
        """Run a flow to its end with this client's connections."""
        return run(flow, self.transport)

    def call(self, operation: Operation[Any, Output], params: Mapping[str, object]) -> Output:
        """Make a call with parameters by Python name."""
        return cast(Output, self.drive(self._call_request(operation, params).flow()))

    def make_request(
        self, operation: str, params: Mapping[str, object] | None = None, callback: Callback | None = None
    ) -> Request:
        """A request with parameters by wire name. With a ``callback`` it is sent at once; else call its ``send``.

        Raises:
            ConfigurationError: the service has no such operation.
        """
        request = cast(Request, self._new_request(self.operation(operation), params or {}, signed=True))
        if callback is not None:
            request.send(callback)
        return request

    def make_unauthenticated_request(
        self, operation: str, params: Mapping[str, object] | None = None, callback: Callback | None = None
    ) -> Request:
        """The same without a signature.

        Raises:
            ConfigurationError: the service has no such operation.
        """
        request = cast(Request, self._new_request(self.operation(operation), params or {}, signed=False))
        if callback is not None:
            request.send(callback)
        return request

    def wait_for(
        self, state: str, params: Mapping[str, object] | None = None, *, delay: float = 0.0, max_attempts: int = 0
    ) -> Any:
        """Poll until ``state`` is reached; the answer that says so. ``params`` are by Python or wire name. ``delay``
        (seconds) and ``max_attempts`` override the waiter's own.

        Raises:
            StateNotFoundError: there is no such waiter.
            WaiterError: too many attempts.
        """
        return self.drive(self._waiter_flow(state, params or {}, {"delay": delay, "max_attempts": max_attempts}))

    def _agent(self) -> Transport | None:
        return cast("Transport | None", self.configuration.agent)

    def _pool(self) -> Transport:
        from postern.client.transports.blocking import ConnectionPool

        return ConnectionPool(_transport_options(self.configuration))


class AsyncService(BaseService):
    """The asyncio client of a service, for the tasks of one event loop. Close it, or use it as an asynchronous context
    manager, to close its connections.
    """

    request_type = AsyncRequest

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.transport: AsyncTransport = self._agent() or self._pool()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections, also those of a transport that was handed in."""
        await self.transport.close()
        self._close_observers()

    async def drive(self, flow: Flow[T]) -> T:
        """Run a flow to its end with this client's connections."""
        from postern.client import async_driver

        return await async_driver.run(flow, self.transport)

    async def call(self, operation: Operation[Any, Output], params: Mapping[str, object]) -> Output:
        """Make a call with parameters by Python name."""
        return cast(Output, await self.drive(self._call_request(operation, params).flow()))

    def make_request(self, operation: str, params: Mapping[str, object] | None = None) -> AsyncRequest:
        """A request with parameters by wire name, to be awaited.

        Raises:
            ConfigurationError: the service has no such operation.
        """
        return cast(AsyncRequest, self._new_request(self.operation(operation), params or {}, signed=True))

    def make_unauthenticated_request(self, operation: str, params: Mapping[str, object] | None = None) -> AsyncRequest:
        """The same without a signature.

        Raises:
            ConfigurationError: the service has no such operation.
        """
        return cast(AsyncRequest, self._new_request(self.operation(operation), params or {}, signed=False))

    async def wait_for(
        self, state: str, params: Mapping[str, object] | None = None, *, delay: float = 0.0, max_attempts: int = 0
    ) -> Any:
        """Poll until ``state`` is reached; the answer that says so. ``params`` are by Python or wire name. ``delay``
        (seconds) and ``max_attempts`` override the waiter's own.

        Raises:
            StateNotFoundError: there is no such waiter.
            WaiterError: too many attempts.
        """
        return await self.drive(self._waiter_flow(state, params or {}, {"delay": delay, "max_attempts": max_attempts}))

    def _agent(self) -> AsyncTransport | None:
        return cast("AsyncTransport | None", self.configuration.agent)

    def _pool(self) -> AsyncTransport:
        from postern.client.transports.asynchronous import AsyncConnectionPool

        return AsyncConnectionPool(_transport_options(self.configuration))


def _transport_options(configuration: Configuration) -> "TransportOptions":
    from postern.client.transports.options import TransportOptions

    return TransportOptions(
        connect_timeout=configuration.connect_timeout,
        timeout=configuration.timeout,
        proxy=configuration.proxy,
        environment=configuration.environment,
        ca_bundle=configuration.ca_bundle,
    )
