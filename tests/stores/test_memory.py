"""The memory store keeps every promise of the port."""

from pathlib import Path

from postern.core.store import Store
from postern.stores import open_store
from postern.testing.store_conformance import StoreConformance


class TestMemory(StoreConformance):
    def open(self, folder: Path) -> Store:
        return open_store("memory:")
