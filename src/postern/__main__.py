"""The process of the ``postern`` command, also as ``python -m postern``: how it starts, and how it ends."""

import gc
import os
import sys


def run() -> int:
    """The exit code of the command that this process was started for. It may end the process itself."""
    gc.disable()  # PERF: to look for garbage in what is imported takes a tenth of a start; `cli.main` begins with it
    from postern.cli import main

    code = main()
    # PERF: taking the interpreter down is a tenth of `postern credentials`. Output has been written by now, and what
    # has something left to do at the end (loggers, executors, servers) works with threads.
    if code == 0 and "threading" not in sys.modules:
        os._exit(code)
    return code


if __name__ == "__main__":
    raise SystemExit(run())
