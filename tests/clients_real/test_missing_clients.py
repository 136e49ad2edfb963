"""A client that is not set up skips its tests, and fails them where all clients must be there."""

from pathlib import Path

import pytest

from tests.clients_real.conftest import require

NOWHERE = Path(__file__).with_name("no such client")


def test_missing_client_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTERN_REQUIRE_CLIENTS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="run scripts/setup clients"):
        require("AWS CLI", NOWHERE)


def test_missing_client_fails_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERN_REQUIRE_CLIENTS", "1")
    with pytest.raises(pytest.fail.Exception, match="AWS CLI is not set up"):
        require("AWS CLI", NOWHERE)


def test_client_that_is_there_is_used() -> None:
    require("this test", Path(__file__))
