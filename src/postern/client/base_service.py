"""A client of a service: AWS.Service of the reference page. Its operations are methods of the classes that are derived
from it; what all services inherit is here, whether they block or run under asyncio.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, Unpack, cast

from postern import __version__
from postern.api import restjson
from postern.api.operation import Operation, ServiceModel, Shape
from postern.client import global_config
from postern.client.call import call
from postern.client.configuration import Configuration, configure
from postern.client.effects import Flow
from postern.client.endpoints import Endpoint
from postern.client.endpoints import parse as parse_endpoint
from postern.client.errors import ConfigurationError, StateNotFoundError
from postern.client.names import python_name
from postern.client.observers import Observer
from postern.client.options import Options
from postern.client.plan import CallPlan
from postern.client.request import BaseRequest
from postern.client.retries import RetryQuota
from postern.client.shared_config import SharedConfig
from postern.client.validation import Validator

if TYPE_CHECKING:
    from postern.client.signing import Signer

Output = TypeVar("Output", bound=Shape)
Waiter = Callable[["BaseService", Mapping[str, object], Mapping[str, float]], Flow[Any]]

_USER_AGENT = f"postern/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor} {sys.platform}"


class BaseService:
    """What does not depend on how requests are driven.

    ``model`` describes the service; ``waiters`` are flows by the name of the state that they wait for. One client may
    be used by any number of threads (`Service`) or tasks of one event loop (`AsyncService`).
    """

    model: ClassVar[ServiceModel]
    waiters: ClassVar[Mapping[str, Waiter]] = {}
    request_type: ClassVar[type[BaseRequest]] = BaseRequest

    def __init__(self, **options: Unpack[Options]) -> None:
        """
        Raises:
            ConfigurationError: an option, an environment variable or a shared configuration file cannot be used.
        """
        own = {name: value for name, value in options.items() if value is not None}
        given = cast(Options, {**global_config.config.options(), **own})
        environment = given.get("environment")
        self.shared_config = SharedConfig.load(_environment(environment))
        self.configuration: Configuration = configure(self.model, given, self.shared_config)
        self.now = self.configuration.now
        self.user_agent = _USER_AGENT
        self.quota = RetryQuota(500 if self.configuration.has_quota else sys.maxsize)
        self.observers: tuple[Observer, ...] = self._observers(given.get("logger"))
        self._given = given
        self._endpoint = self.configuration.endpoint
        self._base: tuple[Endpoint, str] | None = None
        self._plans: dict[int, CallPlan] = {}
        self._operations = {_fold(operation.name): operation for operation in self.model.operations}

    def __repr__(self) -> str:
        where = self._endpoint.href if self._endpoint else "no endpoint"
        return f"{type(self).__name__}({where})"

    @property
    def endpoint(self) -> Endpoint:
        """Where requests go; may be set to another `Endpoint` or URL.

        Raises:
            ConfigurationError: there is neither an endpoint nor a region.
        """
        if self._endpoint is None:
            raise ConfigurationError("no endpoint: pass region=… or endpoint=…, or set AWS_REGION or AWS_ENDPOINT_URL")
        return self._endpoint

    @endpoint.setter
    def endpoint(self, value: Endpoint | str) -> None:
        if not isinstance(value, Endpoint | str):
            raise ConfigurationError(f"an endpoint is an Endpoint or a URL, not {type(value).__name__}")
        self._endpoint = parse_endpoint(value) if isinstance(value, str) else value

    @property
    def base_url(self) -> str:
        """What an operation's path is appended to."""
        if self._base is None or self._base[0] is not self._endpoint:
            self._base = (self.endpoint, self.endpoint.base)
        return self._base[1]

    @property
    def api_versions(self) -> tuple[str, ...]:
        """The API versions that there are; the one in use is ``configuration.api_version``."""
        return self.model.versions

    @property
    def region(self) -> str | None:
        return self.configuration.region

    @cached_property
    def signer(self) -> "Signer":
        """Made when the first signed request is: who does not sign needs no credentials."""
        from postern.client.credentials import source_of
        from postern.client.signing import Signer

        configuration = self.configuration
        return Signer(
            source_of(
                cast(Mapping[str, Any], self._given),
                environment=configuration.environment,
                shared=self.shared_config,
                profile=configuration.profile,
                now=self.now,
            ),
            service=self.model.signing_name,
            region=configuration.region,
            now=self.now,
            offset=configuration.clock_offset,
            caches_keys=configuration.signature_cache,
            corrects_clock=configuration.correct_clock_skew,
        )

    def operation(self, name: str) -> Operation[Any, Any]:
        """The operation of that name, in any spelling: ``CreateToken``, ``createToken``, ``create_token``.

        Raises:
            ConfigurationError: the service has no such operation.
        """
        found = self._operations.get(_fold(name))
        if found is None:
            there_is = ", ".join(operation.name for operation in self.model.operations)
            raise ConfigurationError(f"{self.model.identifier} has no operation {name!r}: there is {there_is}")
        return found

    def flow(self, operation: Operation[Any, Output], request: Shape) -> Flow[Output]:
        """A call as a flow, for use inside other flows; its result is always converted."""
        return self.request_flow(operation, restjson.members_of(request))

    def request_flow(self, operation: Operation[Any, Output], params: Mapping[str, object]) -> Flow[Output]:
        """The same with parameters by wire name."""
        request = self._new_request(operation, params, signed=True)
        request.convert = True
        return request.flow()

    def named_flow(self, operation: Operation[Any, Output], params: Mapping[str, object]) -> Flow[Output]:
        """The same with parameters by Python or wire name."""
        return self.request_flow(operation, self._plan(operation).by_wire_name(params))

    def setup_request_listeners(self, request: BaseRequest) -> None:
        """Called with each new request; derived classes add listeners here."""

    @classmethod
    def define_service(
        cls,
        identifier: str,
        versions: Sequence[str] = (),
        features: Mapping[str, Any] | None = None,
        *,
        operations: Sequence[Operation[Any, Any]] = (),
        endpoint_prefix: str = "",
        signing_name: str = "",
    ) -> type[Self]:
        """A new class of clients: its ``operations`` as methods (none: those of this class), and ``features``, which
        are further members of the class. Operations are called by POST, with JSON in the body.

        Raises:
            ConfigurationError: the identifier is no Python name, or an operation would take a method's place.
        """
        from postern.client.definition import define

        model = define(cls, identifier, versions, operations, endpoint_prefix, signing_name)
        methods = {python_name(operation.name): _method(operation) for operation in operations}
        return cast(type[Self], type(identifier, (cls,), {"model": model, **methods, **(features or {})}))

    def validator(self, operation: Operation[Any, Any]) -> Validator | None:
        """What checks the parameters of an operation; None if they are not to be checked."""
        return self._plan(operation).validator

    def call_flow(self, request: BaseRequest) -> Flow[Any]:
        """The call that ``request`` stands for."""
        return call(request)

    def _plan(self, operation: Operation[Any, Any]) -> CallPlan:
        plan = self._plans.get(id(operation))
        if plan is None:
            plan = CallPlan(operation, self.configuration.checks, self.configuration.params)
            self._plans[id(operation)] = plan
        return plan

    def _new_request(
        self, operation: Operation[Any, Any], params: Mapping[str, object], *, signed: bool
    ) -> BaseRequest:
        request = self.request_type(self, operation, self._plan(operation).bind(params), signed=signed)
        self.setup_request_listeners(request)
        return request

    def _call_request(self, operation: Operation[Any, Any], params: Mapping[str, object]) -> BaseRequest:
        """A request with parameters by Python name."""
        return self._new_request(operation, self._plan(operation).by_wire_name(params), signed=True)

    def _waiter_flow(self, state: str, params: Mapping[str, object], settings: Mapping[str, float]) -> Flow[Any]:
        waiter = next((self.waiters[name] for name in self.waiters if _fold(name) == _fold(state)), None)
        if waiter is None:
            there_is = f"there is {', '.join(self.waiters)}" if self.waiters else "there is none"
            raise StateNotFoundError(f"{self.model.identifier} has no waiter {state!r}: {there_is}")
        return waiter(self, params, settings)

    def _observers(self, logger: Any) -> tuple[Observer, ...]:
        observers: list[Observer] = []
        if logger is not None:
            from postern.client.request_log import RequestLog

            observers.append(RequestLog(logger, self.now))
        if self.configuration.monitoring is not None:
            from postern.client.monitoring import Monitoring

            host, port, client_id = self.configuration.monitoring
            observers.append(Monitoring(host=host, port=port, client_id=client_id))
        return tuple(observers)

    def _close_observers(self) -> None:
        for observer in self.observers:
            close = getattr(observer, "close", None)
            if close is not None:
                close()


def _fold(name: str) -> str:
    return name.replace("_", "").lower()


def _environment(given: Mapping[str, str] | None) -> Mapping[str, str]:
    import os

    return os.environ if given is None else given


def _method(operation: Operation[Any, Any]) -> Callable[..., Any]:
    def call(self: Any, **params: object) -> Any:
        return self.call(operation, params)

    call.__name__ = python_name(operation.name)
    return call
