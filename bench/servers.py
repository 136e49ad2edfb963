"""Postern and the bare application as the load meets them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import signed_requests
from bench.measure import Server

PORT = 18900
BARE_PORT = PORT + 1


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def environment(folder: Path, port: int = PORT, store_url: str = "") -> dict[str, str]:
    """The settings of a server in ``folder``: nothing limits how often one may ask or how long one waits, no request is
    logged. Without a store URL it is SQLite. Servers of one folder have the same master key.
    """
    return {
        "POSTERN_SERVER__DATA": str(folder / "data"),
        "POSTERN_SERVER__PORT": str(port),
        "POSTERN_STORE__URL": store_url,
        "POSTERN_LIMITS__REGISTER_PER_MINUTE": "0",
        "POSTERN_LIMITS__DEVICE_START_PER_MINUTE": "0",
        "POSTERN_LIMITS__SIGN_IN_PER_MINUTE": "0",
        "POSTERN_LIMITS__PORTAL_PER_MINUTE": "0",
        "POSTERN_DEVICE__POLL_BURST": "100000000",
        "POSTERN_LIFETIMES__AUTHORIZATION_CODE": "600",
        "POSTERN_IAM__MAX_CLOCK_SKEW": str(signed_requests.MAX_CLOCK_SKEW),
        "POSTERN_LOG__REQUESTS": "false",
        "POSTERN_SERVER__TARGET_DELAY": "10000",
    }


def start_postern(
    folder: Path, port: int = PORT, store_url: str = "", *, core: int | None = 0, workers: int = 1
) -> Server:
    settings, log = environment(folder, port, store_url), folder / f"postern-{port}.log"
    settings["POSTERN_SERVER__WORKERS"] = str(workers)
    return Server(["-m", "postern", "serve"], settings, url(port), log, ready="/healthz/ready", core=core)


def start_bare(folder: Path) -> Server:
    arguments = ["-m", "uvicorn", "bench.bare:app", "--port", str(BARE_PORT), "--no-access-log", "--no-server-header"]
    return Server(arguments, {}, url(BARE_PORT), folder / "bare.log")


@contextmanager
def postern(folder: Path, port: int, store_url: str, *, core: int | None = 0, workers: int = 1) -> Iterator[Server]:
    server = start_postern(folder, port, store_url, core=core, workers=workers)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    server = start_bare(folder)
    try:
        yield server
    finally:
        server.stop()
