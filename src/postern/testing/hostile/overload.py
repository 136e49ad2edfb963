"""F13: many times as many calls as the server can answer, sent in an open loop.

The capacity is measured first, with as many calls in flight as keep the server busy. It is counted in good answers for
each second of the server's processor time: a server that has more to do than it can is busy all the time, and this
says the same when others use the machine as well. For the same reason what is offered follows the processor time that
the server is given. The answers per second are noted beside it.
"""

import time
from collections.abc import Awaitable
from typing import NamedTuple

from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.trial import Findings, Trial
from postern.testing.hostile import mix, pace
from postern.testing.hostile.bystanders import require_answered
from postern.testing.hostile.lanes import Lanes, Outcomes
from postern.testing.hostile.loops import run
from postern.testing.hostile.samples import Gauge

GOODPUT = 0.8
ACCEPTED_WITHIN = 1.0
REFUSED_WITHIN = 0.1
BASELINE_WITHIN = 5.0
MEMORY = 64 << 20
MEMORY_OF_EACH = 16 << 10  # the faster the server, the more connections it takes to offer so many times its capacity
_IN_FLIGHT = 64
_LIGHT = 0.3
_FEWEST_LANES = 500
_LANES_FOR = 0.25
_SLICE = 0.25
_PATIENCE = 10.0


class Phase(NamedTuple):
    """A stretch of load: what came of it, how long it was, and the processor time that the server spent on it."""

    outcomes: Outcomes
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return len(self.outcomes.good) / self.seconds

    @property
    def good_per_cpu(self) -> float:
        return len(self.outcomes.good) / self.cpu


class Offer:
    """So many times the capacity that the server has with the processor time that it is given at the moment."""

    def __init__(self, full: Phase, times: int, gauge: Gauge) -> None:
        self._per_cpu = full.good_per_cpu * times
        self._gauge = gauge
        self._share = full.cpu / full.seconds
        self._least = self._share / 4
        self._spent, self._at = gauge.cpu_seconds(), time.monotonic()

    def rate(self) -> float:
        now = time.monotonic()
        if now > self._at + 1:
            spent = self._gauge.cpu_seconds()
            self._share = max(self._least, (spent - self._spent) / (now - self._at))
            self._spent, self._at = spent, now
        return self._per_cpu * self._share


def overload(trial: Trial) -> None:
    """The dose's ``clients`` is how many times the capacity is offered, ``items`` the number of sign-ins."""
    nodes = Nodes(trial, settings=mix.SETTINGS)
    with running(nodes):
        calls = mix.Mix(nodes, trial.dose.items, trial.random)
        run(_overload(trial, nodes, calls))


async def _overload(trial: Trial, nodes: Nodes, calls: mix.Mix) -> None:
    dose, findings = trial.dose, trial.findings
    gauge = Gauge(nodes[0].pid)
    lanes = Lanes(nodes.ports[0], _IN_FLIGHT)
    await lanes.open(_IN_FLIGHT)

    async def at_rate(rate: pace.Rate, seconds: float) -> Phase:
        return await _measured(lanes, gauge, pace.at_rate(lanes, calls.next, rate, seconds))

    brief = max(2.0, dose.seconds / 5)
    full = await _measured(lanes, gauge, pace.in_flight(lanes, calls.next, _IN_FLIGHT, brief))
    light = await at_rate(pace.steadily(full.rate * _LIGHT), brief)
    baseline = light.outcomes.good.percentile(0.99)
    trial.say(f"capacity {full.rate:,.0f}/s, p99 at {_LIGHT:.0%} of it {baseline * 1000:.0f} ms")
    before = gauge.memory()
    lanes.most = max(_FEWEST_LANES, int(full.rate * dose.clients * _LANES_FOR))
    await lanes.open(lanes.most - _IN_FLIGHT)
    opened = gauge.memory()
    each = (opened - before) / (lanes.most - _IN_FLIGHT)
    over = await at_rate(Offer(full, dose.clients, gauge).rate, dose.seconds)
    grown = gauge.memory() - opened
    ended = time.monotonic()
    after = await at_rate(pace.steadily(full.rate * _LIGHT), BASELINE_WITHIN + 1)
    lanes.close()
    _judge(findings, full, over)
    findings.require(each <= MEMORY_OF_EACH, f"a connection takes {each / 1024:.0f} KB")
    findings.require(grown <= MEMORY, f"the server's memory grew by {grown >> 20} MiB")
    findings.recovered(
        _back_after(after.outcomes, ended, 2 * baseline * findings.patience),
        BASELINE_WITHIN,
        "back to the baseline after",
    )


async def _measured(lanes: Lanes, gauge: Gauge, load: Awaitable[object]) -> Phase:
    outcomes = lanes.outcomes = Outcomes()
    spent, begun = gauge.cpu_seconds(), time.monotonic()
    await load
    phase = Phase(outcomes, time.monotonic() - begun, gauge.cpu_seconds() - spent)
    await lanes.drain(_PATIENCE)
    return phase


def _judge(findings: Findings, full: Phase, over: Phase) -> None:
    seen = over.outcomes
    share, patience = over.good_per_cpu / full.good_per_cpu, findings.patience
    accepted, refused = seen.good.percentile(0.99), seen.refused.percentile(0.99)
    findings.acknowledge(len(seen.good))
    findings.require(share >= GOODPUT / patience, f"goodput was {share:.0%} of the capacity")
    findings.require(accepted <= ACCEPTED_WITHIN * patience, f"p99 of accepted calls was {accepted * 1000:.0f} ms")
    findings.require(refused <= REFUSED_WITHIN * patience, f"p99 of refused calls was {refused * 1000:.0f} ms")
    findings.require(len(seen.refused) > 0, "nothing was refused: it was no overload")
    require_answered(findings, seen)
    findings.notes.append(
        f"goodput {share:.0%} of capacity by processor time ({over.rate:,.0f}/s against {full.rate:,.0f}/s); "
        f"p99 accepted {accepted * 1000:.0f} ms, refused {refused * 1000:.0f} ms"
    )


def _back_after(seen: Outcomes, ended: float, limit: float) -> float:
    """When the answers were first as quick as before, with nothing refused, for two slices of time in a row."""
    calm = 0
    for number in range(int((BASELINE_WITHIN + 1) / _SLICE)):
        begin = ended + number * _SLICE
        good, refused = seen.good.between(begin, begin + _SLICE), seen.refused.between(begin, begin + _SLICE)
        calm = calm + 1 if good and not refused and good.percentile(0.9) <= limit else 0
        if calm > 1:
            return (number - 1) * _SLICE
    return float("inf")
