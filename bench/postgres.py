"""PostgreSQL for measurements: as durable as its defaults are, and its own ``pgbench`` as the reference."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Sample, tree_cpu_seconds
from postern.testing.postgres import PostgresServer

# fsync and synchronous_commit are on by default. The rest is what whoever runs it would set first.
SETTINGS = {"fsync": "on", "synchronous_commit": "on", "shared_buffers": "1GB", "max_wal_size": "4GB"}
COUNTS = (1, 8, 32)
_DATABASE = "pgbench"
_TABLE = "CREATE TABLE inserted (id bigserial PRIMARY KEY, first text NOT NULL, second text NOT NULL)"
_INSERT = f"INSERT INTO inserted (first, second) VALUES ('{'a' * 30}', '{'b' * 30}');\n"
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([\d.]+) ms", re.MULTILINE)


@contextmanager
def running(folder: Path) -> Iterator[PostgresServer]:
    with PostgresServer(folder, settings=SETTINGS) as server:
        yield server


def spent(server: PostgresServer) -> float:
    """Seconds of processor time of the server and all its processes."""
    return tree_cpu_seconds(server.pid)


class Inserts:
    """``pgbench``: one durable insert of a single row per transaction, prepared, by the best number of connections."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._script = server.folder / "insert.sql"
        self._script.write_text(_INSERT)
        self._script.chmod(0o644)
        self._url = server.create_database(_DATABASE)
        server.psql(_TABLE, _DATABASE)
        self.connections = COUNTS[0]

    def find_best(self, seconds: int) -> None:
        rates = {count: self.run(seconds, count).rate for count in COUNTS}
        self.connections = max(rates, key=lambda count: rates[count])

    def run(self, seconds: int, connections: int = 0) -> Sample:
        """Its latency is the mean."""
        count = str(connections or self.connections)
        options = ["-n", "-M", "prepared", "-f", str(self._script), "-c", count, "-j", "1", "-T", str(seconds)]
        before, before_own = spent(self._server), _spent_by_children()
        text = self._server.run("pgbench", *options, self._url)
        store_cpu, own_cpu = spent(self._server) - before, _spent_by_children() - before_own
        mean = int(_figure(_LATENCY, text) * 1000)
        return Sample(_figure(_RATE, text), mean, mean, 0, own_cpu / seconds, 0.0, store_cpu / seconds)


def _spent_by_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _figure(pattern: re.Pattern[str], text: str) -> float:
    found = pattern.search(text)
    if found is None:
        raise SystemExit(f"pgbench printed no figure:\n{text}")
    return float(found[1])
