"""A real `postern serve`, started and ended as an operator would."""

import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

COMMAND = [sys.executable, "-m", "postern"]
WITHOUT_LIMITS = {
    "POSTERN_LIMITS__REGISTER_PER_MINUTE": "0",
    "POSTERN_LIMITS__DEVICE_START_PER_MINUTE": "0",
    "POSTERN_LIMITS__SIGN_IN_PER_MINUTE": "0",
    "POSTERN_LIMITS__USER_CODE_TRIES": "100000",
    "POSTERN_LIMITS__USER_CODE_TRIES_PER_ADDRESS": "100000",
}

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = 2_500
_FIRST_PORT = 12_000 + _worker % 8 * _PORTS
_steps = itertools.count(random.randrange(_PORTS))  # noqa: S311


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens on, nor gets by chance before the server that it is for has started: it lies
    below those that systems choose from, and each worker of pytest-xdist has ports of its own.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = _FIRST_PORT + next(_steps) % _PORTS
            probe.bind(("127.0.0.1", port))
            return port


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's own, without settings but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    return kept | dict(settings or {})


def run_command(
    *arguments: str, settings: Mapping[str, str] | None = None, stdin: str = "", patience: float = 60
) -> subprocess.CompletedProcess[str]:
    """A ``postern`` command, run to its end."""
    return subprocess.run(  # noqa: S603
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
        env=environment(settings),
    )


class NotReady(Exception):
    """The server ended, or was not ready in time; the text is what it said on standard error."""


class ServerProcess:
    """``postern serve`` (or another command that serves) on a loopback port, ready when the constructor returns.

    ``log`` is where its standard error goes; ``ready_after`` is how long it took, in seconds. ``program`` is how
    `postern` itself is called.
    """

    def __init__(
        self,
        data: Path,
        *arguments: str,
        command: str = "serve",
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        patience: float = 20,
        program: Sequence[str] = COMMAND,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.log = data.with_name(f"{data.name}.log")
        self.stdout = ""
        self._lines: SimpleQueue[str] = SimpleQueue()
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*program, command, "--port", str(self.port), "--data", str(data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(settings),
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._await_ready(patience)
        self.ready_after = time.monotonic() - started

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End the process and its workers as a power cut would, without a word."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(20)

    def terminate(self) -> None:
        """Ask the process to stop, and do not wait for it."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask the process to stop; its exit code."""
        if self._process.poll() is None:
            self.terminate()
        return self.wait()

    def wait(self) -> int:
        try:
            return self._process.wait(20)
        finally:
            if self._process.poll() is None:
                self.kill()
            self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._lines.put(line)

    def _await_ready(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.05)
            except Empty:
                if self._process.poll() is not None:
                    break
                continue
            self.stdout += line
            if line.startswith("ready "):
                return
        self.wait() if self._process.poll() is not None else self.kill()
        raise NotReady(self.log.read_text("utf-8", "replace")[-4000:])
