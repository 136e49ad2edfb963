"""Row numbers: made here, not by the store, so that no engine needs a sequence and no number ever comes back after a
restore.

63 bits: milliseconds since 2024 (41 bits), then randomness. Rows therefore append in order, which keeps a B-tree
small and warm. The number never leaves the server in the clear; tokens carry it sealed.
"""

import secrets

_EPOCH_MILLISECONDS = 1_704_067_200_000
_RANDOM_BITS = 22


def new_row_id(now: float) -> int:
    milliseconds = max(0, int(now * 1000) - _EPOCH_MILLISECONDS)
    return milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
