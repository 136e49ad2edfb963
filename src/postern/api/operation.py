"""What an operation is: its place on the wire, its shapes, and the errors that its model allows.

One `Operation` describes a call for both sides: the server routes and encodes with it, the client sends and parses
with it.
"""

from enum import Enum
from typing import Generic, TypeVar

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


Input = TypeVar("Input", bound=Shape)
Output = TypeVar("Output", bound=Shape)


class Authentication(Enum):
    """How a caller proves who it is."""

    NONE = "none"
    SIGV4 = "sigv4"
    BEARER_HEADER = "x-amz-sso_bearer_token"


class Operation(msgspec.Struct, Generic[Input, Output], frozen=True, kw_only=True):
    """One operation of a service model.

    ``query`` is the fixed query string that belongs to the request URI (``aws_iam=t``), or empty.
    """

    name: str
    method: str
    path: str
    query: str = ""
    input: type[Input]
    output: type[Output]
    errors: tuple[type[ModelledError], ...]
    authentication: Authentication = Authentication.NONE

    @property
    def request_uri(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path
