"""`postern store backup, restore, restored`: what clients find when a server goes on with a back-up."""

import contextlib
import http.client
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, free_port, run_command
from postern.testing.wire import Connection, PersonAtBrowser, WireClient

PASSWORD = "a password for the load"


def postern(*arguments: str, code: int = 0, stdin: str = "", **settings: str) -> str:
    """Standard output; a refusal's one line on standard error instead."""
    done = run_command(*arguments, stdin=stdin, settings=settings)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    if code == 0:
        return done.stdout
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


class Site:
    """A data folder with a person, and the server on it, which is at one address wherever its data lies."""

    def __init__(self, data: Path, port: int = 0) -> None:
        self.data = data
        self._port = port or free_port()

    @contextlib.contextmanager
    def served(self) -> Iterator[ServerProcess]:
        server = ServerProcess(self.data, port=self._port, settings=WITHOUT_LIMITS)
        try:
            yield server
        finally:
            server.stop()

    def json(self, *arguments: str) -> Any:
        return json.loads(postern(*arguments, "--json", "--data", str(self.data)))

    def restore_to(self, folder: Path, file: Path, *options: str) -> "Site":
        """Another machine, with the master key, where the back-up is restored."""
        folder.mkdir()
        shutil.copy2(self.data / "master.key", folder)
        other = Site(folder, self._port)
        assert other.json("store", "restore", str(file), *options)["made_at"]
        return other

    def copy_to(self, folder: Path, file: Path) -> "Site":
        """Likewise, but somebody copied the file to where the store shall be."""
        folder.mkdir()
        shutil.copy2(self.data / "master.key", folder)
        shutil.copy2(file, folder / "postern.db")
        return Site(folder, self._port)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    data = tmp_path / "data"
    postern("user", "add", "load", "--password-stdin", "--data", str(data), stdin=PASSWORD)
    return Site(data)


@contextlib.contextmanager
def connected(server: ServerProcess) -> Iterator[Connection]:
    with contextlib.closing(Connection(server.port)) as connection:
        yield connection


def is_good(connection: Connection, access_token: str) -> bool:
    """Whether the portal takes it."""
    answer = connection.send("GET", "/assignment/accounts", None, {"x-amz-sso_bearer_token": access_token})
    assert answer.status in (200, 401)
    return answer.status == 200


class Load:
    """Clients that sign in and refresh; ``saved`` is what they had been told when the back-up began."""

    def __init__(self, server: ServerProcess) -> None:
        self.told: list[tuple[WireClient, dict[str, str]]] = []
        self._server = server
        self._ends = threading.Event()
        with connected(server) as connection:
            self._browser = PersonAtBrowser(connection, "load", PASSWORD)
        self._threads = [threading.Thread(target=self._run) for _ in range(3)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(30)

    def saved(self, at_least: int) -> list[tuple[WireClient, dict[str, str]]]:
        while len(self.told) < at_least:
            assert any(thread.is_alive() for thread in self._threads)
            self._ends.wait(0.02)
        return list(self.told)

    def _run(self) -> None:
        with connected(self._server) as connection, connected(self._server) as pages:
            client, person = WireClient(connection, f"{self._server.url}/start"), self._browser.over(pages)
            while not self._ends.is_set():
                started = client.start()
                assert person.decide(started["userCode"])
                self.told.append((client, client.redeem(started["deviceCode"]).members))


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
            for client, tokens in before[:10]:
                assert client.over(connection).refresh(tokens["refreshToken"]).status == 200
    other = move(site, tmp_path / "other", file)
    with other.served() as server, connected(server) as connection:
        for client, tokens in before:
            assert is_good(connection, tokens["accessToken"])
            refused = client.over(connection).refresh(tokens["refreshToken"])
            assert (refused.status, refused.error) == (400, "InvalidGrantException")
            assert is_good(connection, tokens["accessToken"])
        client, later = load.told[-1]
        assert not is_good(connection, later["accessToken"])
        started = client.over(connection).start()
        assert PersonAtBrowser(connection, "load", PASSWORD).decide(started["userCode"])
        tokens = client.over(connection).redeem(started["deviceCode"]).members
        assert client.over(connection).refresh(tokens["refreshToken"]).status == 200
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


def browser(person: PersonAtBrowser) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}


def test_a_store_that_came_back_by_other_means_is_said_to(site: Site) -> None:
    with site.served() as server:
        client, tokens, _ = signed_in(server)
    assert set(site.json("store", "restored")) == {"restored_at", "sign_ins_ended"}
    with site.served() as server, connected(server) as connection:
        assert client.over(connection).refresh(tokens["refreshToken"]).error == "InvalidGrantException"
        assert is_good(connection, tokens["accessToken"])
    site.json("store", "restored", "--end-sign-ins")
    with site.served() as server, connected(server) as connection:
        assert not is_good(connection, tokens["accessToken"])


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
    with site.served():
        pass
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
    with site.served():
        pass
    (site.data / "master.key").rename(tmp_path / "master.key")
    assert site.json("store", "backup", str(tmp_path / "back-up.db"))["master_key"] == ""


@pytest.mark.parametrize("there", ["another", "none"])
def test_the_master_key_that_is_needed_is_named(site: Site, tmp_path: Path, there: str) -> None:
    with site.served():
        pass
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
        with connected(server) as connection, contextlib.suppress(http.client.HTTPException):
            assert connection.send("GET", "/healthz/ready").status == 200
    shown = json.loads(postern(*words, "--force", "--json"))
    assert Path(shown["moved_aside"]).exists()
    with site.served():
        pass


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_store_that_is_no_file_has_tools_of_its_own(tmp_path: Path, command: str) -> None:
    url = "postgresql://postern:secret@db.example/postern"
    complaint = postern("store", command, str(tmp_path / "file"), code=2, POSTERN_STORE__URL=url)
    assert "postern store restored" in complaint
    assert "secret" not in complaint
