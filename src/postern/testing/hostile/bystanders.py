"""Clients as they should be, beside those that are not: a steady load, and how much slower it is answered meanwhile."""

from postern.testing.faults.trial import Findings, Trial
from postern.testing.hostile import mix, pace
from postern.testing.hostile.lanes import Lanes, Outcomes
from postern.testing.hostile.samples import Samples

SLOWER = 2.0
_ENOUGH_FOR_P99 = 2000
_LANES = 200
_READY = 32
_PATIENCE = 10.0


class Bystanders:
    """``rate`` calls a second, in stretches that are compared."""

    def __init__(self, trial: Trial, calls: mix.Mix, port: int) -> None:
        self._trial = trial
        self._calls = calls
        self._lanes = Lanes(port, _LANES)

    async def arrive(self) -> None:
        await self._lanes.open(_READY)

    async def go_on(self, seconds: float) -> Samples:
        """How long their answers took. Every one of them has to be good."""
        outcomes = self._lanes.outcomes = Outcomes()
        await pace.at_rate(self._lanes, self._calls.next, pace.steadily(self._trial.dose.rate), seconds)
        await self._lanes.drain(_PATIENCE)
        findings = self._trial.findings
        findings.acknowledge(len(outcomes.good))
        require_answered(findings, outcomes)
        findings.require(not outcomes.refused, f"{len(outcomes.refused)} calls of others were refused")
        return outcomes.good

    def leave(self) -> None:
        self._lanes.close()


def require_answered(findings: Findings, seen: Outcomes) -> None:
    """Every call had an answer, and one that is good or says that there is too much to do."""
    findings.server_errors += sum(seen.server_errors.values())
    for how, number in (seen.server_errors + seen.unexpected).items():
        findings.fault(f"{number} answers were {how}")
    findings.require(not seen.broken, f"{seen.broken} connections were refused or broken")
    findings.require(not seen.unanswered, f"{seen.unanswered} calls had no answer")


def require_hardly_slower(findings: Findings, before: Samples, during: Samples, after: Samples) -> None:
    """By the 99th percentile, or by the median where there are too few for that; beside the slower of the stretches
    before and after, since the machine has other things to do too.
    """
    share, name = (0.99, "p99") if len(during) >= _ENOUGH_FOR_P99 else (0.5, "median")
    usual = max(before.percentile(share), after.percentile(share))
    ratio = during.percentile(share) / usual
    findings.require(
        ratio <= SLOWER * findings.patience, f"{name} of the others' calls was {ratio:.1f} times the usual"
    )
    findings.notes.append(f"{name} of the others {ratio:.2f} times the usual {usual * 1000:.0f} ms")
