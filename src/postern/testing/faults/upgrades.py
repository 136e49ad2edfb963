"""F17: from one version to the next, node by node, and back, on one store under load.

The next version is a copy of this one with one more migration, which adds a table.
"""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import postern
from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.load import Load
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.restarts import judge
from postern.testing.faults.trial import Trial
from postern.testing.processes import NotReady

_ADDED = "-- Runs beside schema {newest}\nCREATE TABLE added_by_the_next_version (one INTEGER PRIMARY KEY);\n"


def upgrade_and_back(trial: Trial) -> None:
    dose = trial.dose
    next_version = {"PYTHONPATH": _next_version(trial.folder)}
    nodes = Nodes(trial, 2)
    with watched(trial) as oracle, running(nodes):
        load = Load(nodes, oracle, dose, trial.random.randrange(1 << 30))
        load.start()
        try:
            for cycle in range(dose.cycles):
                _replace(trial, nodes, next_version)
                _go_back(trial, nodes, next_version)
                trial.say(f"{cycle + 1} of {dose.cycles} times there and back")
        finally:
            load.stop()
            judge(trial, load.traffic)
        prove_all(trial, nodes, oracle)


def _replace(trial: Trial, nodes: Nodes, settings: Mapping[str, str]) -> None:
    for number in range(2):
        time.sleep(trial.dose.seconds / 4)
        nodes.stop(number)
        nodes.start(number, settings=settings)
    time.sleep(trial.dose.seconds / 4)


def _go_back(trial: Trial, nodes: Nodes, next_version: Mapping[str, str]) -> None:
    """Where the store says which versions may run on it, the former one does; else it refuses, and says why."""
    if trial.store.runs_older:
        _replace(trial, nodes, {})
        return
    nodes.stop(0)
    try:
        nodes.start(0)
        trial.findings.fault("the former version started on a store of a later schema")
        nodes.stop(0)
    except NotReady as refusal:
        said = _last_line(str(refusal))
        trial.findings.require("use a newer Postern" in said, f"the former version said: {said}")
    nodes.start(0, settings=next_version)


def _next_version(folder: Path) -> str:
    """A copy of this package with a further migration for each store that has any; what PYTHONPATH must be for it."""
    package = Path(postern.__file__).parent
    copy = folder / "next" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for migrations in copy.glob("stores/*/migrations"):
        newest = max(int(file.name[:4]) for file in migrations.glob("*.sql"))
        (migrations / f"{newest + 1:04}_next.sql").write_text(_ADDED.format(newest=newest))
    return os.pathsep.join([str(copy.parent), os.environ.get("PYTHONPATH", "")])


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]
