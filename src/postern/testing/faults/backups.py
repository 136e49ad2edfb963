"""F19: a back-up under load, restored elsewhere. What was consumed or ended, before the back-up or after it, does not
come back: refresh tokens and codes of before the restore are all refused, access tokens go on to their own end.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.kills import watched
from postern.testing.faults.load import steady, under_load
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes, running
from postern.testing.faults.oracle import SignIn, portal_lets_in
from postern.testing.faults.stores import PostgresUnderTest, SqliteUnderTest, StoreUnderTest
from postern.testing.faults.trial import Trial
from postern.testing.processes import ServerProcess
from postern.testing.wire import Connection, PersonAtBrowser, WireClient

_OK = 200


def back_up_and_restore(trial: Trial) -> None:
    nodes = Nodes(trial)
    with watched(trial) as oracle, running(nodes):
        for cycle in range(trial.dose.cycles):
            with under_load(trial, nodes, oracle) as traffic:
                time.sleep(trial.dose.seconds / 2)
                then = [dataclasses.replace(sign_in, consumed=list(sign_in.consumed)) for sign_in in oracle.begun()]
                dump = _back_up(trial, nodes, cycle)
                time.sleep(trial.dose.seconds / 2)
            trial.findings.require(not traffic.server_errors, f"{traffic.server_errors} answers were 5xx")
            restored = restore(trial, nodes, dump, trial.folder / f"restored-{cycle}")
            with served(nodes, restored, trial.folder / f"restored-{cycle}") as connection:
                _prove_access_goes_on(trial, connection, then, oracle.begun())
                prove_nothing_came_back(trial, connection, then)
                prove_nothing_came_back(trial, connection, oracle.begun())
                prove_new_sign_ins(trial, connection, f"{nodes.url}/start")
            if damage := restored.damage():
                trial.findings.fault(damage)
            with contextlib.closing(steady(nodes, Traffic())) as connection:
                oracle.prove_latest(connection)
            trial.say(f"{cycle + 1} of {trial.dose.cycles} restored")


def _back_up(trial: Trial, nodes: Nodes, number: int) -> Path:
    """While the server is in use: by Postern's own command, or by PostgreSQL's."""
    if isinstance(trial.store, PostgresUnderTest):
        return trial.store.dump(number)
    dump = trial.folder / f"backup-{number}.db"
    nodes.run("store", "backup", str(dump))
    return dump


def restore(trial: Trial, nodes: Nodes, dump: Path, folder: Path) -> StoreUnderTest:
    """A store elsewhere, which knows that it was restored."""
    folder.mkdir()
    if isinstance(trial.store, PostgresUnderTest):
        copy: StoreUnderTest = trial.store.restored(dump)
        nodes.run("store", "restored", settings={"POSTERN_STORE__URL": copy.url})
    else:
        copy = SqliteUnderTest(folder)
        nodes.run("store", "restore", str(dump), settings={"POSTERN_STORE__URL": copy.url})
    return copy


@contextlib.contextmanager
def served(nodes: Nodes, store: StoreUnderTest, folder: Path) -> Iterator[Connection]:
    folder.mkdir(exist_ok=True)
    server = ServerProcess(folder / "data", settings={**nodes.settings, "POSTERN_STORE__URL": store.url})
    try:
        with contextlib.closing(Connection(server.port)) as connection:
            yield connection
    finally:
        server.kill()


def prove_nothing_came_back(trial: Trial, connection: Connection, sign_ins: list[SignIn]) -> None:
    findings = trial.findings
    for sign_in in sign_ins:
        client = sign_in.client.over(connection)
        answers = [client.redeem(sign_in.device_code)]
        answers += [client.refresh(secret) for secret in (*sign_in.consumed, sign_in.refresh_token) if secret]
        for answer in answers:
            if answer.status == _OK:
                findings.is_double_spent("a secret of before the restore was good after it")
            elif answer.status != 400:
                findings.fault(f"a secret of before the restore was answered {answer.status} {answer.error}")


def _prove_access_goes_on(trial: Trial, connection: Connection, then: list[SignIn], now: list[SignIn]) -> None:
    """Access tokens that were acknowledged before the back-up, of sign-ins that were never ended."""
    ended = {sign_in.device_code for sign_in in now if sign_in.ended or sign_in.asked}
    ended_then = {sign_in.device_code for sign_in in then if sign_in.ended}
    for sign_in in then:
        if not sign_in.redeemed:
            continue
        works = portal_lets_in(connection, sign_in.access_token)
        if works and sign_in.device_code in ended_then:
            trial.findings.is_double_spent("a sign-in that had ended before the back-up lives")
        if not works and sign_in.device_code not in ended:
            trial.findings.is_lost("an access token of before the back-up was refused")


def prove_new_sign_ins(trial: Trial, connection: Connection, start_url: str) -> None:
    person, client = PersonAtBrowser(connection, PERSON, PASSWORD), WireClient(connection, start_url)
    started = client.start()
    trial.findings.require(person.decide(started["userCode"]), "an approval was refused after the restore")
    answer = client.redeem(started["deviceCode"])
    trial.findings.require(answer.status == _OK, f"a new device code was answered {answer.error} after the restore")
