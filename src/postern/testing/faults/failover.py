"""FAILOVER: PostgreSQL's primary is killed and its synchronous standby takes over, by the steps of `docs/scaling.md`.
The nodes are told nothing; their URL names both servers. FAILOVER-ASYNC: the standby was behind, and an epoch is begun.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from postern.testing.faults.backups import prove_new_sign_ins, prove_nothing_came_back, restore, served
from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.database import FIRST_SUCCESS_WITHIN, require_each_works, require_refusals
from postern.testing.faults.journal import Journal
from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.load import Load, steady, under_load
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.oracle import Oracle, SignIn
from postern.testing.faults.stores import PostgresUnderTest
from postern.testing.faults.trial import Findings, Trial
from postern.testing.postgres import USER, PostgresServer
from postern.testing.wire import Connection, WireClient

_PATIENCE = 60.0
_OK = 200
_DATABASE = "replicated"
# What pg_rewind needs of a former primary, in its own files: it starts that alone for its recovery.
_CAN_BE_TAKEN_BACK = ("wal_log_hints = on", "wal_keep_size = '512MB'")


class ReplicatedUnderTest(PostgresUnderTest):
    """A primary and its standby, which change places. ``server`` is the one that is the primary now."""

    def __init__(self, primary: PostgresServer, standby: PostgresServer) -> None:
        super().__init__(primary, _DATABASE)
        self.standby = standby
        self.url = f"postgresql://{USER}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{_DATABASE}"

    def cut_standby(self) -> None:
        """It follows no more, and stays where it is."""
        self.standby.psql("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.psql("SELECT pg_reload_conf()")

    def promote_standby(self) -> None:
        """The primary was killed."""
        self.standby.promote()
        self.server, self.standby = self.standby, self.server

    def take_back_standby(self) -> None:
        """The primary that was killed follows the one that took its place, whose commits wait for it from now on."""
        self.server.take_back(self.standby, synchronous=True)


@contextlib.contextmanager
def _replicated(trial: Trial, *, synchronous: bool) -> Iterator[ReplicatedUnderTest]:
    """In the place of the trial's store."""
    with PostgresServer(trial.folder / "primary") as primary:
        for setting in _CAN_BE_TAKEN_BACK:
            primary.psql(f"ALTER SYSTEM SET {setting}")
        primary.restart()
        with primary.standby(trial.folder / "standby", synchronous=synchronous) as standby:
            store = trial.store = ReplicatedUnderTest(primary, standby)
            yield store


def fail_over(trial: Trial) -> None:
    dose, findings = trial.dose, trial.findings
    with _replicated(trial, synchronous=True) as store, watched(trial) as oracle, running(Nodes(trial, 2)) as nodes:
        since_kill = 0.0
        for cycle in range(dose.cycles):
            load = Load(nodes, oracle, dose, trial.random.randrange(1 << 30))
            load.start()
            try:
                time.sleep(trial.random.uniform(dose.seconds / 3, dose.seconds))
                store.server.kill()
                killed = time.monotonic()
                time.sleep(trial.random.uniform(0, 1))  # until somebody notices
                store.promote_standby()
                worked = _await_each(trial, nodes, time.monotonic())
                since_kill = max(since_kill, worked - killed)
                store.take_back_standby()
                time.sleep(dose.seconds / 3)
                require_each_works(trial, nodes)
            finally:
                load.stop()
            findings.server_errors += load.traffic.server_errors
            require_refusals(trial, load.traffic)
            with contextlib.closing(steady(nodes, Traffic())) as connection:
                oracle.prove_latest(connection)
                oracle.prove_replays_refused(connection)
            trial.say(f"{cycle + 1} of {dose.cycles} failovers, {findings.acknowledged:,} acknowledged")
        findings.notes.append(f"every node worked {since_kill:.2f} s after the kill at the latest")
        prove_all(trial, nodes, oracle)


def _await_each(trial: Trial, nodes: Nodes, promoted: float) -> float:
    """When the last of the nodes had its first success. Each is asked for itself, again and again."""
    with ThreadPoolExecutor(len(nodes.ports)) as asking:
        worked = list(asking.map(partial(_first_success, nodes), nodes.ports))
    for moment in worked:
        waited = max(moment - promoted, 0.0)
        trial.findings.recovered(waited, FIRST_SUCCESS_WITHIN, "first success of a node after the promotion")
    return max(worked)


def _first_success(nodes: Nodes, port: int) -> float:
    """
    Raises:
        TimeoutError: it is stuck.
    """
    deadline = time.monotonic() + _PATIENCE
    with contextlib.closing(Connection(port)) as connection:
        client = WireClient(connection, f"{nodes.url}/start")
        while time.monotonic() < deadline:
            if "userCode" in client.start():
                return time.monotonic()
    raise TimeoutError("a node did not come back")


def fail_over_behind(trial: Trial) -> None:
    """What was acknowledged while the standby did not follow is lost; after an epoch nothing of before comes back."""
    dose, findings, seen = trial.dose, trial.findings, Findings()
    journal = Journal(trial.folder / "journal.jsonl")
    with _replicated(trial, synchronous=False) as store, contextlib.closing(journal), running(Nodes(trial, 2)) as nodes:
        oracle = Oracle(journal, seen, trial)
        with under_load(trial, nodes, oracle):
            time.sleep(dose.seconds / 2)
            store.cut_standby()
            time.sleep(dose.seconds / 2)
        findings.faults += seen.faults
        store.server.kill()
        store.promote_standby()
        begun = [dataclasses.replace(sign_in, consumed=list(sign_in.consumed)) for sign_in in oracle.begun()]
        dumps = [store.dump(number) for number in range(2)]
        with contextlib.closing(steady(nodes, Traffic())) as connection:
            oracle.prove_latest(connection)
        findings.acknowledge(seen.acknowledged)
        with served(nodes, store.restored(dumps[0]), trial.folder / "without") as connection:
            findings.double_spent = seen.double_spent + _good_again(connection, begun)
        findings.lost = seen.lost
        findings.require(findings.lost > 0, "nothing was lost: the standby was not behind")
        restored = restore(trial, nodes, dumps[1], trial.folder / "restored")
        with served(nodes, restored, trial.folder / "restored") as connection:
            prove_nothing_came_back(trial, connection, begun)
            prove_new_sign_ins(trial, connection, f"{nodes.url}/start")
        if not findings.faults:
            findings.notes.append(
                "lost and good again as must be expected; after the epoch nothing of before was accepted"
            )


def _good_again(connection: Connection, begun: Sequence[SignIn]) -> int:
    """How many sign-ins have a consumed secret that leads to another successor than the one it had."""
    return sum(_is_good_again(sign_in, sign_in.client.over(connection)) for sign_in in begun)


def _is_good_again(sign_in: SignIn, client: WireClient) -> bool:
    """The latest first: an older one would be taken for stolen, and end the sign-in."""
    known = {sign_in.refresh_token, *sign_in.consumed}
    for secret in reversed(sign_in.consumed):
        answer = client.refresh(secret)
        if answer.status == _OK:
            return answer.members["refreshToken"] not in known
    answer = client.redeem(sign_in.device_code)
    return sign_in.redeemed and answer.status == _OK and answer.members["refreshToken"] not in known
