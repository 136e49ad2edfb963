"""Every fault of the programme in a dose of seconds; ``make faults ARGS=--full`` takes the programme's own."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.testing.faults.catalogue import FAULTS
from postern.testing.faults.programme import run_fault
from postern.testing.faults.stores import SQLITE, Stores
from postern.testing.faults.trial import Fault, ProgramMissing, Skipped

# Here the store makes little difference, and SQLite stands for both; `make faults` tries them on PostgreSQL too.
ON_SQLITE_ONLY = {"F10", "F11", "F12", "F13", "F14", "F15", "F16", "F18", "F21", "F22"}
CASES = [
    pytest.param(fault, kind, id=f"{fault.name}-{kind}", marks=pytest.mark.slow)
    for fault in FAULTS
    for kind in fault.stores
    if kind == SQLITE or fault.name not in ON_SQLITE_ONLY
]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with contextlib.closing(Stores(tmp_path_factory.mktemp("stores"))) as stores:
        yield stores


@pytest.mark.parametrize("fault, kind", CASES)
def test_what_must_hold_holds(fault: Fault, kind: str, tmp_path: Path, stores: Stores) -> None:
    try:
        row = run_fault(fault, kind, fault.short, tmp_path / "trial", stores, seed=1)
    except Skipped as reason:
        if isinstance(reason, ProgramMissing) and os.environ.get("POSTERN_REQUIRE_CLIENTS") == "1":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    assert row.faults == []
    assert fault.loses or (row.lost, row.double_spent) == (0, 0)
    assert row.acknowledged > 0
