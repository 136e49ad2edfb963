"""Folders that tokens may be written to: not everybody can exchange what is there, or turn the way to it elsewhere.

Paths are absolute.
"""

# ruff: noqa: PTH114, PTH115, PTH116, PTH117, PTH118, PTH120, PTH206
# PERF: pathlib costs 3 ms of a start-up, os.path nothing

import os
import stat
from collections.abc import Iterator

from postern.client.token_cache.port import TokenCacheError

_MOST_LINKS = 40


def place_to_write(path: str) -> str:
    """Where a write to ``path`` goes: where links lead, if nobody else can turn them elsewhere.

    Raises:
        TokenCacheError: as `refuse_unfit_place`, for each folder on the way.
    """
    for _ in range(_MOST_LINKS):
        folder = os.path.dirname(path)
        refuse_unfit_place(folder)
        if not os.path.islink(path):
            return path
        path = os.path.join(folder, os.readlink(path))
    raise TokenCacheError(f"{path} leads from link to link")


def refuse_unfit_place(folder: str) -> None:
    """
    Raises:
        TokenCacheError: we may not write to the folder; or everybody may, or may exchange one above it.
    """
    if not os.access(folder, os.W_OK):
        raise TokenCacheError(f"{folder} cannot be written to")
    open_place = open_to_all(folder)
    if open_place is not None:
        raise TokenCacheError(
            f"tokens are not written to {folder}: everybody may write to {open_place} (chmod o-w {open_place})"
        )


def open_to_all(folder: str) -> str | None:
    """The folder through which everybody on this machine could exchange what is in ``folder``, if there is one: it, one
    above it, or one that has a link on the way to it.
    """
    if os.name == "nt":
        return None
    *above, own = _way_to(folder)
    if os.stat(own).st_mode & stat.S_IWOTH:
        return own
    # In a sticky folder such as /tmp only its owner can exchange an entry, but everybody can make one.
    return next((place for place in reversed(above) if _may_be_changed_in(place)), None)


def _may_be_changed_in(folder: str) -> bool:
    mode = os.stat(folder).st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _way_to(folder: str) -> Iterator[str]:
    """Every folder that is passed on the way to ``folder``, without links, and at last itself."""
    place, links = os.sep, _MOST_LINKS
    names = _names_from_last(folder)
    while names:
        name = names.pop()
        if name == "..":
            place = os.path.dirname(place)
            continue
        yield place
        entry = os.path.join(place, name)
        if not os.path.islink(entry):
            place = entry
            continue
        links -= 1
        if links < 0:
            raise TokenCacheError(f"{folder} leads from link to link")
        target = os.readlink(entry)
        place = os.sep if os.path.isabs(target) else place
        names.extend(_names_from_last(target))
    yield place


def _names_from_last(path: str) -> list[str]:
    return [name for name in reversed(path.split(os.sep)) if name not in ("", ".")]
