"""`postern store copy` under a running server: nothing that was acknowledged is lost, and nobody writes to the old
store after it.
"""

import time
from pathlib import Path

import pytest

from postern.stores import without_password
from tests.cli.sites import Load, Site, connected, copy_of, is_good, new_site, postern

WINDOW = 2
SETTINGS = {"POSTERN_LIFETIMES__REPLAY_WINDOW": str(WINDOW), "POSTERN_LOG__REQUESTS": "false"}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return new_site(tmp_path_factory.mktemp("original") / "data")


@pytest.fixture
def site(original: Site, tmp_path: Path) -> Site:
    return copy_of(original, tmp_path / "data")


@pytest.mark.parametrize("kind, workers", [("sqlite", 1), ("sqlite", 2), ("postgres", 2)])
def test_what_was_acknowledged_is_in_the_copy(
    site: Site, tmp_path: Path, request: pytest.FixtureRequest, kind: str, workers: int
) -> None:
    target = f"sqlite:///{tmp_path / 'copy.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    with site.served(SETTINGS, workers) as server:
        with Load(server, refreshes=3) as load:
            load.saved(at_least=20)
            done = site.json("store", "copy", "--to", target)
            assert load.refused() <= {"", "SlowDownException"}
        assert done["verified"]
        with connected(server) as connection:
            assert connection.send("GET", "/healthz/ready").status == 503
    assert f"has moved to {without_password(target)}" in postern("serve", "--data", str(site.data), code=3)
    there = {"POSTERN_STORE__URL": target}
    with site.served(SETTINGS | there, workers) as server, connected(server) as connection:
        for sign_in in load.told:
            client = sign_in.client = sign_in.client.over(connection)
            assert is_good(connection, sign_in.tokens["accessToken"])
            answer = client.refresh(sign_in.tokens["refreshToken"])
            assert answer.status == 200, (answer.status, answer.error)
            sign_in.refreshed(answer)
        time.sleep(WINDOW + 1)
        for sign_in in load.told:
            assert sign_in.client.refresh(sign_in.used[0]).error == "InvalidGrantException"
    assert site.json("store", "check", **there)["sound"]


def test_a_copy_says_what_it_did_and_what_is_next(site: Site, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    words = ("store", "copy", "--data", str(site.data), "--to", target)
    said = postern(*words)
    assert "3 rows copied and compared" in said
    assert f"set store.url (POSTERN_STORE__URL) to {target}" in said
    assert "has moved" in postern(*words, code=3)
    assert "has moved" in postern("user", "list", "--data", str(site.data), code=3)
    assert "has moved" in postern("store", "check", "--data", str(site.data), code=3)


def test_a_copy_needs_two_stores(site: Site) -> None:
    for target in (f"sqlite:///{site.data / 'postern.db'}", f"sqlite:///{site.data / '..' / 'data' / 'postern.db'}"):
        assert "to itself" in postern("store", "copy", "--data", str(site.data), "--to", target, code=2)
    assert "memory" in postern("store", "copy", "--data", str(site.data), "--to", "memory:", code=3)
    assert "there is no store" in postern(
        "store", "copy", "--from", f"sqlite:///{site.data / 'other.db'}", "--to", "sqlite:///x.db", code=3
    )
    assert not Path("x.db").exists()
    assert site.json("store", "check")["sound"]
