"""F16: both nodes are restarted in turn by SIGTERM, under load and with thousands of idle connections."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.load import Load
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.trial import Trial

EXITS_WITHIN = 10.0
LOG_LINES = 100
_ATTEMPTS = 2
_REQUEST = b"GET /healthz/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def restart_in_turn(trial: Trial) -> None:
    dose = trial.dose
    nodes = Nodes(trial, 2)
    with watched(trial) as oracle, running(nodes):
        load = Load(nodes, oracle, dose, trial.random.randrange(1 << 30), attempts=_ATTEMPTS)
        load.start()
        try:
            for cycle in range(dose.cycles):
                time.sleep(dose.seconds / 2)
                _restart(trial, nodes, cycle % 2)
                trial.say(f"{cycle + 1} of {dose.cycles} restarts")
            time.sleep(dose.seconds / 2)
        finally:
            load.stop()
        judge(trial, load.traffic)
        prove_all(trial, nodes, oracle)


def judge(trial: Trial, traffic: Traffic) -> None:
    """No request failed for good, and none was answered with a 5xx."""
    findings = trial.findings
    findings.server_errors += traffic.server_errors
    findings.require(not traffic.server_errors, f"{traffic.server_errors} answers were 5xx")
    for how in traffic.gave_up:
        findings.fault(f"a request failed with its retry: {how}")
    findings.notes.append(f"{traffic.requests:,} requests, {traffic.affected:,} with a retry")


def _restart(trial: Trial, nodes: Nodes, number: int) -> None:
    findings, log = trial.findings, nodes.log(number)
    with _idle(nodes.ports[number], trial.dose.items):
        written = len(_lines(log))
        began = time.monotonic()
        code = nodes.stop(number)
        findings.recovered(time.monotonic() - began, EXITS_WITHIN, "ended only after")
        findings.require(code == 0, f"the exit code was {code}")
        lines = len(_lines(log)) - written
        findings.require(lines < LOG_LINES, f"{lines} lines in the log of a stop")
    nodes.start(number)


def _lines(log: Path) -> list[str]:
    """All but the audit, which is the load's own."""
    return [line for line in log.read_text("utf-8").splitlines() if not _is_audit(line)]


def _is_audit(line: str) -> bool:
    try:
        return bool(json.loads(line).get("logger") == "postern.audit")
    except ValueError:
        return False


@contextlib.contextmanager
def _idle(port: int, count: int) -> Iterator[None]:
    """Connections that were answered once and are kept."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            connection.sendall(_REQUEST)
            connection.recv(4096)
        yield
