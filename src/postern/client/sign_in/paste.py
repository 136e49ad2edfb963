"""Reading what a person pastes into a terminal, line by line and without blocking."""

import os
import time

_MAX_LINE = 8192
_BACKGROUND_PAUSE = 0.2


class PasteReader:
    """Reads a descriptor that is ready. In the background of a shell it reads nothing: that would stop the process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_at_end = False
        self._pending = b""

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
        *lines, self._pending = (self._pending + received).split(b"\n")
        self._pending = self._pending[-_MAX_LINE:]
        return [text for line in lines if (text := line.decode("utf-8", "replace").strip())]


def _is_in_background(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:  # not our controlling terminal: nobody else reads it
        return False
