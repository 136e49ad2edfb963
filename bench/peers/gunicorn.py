"""Peers that are WSGI applications in `bench.peers.apps`: gunicorn serves them as it does unless told, by one
synchronous worker. They keep what they store in one SQLite file, and print seeds when they are run themselves.
"""

import os
from pathlib import Path

import msgspec

from bench.measure import Server
from bench.peers.peer import APPS, CACHE, Seeds, installed, python_version, said
from bench.servers import url

SETUP = "servers"
_ENVIRONMENT = CACHE / "bench" / "servers"


class Application(msgspec.Struct, frozen=True):
    """``module`` is a file of `bench.peers.apps`, ``callable`` what it calls its application."""

    module: str
    callable: str
    package: str

    def version(self) -> str:
        return python_version(_ENVIRONMENT, self.package)

    def start(self, folder: Path, port: int) -> Server:
        program = installed(_ENVIRONMENT / "bin" / "gunicorn", SETUP)
        self.seed(folder, port, 0, 0)
        target = ["--chdir", str(APPS), f"{self.module}:{self.callable}"]
        return Server(
            ["--no-control-socket", "--workers", "1", "--bind", f"127.0.0.1:{port}", *target],
            self._environment(folder),
            url(port),
            folder / f"{self.module}.log",
            program=program,
        )

    def seed(self, folder: Path, _: int, codes: int, tokens: int) -> Seeds:
        arguments = [str(APPS / f"{self.module}.py"), str(codes), str(tokens)]
        environment = {**os.environ, **self._environment(folder)}
        printed = said(_ENVIRONMENT / "bin" / "python", *arguments, environment=environment)
        return msgspec.json.decode(printed, type=Seeds)

    def _environment(self, folder: Path) -> dict[str, str]:
        return {"BENCH_DATABASE": str(folder / f"{self.module}.sqlite3"), "PYTHONDONTWRITEBYTECODE": "1"}
