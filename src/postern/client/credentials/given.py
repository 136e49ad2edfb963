"""Credentials that a caller hands in: ours, or any object that carries them under the names usual in Python."""

from collections.abc import Callable
from typing import Any

import msgspec

from postern.client.credentials.model import Credentials
from postern.client.effects import Call, Flow
from postern.client.errors import ConfigurationError, CredentialsError

_NAMES = (
    ("access_key_id", "secret_access_key", "session_token"),
    ("access_key", "secret_key", "token"),
)
_SOURCE = "given"


class GivenCredentials:
    """Provider and source in one. The object is read anew each time, as it may renew itself."""

    name = _SOURCE

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"GivenCredentials({type(self._value).__name__})"

    def load(self) -> Flow[Credentials | None]:
        return (yield from self.resolve())

    def resolve(self) -> Flow[Credentials]:
        """
        Raises:
            CredentialsError: the object has no keys now.
        """
        return (yield from credentials_of(self._value, source=_SOURCE))

    def expire(self, access_key_id: str) -> None:
        """Nothing: the object belongs to the caller."""


def static_credentials(value: object) -> GivenCredentials:
    """A provider of what ``value`` carries: our `Credentials`; an object with ``access_key_id``, ``secret_access_key``,
    ``session_token``; or one of botocore's, with ``access_key``, ``secret_key``, ``token`` or
    ``get_frozen_credentials()``.

    Raises:
        ConfigurationError: it is none of these.
    """
    if not carries_credentials(value):
        raise ConfigurationError(f"credentials cannot be read from an object of type {type(value).__name__}")
    return GivenCredentials(value)


def carries_credentials(value: object) -> bool:
    return callable(getattr(value, "get_frozen_credentials", None)) or _names_in(value) is not None


def credentials_of(value: Any, *, source: str) -> Flow[Credentials]:
    """What ``value`` carries at the moment.

    Raises:
        CredentialsError: a key is missing, or the object is for asyncio.
    """
    if isinstance(value, Credentials):
        return value if value.source else msgspec.structs.replace(value, source=source)
    freeze: Callable[[], Any] | None = getattr(value, "get_frozen_credentials", None)
    frozen = value if freeze is None else refuse_awaitable((yield Call(freeze)), source)
    return frozen_credentials(frozen, source=source, expires_at=expiry_of(value))


def frozen_credentials(frozen: object, *, source: str, expires_at: float | None) -> Credentials:
    """The keys that an object carries as attributes.

    Raises:
        CredentialsError: one is missing.
    """
    names = _names_in(frozen) or _NAMES[0]
    token = getattr(frozen, names[2], None)
    return Credentials(
        access_key_id=_key(frozen, names[0]),
        secret_access_key=_key(frozen, names[1]),
        session_token=token if isinstance(token, str) and token else None,
        expires_at=expires_at,
        source=source,
    )


def _key(frozen: object, name: str) -> str:
    value = getattr(frozen, name, None)
    if not isinstance(value, str) or not value:
        raise CredentialsError(f"the credentials have no {name}")
    return value


def expiry_of(value: object) -> float | None:
    """When an object's credentials expire, in Unix seconds. botocore tells it in a private attribute only; without it
    they are taken to last.
    """
    moment = getattr(value, "expires_at", None)
    if moment is None:
        moment = getattr(value, "_expiry_time", None)
    if isinstance(moment, int | float):
        return float(moment)
    timestamp = getattr(moment, "timestamp", None)
    return float(timestamp()) if callable(timestamp) else None


def refuse_awaitable(value: Any, source: str) -> Any:
    """
    Raises:
        CredentialsError: ``value`` would have to be awaited, which a flow cannot.
    """
    if not hasattr(value, "__await__"):
        return value
    close = getattr(value, "close", None)
    if close is not None:
        close()
    raise CredentialsError(f"{source} is asynchronous: await the credentials first and pass them in")


def _names_in(value: object) -> tuple[str, str, str] | None:
    return next((names for names in _NAMES if hasattr(value, names[0]) and hasattr(value, names[1])), None)
