"""`postern store backup, restore, restored`: what clients find when a server goes on with a back-up."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from postern.testing.postgres import PostgresServer
from postern.testing.processes import ServerProcess, run_command
from postern.testing.wire import PersonAtBrowser, WireClient
from tests.cli.sites import PASSWORD, Load, Site, connected, copy_of, is_good, new_site, postern


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return new_site(tmp_path_factory.mktemp("original") / "data")


@pytest.fixture
def site(original: Site, tmp_path: Path) -> Site:
    return copy_of(original, tmp_path / "data")


Move = Callable[[Site, Path, Path], Site]


@pytest.mark.parametrize("move", [Site.restore_to, Site.copy_to], ids=["restored", "copied"])
def test_a_back_up_under_load_goes_on_elsewhere(site: Site, tmp_path: Path, move: Move) -> None:
    """Fault 19: access tokens of before work, refresh tokens that may have been used since do not."""
    file = tmp_path / "back-up.db"
    with site.served() as server:
        with Load(server) as load:
            before = load.saved(at_least=30)
            made = site.json("store", "backup", str(file))
            load.saved(at_least=len(before) + 10)
        assert made["sound"]
        with connected(server) as connection:
            for each in before[:10]:
                assert each.client.over(connection).refresh(each.tokens["refreshToken"]).status == 200
    other = move(site, tmp_path / "other", file)
    with other.served() as server, connected(server) as connection:
        for each in before:
            assert is_good(connection, each.tokens["accessToken"])
            refused = each.client.over(connection).refresh(each.tokens["refreshToken"])
            assert (refused.status, refused.error) == (400, "InvalidGrantException")
            assert is_good(connection, each.tokens["accessToken"])
        later = load.told[-1]
        assert not is_good(connection, later.tokens["accessToken"])
        client = later.client.over(connection)
        started = client.start()
        assert PersonAtBrowser(connection, "load", PASSWORD).decide(started["userCode"])
        tokens = client.redeem(started["deviceCode"]).members
        assert client.refresh(tokens["refreshToken"]).status == 200
    assert other.json("store", "check")["sound"]


def signed_in(server: ServerProcess) -> tuple[WireClient, dict[str, str], PersonAtBrowser]:
    with connected(server) as connection:
        client = WireClient(connection, f"{server.url}/start")
        person = PersonAtBrowser(connection, "load", PASSWORD)
        started = client.start()
        assert person.decide(started["userCode"])
        return client, client.redeem(started["deviceCode"]).members, person


def test_what_ended_after_the_back_up_does_not_come_back(site: Site, tmp_path: Path) -> None:
    """A code that was redeemed, a device that was approved, a browser that was signed out; and, if it is asked for, a
    sign-in that was ended.
    """
    file = tmp_path / "back-up.db"
    with site.served() as server, connected(server) as connection:
        client, tokens, person = signed_in(server)
        client = client.over(connection)
        approved = client.start()
        assert person.over(connection).decide(approved["userCode"])
        site.json("store", "backup", str(file))
        assert client.redeem(approved["deviceCode"]).status == 200
        assert client.log_out(tokens["accessToken"]).status == 200
    other = site.restore_to(tmp_path / "other", file)
    with other.served() as server, connected(server) as connection:
        assert client.over(connection).redeem(approved["deviceCode"]).error == "ExpiredTokenException"
        assert connection.send("GET", "/", None, browser(person)).status == 303
        assert is_good(connection, tokens["accessToken"])
    ended = site.restore_to(tmp_path / "ended", file, "--end-sign-ins")
    with ended.served() as server, connected(server) as connection:
        assert not is_good(connection, tokens["accessToken"])


def test_what_ended_after_the_back_up_is_ended_again_by_the_audit_log(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "back-up.db"
    with site.served() as server:
        client, tokens, _ = signed_in(server)
        site.json("store", "backup", str(file))
        with connected(server) as connection:
            assert client.over(connection).log_out(tokens["accessToken"]).status == 200
    log = tmp_path / "data.log"
    assert "Logout" in log.read_text()
    other = site.restore_to(tmp_path / "other", file, "--ended-since", str(log))
    with other.served() as server, connected(server) as connection:
        assert not is_good(connection, tokens["accessToken"])
    words = ("store", "restored", "--ended-since", str(tmp_path / "nowhere"), "--data", str(other.data))
    assert "cannot read" in postern(*words, code=1)
    assert other.json("store", "restored", "--ended-since", str(log))["ended_again"] == 0


def browser(person: PersonAtBrowser) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_store_that_came_back_by_other_means_is_said_to(
    site: Site, request: pytest.FixtureRequest, kind: str
) -> None:
    there = {"POSTERN_STORE__URL": request.getfixturevalue("postgres_url")} if kind == "postgres" else {}
    if there:
        site.json("store", "copy", "--to", there["POSTERN_STORE__URL"])
    with site.served(there) as server:
        client, tokens, _ = signed_in(server)
    assert set(site.json("store", "restored", **there)) == {"restored_at", "sign_ins_ended", "ended_again"}
    with site.served(there) as server, connected(server) as connection:
        assert client.over(connection).refresh(tokens["refreshToken"]).error == "InvalidGrantException"
        assert is_good(connection, tokens["accessToken"])
    site.json("store", "restored", "--end-sign-ins", **there)
    with site.served(there) as server, connected(server) as connection:
        assert not is_good(connection, tokens["accessToken"])


def test_a_dump_of_postgresql_goes_on_elsewhere(site: Site, postgres: PostgresServer, postgres_url: str) -> None:
    """As docs/backup.md has it."""
    there, elsewhere = {"POSTERN_STORE__URL": postgres_url}, postgres.create_database("elsewhere")
    site.json("store", "copy", "--to", postgres_url)
    dump = str(postgres.data.parent / "postern.dump")
    with site.served(there) as server:
        with Load(server) as load:
            before = load.saved(at_least=20)
            postgres.run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={postgres_url}")
            load.saved(at_least=len(before) + 10)
        with connected(server) as connection:
            for each in before[:10]:
                assert each.client.over(connection).refresh(each.tokens["refreshToken"]).status == 200
    postgres.run("pg_restore", f"--dbname={elsewhere}", dump)
    there = {"POSTERN_STORE__URL": elsewhere}
    site.json("store", "restored", **there)
    with site.served(there) as server, connected(server) as connection:
        for each in before:
            assert is_good(connection, each.tokens["accessToken"])
            assert each.client.over(connection).refresh(each.tokens["refreshToken"]).error == "InvalidGrantException"
        assert not is_good(connection, load.told[-1].tokens["accessToken"])
    postgres.drop_database("elsewhere")


def test_a_server_on_a_plain_copy_says_so_once(site: Site, tmp_path: Path) -> None:
    with site.served():
        site.json("store", "backup", str(tmp_path / "back-up.db"))
    other = site.copy_to(tmp_path / "other", tmp_path / "back-up.db")
    for _ in range(2):
        with other.served():
            pass
    assert (tmp_path / "other.log").read_text().count("is a back-up that was put in place") == 1


# What is said and refused


def test_a_back_up_says_what_it_lacks(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "back-up.db"
    done = run_command("store", "backup", str(file), "--data", str(site.data))
    assert done.stdout == f"{file}: {file.stat().st_size} bytes, read through and sound\n"
    assert "is not in the back-up" in done.stderr
    assert "--force" in postern("store", "backup", str(file), "--data", str(site.data), code=1)
    again = json.loads(postern("store", "backup", str(file), "--force", "--json", "--data", str(site.data)))
    assert again["master_key"] in done.stderr
    assert (site.data / "master.key").read_text().strip() not in file.read_bytes().decode("latin-1")


def test_a_back_up_is_made_without_the_master_key(site: Site, tmp_path: Path) -> None:
    """By a program that shall not be able to read it."""
    (site.data / "master.key").rename(tmp_path / "master.key")
    assert site.json("store", "backup", str(tmp_path / "back-up.db"))["master_key"] == ""


@pytest.mark.parametrize("there", ["another", "none"])
def test_the_master_key_that_is_needed_is_named(site: Site, tmp_path: Path, there: str) -> None:
    made = site.json("store", "backup", str(tmp_path / "back-up.db"))
    other = Site(tmp_path / "other")
    if there == "another":
        postern("user", "add", "mira", "--generate", "--data", str(tmp_path / "third"))
        postern("keys", "rotate", "--data", str(tmp_path / "third"))
        other.data.mkdir()
        shutil.copy2(tmp_path / "third" / "master.key", other.data)
    words = ("store", "restore", str(tmp_path / "back-up.db"), "--data", str(other.data))
    complaint = postern(*words, code=3)
    assert f"needs the master key {made['master_key']}" in complaint
    assert not (other.data / "postern.db").exists()


def test_nothing_is_restored_under_a_server(site: Site, tmp_path: Path) -> None:
    with site.served() as server:
        site.json("store", "backup", str(tmp_path / "back-up.db"))
        words = ("store", "restore", str(tmp_path / "back-up.db"), "--data", str(site.data))
        assert "--force" in postern(*words, code=1)
        assert "stop it first" in postern(*words, "--force", code=3)
        with connected(server) as connection:
            assert connection.send("GET", "/healthz/ready").status == 200
    shown = json.loads(postern(*words, "--force", "--json"))
    assert Path(shown["moved_aside"]).exists()
    with site.served():
        assert site.json("store", "check")["epoch"]["restored_at"] == shown["restored_at"]


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_store_that_is_no_file_has_tools_of_its_own(tmp_path: Path, command: str) -> None:
    url = "postgresql://postern:secret@db.example/postern"
    complaint = postern("store", command, str(tmp_path / "file"), code=2, POSTERN_STORE__URL=url)
    assert "postern store restored" in complaint
    assert "secret" not in complaint
