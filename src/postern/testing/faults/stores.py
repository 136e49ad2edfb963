"""The stores under test: where the servers find them, how they are looked into, and whether they are whole."""

import contextlib
import itertools
import shutil
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path

import msgspec

from postern.core.records import DeviceAuthorization
from postern.testing.postgres import PostgresFailed, PostgresServer

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
EXPIRED = "expired"


class StoreUnderTest(ABC):
    """One empty store for one trial. ``log`` is part of the path of its write-ahead log; ``keeps_time`` says whether
    servers go by its clock, ``runs_older`` whether versions before an additive migration start on it, ``later_schema``
    is the statement that claims a schema nobody knows.
    """

    name: str
    url: str
    log: str
    keeps_time: bool
    runs_older: bool
    later_schema: str

    def forget_later_schema(self) -> None:
        self.execute("DELETE FROM schema_migration WHERE number = 9999")

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run one SQL statement, beside the servers."""

    @abstractmethod
    def number(self, query: str) -> int:
        """The one number that an SQL query answers."""

    @abstractmethod
    def add_expired(self, count: int) -> None:
        """So many device authorizations of the client `EXPIRED`, copies of one that is there but for their age."""

    @abstractmethod
    def damage(self) -> str | None:
        """What is wrong with the store as a file system of rows, or nothing."""

    @abstractmethod
    def writers(self) -> list[int]:
        """The processes beside the servers that write its log."""


def expired_rows(random_bytes: str) -> str:
    """An INSERT of one copy for each row of a ``series(n)``; ``random_bytes`` is how the engine makes 32 of them."""
    columns = [field.name for field in msgspec.structs.fields(DeviceAuthorization)]
    changed = {
        "authorization_id": "n",
        "user_code_digest": random_bytes,
        "client_name": f"'{EXPIRED}'",
        "created_at": "1",
        "expires_at": "600",
        "status": "'PENDING'",
    }
    values = ", ".join(changed.get(column, f"one.{column}") for column in columns)
    one = "(SELECT * FROM device_authorization LIMIT 1) AS one"
    return f"INSERT INTO device_authorization ({', '.join(columns)}) SELECT {values} FROM series, {one}"  # noqa: S608


class SqliteUnderTest(StoreUnderTest):
    name = SQLITE
    log = "postern.db-wal"
    keeps_time = False
    runs_older = False
    later_schema = "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (9999, 'later', 'x', 0)"

    def __init__(self, folder: Path) -> None:
        self.file = folder / "store" / "postern.db"
        self.wal = self.file.with_name(f"{self.file.name}-wal")
        self.url = f"sqlite:///{self.file}"
        self._aside = folder / "aside"

    def set_aside(self) -> None:
        """Keep a copy of the files as they are."""
        shutil.copytree(self.file.parent, self._aside)

    def put_back(self) -> None:
        """The files as they were kept."""
        shutil.rmtree(self.file.parent)
        self._aside.rename(self.file.parent)

    def execute(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.file, isolation_level=None, timeout=30)) as connection:
            connection.execute(statement)

    def number(self, query: str) -> int:
        with self._reader() as connection:
            return int(connection.execute(query).fetchone()[0])

    def add_expired(self, count: int) -> None:
        series = f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count})"  # noqa: S608
        self.execute(f"{series} {expired_rows('randomblob(32)')}")

    def damage(self) -> str | None:
        with self._reader() as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        return None if verdict == "ok" else f"integrity_check: {verdict}"

    def writers(self) -> list[int]:
        return []

    def _reader(self) -> "contextlib.closing[sqlite3.Connection]":
        return contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30))


class PostgresUnderTest(StoreUnderTest):
    """A database of its own on a server that other trials may use, one after the other."""

    name = POSTGRESQL
    log = "pg_wal/"
    keeps_time = True
    runs_older = True
    later_schema = (
        "INSERT INTO schema_migration (number, name, checksum, runs_beside, applied_at) "
        "VALUES (9999, 'later', 'x', 9999, 0)"
    )

    def __init__(self, server: PostgresServer, database: str) -> None:
        self.server = server
        self._database = database
        self.url = server.create_database(database)

    def execute(self, statement: str) -> None:
        self.server.psql(statement, self._database)

    def number(self, query: str) -> int:
        return int(self.server.psql(query, self._database))

    def add_expired(self, count: int) -> None:
        series = f"WITH series AS (SELECT n FROM generate_series(1, {count}) AS n)"  # noqa: S608
        self.execute(f"{series} {expired_rows('sha256(n::text::bytea)')}")

    def dump(self, number: int) -> Path:
        """A copy of the database at one moment."""
        file = self.server.folder / f"{self._database}-{number}.dump"
        self.server.run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={self.url}")
        return file

    def restored(self, dump: Path) -> "PostgresUnderTest":
        """Another database with what a dump holds."""
        copy = PostgresUnderTest(self.server, dump.stem.replace("-", "_"))
        self.server.run("pg_restore", f"--dbname={copy.url}", str(dump))
        return copy

    def damage(self) -> str | None:
        try:
            self.execute(f'REINDEX DATABASE "{self._database}"')  # reads every row, and finds what is not unique
        except PostgresFailed as failure:
            return f"reindex: {failure}"
        return None

    def writers(self) -> list[int]:
        return self.server.processes()


class Stores:
    """Makes stores for trials. A PostgreSQL server is started when the first trial wants one, with all durability."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: PostgresServer | None = None
        self._databases = itertools.count(1)

    def open(self, kind: str, folder: Path) -> StoreUnderTest:
        """
        Raises:
            PostgresMissing: there is no PostgreSQL to test with.
        """
        if kind == SQLITE:
            return SqliteUnderTest(folder)
        if self._server is None:
            self._server = PostgresServer(self._folder / "postgresql")
        self._server.start()
        return PostgresUnderTest(self._server, f"trial_{next(self._databases)}")

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()
