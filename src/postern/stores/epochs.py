"""Epochs: what becomes of a store that was put back to an earlier state, on top of `Rows`.

What was consumed, ended or revoked since that state was saved is not known, so whatever can have been is made void. A
client or person who did nothing wrong signs in again.
"""

import msgspec

from postern.core.records import Epoch, Mark
from postern.core.store import StoreUnavailable
from postern.stores.rows import Rows
from postern.stores.table_access import BACK_UP, UNFINISHED

REASON = "the store was restored"


class BackUp(msgspec.Struct, frozen=True):
    """What a back-up says of itself: when it was made, and which master key its keys are wrapped under, if that was
    known.
    """

    made_at: int
    master_key: str = ""


def find_back_up(rows: Rows) -> BackUp | None:
    """``None`` where the rows are not those of a back-up, or it has become a store of its own."""
    mark = rows.find(Mark, BACK_UP)
    return read_mark(mark.said) if mark else None


def read_mark(said: str) -> BackUp:
    return msgspec.json.decode(said, type=BackUp)


def mark_as_back_up(rows: Rows, back_up: BackUp) -> None:
    rows.put(Mark(name=BACK_UP, said=msgspec.json.encode(back_up).decode()))


def begin_epoch(rows: Rows, now: int, *, end_sign_ins: bool) -> None:
    """See `postern.core.store.Store.begin_epoch`."""
    made_at = back_up.made_at if (back_up := find_back_up(rows)) else None
    rows.put(Epoch(restored_at=max(now, made_at or 0), made_at=made_at))
    rows.delete(Mark, BACK_UP)
    rows.withdraw_all()
    rows.end_refreshing()
    if end_sign_ins:
        rows.revoke_all_families(REASON, now)


def enter_service(rows: Rows, now: int) -> bool:
    """See `postern.core.store.Store.enter_service`."""
    if rows.find(Mark, UNFINISHED):
        raise StoreUnavailable(
            "a copy into this store was not finished: `postern store copy --continue` goes on with it"
        )
    if find_back_up(rows) is None:
        return False
    begin_epoch(rows, now, end_sign_ins=False)
    return True


def latest_epoch(rows: Rows) -> Epoch | None:
    return max(rows.all(Epoch), key=lambda epoch: epoch.restored_at, default=None)
