"""Real servers for tests that speak HTTP to one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, run_command
from postern.testing.wire import Connection, PersonAtBrowser, WireClient

PASSWORD = "correct horse battery"


def add_person(data: Path, name: str = "mira") -> None:
    added = run_command("user", "add", name, "--password-stdin", "--data", str(data), stdin=PASSWORD)
    assert added.returncode == 0, added.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One process on a store of its own, in which Mira may sign in. It must stop without a complaint."""
    data = tmp_path_factory.mktemp("server") / "data"
    add_person(data)
    settings = WITHOUT_LIMITS | {"POSTERN_SERVER__REQUEST_TIMEOUT": "2", "POSTERN_SERVER__IDLE_TIMEOUT": "2"}
    server = ServerProcess(data, settings=settings)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.fixture
def connection(server: ServerProcess) -> Iterator[Connection]:
    connection = Connection(server.port)
    yield connection
    connection.close()


def client_of(server: ServerProcess, connection: Connection, **registration: object) -> WireClient:
    return WireClient(connection, f"{server.url}/start", **registration)


def person_of(connection: Connection, name: str = "mira") -> PersonAtBrowser:
    return PersonAtBrowser(connection, name, PASSWORD)
