"""What an operation is: its place on the wire, its shapes, and the errors that its model allows.

One `Operation` describes a call for both sides: the server routes and encodes with it, the client sends and parses
with it. A `ServiceModel` is a set of them under one name.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec

from postern.api.errors import ModelledError


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all request and response shapes: snake_case in Python, camelCase on the wire, absent members are
    ``None``.
    """

    def __repr__(self) -> str:
        """Which members are there, and never what they are: most are secrets."""
        present = ", ".join(name for name in self.__struct_fields__ if getattr(self, name) is not None)
        return f"{type(self).__name__}({present})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What rich prints in tracebacks: the same."""
        return [(name, ...) for name in self.__struct_fields__ if getattr(self, name) is not None]


Input = TypeVar("Input", bound=Shape)
Output = TypeVar("Output", bound=Shape)


class Authentication(Enum):
    """How a caller proves who it is."""

    NONE = "none"
    SIGV4 = "sigv4"
    BEARER_HEADER = "x-amz-sso_bearer_token"


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may check about a string, or about each string of a list, before it asks.

    ``min`` and ``max`` count characters, or bound a number; ``max_items`` counts the members of a list; ``pattern`` is
    a regular expression for the whole string.
    """

    min: int | None = None
    max: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] | None = None


class Operation(msgspec.Struct, Generic[Input, Output], frozen=True, kw_only=True):
    """One operation of a service model.

    ``query`` is the fixed query string that belongs to the request URI (``aws_iam=t``), or empty. ``host_prefix``
    goes before the host name; ``{name}`` in it stands for a member of the input. ``constraints`` are by wire name.
    ``is_form`` is that the request body is a form (``application/x-www-form-urlencoded``), as OAuth's own endpoints
    have it, and not JSON. ``query_members`` are the members of the input that travel in the query, by Python name:
    what they are called there.
    """

    name: str
    method: str
    path: str
    query: str = ""
    input: type[Input]
    output: type[Output]
    errors: tuple[type[ModelledError], ...]
    authentication: Authentication = Authentication.NONE
    host_prefix: str = ""
    constraints: Mapping[str, Constraint] = {}
    is_form: bool = False
    query_members: Mapping[str, str] = {}

    @property
    def request_uri(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class ServiceModel(msgspec.Struct, frozen=True, kw_only=True):
    """A service as clients know it.

    ``identifier`` is the name that the SDK for JavaScript has for it, ``service_id`` that of its model,
    ``config_key`` that of environment variables and shared configuration files; ``versions`` are its API versions.
    """

    identifier: str
    service_id: str
    config_key: str
    versions: tuple[str, ...]
    endpoint_prefix: str
    signing_name: str
    operations: tuple[Operation[Any, Any], ...]
