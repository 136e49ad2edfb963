"""The journal: acknowledgements, on disk before the client acts on them."""

import json
import os
import threading
from pathlib import Path
from typing import TextIO


class Journal:
    """Appends; every entry is durable when `note` returns."""

    def __init__(self, file: Path) -> None:
        self._stream: TextIO = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, **entry: str) -> None:
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()
