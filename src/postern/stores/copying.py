"""Copying a store into another while servers use it: passes over all tables in the order of their keys, each of which
makes the copy what the store was at one moment, until little differs; then a last one while nobody writes.

Memory is bounded by a page of each store. What is copied is compared, row by row, in both stores as they are read back.
"""

import time
from collections.abc import Callable

import msgspec

from postern.core.records import Instance, Record
from postern.core.store import AlreadyExists, Conflict, StoreError
from postern.stores.table_access import BACK_UP, COPIED, MOVED, UNFINISHED, Row, TableAccess, find_mark, moved

_PAGE = 1_000
_FEW = 1_000
_MOST_PASSES = 8

Watch = Callable[[int, int], None]
"""Told how many rows of how many were compared in this pass."""


class Pass(msgspec.Struct, frozen=True):
    """One pass: how many rows there were, how many differed and were written, in how many seconds."""

    rows: int
    written: int
    seconds: float


class Copied(msgspec.Struct, frozen=True):
    """``locked`` is for how many seconds the store took no writes."""

    rows: int
    passes: tuple[Pass, ...]
    locked: float


class NotVerified(StoreError):
    """The copy is not what was copied: somebody else writes to it, or a store does not keep what it is given."""


async def copy(source: TableAccess, target: TableAccess, where: str, *, resume: bool, watch: Watch) -> Copied:
    """Make ``target`` what ``source`` is, and close ``source`` for good; ``where`` tells those who start on it.

    Raises:
        AlreadyExists: ``target`` has something in it, and is no unfinished copy that this goes on with (``resume``).
        Conflict: it is an unfinished copy of another store; or ``source`` is a back-up or an unfinished copy itself.
        NotVerified: a difference stays.
        StoreUnavailable: one of the stores is not what it was; the copy can go on with ``resume``.
    """
    await _require_ready(source, target, where, resume)
    await target.begin_copy()
    passes: list[Pass] = []
    began = time.monotonic()
    if await find_mark(source, MOVED) is None:
        while len(passes) < _MOST_PASSES and not (passes and passes[-1].written <= _FEW):
            async with source.snapshot():
                passes.append(await _pass(source, target, watch))
        began = time.monotonic()
        async with source.exclusive():
            passes.append(await _pass(source, target, watch, verifying=True))
            await source.close_for_good(where)
    else:  # it was interrupted between the last two steps
        passes.append(await _pass(source, target, watch, verifying=True))
    locked = time.monotonic() - began
    await target.end_copy()
    return Copied(passes[-1].rows, tuple(passes), locked)


async def _require_ready(source: TableAccess, target: TableAccess, where: str, resume: bool) -> None:
    if await find_mark(source, BACK_UP) is not None:
        raise Conflict("the store to copy is a back-up: run `postern store restore` first, and copy what that makes")
    if await find_mark(source, UNFINISHED) is not None:
        raise Conflict("the store to copy is an unfinished copy itself")
    is_unfinished = await find_mark(target, UNFINISHED) is not None
    moved_to = await find_mark(source, MOVED)
    if moved_to is not None and (moved_to != where or not is_unfinished):
        raise moved(moved_to)
    if is_unfinished and not resume:
        raise AlreadyExists("there is an unfinished copy: --continue goes on with it")
    if not is_unfinished and any([await target.count(kind) for kind in COPIED]):
        raise AlreadyExists("the store to copy to is not empty: nothing was copied")
    known = {instance[0] for instance in await source.page(Instance, None, _PAGE)}
    copied = {instance[0] for instance in await target.page(Instance, None, _PAGE)}
    if copied and not copied & known:
        raise Conflict("the unfinished copy is of another store: nothing was copied")


async def _pass(source: TableAccess, target: TableAccess, watch: Watch, *, verifying: bool = False) -> Pass:
    """``verifying``, what was written is read again, so that every row has been compared."""
    began, rows, written = time.monotonic(), 0, 0
    total = sum([await source.count(kind) for kind in COPIED])
    for kind in COPIED:
        table = _Table(source, target, kind, lambda done, before=rows: watch(before + done, total))  # type: ignore[misc]
        try:
            await table.align(verifying=verifying)
        except AlreadyExists:  # a name went from one row to another: first all go that are not as they shall be
            await table.align(only_deleting=True)
            await table.align(verifying=verifying)
        rows += table.rows
        written += table.written
    return Pass(rows, written, time.monotonic() - began)


class _Table:
    """One table of the target, made what it is in the source. ``rows`` says how many there are, ``written`` how many
    differed.
    """

    def __init__(
        self, source: TableAccess, target: TableAccess, kind: type[Record], watch: Callable[[int], None]
    ) -> None:
        self.rows = 0
        self.written = 0
        self._watch = watch
        self._source = source
        self._target = target
        self._kind = kind

    async def align(self, *, only_deleting: bool = False, verifying: bool = False) -> None:
        self.rows, after = 0, None
        while True:
            wanted = await self._source.page(self._kind, after, _PAGE)
            until = wanted[-1][0] if len(wanted) == _PAGE else None
            before = self.written
            missing = await self._delete_others(wanted, after, until, only_deleting)
            if missing and not only_deleting:
                await self._apply(missing, [])
            if verifying and self.written != before:
                await self._require_same(wanted, after, until)
            self.rows += len(wanted)
            self._watch(self.rows)
            if until is None:
                return
            after = until

    async def _delete_others(self, wanted: list[Row], after: object, until: object, only_deleting: bool) -> list[Row]:
        """Of the target's rows after one key and until another, delete what is not wanted, and, if nothing is written,
        what is wanted otherwise. Returns what is still to be written.
        """
        had = await self._target.page(self._kind, after, _PAGE, until)
        if had == wanted:  # PERF: as nearly all pages are, once they are copied
            return []
        missing = {row[0]: row for row in wanted}
        while True:
            gone: list[object] = []
            for row in had:
                key = row[0]
                there = missing.get(key)
                if there == row:
                    del missing[key]
                elif there is None or only_deleting:
                    gone.append(key)
            if gone:
                await self._apply([], gone)
            if len(had) < _PAGE:
                return list(missing.values())
            had = await self._target.page(self._kind, had[-1][0], _PAGE, until)

    async def _require_same(self, wanted: list[Row], after: object, until: object) -> None:
        if await self._target.page(self._kind, after, _PAGE, until) != wanted:
            raise NotVerified("the copy is not what was copied: does somebody else write to it?")

    async def _apply(self, put: list[Row], delete: list[object]) -> None:
        await self._target.apply(self._kind, put, delete)
        self.written += len(put) + len(delete)
