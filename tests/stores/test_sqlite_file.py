"""The SQLite file: made whole, migrated once, refused when it is damaged, and never replaced by an empty one."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postern.core.store import StoreError, StoreUnavailable
from postern.stores import open_store
from postern.stores.migrations import Migration, SchemaError
from postern.stores.sqlite import schema
from postern.stores.sqlite.rows import TABLES
from postern.stores.sqlite.schema import known_migrations, migrate
from postern.stores.sqlite.store import SqliteStore, open_sqlite
from postern.testing import samples
from postern.testing.conformance.suite import add_approved


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with some pages of sign-ins in it, closed."""
    file = tmp_path_factory.mktemp("original") / "postern.db"

    async def fill() -> None:
        store = open_sqlite(file)
        mira = samples.user("mira")
        await store.create_user(mira)
        for _ in range(300):
            approved = await add_approved(store, mira)
            await store.redeem_device_authorization(samples.device_redemption(approved))
        await store.close()

    asyncio.run(fill())
    return file


@pytest.fixture
def file(original: Path, tmp_path: Path) -> Path:
    """A copy of that store, to do with as a test likes."""
    return Path(shutil.copy2(original, tmp_path))


def opened(file: Path) -> None:
    """What a server does with its store before it listens."""
    asyncio.run(open_sqlite(file).close())


def connect(file: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(file, isolation_level=None))


# What is in it


def test_columns_are_the_fields_of_the_records(file: Path) -> None:
    with connect(file) as connection:
        for kind, table in TABLES.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert columns == [field.name for field in msgspec.structs.fields(kind)]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {table.name for table in TABLES.values()} | {"schema_migration"}


async def test_both_connections_write_ahead_with_full_synchronisation(file: Path) -> None:
    store = open_sqlite(file)
    for connection in (store._reader, store._writer):
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    await store.close()


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = open_sqlite(tmp_path / "deep" / "postern.db")
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "deep").iterdir()}
    finally:
        os.umask(before)
    assert modes == {"postern.db": 0o600, "postern.db-wal": 0o600, "postern.db-shm": 0o600}
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    asyncio.run(store.close())


def test_opening_again_keeps_everything(file: Path) -> None:
    store = open_sqlite(file)
    assert len(asyncio.run(store.list_token_families("id of mira", samples.NOW))) == 300
    asyncio.run(store.close())


class Failing:
    """A connection on which one statement fails once."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement: str | None = statement

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if statement == self._statement:
            self._statement = None
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(statement, *parameters)


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT"])
async def test_a_read_that_failed_once_stops_no_later_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    store = open_sqlite(file)
    monkeypatch.setattr(store, "_reader", Failing(store._reader, statement))
    with pytest.raises(StoreUnavailable) if statement == "BEGIN" else nullcontext():
        await store.check()
    for _ in range(3):
        await asyncio.sleep(0)
        await store.check()
    await store.create_user(samples.user("ada"))
    await asyncio.sleep(0)
    assert await store.find_user_by_name(samples.INSTANCE_ID, "ada")
    await store.close()


# Migrations


def test_each_migration_is_applied_once(file: Path) -> None:
    with connect(file) as connection:
        assert migrate(connection) == []
        ledger = connection.execute("SELECT number, name, checksum FROM schema_migration").fetchall()
    assert ledger == [(known.number, known.name, known.checksum) for known in known_migrations()]


def test_a_further_migration_is_applied_to_an_older_store(file: Path) -> None:
    further = Migration(9999, "further", "-- why\nCREATE TABLE further (\n  one INTEGER\n);\nDROP TABLE further;\n")
    with connect(file) as connection:
        assert migrate(connection, [*known_migrations(), further]) == [further]


def test_a_migration_that_fails_leaves_the_schema_as_it_was(file: Path) -> None:
    broken = Migration(9999, "broken", "CREATE TABLE half (one INTEGER);\nCREATE TABLE half (one INTEGER);\n")
    with connect(file) as connection:
        with pytest.raises(SchemaError):
            migrate(connection, [*known_migrations(), broken])
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
        assert migrate(connection) == []


def test_a_newer_schema_is_refused(file: Path) -> None:
    with connect(file) as connection:
        connection.execute("INSERT INTO schema_migration VALUES (9999, 'newer', 'x', 0)")
    with pytest.raises(SchemaError, match="schema 9999, this version knows up to"):
        opened(file)


def test_an_altered_migration_is_refused(file: Path) -> None:
    with connect(file) as connection:
        connection.execute("UPDATE schema_migration SET checksum = 'altered' WHERE number = 1")
    with pytest.raises(SchemaError, match="migration 0001"):
        opened(file)


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    with connect(tmp_path / "theirs.db") as connection:
        connection.execute("CREATE TABLE theirs (one INTEGER)")
    with pytest.raises(SchemaError, match="not a Postern store"):
        opened(tmp_path / "theirs.db")


def test_processes_that_start_at_once_share_one_store(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from postern.stores.sqlite.store import open_sqlite\n"
        "from postern.testing import samples\n"
        "async def main():\n"
        "    sys.stdin.readline()\n"
        "    store = open_sqlite(Path(sys.argv[1]))\n"
        "    await store.create_user(samples.user(sys.argv[2]))\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    file = tmp_path / "postern.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(file), f"person {number}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=30)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    store = open_sqlite(file)
    assert len(asyncio.run(store.list_users())) == 4
    asyncio.run(store.close())
    assert [path.name for path in tmp_path.iterdir()] == ["postern.db"]


# Damage


def damaged(file: Path, how: str) -> None:
    whole = file.read_bytes()
    size = len(whole)
    middle = size // 2 // 4096 * 4096
    file.write_bytes(
        {
            "emptied": b"",
            "filled with zeros": bytes(size),
            "filled with noise": os.urandom(size),
            "text": b"this is not a store\n" * 100,
            "cut within a page": whole[: middle + 100],
            "cut between pages": whole[:middle],
            "without its first page": bytes(4096) + whole[4096:],
            "with a page of noise": whole[:middle] + os.urandom(4096) + whole[middle + 4096 :],
            "with a page of zeros": whole[:middle] + bytes(4096) + whole[middle + 4096 :],
        }[how]
    )


DAMAGES = [
    "emptied",
    "filled with zeros",
    "filled with noise",
    "text",
    "cut within a page",
    "cut between pages",
    "without its first page",
    "with a page of noise",
    "with a page of zeros",
]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_refused_in_one_line_and_left_as_it_is(file: Path, how: str) -> None:
    damaged(file, how)
    before = file.read_bytes()
    with pytest.raises(StoreError) as refusal:
        opened(file)
    assert len(str(refusal.value).splitlines()) == 1
    assert file.read_bytes() == before


def test_a_log_without_its_file_is_refused(file: Path) -> None:
    file.rename(file.with_name("postern.db-wal"))
    with pytest.raises(SchemaError, match="is gone"):
        opened(file)
    assert not file.exists()


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        opened(tmp_path)


async def test_damage_that_comes_later_is_found_by_a_thorough_check(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(file, "with a page of noise")
    monkeypatch.setattr(schema, "require_sound", lambda connection: None)
    store = SqliteStore(file)
    await store.check()
    with pytest.raises(SchemaError, match="damaged"):
        await store.check(thoroughly=True)
    await store.close()


def test_an_unknown_store_is_refused() -> None:
    with pytest.raises(StoreError, match="unknown store"):
        open_store("mysql://localhost/postern")
