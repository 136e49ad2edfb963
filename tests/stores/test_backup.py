"""Back-ups of the SQLite file: whole however much is being written, marked, and put in place at one stroke or not at
all.
"""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from postern.core.records import Epoch
from postern.core.store import AlreadyExists, Conflict, Store, StoreError, StoreUnavailable
from postern.stores import open_store
from postern.stores.epochs import BackUp
from postern.stores.migrations import SchemaError
from postern.stores.sqlite import backup as backup_module
from postern.stores.sqlite.backup import back_up
from postern.stores.sqlite.restore import restoring, said_by
from postern.stores.sqlite.schema import known_migrations, migrate
from postern.stores.sqlite.store import open_sqlite
from postern.testing import samples
from postern.testing.conformance.suite import sign_in
from postern.testing.samples import NOW

MARK = BackUp(NOW, "0123456789abcdef")


def ignore(done: int, total: int) -> None:
    pass


def made(source: Path, target: Path, *, replace: bool = False) -> Path:
    back_up(source, target, MARK, replace=replace, watch=ignore)
    return target


def restored(file: Path, target: Path, *, replace: bool = False) -> Path | None:
    with restoring(file, target, replace=replace, watch=ignore) as restoration:
        return restoration.put_in_place()


async def filled(file: Path, families: int = 300) -> None:
    store = open_sqlite(file)
    mira = samples.user("mira")
    await store.create_user(mira)
    for _ in range(families):
        await sign_in(store, mira)
    await store.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("original") / "postern.db"
    asyncio.run(filled(file))
    return file


@pytest.fixture
def source(original: Path, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return Path(shutil.copy2(original, tmp_path / "data"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "back-up.db"


def families_in(file: Path) -> int:
    return rows_in(file, "token_family")


def people_in(file: Path) -> int:
    return rows_in(file, "user_account")


def rows_in(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count


def using(file: Path) -> subprocess.Popen[str]:
    """Another process that has the store open, as a server has."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from postern.stores.sqlite.store import open_sqlite\n"
        "async def main():\n"
        "    store = open_sqlite(Path(sys.argv[1]))\n"
        "    await store.check()\n"
        "    await asyncio.sleep(0)\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(file)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


# Making one


def test_a_back_up_is_one_whole_file_that_nobody_else_may_read(source: Path, target: Path) -> None:
    before = os.umask(0)
    try:
        made(source, target)
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in target.parent.iterdir()) == ["back-up.db", "data"]
    assert families_in(target) == 300
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert said_by(target) == MARK
    assert said_by(source) is None


def test_a_back_up_is_of_one_moment_while_others_write(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows are always written together; page by page, with a write between any two steps."""
    monkeypatch.setattr(backup_module, "_PAGES", 1)
    writer = sqlite3.connect(source, isolation_level=None, check_same_thread=False)
    steps = 0

    def write(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        writer.execute("BEGIN IMMEDIATE")
        for table in ("browser_session", "attempts"):
            columns = "?, 'x', 0, 0" if table == "browser_session" else "?, 0, 0, 0, 0"
            writer.execute(f"INSERT INTO {table} VALUES ({columns})", (samples.digest(f"{steps}"),))
        writer.execute("COMMIT")

    back_up(source, target, MARK, replace=False, watch=write)
    assert steps > 40
    with closing(sqlite3.connect(target)) as connection:
        for table in ("browser_session", "attempts"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert writer.execute("SELECT count(*) FROM attempts").fetchone() == (steps,)
    writer.close()


def test_progress_is_told(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_module, "_PAGES", 10)
    told: list[tuple[int, int]] = []
    back_up(source, target, MARK, replace=False, watch=lambda *how_far: told.append(how_far))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1] > 10


def test_what_is_there_is_not_replaced_without_being_asked(source: Path, target: Path) -> None:
    target.write_text("precious")
    with pytest.raises(AlreadyExists, match="--force"):
        made(source, target)
    assert target.read_text() == "precious"
    made(source, target, replace=True)
    assert families_in(target) == 300
    assert target.stat().st_mode & 0o777 == 0o600


def test_of_two_back_ups_to_one_name_the_first_stays(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(done: int, total: int) -> None:
        target.write_text("the other's")

    with pytest.raises(AlreadyExists):
        back_up(source, target, MARK, replace=False, watch=meanwhile)
    assert target.read_text() == "the other's"


@pytest.mark.parametrize("name", ["data/postern.db", "a link"])
def test_the_store_is_not_replaced_by_its_own_back_up(source: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "a link").symlink_to(source)
    with pytest.raises(Conflict, match="the store itself"):
        made(source, tmp_path / name, replace=True)
    assert families_in(source) == 300


def test_a_database_in_use_is_not_replaced(source: Path, target: Path) -> None:
    shutil.copy2(source, target)
    with using(target) as process:
        with pytest.raises(Conflict, match="in use"):
            made(source, target, replace=True)
        process.communicate("end\n")


def damage(file: Path) -> None:
    whole = file.read_bytes()
    middle = len(whole) // 2 // 4096 * 4096
    file.write_bytes(whole[:middle] + os.urandom(4096) + whole[middle + 4096 :])


def damage_an_index(file: Path) -> None:
    """Every page is in order; only the index lacks rows that its table has."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = "SELECT sql FROM sqlite_master WHERE name = 'token_family_by_user'"
        (text,) = connection.execute(sql).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'token_family_by_user'")
        connection.commit()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(text)
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'token_family_by_user'").fetchone()
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.commit()
    content = bytearray(file.read_bytes())
    start = (root[0] - 1) * page_size
    content[start : start + 5] = bytes((10, 0, 0, 0, 0))  # an empty leaf of an index
    content[start + 5 : start + 8] = page_size.to_bytes(2, "big") + b"\0"
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [damage, damage_an_index])
def test_of_a_damaged_store_there_is_no_back_up(source: Path, target: Path, harm: Callable[[Path], None]) -> None:
    harm(source)
    with pytest.raises(SchemaError) as refusal:
        made(source, target)
    assert len(str(refusal.value).splitlines()) == 1
    assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["data"]


def test_of_no_store_there_is_no_back_up(tmp_path: Path, target: Path) -> None:
    with pytest.raises(StoreUnavailable):
        made(tmp_path / "nowhere.db", target)
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection:
        connection.execute("CREATE TABLE theirs (one INTEGER)")
    with pytest.raises(SchemaError, match="not a Postern store"):
        made(tmp_path / "theirs.db", target)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        made(tmp_path / "theirs.db", tmp_path / "no folder" / "back-up.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["theirs.db"]


def test_an_older_store_is_left_as_it_is(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "old.db"
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        migrate(connection, known_migrations()[:3])
    before = source.read_bytes()
    made(source, target)
    assert source.read_bytes() == before
    assert said_by(target) == MARK


# A copy that was put in place by hand


async def test_a_plain_copy_of_a_back_up_begins_an_epoch_once(source: Path, target: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy2(made(source, target), tmp_path / "copy.db"))
    store = open_sqlite(copy)
    assert await store.enter_service(NOW + 60)
    assert not await store.enter_service(NOW + 70)
    assert await store.find_epoch() == Epoch(restored_at=NOW + 60, made_at=NOW)
    (family, *_) = await store.list_token_families("id of mira", NOW)
    assert family.idle_expires_at == 0
    await store.close()
    assert said_by(copy) is None


async def test_looking_at_a_back_up_leaves_the_mark(source: Path, target: Path) -> None:
    store = open_store(f"sqlite:///{made(source, target)}", create=False)
    await store.check(thoroughly=True)
    await store.close()
    assert said_by(target) == MARK


async def test_an_epoch_is_not_before_the_back_up(source: Path, target: Path) -> None:
    """The clock of the machine where it is put in place may be behind."""
    store = open_sqlite(made(source, target))
    assert await store.enter_service(NOW - 1_000)
    assert await store.find_epoch() == Epoch(restored_at=NOW, made_at=NOW)
    await store.close()


def test_workers_that_start_at_once_begin_one_epoch(source: Path, target: Path) -> None:
    stores = [open_sqlite(made(source, target)), *(open_sqlite(target) for _ in range(3))]
    outcomes: list[bool] = []

    def begin(store: Store, now: int) -> None:
        outcomes.append(asyncio.run(store.enter_service(now)))

    threads = [threading.Thread(target=begin, args=(store, NOW + at)) for at, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [False, False, False, True]
    for store in stores:
        asyncio.run(store.close())


# Restoring


def test_a_restored_store_is_what_was_saved(source: Path, target: Path, tmp_path: Path) -> None:
    made(source, target)
    place = tmp_path / "elsewhere" / "postern.db"
    assert restored(target, place) is None
    assert families_in(place) == 300
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in place.parent.iterdir()] == ["postern.db"]


def test_a_store_that_is_there_is_moved_aside_when_that_is_asked_for(source: Path, target: Path) -> None:
    made(source, target)
    asyncio.run(joined(source))
    with pytest.raises(AlreadyExists, match="--force"):
        restored(target, source)
    assert people_in(source) == 2
    aside = restored(target, source, replace=True)
    assert aside is not None
    assert aside.parent == source.parent
    assert (people_in(source), people_in(aside)) == (1, 2)
    assert sorted(path.name for path in source.parent.iterdir()) == sorted([source.name, aside.name])


async def joined(file: Path) -> None:
    store = open_sqlite(file)
    await store.create_user(samples.user("ada"))
    await store.close()


def killed_after_joining(file: Path) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from postern.stores.sqlite.store import open_sqlite\n"
        "from postern.testing import samples\n"
        "async def main():\n"
        "    store = open_sqlite(Path(sys.argv[1]))\n"
        "    await store.create_user(samples.user('ada'))\n"
        "    os._exit(0)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", script, str(file)], check=True)


def test_a_store_that_was_killed_is_moved_aside_with_its_log(source: Path, target: Path) -> None:
    """What was acknowledged lies in the log only."""
    made(source, target)
    killed_after_joining(source)
    assert source.with_name("postern.db-wal").stat().st_size
    aside = restored(target, source, replace=True)
    assert aside is not None
    assert (people_in(source), people_in(aside)) == (1, 2)


def test_what_lies_in_a_log_beside_the_file_is_restored(source: Path, target: Path) -> None:
    """Somebody copied the files of a server that was killed."""
    killed_after_joining(source)
    for suffix in ("", "-wal"):
        shutil.copy2(source.with_name(f"postern.db{suffix}"), target.with_name(f"{target.name}{suffix}"))
    place = target.with_name("new.db")
    restored(target, place)
    assert people_in(place) == 2


def test_a_damaged_store_is_moved_aside_as_it_is(source: Path, target: Path) -> None:
    made(source, target)
    source.write_bytes(os.urandom(40_000))
    log = source.with_name("postern.db-wal")
    log.write_bytes(b"a log")
    noise = source.read_bytes()
    aside = restored(target, source, replace=True)
    assert aside is not None
    assert aside.read_bytes() == noise
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"a log"
    assert not log.exists()
    assert families_in(source) == 300


def test_a_log_without_its_file_counts_as_a_store(source: Path, target: Path) -> None:
    made(source, target)
    source.rename(source.with_name("postern.db-wal"))
    with pytest.raises(AlreadyExists):
        restored(target, source)
    assert restored(target, source, replace=True) is not None
    assert families_in(source) == 300


def test_nothing_is_restored_under_a_server(source: Path, target: Path) -> None:
    made(source, target)
    asyncio.run(joined(source))
    with using(source) as process:
        with pytest.raises(StoreUnavailable, match="stop it first"):
            restored(target, source, replace=True)
        process.communicate("end\n")
    assert people_in(source) == 2
    assert [path.name for path in source.parent.iterdir()] == ["postern.db"]
    restored(target, source, replace=True)


def test_nor_under_one_that_was_started_meanwhile(source: Path, target: Path) -> None:
    made(source, target)
    with restoring(target, source, replace=True, watch=ignore) as restoration, using(source) as process:
        with pytest.raises(StoreUnavailable, match="stop it first"):
            restoration.put_in_place()
        process.communicate("end\n")
    assert [path.name for path in source.parent.iterdir()] == ["postern.db"]


def test_a_store_that_was_made_meanwhile_stays(source: Path, target: Path, tmp_path: Path) -> None:
    made(source, target)
    place = tmp_path / "new" / "postern.db"
    with restoring(target, place, replace=False, watch=ignore) as restoration:
        asyncio.run(filled(place, families=1))
        with pytest.raises(AlreadyExists):
            restoration.put_in_place()
    assert families_in(place) == 1


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def made_theirs(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE theirs (one INTEGER)")


def made_noise(file: Path) -> None:
    file.write_bytes(os.urandom(40_000))


def made_an_empty_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 1")


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "harm", [damage, damage_an_index, emptied, made_noise, made_theirs, made_an_empty_database, Path.unlink]
)
def test_what_is_no_sound_back_up_replaces_nothing(
    source: Path, target: Path, harm: Callable[[Path], None], replace: bool
) -> None:
    made(source, target)
    harm(target)
    place = source if replace else source.with_name("new.db")
    before = source.read_bytes()
    with pytest.raises(StoreError) as refusal:
        restored(target, place, replace=replace)
    assert len(str(refusal.value).splitlines()) == 1
    assert source.read_bytes() == before
    assert [path.name for path in source.parent.iterdir()] == ["postern.db"]


def test_the_store_is_not_restored_from_itself(source: Path) -> None:
    with pytest.raises(Conflict, match="the store itself"):
        restored(source, source, replace=True)
    assert families_in(source) == 300


def test_what_is_given_up_leaves_nothing_behind(source: Path, target: Path, tmp_path: Path) -> None:
    made(source, target)
    place = tmp_path / "elsewhere" / "postern.db"
    with pytest.raises(KeyboardInterrupt), restoring(target, place, replace=False, watch=ignore):
        raise KeyboardInterrupt
    assert list(place.parent.iterdir()) == []
