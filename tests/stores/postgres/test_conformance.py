"""The PostgreSQL store keeps every promise of the port."""

from pathlib import Path

import pytest

from postern.core.store import Store
from postern.stores import open_store
from postern.testing.store_conformance import StoreConformance

pytestmark = pytest.mark.slow


class TestPostgres(StoreConformance):
    verbs_run_side_by_side = True

    @pytest.fixture(autouse=True)
    def database(self, postgres_store_url: str) -> None:
        self.url = postgres_store_url

    def open(self, folder: Path) -> Store:
        return open_store(self.url)
