"""Running a fault of the programme on a fresh store, in a folder of its own."""

import random
import time
from collections.abc import Callable
from pathlib import Path

from postern.testing.faults.catalogue import FAULTS
from postern.testing.faults.stores import Stores
from postern.testing.faults.trial import Dose, Fault, Findings, ProgramMissing, Row, Trial
from postern.testing.postgres import PostgresMissing

Say = Callable[[str], None]


def fault_named(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


def run_fault(
    fault: Fault,
    kind: str,
    dose: Dose,
    folder: Path,
    stores: Stores,
    *,
    seed: int = 0,
    say: Say = lambda text: None,
) -> Row:
    """One fault on one kind of store.

    Raises:
        Skipped: it cannot be done here.
    """
    folder.mkdir(parents=True)
    try:
        store = stores.open(kind, folder)
    except PostgresMissing as missing:
        raise ProgramMissing(str(missing)) from None
    trial = Trial(folder, store, dose, random.Random(f"{seed} {fault.name} {kind}"), say)  # noqa: S311
    began = time.monotonic()
    fault.run(trial)
    return _row(fault, kind, dose, trial.findings, time.monotonic() - began)


def _row(fault: Fault, kind: str, dose: Dose, findings: Findings, took: float) -> Row:
    return Row(
        fault=fault.name,
        title=fault.title,
        store=kind,
        dose=fault.in_words(dose),
        acknowledged=findings.acknowledged,
        lost=findings.lost,
        double_spent=findings.double_spent,
        recovery=findings.recovery,
        server_errors=findings.server_errors,
        faults=findings.faults,
        notes=findings.notes,
        took=took,
    )
