"""Server processes on one store, as nodes behind a balancer: they share the public address, the store and the master
key.
"""

import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from postern.testing.faults.trial import Trial
from postern.testing.processes import COMMAND, WITHOUT_LIMITS, ServerProcess, free_port, run_command

PERSON = "load"
PASSWORD = "a password for the load"
_SETTINGS = WITHOUT_LIMITS | {
    "POSTERN_LIMITS__PORTAL_PER_MINUTE": "0",
    "POSTERN_LOG__REQUESTS": "false",
    "POSTERN_SERVER__IDLE_TIMEOUT": "3600",
}


class Nodes:
    """``count`` nodes, each with a port that it keeps through restarts. `PERSON` may sign in."""

    def __init__(
        self,
        trial: Trial,
        count: int = 1,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.ports = [free_port() for _ in range(count)]
        self.url = f"http://127.0.0.1:{self.ports[0]}"
        self.master_key = trial.master_key
        self.settings = {
            **_SETTINGS,
            "POSTERN_STORE__URL": trial.store.url,
            "POSTERN_LIFETIMES__REPLAY_WINDOW": str(trial.dose.window),
            "POSTERN_MASTER_KEY__VALUE": base64.b64encode(self.master_key).decode(),
            "POSTERN_SERVER__PUBLIC_URL": self.url,
            **(settings or {}),
        }
        self._arguments = ("--workers", str(trial.dose.workers)) if trial.dose.workers > 1 else ()
        self._folder = trial.folder
        self._running: dict[int, ServerProcess] = {}

    def __getitem__(self, number: int) -> ServerProcess:
        return self._running[number]

    def log(self, number: int) -> Path:
        return self._folder / f"node-{number}.log"

    def run(self, *arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None) -> str:
        """A ``postern`` command on their store; what it printed."""
        data, settings = str(self._folder / "node-0"), {**self.settings, **(settings or {})}
        done = run_command(*arguments, "--data", data, settings=settings, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_person(self, name: str = PERSON) -> None:
        self.run("user", "add", name, "--password-stdin", stdin=PASSWORD)

    def start(
        self, number: int, *, program: Sequence[str] = COMMAND, settings: Mapping[str, str] | None = None
    ) -> ServerProcess:
        """
        Raises:
            NotReady: it does not start.
        """
        server = self._running[number] = ServerProcess(
            self._folder / f"node-{number}",
            *self._arguments,
            port=self.ports[number],
            settings={**self.settings, **(settings or {})},
            program=program,
        )
        return server

    def kill(self, number: int) -> None:
        self._running.pop(number).kill()

    def stop(self, number: int) -> int:
        """Ask it to stop; its exit code."""
        return self._running.pop(number).stop()

    def kill_all(self) -> None:
        for number in list(self._running):
            self.kill(number)


@contextlib.contextmanager
def running(nodes: Nodes, *, program: Sequence[str] = COMMAND) -> Iterator[Nodes]:
    """All of them started, with `PERSON`; whatever runs at the end is killed."""
    try:
        with ThreadPoolExecutor() as starting:
            adding = starting.submit(nodes.add_person)
            list(starting.map(lambda number: nodes.start(number, program=program), range(len(nodes.ports))))
            adding.result()
        yield nodes
    finally:
        nodes.kill_all()
