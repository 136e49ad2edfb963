"""F1 and F2: ``kill -9`` of the only server, and of one of two nodes, at random moments under load."""

import contextlib
import time
from collections.abc import Iterator

from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.journal import Journal
from postern.testing.faults.load import Load, steady, under_load
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.oracle import Oracle
from postern.testing.faults.trial import Trial

READY_WITHIN = 2.0
ERROR_WINDOW = 1.0


@contextlib.contextmanager
def watched(trial: Trial) -> Iterator[Oracle]:
    """An oracle with its journal in the trial's folder."""
    journal = Journal(trial.folder / "journal.jsonl")
    try:
        yield Oracle(journal, trial.findings, trial)
    finally:
        journal.close()


def prove_all(trial: Trial, nodes: Nodes, oracle: Oracle) -> None:
    """Everything that was not proved yet."""
    with contextlib.closing(steady(nodes, Traffic())) as connection:
        oracle.prove_latest(connection)
        oracle.prove_replays_refused(connection, wait=trial.dose.replays)
    require_sound(trial)


def require_sound(trial: Trial) -> None:
    if damage := trial.store.damage():
        trial.findings.fault(damage)


def kill_the_server(trial: Trial) -> None:
    dose, findings = trial.dose, trial.findings
    nodes = Nodes(trial)
    with watched(trial) as oracle, running(nodes):
        for cycle in range(dose.cycles):
            load = Load(nodes, oracle, dose, trial.random.randrange(1 << 30))
            load.start()
            time.sleep(trial.random.uniform(dose.seconds / 3, dose.seconds))
            findings.server_errors += load.traffic.server_errors
            nodes.kill(0)
            load.stop()
            findings.recovered(nodes.start(0).ready_after, READY_WITHIN, "ready only after")
            with contextlib.closing(steady(nodes, Traffic())) as connection:
                oracle.prove_latest(connection)
                oracle.prove_replays_refused(connection)
            require_sound(trial)
            trial.say(f"{cycle + 1} of {dose.cycles} kills, {findings.acknowledged:,} acknowledged")
        prove_all(trial, nodes, oracle)


def kill_one_node(trial: Trial) -> None:
    """The other one goes on without a 5xx, and no client waits longer than a second for an answer."""
    dose, findings = trial.dose, trial.findings
    nodes = Nodes(trial, 2)
    with watched(trial) as oracle, running(nodes):
        for cycle in range(dose.cycles):
            with under_load(trial, nodes, oracle) as traffic:
                time.sleep(trial.random.uniform(dose.seconds / 3, dose.seconds))
                killed = time.monotonic()
                nodes.kill(cycle % 2)
                time.sleep(2 * ERROR_WINDOW)
                nodes.start(cycle % 2)
            findings.recovered(traffic.longest_outage(killed), ERROR_WINDOW, "a client waited for an answer")
            for how in set(traffic.gave_up):
                findings.fault(f"a client gave up: {how}")
            with contextlib.closing(steady(nodes, Traffic())) as connection:
                oracle.prove_latest(connection)
                oracle.prove_replays_refused(connection)
            trial.say(f"{cycle + 1} of {dose.cycles} kills, {findings.acknowledged:,} acknowledged")
        findings.require(not findings.server_errors, f"{findings.server_errors} answers were 5xx")
        prove_all(trial, nodes, oracle)
