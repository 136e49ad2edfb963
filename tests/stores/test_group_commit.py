"""Group commit under faults: nobody is answered too early, everybody is answered, and the store recovers."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from postern.core.records import User
from postern.core.store import AlreadyExists, StoreBusy, StoreUnavailable
from postern.stores.rows import Rows
from postern.stores.sqlite.checkpoints import Checkpointer
from postern.stores.sqlite.group_commit import GroupCommit
from postern.stores.sqlite.store import SqliteStore, open_sqlite
from postern.testing import samples


class Scripted:
    """A connection that notes statements and fails where a test says so."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.statements: list[str] = []
        self.failing: dict[str, list[sqlite3.Error]] = {}
        self.before: Callable[[str], None] = lambda statement: None

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        verb = statement.split(maxsplit=1)[0]
        self.before(verb)
        if self.failing.get(verb):
            raise self.failing[verb].pop(0)
        cursor = self.connection.execute(statement, *parameters)
        self.statements.append(verb)
        return cursor

    def rollback(self) -> None:
        self.before("ROLLBACK")
        if self.failing.get("ROLLBACK"):
            raise self.failing["ROLLBACK"].pop(0)
        self.connection.rollback()
        self.statements.append("ROLLBACK")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    failure = kind("injected")
    failure.sqlite_errorcode = code
    return failure


@pytest.fixture
async def store(file: Path) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(file)
    yield store
    await asyncio.wait_for(store.close(), 20)


@pytest.fixture
def scripted(store: SqliteStore, file: Path) -> Scripted:
    """The store's writer, from here on under the test's control."""
    scripted = Scripted(store._writer)
    store._group_commit = GroupCommit(scripted, Checkpointer(file))  # type: ignore[arg-type]
    return scripted


def people(number: int) -> list[User]:
    return [samples.user(f"person {index}") for index in range(number)]


async def create(store: SqliteStore, number: int) -> list[object]:
    """So many people at once; ``None`` for each that was created."""
    calls = (store.create_user(user) for user in people(number))
    return list(await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20))


async def test_callers_are_answered_after_their_commit(store: SqliteStore, scripted: Scripted) -> None:
    answered: list[int] = []
    seen_at_commit: list[int] = []
    scripted.before = lambda verb: seen_at_commit.append(len(answered)) if verb == "COMMIT" else None

    async def one(user: User) -> None:
        await store.create_user(user)
        assert scripted.statements[-1] == "COMMIT"
        answered.append(1)

    await asyncio.gather(*(one(user) for user in people(20)))
    assert seen_at_commit[0] == 0
    assert scripted.statements.count("COMMIT") < 20


async def test_the_loop_runs_while_a_group_is_committed(store: SqliteStore, scripted: Scripted) -> None:
    loop, committing, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(verb: str) -> None:
        if verb == "COMMIT":
            loop.call_soon_threadsafe(committing.set)
            assert go_on.wait(20)

    scripted.before = hold
    first = asyncio.ensure_future(create(store, 1))
    await committing.wait()
    late = asyncio.ensure_future(store.create_user(samples.user("late")))
    assert await store.find_user_by_name(samples.INSTANCE_ID, "person 0") is None
    assert not first.done()
    go_on.set()
    assert await first == [None]
    await late


@pytest.mark.parametrize("verb", ["BEGIN", "INSERT", "COMMIT"])
@pytest.mark.parametrize(
    "failure",
    [
        error(sqlite3.SQLITE_FULL),
        error(sqlite3.SQLITE_IOERR_FSYNC),
        error(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError),
        error(sqlite3.SQLITE_READONLY),
    ],
    ids=["full", "fsync", "corrupt", "readonly"],
)
async def test_a_storage_failure_refuses_the_whole_group_and_is_overcome(
    store: SqliteStore, scripted: Scripted, verb: str, failure: sqlite3.Error
) -> None:
    scripted.failing[verb] = [failure]
    outcomes = await create(store, 5)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 5
    assert await store.list_users() == []
    assert await create(store, 5) == [None] * 5


async def test_a_roll_back_that_fails_as_well_is_made_up_for(store: SqliteStore, scripted: Scripted) -> None:
    scripted.failing = {"COMMIT": [error(sqlite3.SQLITE_FULL)], "ROLLBACK": [error(sqlite3.SQLITE_IOERR)]}
    assert [type(outcome) for outcome in await create(store, 3)] == [StoreUnavailable] * 3
    assert await create(store, 3) == [None] * 3


async def test_a_full_disk_refuses_and_recovers(store: SqliteStore) -> None:
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    large = [samples.user(f"large {index}", display_name="x" * 100_000) for index in range(3)]
    outcomes = await asyncio.gather(*(store.create_user(user) for user in large), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert await store.list_users() == []
    await store.check(thoroughly=True)
    store._writer.execute("PRAGMA max_page_count = 1000000")
    for user in large:
        await store.create_user(user)


@pytest.mark.alone
async def test_another_process_s_transaction_is_waited_for_off_the_loop(store: SqliteStore, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(create(store, 5))
    longest, until = 0.0, time.monotonic() + 0.5
    while time.monotonic() < until:
        before = time.monotonic()
        await asyncio.sleep(0)
        longest = max(longest, time.monotonic() - before)
        await asyncio.sleep(0.001)
    assert not waiting.done()
    assert await store.list_users() == []
    assert longest < 0.25
    other.execute("COMMIT")
    assert await waiting == [None] * 5
    other.close()


async def test_a_lock_that_is_never_released_refuses_the_group(
    store: SqliteStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postern.stores.sqlite.group_commit._PATIENCE", 0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert [type(outcome) for outcome in await create(store, 2)] == [StoreBusy] * 2
    other.close()
    assert await create(store, 2) == [None] * 2


async def test_who_waited_too_long_behind_a_slow_commit_is_sent_away(
    store: SqliteStore, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group under way is waited for, since it may be on disk; those behind it have not been begun."""
    monkeypatch.setattr("postern.stores.sqlite.group_commit._PATIENCE", 0.1)
    goes_on = threading.Event()

    def hold(verb: str) -> None:
        if verb == "COMMIT":
            goes_on.wait(20)

    scripted.before = hold
    first = asyncio.ensure_future(create(store, 2))
    await asyncio.sleep(0.05)
    behind = [asyncio.ensure_future(store.create_user(samples.user(f"behind {number}"))) for number in range(3)]
    await asyncio.sleep(0.2)
    latest = asyncio.ensure_future(store.create_user(samples.user("Latest")))
    await asyncio.sleep(0)
    goes_on.set()
    assert await first == [None] * 2
    outcomes = await asyncio.gather(*behind, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreBusy] * 3
    await latest
    assert {user.user_name for user in await store.list_users()} == {"Person 0", "Person 1", "Latest"}


async def test_a_caller_that_gave_up_is_left_out(store: SqliteStore) -> None:
    tasks = [asyncio.ensure_future(store.create_user(user)) for user in people(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[1::2]] == [type(None)] * 2
    assert {user.user_name for user in await store.list_users()} == {"Person 1", "Person 3"}


async def test_a_group_in_which_all_gave_up_does_no_harm(store: SqliteStore) -> None:
    tasks = [asyncio.ensure_future(store.create_user(user)) for user in people(4)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await create(store, 4) == [None] * 4


async def test_broken_work_harms_its_caller_only(store: SqliteStore) -> None:
    def broken(rows: Rows) -> None:
        rows.insert(samples.user("half done"))
        raise ZeroDivisionError

    def refused_too_late(rows: Rows) -> None:
        rows.insert(samples.user("half done as well"))
        raise AlreadyExists("something else")

    def unfit(rows: Rows) -> None:
        rows.insert(samples.user("unfit", display_name=None))

    outcomes = await asyncio.gather(
        store.create_user(samples.user("one")),
        store._write(broken),
        store._write(refused_too_late),
        store._write(unfit),
        store.create_user(samples.user("two")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        ZeroDivisionError,
        AlreadyExists,
        sqlite3.IntegrityError,
        type(None),
    ]
    assert [user.canonical_name for user in await store.list_users()] == ["one", "two"]


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(store: SqliteStore) -> None:
    waiting = [asyncio.ensure_future(store.create_user(user)) for user in people(50)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*waiting) == [None] * 50
    with pytest.raises(StoreUnavailable):
        await store.create_user(samples.user("late"))
    with pytest.raises(StoreUnavailable):
        await store.list_users()


def test_a_loop_that_died_in_the_middle_of_a_group_does_not_stop_the_next(file: Path) -> None:
    store = open_sqlite(file)

    async def give_up() -> None:
        task = asyncio.ensure_future(store.create_user(samples.user("lost")))
        await asyncio.sleep(0)
        task.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(give_up())
    loop.close()

    async def go_on() -> list[object]:
        outcomes = await create(store, 3)
        await store.close()
        return outcomes

    assert asyncio.run(go_on()) == [None] * 3
