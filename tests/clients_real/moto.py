"""moto's server, in a process of its own."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postern.testing.processes import free_port
from tests.clients_real.conftest import require
from tests.clients_real.servers import ROOT, environment

MOTO = ROOT / ".cache" / "clients" / "moto" / "bin" / "moto_server"


@contextmanager
def started(folder: Path) -> Iterator[str]:
    """Its URL, until the block ends. Skips the test where moto is not set up."""
    require("moto", MOTO)
    port = free_port()
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(MOTO.with_name("python")), str(MOTO), "-H", "127.0.0.1", "-p", str(port)],
            stdout=stream,
            stderr=stream,
            env=environment({"HOME": str(folder)}),
        )
    try:
        _await(f"http://127.0.0.1:{port}/moto-api/data.json", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text())
