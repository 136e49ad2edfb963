"""Real servers: each a process of its own, on a free loopback port, with a data folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from postern.testing.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
POSTERN = Path(sys.executable).with_name("postern")
NO_LIMITS = {
    "POSTERN_LIMITS__REGISTER_PER_MINUTE": "0",
    "POSTERN_LIMITS__DEVICE_START_PER_MINUTE": "0",
    "POSTERN_LIMITS__SIGN_IN_PER_MINUTE": "0",
}
_PATIENCE = 30.0


class Server:
    """A running server, and what a script learns from its data folder."""

    def __init__(self, endpoint: str, data: Path, process: subprocess.Popen[bytes], outputs: Sequence[Path]) -> None:
        self.endpoint = endpoint
        self.data = data
        self.process = process
        self._outputs = outputs

    @property
    def config_file(self) -> Path:
        return self.data / "demo" / "config"

    @property
    def user_file(self) -> Path:
        return self.data / "demo" / "user.json"

    @property
    def user(self) -> dict[str, str]:
        contents: dict[str, str] = json.loads(self.user_file.read_text())
        return contents

    @property
    def start_url(self) -> str:
        """The server's own; the demo's configuration file has the one in AWS's form."""
        return f"{self.endpoint}/start"

    def output(self) -> bytes:
        """All that it has printed and logged."""
        return b"".join(file.read_bytes() for file in self._outputs)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's, without what would reach into a server or a client, and with ``settings``. Nobody who signs in is a
    machine (``CI``), or no browser would be opened.
    """
    left_out = ("AWS_", "POSTERN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out) and name != "CI"}
    return {**kept, **settings}


@contextlib.contextmanager
def started(
    folder: Path,
    *,
    settings: Mapping[str, str] = NO_LIMITS,
    command: str = "demo",
    port: int | None = None,
    argv: Sequence[str] | None = None,
    ready: str | None = None,
) -> Iterator[Server]:
    """A server with its data in ``folder/data``, until the block ends. ``argv`` replaces the whole command line;
    ``ready`` is the address that it calls its own, if that is not where it listens.
    """
    port = port or free_port()
    data = folder / "data"
    folder.mkdir(exist_ok=True)
    arguments = argv or (str(POSTERN), command, "--port", str(port), "--data", str(data))
    outputs = (folder / "stdout", folder / "stderr")
    said_before = outputs[0].stat().st_size if outputs[0].exists() else 0
    with outputs[0].open("ab") as stdout, outputs[1].open("ab") as stderr:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=ROOT,
            env=environment(settings),
            start_new_session=True,
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _await_ready(process, outputs, ready or endpoint, said_before)
        yield Server(endpoint, data, process, outputs)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process, and what it has started in its session; harmless when it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _await_ready(process: subprocess.Popen[bytes], outputs: Sequence[Path], endpoint: str, skip: int) -> None:
    line = f"ready {endpoint}".encode()
    deadline = time.monotonic() + _PATIENCE
    while line not in outputs[0].read_bytes()[skip:].splitlines():
        if process.poll() is not None or time.monotonic() > deadline:
            said = b"".join(file.read_bytes() for file in outputs).decode(errors="replace")
            raise RuntimeError(f"the server did not become ready:\n{said}")
        time.sleep(0.02)
