"""The store's file by name: what lies beside it, and that a name is on disk."""

import os
from pathlib import Path

FILE_MODE = 0o600


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def sync(path: Path) -> None:
    """Bring a file to disk, or a folder: the name of a new file is on disk only when its folder is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
