"""`TableAccess`: a store table by table, for looking at and copying all of it. It knows rows and keys, and no rules.

A row is a tuple in the order of the record's members, its key first. The values of two stores are equal if they mean
the same. PERF: no record is made of it: a row is read in 3 µs, against 10.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from postern.core.records import Mark, Record
from postern.core.store import StoreUnavailable
from postern.stores.rows import KINDS
from postern.stores.tables import Value

Row = tuple[Value, ...]

MOVED_PREFIX = "moved_"  # of the tables of a store that has moved
# The marks: `postern.core.records.Mark`.
BACK_UP = "back-up"
MOVED = "moved"
UNFINISHED = "unfinished copy"

COPIED: tuple[type[Record], ...] = tuple(kind for kind in KINDS if kind is not Mark)


class TableAccess(Protocol):
    """One connection to a store that others may use at the same time."""

    async def schema(self) -> int:
        """The number of the newest migration that was applied."""
        ...

    async def count(self, kind: type[Record]) -> int: ...

    async def page(self, kind: type[Record], after: object, limit: int, until: object = None) -> list[Row]:
        """The first ``limit`` rows whose keys come after ``after`` and not after ``until`` (``None``: from the
        beginning, to the end), in the order of their keys: of numbers, bytes, or code points.
        """
        ...

    async def apply(self, kind: type[Record], put: list[Row], delete: list[object]) -> None:
        """Write and delete rows by their keys, in one transaction.

        Raises:
            AlreadyExists: another row has a unique value of one that is put; nothing was written.
        """
        ...

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """What is read within is of one moment."""
        ...

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Nobody else writes within. What is written within is kept at its end, or undone if it fails."""
        ...

    async def close_for_good(self, where: str) -> None:
        """Within `exclusive`: nobody ever reads or writes the store again; whoever starts on it is told ``where`` it is
        now.
        """
        ...

    async def begin_copy(self) -> None:
        """Make ready for a copy into this store, and say in it that the copy is not finished."""
        ...

    async def end_copy(self) -> None:
        """It is finished: servers may start."""
        ...

    async def close(self) -> None: ...


async def find_mark(tables: TableAccess, name: str) -> str | None:
    """What the mark says; ``None`` if there is none."""
    marks = await tables.page(Mark, None, 100)
    return next((str(said) for found, said in marks if found == name), None)


def moved(where: str) -> StoreUnavailable:
    return StoreUnavailable(f"the store has moved to {where}: set store.url to that")
