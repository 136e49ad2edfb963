"""F21: a million expired rows are swept while clients sign in."""

import asyncio
import contextlib
import time

from postern.testing.faults.approvals import approver
from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.load import steady, under_load
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.stores import EXPIRED
from postern.testing.faults.trial import Trial
from postern.testing.wire import WireClient

SLOWER_AT_MOST = 2.0
_ENOUGH = 1000
_PATIENCE = 600
_SETTINGS = {"POSTERN_STORE__SWEEP_INTERVAL": "1"}
_LEFT = f"SELECT count(*) FROM device_authorization WHERE client_name = '{EXPIRED}'"  # noqa: S608


def sweep_under_load(trial: Trial) -> None:
    dose, findings = trial.dose, trial.findings
    nodes = Nodes(trial, settings=_SETTINGS)
    with watched(trial) as oracle, running(nodes):
        with under_load(trial, nodes, oracle) as quiet:
            time.sleep(dose.seconds)
        expired = asyncio.run(_expired_code(trial, nodes))
        trial.store.add_expired(dose.items)
        began = time.monotonic()
        with under_load(trial, nodes, oracle) as busy:
            _await_swept(trial, began)
        with contextlib.closing(steady(nodes, Traffic())) as connection:
            answer = WireClient(connection, "").redeem(expired)
        findings.require(answer.error == "ExpiredTokenException", f"an expired code was answered {answer.error}")
        findings.notes.append(_compared(trial, quiet, busy))
        findings.require(not findings.server_errors, f"{findings.server_errors} answers were 5xx")
        prove_all(trial, nodes, oracle)


async def _expired_code(trial: Trial, nodes: Nodes) -> str:
    async with approver(trial, nodes) as by:
        return await by.expired_code(EXPIRED)


def _await_swept(trial: Trial, began: float) -> None:
    while left := trial.store.number(_LEFT):
        trial.say(f"{left:,} of {trial.dose.items:,} expired rows are left")
        if time.monotonic() > began + _PATIENCE:
            trial.findings.fault(f"{left:,} expired rows were not swept")
            return
        time.sleep(0.5)
    trial.findings.recovered(time.monotonic() - began, _PATIENCE, "all swept only after")


def _compared(trial: Trial, quiet: Traffic, busy: Traffic) -> str:
    """Few requests say nothing of the slowest hundredth."""
    before, after = quiet.percentile(99), busy.percentile(99)
    if min(len(quiet.latencies), len(busy.latencies)) >= _ENOUGH:
        trial.findings.require(after <= SLOWER_AT_MOST * before, f"p99 rose from {before:.0f} to {after:.0f} ms")
    return f"p99 {before:.0f} ms before, {after:.0f} ms while sweeping"
