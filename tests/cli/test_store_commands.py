"""`postern store check` and `migrate`: what there is in a store, and which migrations it lacks."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from postern.cli import main
from postern.stores.sqlite.schema import known_migrations, migrate
from tests.cli.keeping import Keeper

NAMES = [f"{migration.number:04} {migration.name}" for migration in known_migrations()]


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


@pytest.fixture
def older(keeper: Keeper) -> Keeper:
    """With a store of the third schema."""
    keeper.data.mkdir()
    with closing(sqlite3.connect(keeper.data / "postern.db", isolation_level=None)) as connection:
        migrate(connection, known_migrations()[:3])
    return keeper


def test_a_check_says_what_there_is(keeper: Keeper) -> None:
    keeper.add_person("Mira")
    shown = keeper.json("store", "check")
    assert set(shown) == {"store", "sound", "schema", "rows", "epoch", "back_up"}
    assert shown["schema"] == known_migrations()[-1].number
    assert {name for name, count in shown["rows"].items() if count} == {"instance", "user_account"}
    assert (shown["epoch"], shown["back_up"]) == (None, None)


def test_a_check_says_what_became_of_a_store(
    keeper: Keeper, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.add_person("Mira")
    file = tmp_path / "back-up.db"
    assert main(["store", "backup", str(file), "--data", str(keeper.data)]) == 0
    assert main(["store", "restored", "--data", str(keeper.data)]) == 0
    capsys.readouterr()
    assert re.search(r" rows, restored at \d{4}-\d\d-\d\d \d\d:\d\d UTC\n", keeper("store", "check"))
    shown = keeper.json("store", "check")
    assert set(shown["epoch"]) == {"restored_at", "made_at"}
    monkeypatch.setenv("POSTERN_STORE__URL", f"sqlite:///{file}")
    assert re.search(r" rows, a back-up of \d{4}-\d\d-\d\d \d\d:\d\d UTC\n", keeper("store", "check"))
    assert set(keeper.json("store", "check")["back_up"]) == {"made_at", "master_key"}


def test_an_older_store_is_brought_up_to_date(older: Keeper) -> None:
    url = f"sqlite:///{older.data / 'postern.db'}"
    assert older.json("store", "migrate", "--dry-run") == {"store": url, "applied": [], "pending": NAMES[3:]}
    assert older("store", "migrate", "--dry-run") == "".join(f"to apply: {name}\n" for name in NAMES[3:])
    assert older.json("store", "migrate") == {"store": url, "applied": NAMES[3:], "pending": []}
    assert older.json("store", "migrate") == {"store": url, "applied": [], "pending": []}
    assert older("store", "migrate") == f"{url} is up to date\n"


def test_an_older_store_is_not_copied(older: Keeper, tmp_path: Path) -> None:
    complaint = older("store", "copy", "--to", f"sqlite:///{tmp_path / 'copy.db'}", code=1)
    assert "run `postern store migrate` first" in complaint
    assert not (tmp_path / "copy.db").exists()


def test_a_newer_store_and_none_are_refused(older: Keeper) -> None:
    with closing(sqlite3.connect(older.data / "postern.db")) as connection:
        connection.execute("INSERT INTO schema_migration VALUES (9999, 'newer', 'x', 0)")
        connection.commit()
    for options in ((), ("--dry-run",)):
        assert "use a newer Postern" in older("store", "migrate", *options, code=3)
    (older.data / "postern.db").unlink()
    for options in ((), ("--dry-run",)):
        assert "there is no store" in older("store", "migrate", *options, code=3)
    assert not (older.data / "postern.db").exists()
