"""F15: an ordinary load for hours. What the server needs must stay what it is."""

import time
from typing import NamedTuple

from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.trial import Findings, Trial
from postern.testing.hostile import mix, pace
from postern.testing.hostile.bystanders import require_answered
from postern.testing.hostile.lanes import Lanes, Outcomes
from postern.testing.hostile.loops import run
from postern.testing.hostile.samples import Gauge, percentile, slope

MEMORY_PER_HOUR = 1 << 20
MEMORY_OF_A_SHORT_RUN = 8 << 20
DESCRIPTORS = 5
ROWS = 1.2
DRIFT = 0.10
CODE_LIFETIME = 60
_HOUR = 3600.0
_WARM_UP = 900.0
_STRETCHES, _SECONDS_OF_A_STRETCH = 40, 2.0
_LANES = 300
_READY = 64
_SWEEP = 5
_PATIENCE = 10.0


class Reading(NamedTuple):
    """What a stretch of the run showed. ``at`` and ``p99``, of the answers, are in seconds."""

    at: float
    memory: int
    descriptors: int
    rows: int
    p99: float


def soak(trial: Trial) -> None:
    """Codes live for a minute, so that rows have come and gone many times before the end."""
    lifetime = min(CODE_LIFETIME, max(2, int(trial.dose.seconds / 4)))
    settings = {
        "POSTERN_LIFETIMES__DEVICE_CODE": str(lifetime),
        "POSTERN_DEVICE__POLL_BURST": "100",  # enough; what has a much larger one may be remembered for days
        "POSTERN_STORE__SWEEP_INTERVAL": str(min(_SWEEP, lifetime)),
        "POSTERN_STORE__SWEEP_ROWS": "5000",
    }
    nodes = Nodes(trial, settings=mix.SETTINGS | settings)
    with running(nodes):
        run(_soak(trial, nodes, mix.Mix(nodes, 20, trial.random), lifetime))


async def _soak(trial: Trial, nodes: Nodes, calls: mix.Mix, lifetime: int) -> None:
    dose, findings = trial.dose, trial.findings
    gauge, lanes = Gauge(nodes[0].pid), Lanes(nodes.ports[0], _LANES)
    await lanes.open(_READY)
    readings: list[Reading] = []
    stretches = min(_STRETCHES, int(dose.seconds / _SECONDS_OF_A_STRETCH))
    begun = time.monotonic()
    for number in range(stretches):
        outcomes = lanes.outcomes = Outcomes()
        await pace.at_rate(lanes, calls.next, pace.steadily(dose.rate), dose.seconds / stretches)
        await lanes.drain(_PATIENCE)
        rows = trial.store.number("SELECT count(*) FROM device_authorization")
        elapsed, p99 = time.monotonic() - begun, outcomes.good.percentile(0.99)
        readings.append(Reading(elapsed, gauge.memory(), gauge.descriptors(), rows, p99))
        findings.acknowledge(len(outcomes.good))
        require_answered(findings, outcomes)
        findings.require(not outcomes.refused, f"{len(outcomes.refused)} calls were refused")
        trial.say(f"{number + 1} of {stretches} stretches, {gauge.memory() >> 20} MiB, {rows} rows")
    lanes.close()
    live = calls.device_starts / readings[-1].at * (lifetime + 1.25 * min(_SWEEP, lifetime))
    _judge(findings, readings, live)


def _judge(findings: Findings, readings: list[Reading], live: float) -> None:
    """After the warm-up. An hour and more is held to the programme's numbers; what is shorter shows gross faults only.
    ``live`` is how many rows there should be, but for chance.
    """
    hours = readings[-1].at / _HOUR
    warm = [reading for reading in readings if reading.at >= min(_WARM_UP, readings[-1].at / 4)]
    quarter = max(1, len(warm) // 4)
    growth = slope([(reading.at, reading.memory) for reading in warm]) * (warm[-1].at - warm[0].at)
    allowed = MEMORY_PER_HOUR * hours if hours >= 1 else MEMORY_OF_A_SHORT_RUN
    findings.require(growth <= allowed, f"memory grew by {growth / 2**20:.1f} MiB in {hours:.2f} h")
    descriptors = [reading.descriptors for reading in warm]
    spread = max(descriptors) - min(descriptors)
    findings.require(spread <= 2 * DESCRIPTORS, f"open descriptors went from {min(descriptors)} to {max(descriptors)}")
    rows = max(reading.rows for reading in warm)
    findings.require(rows <= live * ROWS + 4 * live**0.5, f"{rows} rows, where {live:.0f} live")
    early, late = warm[:quarter], warm[-quarter:]
    drift = _middle(late, "p99") / _middle(early, "p99") - 1
    if hours >= 1:
        findings.require(drift <= DRIFT, f"p99 drifted by {drift:.0%}")
    findings.notes.append(
        f"memory {growth / 2**20:+.1f} MiB, descriptors {min(descriptors)}-{max(descriptors)}, at most {rows} rows of "
        f"{live:.0f}, p99 {drift:+.0%}"
    )


def _middle(readings: list[Reading], member: str) -> float:
    return percentile([getattr(reading, member) for reading in readings], 0.5)
