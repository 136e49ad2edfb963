"""Checkpoints beside the commits: what is in the journal is brought into the file while others go on committing."""

import contextlib
import sqlite3
import threading
from pathlib import Path

_WRITES_BETWEEN = 700  # of which each changes a page or two
_PAGES_AT_MOST = 8000


class Checkpointer:
    """A connection of its own and a thread, which begins when there is something to do. The connection is made with the
    writer's: to a file that was put in the place of the store's it must write nothing.

    PERF: SQLite itself does it within the commit that makes the journal a thousand pages long. In a store of a million
    sign-ins that are a thousand places of the file, and all that waited for that commit waited 15 ms more: p99 of
    rotations is a fifth lower without. A checkpoint that fails loses nothing, since the journal keeps it all; one that
    never comes to its end leaves it to the commit that makes the journal eight thousand pages long.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # What is opened is opened by the first statement: now, to have the same file and journal as the writer.
        self._connection.execute("SELECT count(*) FROM sqlite_master")
        self._writes = 0
        self._due = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def leave_to_us(self, writer: sqlite3.Connection) -> None:
        writer.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_AT_MOST}")

    def note(self, writes: int) -> None:
        """So many were committed. Not for several threads at once."""
        self._writes += writes
        if self._writes < _WRITES_BETWEEN:
            return
        self._writes = 0
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="postern-checkpointer", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        self._closed = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._closed:
                return
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
