"""Starting servers on one core and load on the other, and reading what the load saw."""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import msgspec

HERE = Path(__file__).parent


class Sample(msgspec.Struct, frozen=True):
    """One run of the load: requests a second, latencies in microseconds, the share of a core that each side used."""

    rate: float
    p50: int
    p99: int
    wrong: int
    server_cpu: float
    load_cpu: float

    @property
    def cpu_per_request(self) -> float:
        """Microseconds of the server's core."""
        return self.server_cpu / self.rate * 1e6


class RanOut(Exception):
    """There were not enough prepared requests for the run: its figures do not count."""


class Figures(msgspec.Struct, frozen=True):
    """Several samples of one kind."""

    samples: list[Sample]

    def median(self, member: str) -> float:
        return statistics.median(getattr(sample, member) for sample in self.samples)


class Server:
    """A server process on the first core."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], ready_url: str, log: Path) -> None:
        self._log = log.open("wb")
        self.process = subprocess.Popen(
            [*pinned(0), sys.executable, *arguments],
            env={**os.environ, **environment},
            stdout=self._log,
            stderr=self._log,
        )
        self._wait(ready_url)

    def _wait(self, url: str) -> None:
        for _ in range(200):
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended at once: see {self._log.name}")
            try:
                with urllib.request.urlopen(url, timeout=1):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the server did not become ready")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


def pinned(core: int) -> list[str]:
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)])] if shutil.which("taskset") else []


def load(server: Server, url: str, environment: Mapping[str, str], *, connections: int, seconds: int) -> Sample:
    """One run of wrk on the second core.

    Raises:
        RanOut: the requests that are good once were used up.
    """
    command = [
        *pinned(1),
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "5s",
        "-s",
        str(HERE / "load.lua"),
        url,
    ]
    before, before_load = server.cpu_seconds(), os.times()
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    after, after_load = server.cpu_seconds(), os.times()
    line = next((line for line in result.stdout.splitlines() if line.startswith("BENCH ")), None)
    if line is None:
        raise SystemExit(f"wrk failed:\n{result.stdout}{result.stderr}")
    sys.stderr.write(result.stderr)
    requests, duration, p50, p99, wrong, ran_out = map(int, line.split()[1:])
    if ran_out:
        raise RanOut
    elapsed = duration / 1e6
    load_cpu = (after_load.children_user + after_load.children_system) - (
        before_load.children_user + before_load.children_system
    )
    return Sample(requests / elapsed, p50, p99, wrong, (after - before) / elapsed, load_cpu / elapsed)
