"""Starting what a user has installed, and seeing what that takes: wall time, processor time, memory.

That is Postern's wheel, compiled, in a virtual environment of its own (``scripts/setup installed``).
"""

import http.client
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.fixtures import REGISTRATION, encode
from bench.measure import cpu_seconds, pinned, resident
from bench.servers import environment

INSTALLED = Path(__file__).parents[1] / ".cache" / "bench" / "installed" / "bin"
CONNECTIONS = 2_000
_LAUNCH = Path(__file__).with_name("launch.py")
CLIENT_CORE, SERVER_CORE = 1, 0
_SETTLE = 0.5  # seconds until a server that is ready, or has answered, has nothing left to do
_WARM_UP = 50


class Cost(msgspec.Struct, frozen=True):
    """``wall`` and ``cpu`` are milliseconds. ``memory`` is resident MiB: a command's at its peak, a server's when it is
    idle.
    """

    wall: float
    cpu: float
    memory: float


Start = Callable[[], Cost]


def alternate(starts: Mapping[str, Start], rounds: int) -> dict[str, list[Cost]]:
    """All in turn, ``rounds`` times, and once before that does not count."""
    costs: dict[str, list[Cost]] = {title: [] for title in starts}
    for number in range(-1, rounds):
        print(f"\r\033[Kround {max(number, 0) + 1} of {rounds}", end="", file=sys.stderr)
        for title, start in starts.items():
            cost = start()
            if number >= 0:
                costs[title].append(cost)
    print("\r\033[K", end="", file=sys.stderr)
    return costs


def command(words: Sequence[str], settings: Mapping[str, str], *, core: int = CLIENT_CORE) -> Cost:
    """Of a command that ends by itself.

    Raises:
        SystemExit: it failed; the text is what it said.
    """
    launcher = [*pinned(core), str(INSTALLED / "python"), "-I", "-S", str(_LAUNCH)]
    done = subprocess.run([*launcher, *words], env=settings, capture_output=True, text=True, check=False)
    said = done.stdout.split()
    if done.returncode or said[-1] != "0":
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")
    wall, cpu, peak = map(float, said[:3])
    return Cost(wall * 1000, cpu * 1000, peak / 1024)


def server(settings: Mapping[str, str]) -> Cost:
    """Of ``postern serve`` until it says that it is ready."""
    with _served(settings) as (process, cost):
        time.sleep(_SETTLE)
        return msgspec.structs.replace(cost, memory=resident(process.pid))


def memory_of_a_connection(settings: Mapping[str, str], port: int) -> float:
    """What each of `CONNECTIONS` adds to a server's memory, in KiB, that has been asked once and is idle since."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with _served(settings) as (process, _):
        _close(_asked(port, _WARM_UP))
        time.sleep(_SETTLE)
        before = resident(process.pid)
        connections = _asked(port, CONNECTIONS)
        time.sleep(_SETTLE)
        after = resident(process.pid)
        _close(connections)
    return (after - before) * 1024 / CONNECTIONS


def of_server(folder: Path, port: int) -> dict[str, str]:
    """The environment of a server in ``folder``, and nothing of the user's own."""
    return without_own_configuration() | environment(folder, port)


def without_own_configuration() -> dict[str, str]:
    """This environment, but nothing of the user's own configuration, and no look at the cloud's metadata. Compiled
    modules are kept and output is buffered, as they are for whoever has installed a package.
    """
    left_out = ("AWS_", "POSTERN_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    none = "/nonexistent"
    return kept | {
        "AWS_CONFIG_FILE": none,
        "AWS_SHARED_CREDENTIALS_FILE": none,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def _served(settings: Mapping[str, str]) -> Iterator[tuple["subprocess.Popen[bytes]", Cost]]:
    words = [*pinned(SERVER_CORE), str(INSTALLED / "postern"), "serve"]
    started = time.perf_counter()
    process = subprocess.Popen(words, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stderr
        said = process.stdout.readline()
        elapsed = time.perf_counter() - started
        if not said.startswith(b"ready"):
            raise SystemExit(f"the server did not start:\n{process.stderr.read().decode()}")
        yield process, Cost(elapsed * 1000, cpu_seconds(process.pid) * 1000, resident(process.pid))
    finally:
        process.terminate()
        process.wait(15)


def _asked(port: int, count: int) -> list[http.client.HTTPConnection]:
    """Connections that each registered a client."""
    connections = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(count)]
    for connection in connections:
        connection.request("POST", "/client/register", encode(REGISTRATION), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    return connections


def _close(connections: Sequence[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
