"""The request log: a line for each call, in the form that the SDK for JavaScript gave it, without what is secret."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from postern.api.errors import ModelledError
from postern.client import validation
from postern.client.errors import ConfigurationError, ServiceError
from postern.client.observers import Attempt
from postern.client.request import BaseRequest

MASK = "***SensitiveInformation***"

_LINE = "[AWS %s %s %.3fs %d retries] %s(%s)%s"
_SECRET_ENDINGS = ("assertion", "code", "context", "credentials", "key", "password", "secret", "token", "verifier")
_MAX_VALUE = 200
_MAX_ITEMS = 25


class RequestLog:
    """Writes to ``logger``: a `logging.Logger` at level INFO; or an object with ``log(text)``; or a stream, which has
    ``write(text)``. What it raises is dropped.

    A line: ``[AWS ssooidc 400 0.152s 0 retries] createToken({ clientId: 'id', … }) InvalidGrantException``. The status
    is that of the last answer, ``-`` if none came; the name after it is that of the error, if there was one.
    """

    def __init__(self, logger: object, now: Callable[[], float]) -> None:
        """
        Raises:
            ConfigurationError: ``logger`` is none of these.
        """
        self._write = _writer(logger)
        self._now = now

    def attempted(self, request: BaseRequest, attempt: Attempt) -> None:
        """A try alone has no line."""

    def completed(self, request: BaseRequest, started_at: float) -> None:
        """Write the line of a call."""
        with suppress(Exception):
            self._write(self._values(request, started_at))

    def _values(self, request: BaseRequest, started_at: float) -> tuple[object, ...]:
        response, name = request.response, request.operation.name
        return (
            request.service.model.identifier,
            "-" if response.http_response is None else response.http_response.status,
            max(0.0, self._now() - started_at),
            response.retry_count,
            name[:1].lower() + name[1:],
            _params(request),
            "" if response.error is None else f" {_escaped(error_name(response.error))}",
        )


def is_secret(member: str) -> bool:
    """Whether a member of that wire name is masked: told by its ending, so that members to come are masked too."""
    return member.lower().endswith(_SECRET_ENDINGS)


def error_name(error: Exception) -> str:
    """The service's name for an error, or that of its class if it arose here."""
    if isinstance(error, ModelledError):
        return error.wire_name()
    return error.code if isinstance(error, ServiceError) else type(error).__name__


def _writer(logger: Any) -> Callable[[tuple[object, ...]], object]:
    logging = sys.modules.get("logging")  # whoever has a Logger has imported it
    if logging is not None and isinstance(logger, logging.Logger | logging.LoggerAdapter):
        return lambda values: logger.info(_LINE, *values)
    if callable(getattr(logger, "log", None)):
        return lambda values: logger.log(_LINE % values)
    if callable(getattr(logger, "write", None)):
        return lambda values: logger.write(f"{_LINE % values}\n")
    raise ConfigurationError("option logger takes a logging.Logger, an object with log(text), or a stream")


def _params(request: BaseRequest) -> str:
    known = validation.members_of(request.operation.input)
    # A member that the model does not know may be a misspelt secret.
    shown = [
        f"{_escaped(name)}: {repr(MASK) if name not in known or is_secret(name) else _shown(value)}"
        for name, value in request.params.items()
    ]
    return f"{{ {', '.join(shown)} }}" if shown else "{}"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value[:_MAX_VALUE]) + ("…" if len(value) > _MAX_VALUE else "")
    if isinstance(value, list | tuple):
        more = ["…"] if len(value) > _MAX_ITEMS else []
        return f"[ {', '.join([*(_shown(item) for item in value[:_MAX_ITEMS]), *more])} ]" if value else "[]"
    if isinstance(value, int | float):
        return repr(value)
    return f"<{type(value).__name__}>"


def _escaped(text: str) -> str:
    """One line of printable characters, so that nobody can forge another one."""
    return repr(text[:_MAX_VALUE])[1:-1]
