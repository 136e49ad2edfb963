"""The embedded durable store: one SQLite file in WAL mode with full synchronisation, shared by any number of workers
on one machine.
"""

from postern.stores.sqlite.store import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
