"""What was acknowledged survives kill -9, and what was consumed stays consumed (faults programme, F1)."""

from pathlib import Path

import pytest

from postern.testing.kill import CLIENTS, KillTest


@pytest.mark.slow
@pytest.mark.alone
def test_twenty_kills_under_load_lose_nothing_and_revive_nothing(tmp_path: Path) -> None:
    findings = KillTest(tmp_path, seed=20).run(20)
    assert findings.faults == [], str(findings)
    assert findings.rounds == 20
    assert findings.checked == findings.sign_ins >= 20 * CLIENTS
    assert findings.refused_replays == findings.sign_ins
