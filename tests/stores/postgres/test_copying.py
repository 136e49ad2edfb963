"""Copies from SQLite to PostgreSQL, back, and from one database to another: the same rows in the same order."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from postern.core.store import AlreadyExists, Store, StoreUnavailable
from postern.stores import copying, open_store, open_tables
from postern.stores.inspection import bring_up_to_date, check_store, missing_migrations
from postern.stores.table_access import COPIED, UNFINISHED, TableAccess, find_mark
from postern.testing import samples
from postern.testing.conformance.suite import configure
from postern.testing.postgres import PostgresServer
from postern.testing.samples import NOW
from tests.stores.copies import WHERE, content, copied, copied_while_it_changes, fill, url

# Words whose order differs between languages, and between them and code points.
HARD_TO_SORT = (
    "a",
    "A",
    "b",
    "B",
    "ä",
    "Z",
    "z",
    "é",
    "e\u0301",
    "-a",
    " a",
    "_",
    "10",
    "9",
    "\U0001f600",
    "\uffee",
    "ß",
)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PAGE", 7)


@pytest.fixture
def new_url(postgres: PostgresServer, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A new store of a kind, with nothing in it."""
    made: list[str] = []

    def new(kind: str) -> str:
        if kind == "sqlite":
            return url(tmp_path / f"{uuid.uuid4().hex}.db")
        made.append(f"test_{uuid.uuid4().hex}")
        return postgres.create_database(made[-1])

    yield new
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def source_url(new_url: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    return new_url(request.param)


@pytest.fixture
def target_url(new_url: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    return new_url(request.param)


@pytest.fixture
async def store(source_url: str) -> AsyncIterator[Store]:
    store = open_store(source_url)
    await fill(store)
    await configure(store, *(samples.group(f"{word} {number}") for number, word in enumerate(HARD_TO_SORT)))
    await configure(store, *(samples.credential_source(word) for word in HARD_TO_SORT))
    yield store
    await store.close()


@pytest.fixture
async def source(store: Store, source_url: str) -> AsyncIterator[TableAccess]:
    tables = await open_tables(source_url)
    yield tables
    await tables.close()


@pytest.fixture
async def target(target_url: str) -> AsyncIterator[TableAccess]:
    await bring_up_to_date(target_url)
    tables = await open_tables(target_url)
    yield tables
    await tables.close()


BOTH_WAYS = pytest.mark.parametrize(
    "source_url, target_url", [("sqlite", "postgres"), ("postgres", "sqlite"), ("postgres", "postgres")], indirect=True
)
TO_POSTGRES = pytest.mark.parametrize("source_url, target_url", [("sqlite", "postgres")], indirect=True)
FROM_POSTGRES = pytest.mark.parametrize("source_url, target_url", [("postgres", "sqlite")], indirect=True)


@BOTH_WAYS
async def test_a_copy_is_the_store_row_by_row(source: TableAccess, target: TableAccess, target_url: str) -> None:
    before = await content(source)
    assert all(before.values())
    done = await copied(source, target)
    assert await content(target) == before
    assert [each.written for each in done.passes] == [done.rows, 0]
    assert await find_mark(target, UNFINISHED) is None
    there = open_store(target_url, create=False)
    assert not await there.enter_service(NOW)
    assert len(await there.list_token_families("id of mira", NOW)) > 30
    await there.close()


@BOTH_WAYS
async def test_what_changes_meanwhile_is_copied(
    store: Store, source: TableAccess, target: TableAccess, source_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_FEW", 0)
    done = await copied_while_it_changes(store, source, target)
    assert [each.written > 0 for each in done.passes] == [True, True, False, True]
    as_it_was = await open_tables(source_url)
    assert await content(target) == await content(as_it_was)
    await as_it_was.close()


@TO_POSTGRES
async def test_a_copy_that_is_not_finished_serves_nobody(
    source: TableAccess, target: TableAccess, target_url: str
) -> None:
    await target.begin_copy()
    there = open_store(target_url)
    with pytest.raises(StoreUnavailable, match="not finished"):
        await there.enter_service(NOW)
    with pytest.raises(AlreadyExists, match="--continue"):
        await copied(source, target)
    await copied(source, target, resume=True)
    assert not await there.enter_service(NOW)
    await there.close()


@TO_POSTGRES
async def test_a_database_with_something_in_it_is_not_written_over(
    source: TableAccess, target: TableAccess, target_url: str
) -> None:
    there = open_store(target_url)
    await there.create_user(samples.user("ada"))
    with pytest.raises(AlreadyExists, match="not empty"):
        await copied(source, target, resume=True)
    assert [user.canonical_name for user in await there.list_users()] == ["ada"]
    await there.close()


@TO_POSTGRES
async def test_nothing_of_the_copying_stays(source: TableAccess, target: TableAccess, target_url: str) -> None:
    before = await indexes(target)
    await copied(source, target)
    assert await indexes(target) == before


async def indexes(tables: TableAccess) -> set[str]:
    rows = await tables._connection.fetch("SELECT indexname FROM pg_indexes")  # type: ignore[attr-defined]
    return {row[0] for row in rows}


@FROM_POSTGRES
async def test_nodes_of_the_old_database_neither_write_nor_read(
    store: Store, source: TableAccess, target: TableAccess, source_url: str
) -> None:
    await copied(source, target)
    with pytest.raises(StoreUnavailable):
        await store.create_user(samples.user("late"))
    with pytest.raises(StoreUnavailable):
        await store.list_users()
    for create in (False, True):
        late = open_store(source_url, create=create)
        with pytest.raises(StoreUnavailable, match=f"has moved to {WHERE}"):
            await late.check()
        await late.close()
    with pytest.raises(StoreUnavailable, match=f"has moved to {WHERE}"):
        await missing_migrations(source_url)


async def test_a_check_says_what_there_is(postgres_store_url: str) -> None:
    store = open_store(postgres_store_url)
    await fill(store)
    found = await check_store(postgres_store_url)
    assert found.schema == 2
    assert all(found.rows[name] for name in found.rows)
    assert len(found.rows) == len(COPIED)
    assert found.epoch == await store.find_epoch()
    await store.close()


async def test_an_empty_database_lacks_everything(postgres_url: str) -> None:
    assert await missing_migrations(postgres_url) == ["0001 first", "0002 epochs"]
    with pytest.raises(StoreUnavailable, match="migrate"):
        await check_store(postgres_url)
    tables = await open_tables(postgres_url)
    with pytest.raises(StoreUnavailable, match="no store"):
        await tables.schema()
    await tables.close()
    await bring_up_to_date(postgres_url)
    assert await missing_migrations(postgres_url) == []
