"""The oracle finds what it is there to find: here a server that came back with an earlier store."""

import contextlib
import random
import shutil
from pathlib import Path

import pytest

from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.kills import watched
from postern.testing.faults.load import steady
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes, running
from postern.testing.faults.stores import SqliteUnderTest
from postern.testing.faults.trial import Dose, Trial
from postern.testing.wire import PersonAtBrowser, WireClient


@pytest.mark.slow
def test_a_store_that_forgot_is_found_out(tmp_path: Path) -> None:
    store = SqliteUnderTest(tmp_path)
    trial = Trial(tmp_path, store, Dose(window=1), random.Random(1), lambda text: None)
    nodes = Nodes(trial)
    with (
        watched(trial) as oracle,
        running(nodes),
        contextlib.closing(steady(nodes, Traffic())) as connection,
    ):
        person = PersonAtBrowser(connection, PERSON, PASSWORD)
        client = WireClient(connection, f"{nodes.url}/start")
        lost, ended = oracle.begin(client, person), oracle.begin(client, person)
        assert lost is not None
        assert ended is not None
        assert oracle.redeem(ended)
        nodes.stop(0)
        shutil.copytree(store.file.parent, tmp_path / "earlier")
        nodes.start(0)
        assert oracle.redeem(lost)
        assert oracle.refresh(lost)
        oracle.log_out(ended)
        assert trial.findings.faults == []
        nodes.kill(0)
        shutil.rmtree(store.file.parent)
        (tmp_path / "earlier").rename(store.file.parent)
        nodes.start(0)
        oracle.prove_latest(connection)
    assert (trial.findings.lost, trial.findings.double_spent) == (1, 1)
    assert trial.findings.faults[-1] == "a sign-in that was ended lives"
