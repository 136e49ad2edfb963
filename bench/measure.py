"""Starting servers on one core and load on the other, and reading what the load saw."""

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

HERE = Path(__file__).parent
_LAST_WORDS = 40  # of a server that did not start


class Sample(msgspec.Struct, frozen=True):
    """One run of the load: requests a second, latencies in microseconds, the share of a core that each side used.
    ``store_cpu`` is that of a store with processes of its own, ``memory`` what the server had in MiB when it ended.
    """

    rate: float
    p50: int
    p99: int
    wrong: int
    server_cpu: float
    load_cpu: float
    store_cpu: float = 0.0
    memory: float = 0.0

    @property
    def cpu_per_request(self) -> float:
        """Microseconds of the server's core, and of its store's."""
        return (self.server_cpu + self.store_cpu) / self.rate * 1e6


class DidNotStart(SystemExit):
    """The server ended, or did not answer in time; the text says which."""


class RanOut(Exception):
    """There were not enough prepared requests for the run: its figures do not count."""


class Figures(msgspec.Struct, frozen=True):
    """Several samples of one kind."""

    samples: list[Sample]

    def median(self, member: str) -> float:
        values: list[float] = [getattr(sample, member) for sample in self.samples]
        return statistics.median(values)


class Server:
    """A server, with the processes that it starts, on a core of its own: the first unless told, any where that is
    ``None``. Its program is this Python unless told.

    Raises:
        DidNotStart: it did not become ready.
    """

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        url: str,
        log: Path,
        *,
        ready: str = "",
        core: int | None = 0,
        program: Path | str = sys.executable,
    ) -> None:
        self.url = url
        if _answers(url):
            raise DidNotStart(f"something else answers at {url}")
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            [*pinned(core), str(program), *arguments],
            env={**os.environ, **environment},
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._wait(url + ready)
        except DidNotStart:
            self.stop()
            raise

    def _wait(self, url: str) -> None:
        for _ in range(200):
            if self.process.poll() is not None:
                raise DidNotStart(f"the server ended at once: {self._last_words()}")
            try:
                with urllib.request.urlopen(url, timeout=1):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise DidNotStart(f"the server did not become ready: {self._last_words()}")

    def _last_words(self) -> str:
        return " ".join(Path(self._log.name).read_text(errors="replace").split()[-_LAST_WORDS:]) or "it said nothing"

    def cpu_seconds(self) -> float:
        """Of it and its workers."""
        return tree_cpu_seconds(self.process.pid)

    def memory(self) -> float:
        """Resident memory of all its processes in MiB."""
        return sum(map(resident, processes(self.process.pid)))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


def _answers(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as connection:
        return connection.connect_ex((address.hostname, address.port)) == 0


def pinned(core: int | None) -> list[str]:
    if core is None:
        return []
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)])] if shutil.which("taskset") else []


def resident(pid: int) -> float:
    """Resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(pid: int, *, with_ended_children: bool = False) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = sum(map(int, fields[11 : 15 if with_ended_children else 13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def tree_cpu_seconds(pid: int) -> float:
    """Seconds of processor time of a process and all that it started, those that ended included."""
    return sum(map(_spent_by, processes(pid)))


def _spent_by(pid: int) -> float:
    try:
        return cpu_seconds(pid, with_ended_children=True)
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0.0


def processes(pid: int) -> Iterator[int]:
    """A process and all that it started and that run."""
    waiting = [pid]
    while waiting:
        yield (each := waiting.pop())
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile
                waiting += map(int, children.read_text().split())


class Target(msgspec.Struct, frozen=True):
    """A server under load: what ``load.lua`` is told, and by how many connections it comes."""

    server: Server
    url: str
    environment: Mapping[str, str]
    connections: int


def load(server: Server, url: str, environment: Mapping[str, str], *, connections: int, seconds: int) -> Sample:
    """One run of wrk on the second core.

    Raises:
        RanOut: the requests that are good once were used up.
    """
    return load_together([Target(server, url, environment, connections)], seconds)


def load_together(targets: Sequence[Target], seconds: int, store_cpu: Callable[[], float] = lambda: 0.0) -> Sample:
    """One run of wrk for each server, all at once. Rates are summed, latencies are the worst of them.

    Raises:
        RanOut: the requests that are good once were used up.
    """

    def spent() -> tuple[float, float, float]:
        times = os.times()
        of_servers = sum(target.server.cpu_seconds() for target in targets)
        return of_servers, times.children_user + times.children_system, store_cpu()

    before = spent()
    running = [_wrk(target, seconds) for target in targets]
    runs = [_seen(wrk) for wrk in running]
    elapsed = max(run.elapsed for run in runs)
    server, load_, store = ((after - earlier) / elapsed for earlier, after in zip(before, spent(), strict=True))
    if any(run.ran_out for run in runs):
        raise RanOut
    return Sample(
        rate=sum(run.requests / run.elapsed for run in runs),
        p50=max(run.p50 for run in runs),
        p99=max(run.p99 for run in runs),
        wrong=sum(run.wrong for run in runs),
        server_cpu=server,
        load_cpu=load_,
        store_cpu=store,
        memory=sum(target.server.memory() for target in targets),
    )


class _Seen(NamedTuple):
    """What one wrk reports, durations in microseconds."""

    requests: int
    duration: int
    p50: int
    p99: int
    wrong: int
    ran_out: int

    @property
    def elapsed(self) -> float:
        return self.duration / 1e6


def _wrk(target: Target, seconds: int) -> "subprocess.Popen[str]":
    command = [
        *pinned(1),
        "wrk",
        "-t1",
        f"-c{target.connections}",
        f"-d{seconds}s",
        "--timeout",
        "5s",
        "-s",
        str(HERE / "load.lua"),
        target.url,
    ]
    environment = {**os.environ, **target.environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _seen(wrk: "subprocess.Popen[str]") -> _Seen:
    output, errors = wrk.communicate()
    line = next((line for line in output.splitlines() if line.startswith("BENCH ")), None)
    if line is None:
        raise SystemExit(f"wrk failed:\n{output}{errors}")
    sys.stderr.write(errors)
    return _Seen(*map(int, line.split()[1:]))
