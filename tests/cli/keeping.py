"""Somebody who keeps the directory: commands on one data folder, within this process."""

import json
from pathlib import Path
from typing import Any

import pytest

from postern.cli import main


class Keeper:
    """Runs commands; what they print is checked for being all that they print."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Standard output; a refusal's one line on standard error instead."""
        returned = main([*arguments, "--data", str(self.data)])
        out, err = self._capsys.readouterr()
        assert returned == code, (returned, out, err)
        if code == 0:
            assert err == ""
            return out
        assert out == ""
        assert err.startswith("postern: ")
        assert len(err.splitlines()) == 1
        return err

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def add_person(self, name: str) -> str:
        """Their id."""
        user_id: str = self.json("user", "add", name, "--generate")["user_id"]
        return user_id
