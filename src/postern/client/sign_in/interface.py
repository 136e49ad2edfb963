"""What the person who signs in sees: a protocol, a terminal, and silence.

Whatever comes from the service may be anybody's text: control characters in it never reach the terminal. No token and
no secret is ever shown.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

import msgspec

from postern.client.sign_in import qr

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken

_DEFAULT_COLUMNS = 80
_INDENT = "  "
_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_CLEAR_LINE = "\r\x1b[K"


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in with PKCE has begun: the person goes to ``url``, on this machine.

    ``opens`` says whether a browser is about to be opened there, ``reason`` why or why not. If the browser cannot reach
    ``redirect_uri``, ``paste`` takes the address that it ended at; it may be called from any thread.
    """

    url: str
    redirect_uri: str
    opens: bool
    reason: str
    paste: Callable[[str], None]


class DeviceCode(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in with a device code has begun: the person goes to ``verification_uri`` on any machine and compares or
    enters ``user_code`` within ``expires_in`` seconds. ``verification_uri_complete`` has the code in it already.
    """

    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: float
    opens: bool
    reason: str


class SignInInterface(Protocol):
    """Methods may return an awaitable: under asyncio it is awaited. What one raises ends the sign-in.

    ``paste_input`` is the descriptor of a terminal from which a pasted address may be read, or None.
    """

    @property
    def paste_input(self) -> int | None: ...

    def show_authorization(self, authorization: Authorization) -> object: ...

    def show_device_code(self, code: DeviceCode) -> object: ...

    def notice(self, text: str) -> object:
        """Something the person should know: the browser did not open, what was pasted is not it."""

    def waiting(self, seconds_left: float) -> object:
        """Called now and then while the person acts."""

    def finished(self, token: "CachedToken") -> object: ...

    def ended(self) -> None:
        """Called once when the sign-in is over, however it ended; not awaited."""


class SilentInterface:
    """Shows nothing: for tests, and for where the person is told otherwise."""

    paste_input: int | None = None

    def show_authorization(self, authorization: Authorization) -> None: ...

    def show_device_code(self, code: DeviceCode) -> None: ...

    def notice(self, text: str) -> None: ...

    def waiting(self, seconds_left: float) -> None: ...

    def finished(self, token: "CachedToken") -> None: ...

    def ended(self) -> None: ...


class TerminalInterface:
    """Writes to ``stream``, standard error by default. Without ``color`` given, there is colour on a terminal unless
    ``NO_COLOR`` is set or ``TERM`` is dumb; progress is shown on a terminal only.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        color: bool | None = None,
        columns: int | None = None,
        stdin: TextIO | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        environment = os.environ if environment is None else environment
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._shows_progress = self._is_terminal and environment.get("TERM") != "dumb"
        can_color = self._shows_progress and not environment.get("NO_COLOR")
        self._color = can_color if color is None else color
        self._columns = columns or _columns_of(self._stream)
        self._has_progress = False
        self.paste_input = _descriptor(sys.stdin if stdin is None else stdin) if self._is_terminal else None

    def show_authorization(self, authorization: Authorization) -> None:
        self._write(
            "Your browser will open to sign in. If it does not, go to:\n\n"
            if authorization.opens
            else f"To sign in, open this page in a browser on this machine ({_clean(authorization.reason)}):\n\n"
        )
        self._write(f"{_INDENT}{self._strong(_clean(authorization.url))}\n\n")
        if self.paste_input is not None:
            self._write("If the page at the end cannot be reached, paste its address here and press Enter.\n")

    def show_device_code(self, code: DeviceCode) -> None:
        self._write(
            "Your browser will open to sign in. Or open this page on any device:\n\n"
            if code.opens
            else f"To sign in, open this page on any device ({_clean(code.reason)}):\n\n"
        )
        self._write(
            f"{_INDENT}{self._strong(_clean(code.verification_uri_complete))}\n\n"
            f"Compare the code there with this one, or enter it at {_clean(code.verification_uri)}:\n\n"
            f"{_INDENT}{self._strong(_clean(code.user_code))}\n\n"
        )
        self._show_qr(code.verification_uri_complete)
        self._write(f"The code is good for {_span(code.expires_in)}. Never enter a code that someone else sent you.\n")

    def notice(self, text: str) -> None:
        self._write(f"{_clean(text)}\n")

    def waiting(self, seconds_left: float) -> None:
        if not self._shows_progress:
            return
        self._stream.write(f"{_CLEAR_LINE}{self._dim(f'Waiting for you, {_clock(seconds_left)} left')}")
        self._stream.flush()
        self._has_progress = True

    def finished(self, token: "CachedToken") -> None:
        self._write(f"Signed in to {_clean(token.start_url)}. The access token is good{_until(token.expires_at)}.\n")

    def ended(self) -> None:
        self._clear_progress()

    def _show_qr(self, url: str) -> None:
        encoding = self._stream.encoding or "ascii"
        symbol = qr.half_blocks(url, columns=self._columns, encoding=encoding, color=self._color)
        if symbol is None:
            self._write("(No QR code: the address is too long for one here, or the terminal is not UTF-8.)\n")
        else:
            self._write(f"{symbol}\n\n")

    def _write(self, text: str) -> None:
        self._clear_progress()
        encoding = self._stream.encoding or "ascii"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()

    def _clear_progress(self) -> None:
        if self._has_progress:
            self._stream.write(_CLEAR_LINE)
            self._stream.flush()
            self._has_progress = False

    def _strong(self, text: str) -> str:
        return f"{_BOLD}{text}{_RESET}" if self._color else text

    def _dim(self, text: str) -> str:
        return f"{_DIM}{text}{_RESET}" if self._color else text


def _clean(text: str) -> str:
    """A replacement for each character that is no visible one; an address stays whole."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _columns_of(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_COLUMNS
    except (OSError, ValueError):
        return _DEFAULT_COLUMNS


def _descriptor(stream: TextIO | None) -> int | None:
    """A terminal's descriptor. On Windows a console cannot be waited for together with sockets."""
    if sys.platform == "win32" or stream is None:
        return None
    try:
        return stream.fileno() if stream.isatty() else None
    except (OSError, ValueError):
        return None


def _until(at: float) -> str:
    """Nothing, where it is a time that no calendar has."""
    import time

    try:
        return time.strftime(" until %Y-%m-%d %H:%M UTC", time.gmtime(at))
    except (OSError, OverflowError, ValueError):
        return ""


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes > 1 else f"{max(0, round(seconds))} seconds"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"
