"""Several workers on one store: what is single stays single, what one learns all learn, and they stop in peace."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, run_command
from postern.testing.wire import Answer, Connection, PersonAtBrowser, WireClient
from tests.server.conftest import add_person, client_of, person_of

RACERS = 8
SETTINGS = WITHOUT_LIMITS | {"POSTERN_KEYS__PUBLISH_LEAD": "2", "POSTERN_LIFETIMES__REPLAY_WINDOW": "30"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("workers") / "data"
    add_person(data)
    server = ServerProcess(data, "--workers", "2", settings=SETTINGS)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.fixture
def client(server: ServerProcess, connection: Connection) -> WireClient:
    return client_of(server, connection)


@pytest.fixture
def person(connection: Connection) -> PersonAtBrowser:
    return person_of(connection)


class Racers:
    """Connections enough that both workers have some; each call is sent on all of them at once."""

    def __init__(self, server: ServerProcess) -> None:
        self.connections = [Connection(server.port) for _ in range(RACERS)]
        self.pool = ThreadPoolExecutor(RACERS)
        for connection in self.connections:
            connection.send("GET", "/healthz/live")

    def all(self, call: Callable[[Connection], Answer]) -> list[Answer]:
        gate = threading.Barrier(RACERS)

        def one(connection: Connection) -> Answer:
            gate.wait(10)
            return call(connection)

        return list(self.pool.map(one, self.connections))

    def close(self) -> None:
        self.pool.shutdown()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def racers(server: ServerProcess) -> Iterator[Racers]:
    racers = Racers(server)
    yield racers
    racers.close()


def signed_in(client: WireClient, person: PersonAtBrowser) -> dict[str, str]:
    started = client.start()
    assert person.decide(started["userCode"])
    answer = client.redeem(started["deviceCode"])
    assert answer.status == 200, answer
    return answer.members


def postern(server: ServerProcess, *arguments: str) -> str:
    done = run_command(*arguments, "--data", str(server.data), "--json", settings=SETTINGS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def becomes(state: Callable[[], bool], within: float) -> None:
    deadline = time.monotonic() + within
    while not state():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def tokens_in(answers: list[Answer]) -> set[tuple[str, str]]:
    assert [answer.status for answer in answers] == [200] * len(answers)
    return {(answer.members["accessToken"], answer.members["refreshToken"]) for answer in answers}


def test_a_device_code_redeemed_on_two_workers_makes_one_sign_in(
    client: WireClient, person: PersonAtBrowser, racers: Racers
) -> None:
    for _ in range(25):
        started = client.start()
        assert person.decide(started["userCode"])
        answers = racers.all(lambda connection: client.over(connection).redeem(started["deviceCode"]))  # noqa: B023
        assert len(tokens_in(answers)) == 1


def test_a_refresh_token_sent_to_two_workers_has_one_successor(
    client: WireClient, person: PersonAtBrowser, racers: Racers
) -> None:
    for _ in range(5):
        refresh_token = signed_in(client, person)["refreshToken"]
        for _ in range(10):
            answers = racers.all(lambda connection: client.over(connection).refresh(refresh_token))  # noqa: B023
            ((_, refresh_token),) = tokens_in(answers)


def test_a_sign_out_on_one_worker_holds_on_all(client: WireClient, person: PersonAtBrowser, racers: Racers) -> None:
    tokens = signed_in(client, person)
    assert client.log_out(tokens["accessToken"]).status == 200
    answers = racers.all(lambda connection: client.over(connection).log_out(tokens["accessToken"]))
    assert {answer.status for answer in answers} == {401}
    answers = racers.all(lambda connection: client.over(connection).refresh(tokens["refreshToken"]))
    assert {answer.error for answer in answers} == {"InvalidGrantException"}


def test_a_refresh_that_races_a_sign_out_leaves_nothing_alive(
    client: WireClient, person: PersonAtBrowser, racers: Racers
) -> None:
    for _ in range(15):
        tokens = signed_in(client, person)
        numbers = iter(range(RACERS))

        def refresh_or_log_out(connection: Connection) -> Answer:
            mine = client.over(connection)
            if next(numbers) == RACERS // 2:  # noqa: B023
                return mine.log_out(tokens["accessToken"])  # noqa: B023
            return mine.refresh(tokens["refreshToken"])  # noqa: B023

        for answer in racers.all(refresh_or_log_out):
            if "accessToken" in answer.members if answer.body else False:
                assert client.log_out(answer.members["accessToken"]).status == 401
                assert client.refresh(answer.members["refreshToken"]).error == "InvalidGrantException"


def test_a_key_rotation_reaches_all_workers_and_refuses_no_token(
    server: ServerProcess, client: WireClient, person: PersonAtBrowser, racers: Racers
) -> None:
    before = signed_in(client, person)
    rotated = json.loads(postern(server, "keys", "rotate"))
    refresh_token, until = before["refreshToken"], rotated["activates_at"] + 1.5
    while time.time() < until:
        ((_, refresh_token),) = tokens_in(racers.all(lambda each: client.over(each).refresh(refresh_token)))  # noqa: B023
    states = {key["key_id"]: key["state"] for key in json.loads(postern(server, "keys", "list"))}
    assert states[rotated["key_id"]] == "signs"
    assert sorted(states.values()) == ["signs", "verifies"]
    after = signed_in(client, person)
    assert after["accessToken"][4:12] != before["accessToken"][4:12]
    tokens_in(racers.all(lambda connection: client.over(connection).refresh(after["refreshToken"])))


@pytest.mark.alone
def test_a_revoked_client_is_refused_by_all_workers_within_two_seconds(
    server: ServerProcess, client: WireClient, person: PersonAtBrowser, racers: Racers
) -> None:
    tokens = signed_in(client, person)
    other = client_of(server, client.connection)
    others = signed_in(other, person)
    postern(server, "client", "revoke", client.credentials["clientId"])
    assert client.log_out(tokens["accessToken"]).status == 401
    becomes(
        lambda: (
            {answer.error for answer in racers.all(lambda each: client.over(each).refresh(tokens["refreshToken"]))}
            == {"InvalidClientException"}
        ),
        within=2,
    )
    assert other.refresh(others["refreshToken"]).status == 200


def test_a_disabled_person_s_tokens_are_dead_at_once_on_all_workers(
    server: ServerProcess, client: WireClient, person: PersonAtBrowser, racers: Racers
) -> None:
    tokens = signed_in(client, person)
    approved = client.start()
    assert person.decide(approved["userCode"])
    postern(server, "user", "disable", "mira")
    try:
        answers = racers.all(lambda connection: client.over(connection).refresh(tokens["refreshToken"]))
        assert {answer.error for answer in answers} == {"InvalidGrantException"}
        answers = racers.all(lambda connection: client.over(connection).log_out(tokens["accessToken"]))
        assert {answer.status for answer in answers} == {401}
        answers = racers.all(lambda connection: client.over(connection).redeem(approved["deviceCode"]))
        assert {answer.error for answer in answers} == {"InvalidGrantException"}
        assert not person.decide(client.start()["userCode"])
    finally:
        postern(server, "user", "enable", "mira")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_answers_what_runs_and_leaves_without_a_complaint(tmp_path: Path, workers: str) -> None:
    server = ServerProcess(tmp_path / "data", "--workers", workers, settings=WITHOUT_LIMITS)
    statuses: list[int] = []
    stopping = threading.Event()

    def register_until_the_end() -> None:
        """Each request that the server took, it answers; once it stops, connections close between requests."""
        while not stopping.is_set():
            connection = Connection(server.port)
            for _ in range(50):
                try:
                    statuses.append(connection.call("/client/register", clientName="x", clientType="public").status)
                except OSError:
                    break
            connection.close()

    threads = [threading.Thread(target=register_until_the_end) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(statuses) < 200:
        time.sleep(0.01)
    server.terminate()
    code = server.wait()
    stopping.set()
    for thread in threads:
        thread.join(20)
    assert code == 0
    assert set(statuses) == {200}
    log = server.log.read_text("utf-8")
    assert "Traceback" not in log
    assert all(json.loads(line)["level"] in ("info", "warning") for line in log.splitlines())
