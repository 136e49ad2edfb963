"""A copy of a store is the store, row by row, whatever happens while it is made; and then there is one store only."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from postern.core.records import Mark, Record, User
from postern.core.store import AlreadyExists, Conflict, Store, StoreError, StoreUnavailable
from postern.stores import UnknownStoreUrl, copying, open_store, open_tables, without_password
from postern.stores.copying import NotVerified, copy
from postern.stores.epochs import BackUp, mark_as_back_up
from postern.stores.inspection import check_store
from postern.stores.sqlite.rows import SqliteRows
from postern.stores.table_access import UNFINISHED, Row, TableAccess, find_mark
from postern.testing import samples
from postern.testing.samples import NOW
from tests.stores.copies import FAMILIES, WHERE, Meanwhile, content, copied, copied_while_it_changes, fill, url


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PAGE", 7)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """As a server has it open."""
    store = open_store(url(tmp_path / "source.db"))
    await fill(store)
    yield store
    await store.close()


@pytest.fixture
async def source(store: Store, tmp_path: Path) -> AsyncIterator[TableAccess]:
    tables = await open_tables(url(tmp_path / "source.db"))
    yield tables
    await tables.close()


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[TableAccess]:
    await open_store(url(tmp_path / "target.db")).close()
    tables = await open_tables(url(tmp_path / "target.db"))
    yield tables
    await tables.close()


async def test_a_copy_is_the_store_row_by_row(source: TableAccess, target: TableAccess) -> None:
    before = await content(source)
    assert all(before.values())
    done = await copied(source, target)
    assert await content(target) == before
    assert done.rows == sum(len(rows) for rows in before.values())
    assert [each.written for each in done.passes] == [done.rows, 0]
    assert await find_mark(target, UNFINISHED) is None


async def test_progress_is_told(source: TableAccess, target: TableAccess) -> None:
    told: list[tuple[int, int]] = []
    done = await copy(source, target, WHERE, resume=False, watch=lambda *how_far: told.append(how_far))
    first, second = told[: len(told) // 2], told[len(told) // 2 :]
    assert first == second == sorted(first)
    assert first[-1] == (done.rows, done.rows)
    assert len({moment for moment, _ in first}) > done.rows // 7


async def test_what_changes_meanwhile_is_copied(
    store: Store, source: TableAccess, target: TableAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(copying, "_FEW", 0)
    done = await copied_while_it_changes(store, source, target)
    assert [each.written > 0 for each in done.passes] == [True, True, False, True]
    assert done.passes[1].written > 22
    as_it_was = await open_tables(url(tmp_path / "source.db"))
    assert await content(target) == await content(as_it_was)
    await as_it_was.close()


# One store only


async def test_a_server_of_the_old_store_neither_writes_nor_reads(
    store: Store, source: TableAccess, target: TableAccess
) -> None:
    await copied(source, target)
    with pytest.raises(StoreUnavailable, match="has moved"):
        await store.create_user(samples.user("late"))
    with pytest.raises(StoreUnavailable, match="has moved"):
        await store.list_users()
    with pytest.raises(StoreUnavailable, match="has moved"):
        await store.check()


async def test_starting_on_the_old_store_says_where_it_is(
    source: TableAccess, target: TableAccess, tmp_path: Path
) -> None:
    await copied(source, target)
    with pytest.raises(StoreUnavailable, match=f"has moved to {WHERE}") as refusal:
        open_store(url(tmp_path / "source.db"))
    assert len(str(refusal.value).splitlines()) == 1
    with pytest.raises(StoreUnavailable, match=f"has moved to {WHERE}"):
        await check_store(url(tmp_path / "source.db"))


async def test_a_write_that_waited_for_the_last_pass_is_refused(
    store: Store, source: TableAccess, target: TableAccess
) -> None:
    waiting: list[asyncio.Task[None]] = []

    class Last(Meanwhile):
        async def close_for_good(self, where: str) -> None:
            waiting.append(asyncio.create_task(store.create_user(samples.user("late"))))
            await asyncio.sleep(0.1)
            assert not waiting[0].done()
            await self._tables.close_for_good(where)

    await copied(Last(source), target)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match="has moved"):
        await waiting[0]
    assert not [
        user for user in (await content(target))[User] if isinstance(user, User) and user.canonical_name == "late"
    ]


async def test_a_store_that_has_moved_is_not_copied_again(
    source: TableAccess, target: TableAccess, tmp_path: Path
) -> None:
    await copied(source, target)
    await open_store(url(tmp_path / "third.db")).close()
    for resume in (False, True):
        for file in ("target.db", "third.db"):
            again, other = await open_tables(url(tmp_path / "source.db")), await open_tables(url(tmp_path / file))
            with pytest.raises(StoreUnavailable, match=f"has moved to {WHERE}"):
                await copied(again, other, resume=resume)
            await again.close()
            await other.close()


# What is in the way


async def test_a_store_that_has_something_in_it_is_not_written_over(source: TableAccess, tmp_path: Path) -> None:
    other = open_store(url(tmp_path / "other.db"))
    await other.create_user(samples.user("ada"))
    tables = await open_tables(url(tmp_path / "other.db"))
    for resume in (False, True):
        with pytest.raises(AlreadyExists, match="not empty"):
            await copied(source, tables, resume=resume)
    assert [user.user_name for user in await other.list_users()] == ["Ada"]
    await tables.close()
    await other.close()


class Broken(Exception):
    pass


class Breaking:
    """A store of which the ``which``-th step fails: a page written, a mark removed, the last commit."""

    def __init__(self, tables: TableAccess, which: int) -> None:
        self._tables = tables
        self._left = which

    def __getattr__(self, name: str) -> object:
        return getattr(self._tables, name)

    async def apply(self, kind: type[Record], put: list[Row], delete: list[object]) -> None:
        self._count()
        await self._tables.apply(kind, put, delete)

    async def begin_copy(self) -> None:
        self._count()
        await self._tables.begin_copy()

    async def end_copy(self) -> None:
        self._count()
        await self._tables.end_copy()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Broken


async def test_a_copy_that_breaks_off_anywhere_goes_on(store: Store, source: TableAccess, tmp_path: Path) -> None:
    before, step = await content(source), 0
    while True:
        file = tmp_path / f"target {step}.db"
        await open_store(url(file)).close()
        target = await open_tables(url(file))
        try:
            await copied(source, Breaking(target, step))  # type: ignore[arg-type]
            break
        except Broken:
            pass
        if step:
            unfinished = open_store(url(file))
            with pytest.raises(StoreUnavailable, match="not finished"):
                await unfinished.enter_service(NOW)
            await unfinished.close()
            with pytest.raises((AlreadyExists, StoreUnavailable)):
                await copied(source, target)
        if await find_mark(target, UNFINISHED) is not None and await is_moved(tmp_path):
            # Broken between the last two steps, and read by a command that starts anew.
            again = await open_tables(url(tmp_path / "source.db"))
            await copied(again, target, resume=True)
            await again.close()
            assert await content(target) == before
            await target.close()
            assert step > 15
            return
        await target.close()
        step += 1
    raise AssertionError("the last step never failed")


async def is_moved(folder: Path) -> bool:
    try:
        await open_store(url(folder / "source.db")).close()
    except StoreUnavailable:
        return True
    return False


@pytest.mark.parametrize("step", [1, 2, 5, 9])
async def test_what_changed_since_it_broke_off_is_copied(
    store: Store, source: TableAccess, target: TableAccess, step: int
) -> None:
    with pytest.raises(Broken):
        await copied(source, Breaking(target, step))  # type: ignore[arg-type]
    (mira, *_) = await store.list_users()
    await store.set_password(mira.user_id, "another", NOW)
    await store.sweep(NOW + 120, 1_000)
    before = await content(source)
    await copied(source, target, resume=True)
    assert await content(target) == before


async def test_a_copy_does_not_go_on_with_that_of_another_store(
    source: TableAccess, target: TableAccess, tmp_path: Path
) -> None:
    with pytest.raises(Broken):
        await copied(source, Breaking(target, 9))  # type: ignore[arg-type]
    other = open_store(url(tmp_path / "other.db"))
    await other.ensure_instance(samples.instance("other", is_primary=True))
    tables = await open_tables(url(tmp_path / "other.db"))
    with pytest.raises(Conflict, match="another store"):
        await copied(tables, target, resume=True)
    await tables.close()
    await other.close()


class Forgetful(Breaking):
    """It says that it has written everything, but leaves one person out."""

    async def apply(self, kind: type[Record], put: list[Row], delete: list[object]) -> None:
        await self._tables.apply(kind, [] if kind is User else put, delete)


async def test_a_copy_that_is_not_the_store_is_no_copy(store: Store, source: TableAccess, target: TableAccess) -> None:
    with pytest.raises(NotVerified):
        await copied(source, Forgetful(target, 1_000))  # type: ignore[arg-type]
    await store.create_user(samples.user("ada"))
    assert await find_mark(target, UNFINISHED) is not None


async def test_a_back_up_is_restored_before_it_is_copied(
    source: TableAccess, target: TableAccess, tmp_path: Path
) -> None:
    """The copy would not know that it is one."""
    with closing(sqlite3.connect(tmp_path / "source.db")) as connection:
        mark_as_back_up(SqliteRows(connection), BackUp(NOW))
        connection.commit()
    with pytest.raises(Conflict, match="postern store restore"):
        await copied(source, target)
    assert await target.page(Mark, None, 10) == []


async def test_an_unfinished_copy_is_not_copied(source: TableAccess, target: TableAccess, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        await copied(source, Breaking(target, 3))  # type: ignore[arg-type]
    await open_store(url(tmp_path / "third.db")).close()
    third = await open_tables(url(tmp_path / "third.db"))
    with pytest.raises(Conflict, match="unfinished"):
        await copied(target, third)
    await third.close()


# Looking at stores


async def test_a_check_says_what_there_is(store: Store, tmp_path: Path) -> None:
    found = await check_store(url(tmp_path / "source.db"))
    assert found.schema == 4
    assert (found.rows["user_account"], found.rows["token_family"]) == (1, FAMILIES + 1)
    assert found.epoch == await store.find_epoch()
    assert found.back_up is None


@pytest.mark.parametrize("unfit", ["memory:", "mysql://u:secret@host/db"])
async def test_tables_of_other_stores_are_not_looked_at(unfit: str) -> None:
    with pytest.raises(UnknownStoreUrl) as refusal:
        await open_tables(unfit)
    assert "secret" not in str(refusal.value)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        asyncio.run(open_tables(url(tmp_path / "nowhere.db")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given, shown",
    [
        ("postgresql://postern:s3:cr@t@db.example:5432/postern", "postgresql://postern:***@db.example:5432/postern"),
        ("postgresql://db.example/postern?user=x", "postgresql://db.example/postern?user=x"),
        ("sqlite:////var/lib/postern.db", "sqlite:////var/lib/postern.db"),
        ("memory:", "memory:"),
    ],
)
def test_a_url_is_shown_without_its_password(given: str, shown: str) -> None:
    assert without_password(given) == shown
