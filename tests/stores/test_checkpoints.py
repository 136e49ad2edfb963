"""Checkpoints beside the commits: the file takes in what the journal has, nothing is lost where it cannot."""

import asyncio
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from postern.stores.sqlite.store import SqliteStore, open_sqlite
from postern.testing import samples

MANY = 1500


@pytest.fixture
async def store(file: Path) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(file)
    yield store
    await asyncio.wait_for(store.close(), 20)
    assert not threads()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "postern-checkpointer"]


async def create(store: SqliteStore, first: int, number: int) -> None:
    await asyncio.gather(*(store.create_user(samples.user(f"person {first + place}")) for place in range(number)))


def people_in(file: Path, folder: Path) -> int | None:
    """In the file alone, without its journal; None where the copy was made in the midst of a checkpoint."""
    alone = folder / "alone.db"
    shutil.copy(file, alone)
    try:
        with closing(sqlite3.connect(alone)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return None
            (count,) = connection.execute("SELECT count(*) FROM user_account").fetchone()
    except sqlite3.DatabaseError:
        return None
    finally:
        for leftover in folder.glob("alone.db*"):
            leftover.unlink()
    return int(count)


async def test_the_file_takes_in_what_was_committed(store: SqliteStore, file: Path, tmp_path: Path) -> None:
    await create(store, 0, MANY)
    deadline = time.monotonic() + 20
    while people_in(file, tmp_path) != MANY:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_reader_that_stays_holds_up_nobody(store: SqliteStore, file: Path) -> None:
    await create(store, 0, 1)
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM user_account").fetchone() == (1,)
        await asyncio.wait_for(create(store, 1, MANY), 20)
        assert reader.execute("SELECT count(*) FROM user_account").fetchone() == (1,)
    with closing(sqlite3.connect(file)) as later:
        assert later.execute("SELECT count(*) FROM user_account").fetchone() == (1 + MANY,)


async def test_a_store_with_little_to_do_has_no_such_thread(store: SqliteStore) -> None:
    await create(store, 0, 10)
    assert not threads()


async def test_a_file_put_in_the_place_of_the_store_s_is_left_alone(store: SqliteStore, file: Path) -> None:
    """An operator's mistake: the running server goes on with what it has."""
    await create(store, 0, 600)
    other = file.with_name("other.db")
    await open_sqlite(other).close()
    before = other.read_bytes()
    other.replace(file)
    await create(store, 600, MANY)
    await asyncio.sleep(0.2)
    assert len(await store.list_users()) == 600 + MANY
    assert await asyncio.to_thread(file.read_bytes) == before
