"""``python -m postern.testing.clocked OFFSET COMMAND ...``: `postern` on a machine whose wall clock somebody sets.

The file ``OFFSET`` holds how many seconds the clock is off; `set_offset` changes it while the server runs. The
monotonic clock goes on as it is, as on a real machine. One process only: workers would have the true clock.
"""

import mmap
import runpy
import struct
import sys
import time
from pathlib import Path

_SECONDS = struct.Struct("d")


def set_offset(file: Path, seconds: float) -> None:
    """In place, since a running server has the file mapped."""
    if not file.exists():
        file.write_bytes(_SECONDS.pack(0))
    with file.open("r+b") as stream:
        stream.write(_SECONDS.pack(seconds))


def program(file: Path) -> list[str]:
    """How to call `postern` with the clock of ``file``."""
    return [sys.executable, "-m", "postern.testing.clocked", str(file)]


def main() -> None:
    true_time = time.time
    with Path(sys.argv[1]).open("r+b") as stream:
        offset = mmap.mmap(stream.fileno(), _SECONDS.size)
    time.time = lambda: true_time() + _SECONDS.unpack_from(offset)[0]
    sys.argv[:] = ["postern", *sys.argv[2:]]
    runpy.run_module("postern", run_name="__main__")  # whatever it imports sees this clock


if __name__ == "__main__":
    main()
