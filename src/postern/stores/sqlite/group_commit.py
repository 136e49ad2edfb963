"""Group commit: what waits is written together in one transaction, and nobody is answered before that is on disk.

The statements run on the event loop's thread, where they take microseconds; only what may block goes to the committer
thread: the COMMIT with its fsync, and the wait for another worker's transaction. While one group is being committed
the next one gathers.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

from postern.api.errors import ModelledError
from postern.core.store import StoreBusy, StoreError, StoreUnavailable
from postern.stores.rows import Rows
from postern.stores.sqlite.checkpoints import Checkpointer
from postern.stores.sqlite.rows import SqliteRows
from postern.stores.sqlite.schema import unusable

T = TypeVar("T")
Work = Callable[[Rows], object]
Waiting = tuple[Work, "asyncio.Future[object]", float]
Outcome = tuple["asyncio.Future[object]", object, Exception | None]

# Errors in how a statement was used, not of storage.
_MISUSE = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)
_PATIENCE = 5.0  # who waited so long for a transaction to begin is sent away: more wait behind
_BUSY_STEP = 0.002


class GroupCommit:
    """Writes through one connection that nothing else uses."""

    def __init__(self, connection: sqlite3.Connection, checkpointer: Checkpointer) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        checkpointer.leave_to_us(connection)
        self._checkpointer = checkpointer
        self._connection = connection
        self._rows = SqliteRows(connection)
        self._waiting: list[Waiting] = []
        self._busy = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Run ``work`` in the next group; its result once the group is durable.

        Raises:
            StoreBusy: the store did not come to it in time.
            StoreUnavailable: the group could not be written; nothing of it was. Or the store is closed.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        self._bind(loop)
        future: asyncio.Future[object] = loop.create_future()
        self._waiting.append((work, future, time.monotonic()))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._begin)
        try:
            return await future  # type: ignore[return-value]
        finally:
            del future  # what it raises has this frame in its traceback: it would keep itself alive

    async def close(self) -> None:
        """Refuse what comes from now on, finish what waits, then stop the committer."""
        self._closed = True
        self._bind(asyncio.get_running_loop())
        while self._busy:  # noqa: ASYNC110  # once in a process's life; an event would cost every write
            await asyncio.sleep(0.005)
        self._stop_committer()
        self._checkpointer.close()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is loop:
            return
        if self._busy:
            self._forget_dead_loop()
        self._loop = loop
        if self._thread is None:
            self._thread = threading.Thread(target=self._run_jobs, name="postern-committer", daemon=True)
            self._thread.start()

    def _forget_dead_loop(self) -> None:
        """A loop ended in the middle of a group: nobody waits for its futures any more."""
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("a store is used by one event loop at a time")
        self._stop_committer()
        self._roll_back()
        self._waiting = []
        self._busy = False

    def _stop_committer(self) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _run_jobs(self) -> None:
        while job := self._jobs.get():
            job()

    def _begin(self) -> None:
        group, self._waiting = self._without_late(self._waiting), []
        try:
            self._open_transaction()
        except sqlite3.Error as error:
            if _is_busy(error):
                self._jobs.put(lambda: self._begin_when_free(group))
            else:
                self._finish(_all_refused(group, error))
            return
        self._apply(group)

    def _without_late(self, waiting: list[Waiting]) -> list[Waiting]:
        """PERF: who came last waited least, and who came first longest: one look where nobody is late."""
        oldest = time.monotonic() - _PATIENCE
        if not waiting or waiting[0][2] >= oldest:
            return waiting
        for _, future, since in waiting:
            if since < oldest and not future.done():
                future.set_exception(StoreBusy("the store did not come to it in time"))
        return [entry for entry in waiting if entry[2] >= oldest]

    def _begin_when_free(self, group: list[Waiting]) -> None:
        """On the committer thread: wait for the other worker's transaction to end."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._open_transaction()
            except sqlite3.Error as error:
                if _is_busy(error) and time.monotonic() < deadline:
                    time.sleep(_BUSY_STEP)
                    continue
                self._later(self._finish, _all_refused(group, error))
                return
            self._later(self._apply, group)
            return

    def _open_transaction(self) -> None:
        if self._connection.in_transaction:  # a roll-back failed, when storage did
            self._connection.rollback()
        self._connection.execute("BEGIN IMMEDIATE")

    def _apply(self, group: list[Waiting]) -> None:
        connection = self._connection
        before = connection.total_changes
        outcomes: list[Outcome] = []
        for work, future, _ in group:
            if future.done():
                continue
            clean = connection.total_changes
            try:
                outcomes.append((future, work(self._rows), None))
            except Exception as error:  # noqa: BLE001  # whatever went wrong, nothing half done may stay
                if not isinstance(error, (ModelledError, StoreError)) or connection.total_changes != clean:
                    self._abandon(group, future, error)
                    return
                outcomes.append((future, None, error))
        if connection.total_changes == before:
            self._finish(self._commit(outcomes))
        else:
            self._jobs.put(lambda: self._later(self._finish, self._commit(outcomes)))

    def _commit(self, outcomes: list[Outcome]) -> list[Outcome]:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            return [(future, None, _unavailable(error)) for future, _, _ in outcomes]
        self._checkpointer.note(len(outcomes))
        return outcomes

    def _abandon(self, group: list[Waiting], culprit: "asyncio.Future[object]", error: Exception) -> None:
        """Undo the group. If storage failed, all failed; if one caller's work is broken, the others start again."""
        self._roll_back()
        if isinstance(error, sqlite3.Error) and not isinstance(error, _MISUSE):
            self._finish(_all_refused(group, error))
            return
        self._waiting = [waiting for waiting in group if waiting[1] is not culprit] + self._waiting
        self._finish([(culprit, None, error)])

    def _roll_back(self) -> None:
        """If even this fails, the next group's transaction begins with it."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.rollback()

    def _finish(self, outcomes: list[Outcome]) -> None:
        for future, result, error in outcomes:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        if self._waiting and self._loop is not None:
            self._loop.call_soon(self._begin)
        else:
            self._busy = False

    def _later(self, call: Callable[[list[T]], None], argument: list[T]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and with it all who waited
                self._loop.call_soon_threadsafe(call, argument)


def _all_refused(group: list[Waiting], error: sqlite3.Error) -> list[Outcome]:
    return [(future, None, _unavailable(error)) for _, future, _ in group]


def _is_busy(error: sqlite3.Error) -> bool:
    # What the sqlite3 module refuses by itself (a closed connection, say) has no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _unavailable(error: sqlite3.Error) -> StoreUnavailable:
    if _is_busy(error):
        return StoreBusy(f"the store is being written by others: {error}")
    return unusable(error, "written")
