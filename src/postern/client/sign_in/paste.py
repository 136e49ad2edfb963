"""Reading what a person pastes into a terminal, line by line and without blocking."""

import os
import sys
import time
from typing import Any, TypeAlias

_MAX_LINE = 8192
_BACKGROUND_PAUSE = 0.2
_LOCAL_FLAGS, _CHARACTERS = 3, 6  # their places among a terminal's attributes
_RUB_OUT, _KILL_LINE = b"\x7f\b", b"\x15"

Attributes: TypeAlias = list[Any]  # as `termios` has them


class PasteReader:
    """Reads a descriptor that is ready. In the background of a shell it reads nothing: that would stop the process.

    From `open` to `close` a terminal does not edit lines, for then it would cut them, without a word: after 4,095 bytes
    on Linux, after 1,023 on macOS.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_at_end = False
        self._pending = b""
        self._before: Attributes | None = None

    def open(self) -> None:
        """Take the terminal."""
        self._before = _attributes(self.descriptor)
        if self._before is not None:
            _set_attributes(self.descriptor, _without_line_editing(self._before))

    @property
    def has_pending(self) -> bool:
        """Whether there is something that Enter is still to be pressed after."""
        return bool(self._pending) and not self.is_at_end

    def read(self) -> list[str]:
        """The lines that are complete."""
        if _is_in_background(self.descriptor):
            time.sleep(_BACKGROUND_PAUSE)  # what is typed now is for the shell, and it stays ready until that reads it
            return []
        try:
            received = os.read(self.descriptor, _MAX_LINE)
        except OSError:
            received = b""
        self.is_at_end = not received
        *lines, self._pending = _edited(self._pending + received).split(b"\n")
        self._pending = self._pending[: _MAX_LINE + 1]  # one more, so that it is seen to be too long
        return [text for line in lines if (text := line.decode("utf-8", "replace").strip())]

    def close(self) -> None:
        """Give the terminal back as it was; may be called again."""
        before, self._before = self._before, None
        if before is not None:
            _set_attributes(self.descriptor, before)


def _edited(typed: bytes) -> bytes:
    """What is left of it after the keys that take something back: the terminal does not do that now."""
    if not set(typed) & set(_RUB_OUT + _KILL_LINE):
        return typed
    kept = bytearray()
    for key in typed:
        if key in _KILL_LINE:
            del kept[kept.rfind(b"\n") + 1 :]
        elif key not in _RUB_OUT:
            kept.append(key)
        elif kept and not kept.endswith(b"\n"):
            del kept[-1]
    return bytes(kept)


def _is_in_background(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:  # not our controlling terminal: nobody else reads it
        return False


if sys.platform == "win32":

    def _attributes(descriptor: int) -> Attributes | None:
        return None

    def _without_line_editing(attributes: Attributes) -> Attributes:
        return attributes

    def _set_attributes(descriptor: int, attributes: Attributes) -> None: ...

else:

    def _attributes(descriptor: int) -> Attributes | None:
        """Those of a terminal that is ours."""
        import termios

        if _is_in_background(descriptor):
            return None
        try:
            return termios.tcgetattr(descriptor)
        except termios.error:
            return None  # no terminal, so there is nothing that cuts lines

    def _without_line_editing(attributes: Attributes) -> Attributes:
        import termios

        characters = list(attributes[_CHARACTERS])
        characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        changed = list(attributes)
        changed[_LOCAL_FLAGS] &= ~termios.ICANON
        changed[_CHARACTERS] = characters
        return changed

    def _set_attributes(descriptor: int, attributes: Attributes) -> None:
        """Not from the background: the terminal is the shell's then, and to touch it would stop us."""
        import termios

        if _is_in_background(descriptor):
            return
        try:
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        except termios.error:
            return  # hung up
