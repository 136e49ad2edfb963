"""strace on running processes: what they ask of the kernel in which order, and kernels that say no."""

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from postern.testing.faults.trial import ProgramMissing, Skipped


@contextlib.contextmanager
def traced(pids: Sequence[int], *options: str, output: Path) -> Iterator[None]:
    """Within the block strace is attached to the processes, their threads and their children.

    Raises:
        Skipped: there is no strace, or it may not trace.
    """
    if shutil.which("strace") is None:
        raise ProgramMissing("there is no strace here")
    targets = [word for pid in pids for word in ("-p", str(pid))]
    process = subprocess.Popen(  # noqa: S603
        ["strace", "-f", "-o", str(output), *options, *targets],  # noqa: S607
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _await_attached(process, len(pids))
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def _await_attached(process: "subprocess.Popen[str]", count: int) -> None:
    assert process.stderr is not None
    said: list[str] = []
    while count:
        line = process.stderr.readline()
        if not line:
            raise Skipped(f"strace may not trace here: {' '.join(said)}")
        said.append(line.strip())
        count -= " attached" in line


@contextlib.contextmanager
def refusing(pid: int, calls: str, error: str, *options: str, output: Path, when: str = "1+") -> Iterator[None]:
    """Within the block these system calls of a process fail with ``error``, of files that ``-P`` options name."""
    with traced(
        [pid], "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}", *options, output=output
    ):
        yield
