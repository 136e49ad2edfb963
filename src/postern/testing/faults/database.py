"""F3 and F4: the database goes away under load: it is stopped immediately and recovers, or ends all connections."""

import contextlib
import time

from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.load import Load, steady
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.stores import PostgresUnderTest
from postern.testing.faults.trial import Trial
from postern.testing.wire import Connection, WireClient

FIRST_SUCCESS_WITHIN = 3.0
TERMINATED_EVERY = 5.0
AFFECTED_AT_MOST = 0.01
_PATIENCE = 30.0
_OK = 200
_TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_REFUSALS = ("500 InternalServerException", "503", "400 SlowDownException")


def stop_database(trial: Trial) -> None:
    """F3."""
    dose, findings = trial.dose, trial.findings
    server = _store(trial).server
    nodes = Nodes(trial, 2)
    with watched(trial) as oracle, running(nodes):
        for cycle in range(dose.cycles):
            load = Load(nodes, oracle, dose, trial.random.randrange(1 << 30))
            load.start()
            try:
                time.sleep(trial.random.uniform(dose.seconds / 3, dose.seconds))
                server.stop("immediate")
                time.sleep(trial.random.uniform(0, 0.5))
                server.start()
                _await_success(trial, load.traffic, time.monotonic())
                require_each_works(trial, nodes)
            finally:
                load.stop()
            findings.server_errors += load.traffic.server_errors
            require_refusals(trial, load.traffic)
            with contextlib.closing(steady(nodes, Traffic())) as connection:
                oracle.prove_latest(connection)
                oracle.prove_replays_refused(connection)
            trial.say(f"{cycle + 1} of {dose.cycles} stops, {findings.acknowledged:,} acknowledged")
        prove_all(trial, nodes, oracle)


def _await_success(trial: Trial, traffic: Traffic, since: float) -> None:
    while traffic.last_success < since and time.monotonic() < since + _PATIENCE:
        time.sleep(0.01)
    waited = max(traffic.last_success, since) - since if traffic.last_success >= since else _PATIENCE
    trial.findings.recovered(waited, FIRST_SUCCESS_WITHIN, "the first success after the database took connections took")


def require_each_works(trial: Trial, nodes: Nodes) -> None:
    """Every node by itself, several times: a pool that is half dead would show."""
    for port in nodes.ports:
        with contextlib.closing(Connection(port)) as connection:
            client = WireClient(connection, f"{nodes.url}/start")
            for _ in range(20):
                answer = connection.call("/device_authorization", **client.credentials, startUrl=client.start_url)
                trial.findings.require(answer.status == _OK, f"a node that should have recovered: {answer.error}")


def require_refusals(trial: Trial, traffic: Traffic) -> None:
    """While the store is away, nothing worse is said than that it is."""
    for how in traffic.failures:
        named = how.startswith(_REFUSALS)
        trial.findings.require(named, f"a client met {how}")


def terminate_connections(trial: Trial) -> None:
    """F4."""
    dose, findings = trial.dose, trial.findings
    store = _store(trial)
    nodes = Nodes(trial, 2)
    ended = 0
    with watched(trial) as oracle, running(nodes):
        load = Load(nodes, oracle, dose, trial.random.randrange(1 << 30))
        load.start()
        try:
            until = time.monotonic() + dose.seconds
            while time.monotonic() < until:
                time.sleep(min(TERMINATED_EVERY, dose.seconds / 3))
                ended += store.number(_TERMINATE)
                trial.say(f"{ended:,} connections ended, {findings.acknowledged:,} acknowledged")
        finally:
            load.stop()
        traffic = load.traffic
        findings.server_errors += traffic.server_errors
        findings.require(ended > 0, "no connection was ended")
        for how in traffic.gave_up:
            findings.fault(f"a client gave up: {how}")
        require_refusals(trial, traffic)
        if traffic.affected > max(1, AFFECTED_AT_MOST * traffic.requests):
            findings.fault(f"{traffic.affected:,} of {traffic.requests:,} requests were affected")
        findings.notes.append(
            f"{ended:,} connections ended, {traffic.affected:,} of {traffic.requests:,} requests retried"
        )
        prove_all(trial, nodes, oracle)


def _store(trial: Trial) -> PostgresUnderTest:
    assert isinstance(trial.store, PostgresUnderTest)
    return trial.store
