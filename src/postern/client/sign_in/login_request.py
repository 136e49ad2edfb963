"""What a sign-in is asked for."""

import math
from typing import Literal

import msgspec

from postern.client.errors import ConfigurationError
from postern.client.sessions import DEFAULT_SCOPES
from postern.client.sign_in import addresses

Method = Literal["auto", "pkce", "device_code"]

_METHODS = ("auto", "pkce", "device_code")
_MAX_PORT = 65535


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``session_name`` is the name of the sso-session section; None is a profile of the older form.

    ``method`` ``auto`` is PKCE where a browser can be opened, else the device code. ``callback_port`` 0 is any that is
    free. ``timeout`` is how many seconds the person has in all, ``min_ttl`` how many a token from the cache must still
    be good for; ``force`` signs in whatever the cache has. ``client_name`` is what the consent page calls us.
    """

    start_url: str
    region: str
    session_name: str | None = None
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    method: Method = "auto"
    open_browser: bool = True
    callback_port: int = 0
    timeout: float | None = None
    min_ttl: float = 0.0
    force: bool = False
    client_name: str = ""

    def check(self) -> None:
        """
        Raises:
            ConfigurationError: something in it cannot be meant.
        """
        if self.method not in _METHODS:
            raise ConfigurationError(f"sign-in method {self.method!r} is none of {', '.join(_METHODS)}")
        if addresses.parsed(self.start_url) is None:
            raise ConfigurationError(f"start URL {self.start_url!r} is no http(s) URL")
        if not 0 <= self.callback_port <= _MAX_PORT:
            raise ConfigurationError(f"callback port {self.callback_port} is not between 0 and {_MAX_PORT}")
        if self.timeout is not None and not (self.timeout > 0 and math.isfinite(self.timeout)):
            raise ConfigurationError(
                "the time-out of a sign-in must be more than 0 seconds, and end; None is no time-out"
            )
        if not math.isfinite(self.min_ttl):
            raise ConfigurationError("min_ttl must be a number of seconds")

    @property
    def name(self) -> str:
        """The client name to register."""
        return self.client_name or (f"postern-{self.session_name}" if self.session_name else "postern")
