"""F6: storage that fails under the store: a sync that fails once, a full disk, a file system that went read-only."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator

from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes, running
from postern.testing.faults.oracle import Oracle, SignIn, portal_lets_in
from postern.testing.faults.stores import SqliteUnderTest
from postern.testing.faults.tracing import refusing
from postern.testing.faults.trial import Skipped, Trial
from postern.testing.wire import Answer, Connection, PersonAtBrowser, WireClient

RECOVERS_WITHIN = 2.0
_SIZE = "8m"
_SIGN_INS = 4
_PATIENCE = 3000
_OK, _SERVER_ERROR = 200, 500
_WRITING = "pwrite64,ftruncate,fallocate,fdatasync,fsync"


class Disk:
    """One server whose store is on a small file system of its own."""

    def __init__(self, trial: Trial, nodes: Nodes, oracle: Oracle, connection: Connection) -> None:
        assert isinstance(trial.store, SqliteUnderTest)
        self.trial = trial
        self.findings = trial.findings
        self.nodes = nodes
        self.store = trial.store
        self._oracle = oracle
        self._connection = connection
        person, client = PersonAtBrowser(connection, PERSON, PASSWORD), WireClient(connection, f"{nodes.url}/start")
        begun = [oracle.begin(client, person) for _ in range(_SIGN_INS)]
        self._sign_ins = [sign_in for sign_in in begun if sign_in is not None and oracle.redeem(sign_in)]

    def cycle(self, kind: Callable[["Disk"], contextlib.AbstractContextManager[None]]) -> None:
        """Before, during and after the fault everybody refreshes; the process must be the same throughout."""
        pid = self.nodes[0].pid
        for sign_in in self._sign_ins:
            self._oracle.refresh(sign_in)
        with kind(self):
            self._is_refused(self._sign_ins[0])
            self._still_reads()
        began = time.monotonic()
        while not self._works_again(self._sign_ins[0]):
            if time.monotonic() > began + 2 * RECOVERS_WITHIN:
                break
        self.findings.recovered(time.monotonic() - began, RECOVERS_WITHIN, "worked again only after")
        self.findings.require(_is_alive(pid), "the process ended")

    def _is_refused(self, sign_in: SignIn) -> None:
        """A log that has room left from before goes on for a while; then comes a refusal."""
        for _ in range(_PATIENCE):
            answer = self._try(sign_in)
            if answer.status != _OK:
                self.findings.server_errors += answer.status >= _SERVER_ERROR
                self.findings.require(
                    bool(answer.error), f"a failure of storage was answered {answer.status} without name"
                )
                return
        self.findings.fault("storage that fails was never noticed")

    def _try(self, sign_in: SignIn) -> Answer:
        answer = sign_in.client.refresh(sign_in.refresh_token)
        if answer.status == _OK:
            self._oracle.acknowledge(sign_in, answer)
        return answer

    def _still_reads(self) -> None:
        for sign_in in self._sign_ins:
            works = portal_lets_in(self._connection, sign_in.access_token)
            self.findings.require(works, "a read was refused while only writing was impossible")

    def _works_again(self, sign_in: SignIn) -> bool:
        return self._try(sign_in).status == _OK


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def sync_fails_once(disk: Disk) -> Iterator[None]:
    output = disk.trial.folder / "trace"
    with refusing(disk.nodes[0].pid, "fdatasync,fsync", "EIO", output=output, when="1"):
        yield


@contextlib.contextmanager
def disk_is_full(disk: Disk) -> Iterator[None]:
    filler = disk.store.file.with_name("filler")
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
            while stream.write(bytes(4096)):
                pass
        yield
    finally:
        filler.unlink(missing_ok=True)


@contextlib.contextmanager
def store_is_read_only(disk: Disk) -> Iterator[None]:
    """A kernel makes a file system with open files read-only only after an error of its own; the store sees EROFS from
    then on, and that is what it gets here.
    """
    files = [word for file in (disk.store.file, disk.store.wal) for word in ("-P", str(file))]
    output = disk.trial.folder / "trace"
    with refusing(disk.nodes[0].pid, _WRITING, "EROFS", *files, output=output):
        yield


KINDS = (sync_fails_once, disk_is_full, store_is_read_only)


def fail_storage(trial: Trial) -> None:
    """Each kind in turn, so many times."""
    nodes = Nodes(trial)
    with _small_disk(trial), watched(trial) as oracle, running(nodes):
        with contextlib.closing(Connection(nodes.ports[0])) as connection:
            disk = Disk(trial, nodes, oracle, connection)
            for cycle in range(trial.dose.cycles):
                for kind in KINDS:
                    disk.cycle(kind)
                trial.say(f"{cycle + 1} of {trial.dose.cycles} times each")
        prove_all(trial, nodes, oracle)
        trial.findings.require("Traceback" not in nodes.log(0).read_text("utf-8"), "there is a traceback in the log")


@contextlib.contextmanager
def _small_disk(trial: Trial) -> Iterator[None]:
    """A file system of 8 MB in memory under the store.

    Raises:
        Skipped: mounting needs root.
    """
    assert isinstance(trial.store, SqliteUnderTest)
    place = trial.store.file.parent
    place.mkdir()
    mounted = _as_root("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(place))
    if mounted is not None:
        raise Skipped(f"a small file system cannot be mounted: {mounted}")
    try:
        yield
    finally:
        _as_root("umount", "--lazy", str(place))


def _as_root(*command: str) -> str | None:
    """What went wrong, or nothing."""
    if os.geteuid() != 0:
        return "it needs root"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    return None if done.returncode == 0 else done.stderr.strip()
