"""F10: wall clocks that step by days and seconds under load, and a node whose clock is off."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from postern.testing import clocked
from postern.testing.faults.botocore_like import SLOW_DOWN
from postern.testing.faults.journal import Journal
from postern.testing.faults.kills import require_sound
from postern.testing.faults.load import Load, steady
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes
from postern.testing.faults.oracle import INVALID_GRANT, Oracle, portal_lets_in
from postern.testing.faults.trial import Findings, Trial
from postern.testing.wire import Answer, Connection, PersonAtBrowser, WireClient

STEPS = (5, -5, 2 * 86_400, -86_400)
SKEW = 30
_LIFE = 4
_SETTINGS = {
    "POSTERN_LIFETIMES__ACCESS_TOKEN": str(_LIFE),
    "POSTERN_LIFETIMES__DEVICE_CODE": str(_LIFE),
    "POSTERN_LIFETIMES__BROWSER_SESSION": str(1000 * 86_400),
    "POSTERN_LIFETIMES__CLIENT_REGISTRATION": str(1000 * 86_400),
}
_OK = 200
_SIGN_IN_LIFE = 8 * 3600
_REFRESHES = 4


@dataclass
class Expired:
    """What had ended before the clock stepped."""

    client: WireClient
    device_code: str
    access_token: str
    consumed: str


@dataclass
class Living:
    """What was good when the clock stepped."""

    client: WireClient
    refresh_token: str
    access_token: str
    pending: dict[str, str]
    issued_at: float


class Clocks:
    """Sign-ins on nodes whose clocks are set; ``person`` has a browser session that outlives every step."""

    def __init__(self, trial: Trial, nodes: Nodes, connection: Connection) -> None:
        self.findings = trial.findings
        self._nodes = nodes
        self._connection = connection
        self._window = trial.dose.window
        self._person = PersonAtBrowser(connection, PERSON, PASSWORD)

    def step(self, seconds: int, move: "Mover") -> None:
        expired = self._expired(move)
        living = self._living()
        move(seconds)
        self._prove_still_expired(expired)
        if seconds < _SIGN_IN_LIFE:
            self._prove_still_alive(living)
        self._prove_new_sign_ins()
        if seconds < -_SIGN_IN_LIFE:
            time.sleep(max(0.0, living.issued_at + _LIFE + 1.2 - time.monotonic()))
        move.forward(_LIFE)
        if self._lets_in(living.access_token):
            self.findings.is_double_spent("an access token outlived its end")

    def _client(self) -> WireClient:
        return WireClient(self._connection, f"{self._nodes.url}/start")

    def _signed_in(self, client: WireClient) -> dict[str, str]:
        started = client.start()
        self.findings.require(self._person.decide(started["userCode"]), "an approval was refused")
        return self._good(client.redeem(started["deviceCode"]), "a device code was refused")

    def _expired(self, move: "Mover") -> Expired:
        """All of it has ended by time alone."""
        client = self._client()
        first = self._signed_in(client)
        self._good(client.refresh(first["refreshToken"]), "a refresh was refused")
        undecided = client.start()
        expired = Expired(client, undecided["deviceCode"], first["accessToken"], first["refreshToken"])
        move.forward(max(_LIFE, self._window) + 1)
        self.findings.require(not self._lets_in(expired.access_token), "an access token outlived its end")
        return expired

    def _living(self) -> Living:
        client = self._client()
        members = self._signed_in(client)
        return Living(client, members["refreshToken"], members["accessToken"], client.start(), time.monotonic())

    def _prove_still_expired(self, expired: Expired) -> None:
        if self._lets_in(expired.access_token):
            self.findings.is_double_spent("an expired access token was revived")
        answer = expired.client.redeem(expired.device_code)
        if answer.error != "ExpiredTokenException":
            self.findings.is_double_spent(f"an expired device code was answered {answer.error}")
        answer = expired.client.refresh(expired.consumed)
        if answer.error != INVALID_GRANT:
            self.findings.is_double_spent(f"a rotated refresh token was answered {answer.status} {answer.error}")

    def _prove_still_alive(self, living: Living) -> None:
        """Pending codes that live for seconds may have expired by a step of five."""
        answer = living.client.redeem(living.pending["deviceCode"])
        possible = ("AuthorizationPendingException", "ExpiredTokenException")
        self.findings.require(answer.error in possible, f"a poll was answered {answer.error}")
        members = self._good(living.client.refresh(living.refresh_token), "a live sign-in was lost")
        self._prove_life(members)
        living.access_token, living.issued_at = members.get("accessToken", ""), time.monotonic()

    def _prove_new_sign_ins(self) -> None:
        members = self._signed_in(self._client())
        self._prove_life(members)
        self.findings.require(self._lets_in(members["accessToken"]), "a new access token was refused")

    def _prove_life(self, members: dict[str, str]) -> None:
        life = int(members.get("expiresIn", _LIFE))
        self.findings.require(0 < life <= _LIFE, f"expiresIn was {life}")

    def _lets_in(self, access_token: str) -> bool:
        return portal_lets_in(self._connection, access_token)

    def _good(self, answer: Answer, fault: str) -> dict[str, str]:
        if answer.status != _OK:
            self.findings.is_lost(f"{fault}: {answer.status} {answer.error}")
            return {}
        self.findings.acknowledge()
        return answer.members


class Mover:
    """Sets the clock of one node, or of all."""

    def __init__(self, trial: Trial, count: int) -> None:
        self._waits = trial.store.keeps_time
        self.files = [trial.folder / f"clock-{number}" for number in range(count)]
        self._offset = self.furthest = 0.0
        for file in self.files:
            clocked.set_offset(file, 0)

    def __call__(self, seconds: float) -> None:
        self._offset += seconds
        self.furthest = max(self.furthest, self._offset)
        for file in self.files:
            clocked.set_offset(file, self._offset)

    def forward(self, seconds: float) -> None:
        """To so much later than it has ever been, as if that time had passed; it passes where the store keeps time."""
        if self._waits:
            time.sleep(seconds)
        self(self.furthest + seconds - self._offset)


def step_clocks(trial: Trial) -> None:
    """Steps in any order, so many times, on one node under load; then two nodes of which one is ahead."""
    nodes = Nodes(trial, settings=_SETTINGS)
    nodes.add_person()
    mover = Mover(trial, 1)
    with _clocked(trial, nodes, mover) as clocks:
        for cycle in range(trial.dose.cycles):
            for seconds in trial.random.sample(STEPS, trial.dose.items):
                clocks.step(seconds, mover)
            trial.say(f"{cycle + 1} of {trial.dose.cycles} times each step")
    _set_one_ahead(trial, mover.furthest)


def _set_one_ahead(trial: Trial, now: float) -> None:
    """Sign-ins wander between a node and one that is ahead. ``now`` is the offset of both before. A refresh that is
    repeated on the other node may be refused, since its replay window is over by that clock: it is counted.
    """
    lives = {"POSTERN_LIFETIMES__ACCESS_TOKEN": str(2 * SKEW), "POSTERN_LIFETIMES__DEVICE_CODE": str(10 * SKEW)}
    nodes = Nodes(trial, 2, settings=_SETTINGS | lives)
    mover = Mover(trial, 2)
    mover(now)
    clocked.set_offset(mover.files[1], now + SKEW)
    refused = 0
    with _clocked(trial, nodes, mover), contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(Connection(port))) for port in nodes.ports]
        person = PersonAtBrowser(connections[0], PERSON, PASSWORD)
        for _ in range(trial.dose.cycles):
            refused += not _wander(trial.findings, f"{nodes.url}/start", connections, person)
    trial.findings.notes.append(f"{refused} of {trial.dose.cycles} repeats on the node {SKEW} s ahead were refused")


def _wander(findings: Findings, start_url: str, connections: list[Connection], person: PersonAtBrowser) -> bool:
    """A sign-in that is refreshed on one node after the other; whether a repeat on the other one was answered."""
    client = WireClient(connections[0], start_url)
    started = client.start()
    findings.require(person.decide(started["userCode"]), "an approval was refused")
    answer = client.redeem(started["deviceCode"])
    for turn in range(_REFRESHES):
        if answer.status != _OK:
            findings.is_lost(f"a sign-in was lost between nodes: {answer.error}")
            return False
        _prove_on_all(findings, connections, answer.members)
        before = answer.members["refreshToken"]
        answer = client.over(connections[turn % 2]).refresh(before)
        if turn == _REFRESHES - 1:
            return client.over(connections[1 - turn % 2]).refresh(before).status == _OK
    return False


def _prove_on_all(findings: Findings, connections: list[Connection], members: dict[str, str]) -> None:
    findings.acknowledge()
    findings.require(0 < int(members["expiresIn"]) <= 2 * SKEW, f"expiresIn was {members['expiresIn']}")
    for connection in connections:
        works = portal_lets_in(connection, members["accessToken"])
        findings.require(works, "an access token was refused by a node")


@contextlib.contextmanager
def _clocked(trial: Trial, nodes: Nodes, mover: Mover) -> Iterator[Clocks]:
    """Nodes with clocks of their own, under a load of which only 5xx and SlowDown count: sign-ins may end by time."""
    journal = Journal(trial.folder / "journal.jsonl")
    noise = Load(nodes, Oracle(journal, Findings(), trial), trial.dose, trial.random.randrange(1 << 30))
    try:
        for number, file in enumerate(mover.files):
            nodes.start(number, program=clocked.program(file))
        noise.start()
        with contextlib.closing(steady(nodes, noise.traffic)) as connection:
            yield Clocks(trial, nodes, connection)
    finally:
        noise.stop()
        nodes.kill_all()
        journal.close()
    findings, traffic = trial.findings, noise.traffic
    findings.server_errors += traffic.server_errors
    findings.require(not traffic.server_errors, f"{traffic.server_errors} answers were 5xx")
    slow_downs = traffic.failures[f"400 {SLOW_DOWN}"]
    findings.require(not slow_downs, f"{slow_downs} answers were SlowDown")
    require_sound(trial)
