from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a SQLite store is, or will be."""
    return tmp_path / "postern.db"
