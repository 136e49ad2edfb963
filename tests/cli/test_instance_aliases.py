"""A start URL alias names one instance, whichever command gives it."""

from pathlib import Path

import pytest

from tests.cli.keeping import Keeper

ALIAS = "https://our.example/start"


def test_an_alias_of_another_instance_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = Keeper(tmp_path / "data", capsys)
    keeper("instance", "add", "lab", "--start-url-alias", ALIAS)
    said = keeper("instance", "add", "other", "--start-url-alias", f"{ALIAS}/", code=1)
    assert "is a start URL of instance 'lab'" in said
    keeper("instance", "add", "other")
    assert "instance 'lab'" in keeper("instance", "update", "other", "--start-url-alias", ALIAS, code=1)
    keeper("instance", "update", "lab", "--start-url-alias", ALIAS)
    file = tmp_path / "directory.toml"
    file.write_text(f'[[instance]]\nname = "other"\nstart_url_aliases = ["{ALIAS}"]\n')
    assert f"{file}:3: " in keeper("plan", str(file), code=2)
