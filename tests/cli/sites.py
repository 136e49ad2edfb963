"""A server with its data, and clients that sign in and refresh while something is done with its store."""

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, free_port, run_command
from postern.testing.wire import Answer, Connection, PersonAtBrowser, WireClient

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
        self.port = port or free_port()

    @contextlib.contextmanager
    def served(self, settings: Mapping[str, str] | None = None, workers: int = 1) -> Iterator[ServerProcess]:
        words = ("--workers", str(workers))
        server = ServerProcess(self.data, *words, port=self.port, settings=WITHOUT_LIMITS | dict(settings or {}))
        try:
            yield server
        finally:
            server.stop()

    def json(self, *arguments: str, **settings: str) -> Any:
        return json.loads(postern(*arguments, "--json", "--data", str(self.data), code=0, stdin="", **settings))

    def restore_to(self, folder: Path, file: Path, *options: str) -> "Site":
        """Another machine, with the master key, where the back-up is restored."""
        folder.mkdir()
        shutil.copy2(self.data / "master.key", folder)
        other = Site(folder, self.port)
        assert other.json("store", "restore", str(file), *options)["made_at"]
        return other

    def copy_to(self, folder: Path, file: Path) -> "Site":
        """Likewise, but somebody copied the file to where the store shall be."""
        folder.mkdir()
        shutil.copy2(self.data / "master.key", folder)
        shutil.copy2(file, folder / "postern.db")
        return Site(folder, self.port)


def new_site(data: Path) -> Site:
    """With a person and a first key."""
    postern("user", "add", "load", "--password-stdin", "--data", str(data), stdin=PASSWORD)
    postern("keys", "rotate", "--data", str(data), POSTERN_KEYS__PUBLISH_LEAD="1")
    return Site(data)


def copy_of(site: Site, data: Path) -> Site:
    shutil.copytree(site.data, data)
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


class SignIn:
    """What a client was told: the newest tokens, and the refresh tokens that it used to get them."""

    def __init__(self, client: WireClient, answer: Answer) -> None:
        self.client = client
        self.used: list[str] = []
        self.tokens = answer.members

    def refreshed(self, answer: Answer) -> None:
        self.used.append(self.tokens["refreshToken"])
        self.tokens = answer.members


class Load:
    """Clients that sign in, and refresh ``refreshes`` times, until they are refused or told to end."""

    def __init__(self, server: ServerProcess, refreshes: int = 0) -> None:
        self.told: list[SignIn] = []
        self._refusals: set[str] = set()
        self._server = server
        self._refreshes = refreshes
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

    def saved(self, at_least: int) -> list[SignIn]:
        """What clients had been told when it was as much as this."""
        while len(self.told) < at_least:
            assert any(thread.is_alive() for thread in self._threads)
            self._ends.wait(0.02)
        return list(self.told)

    def refused(self) -> set[str]:
        """By which errors each of the clients was refused in the end; empty for a page."""
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        return self._refusals

    def _run(self) -> None:
        with connected(self._server) as connection, connected(self._server) as pages:
            client, person = WireClient(connection, f"{self._server.url}/start"), self._browser.over(pages)
            while not self._ends.is_set() and self._sign_in(client, person):
                pass

    def _sign_in(self, client: WireClient, person: PersonAtBrowser) -> bool:
        """Whether it went well to the end."""
        credentials = client.credentials
        started = client.connection.call("/device_authorization", **credentials, startUrl=client.start_url)
        if started.status == 200 and not person.decide(started.members["userCode"]):
            self._refusals.add("")
            return False
        answer = client.redeem(started.members["deviceCode"]) if started.status == 200 else started
        if answer.status == 200:
            sign_in = SignIn(client, answer)
            self.told.append(sign_in)
            for _ in range(self._refreshes):
                answer = client.refresh(sign_in.tokens["refreshToken"])
                if answer.status != 200:
                    break
                sign_in.refreshed(answer)
        if answer.status != 200:
            self._refusals.add(answer.error)
        return answer.status == 200
