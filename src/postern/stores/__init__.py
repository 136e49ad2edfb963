"""The memory of the house. `open_store` is the only way in."""

from pathlib import Path
from typing import TYPE_CHECKING

from postern.core.store import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from postern.core.store import Store


class UnknownStoreUrl(StoreError):
    """The store URL names no kind of store that there is."""


def open_store(url: str, *, create: bool = True) -> "Store":
    """Open the store that a URL names: ``sqlite:///path/to/file`` (relative) or ``sqlite:////path`` (absolute), or
    ``memory:``. One that is not there is made, unless ``create`` is false.

    Raises:
        UnknownStoreUrl: no such kind of store.
        StoreError: the store cannot be opened or is not fit to be used; the text says why in one line.
    """
    if url == "memory:":
        from postern.stores.memory import MemoryStore

        return MemoryStore()
    if url.startswith("sqlite:///"):
        from postern.stores.sqlite import open_sqlite

        path = Path(url.removeprefix("sqlite:///"))
        if not create and not path.exists():
            raise StoreUnavailable(f"there is no store at {path}")
        return open_sqlite(path)
    raise UnknownStoreUrl(f"unknown store {url!r}: use sqlite:///PATH or memory:")


async def check_store(url: str) -> None:
    """Read through the whole store.

    Raises:
        StoreError: it cannot be opened or is damaged.
    """
    store = open_store(url, create=False)
    try:
        await store.check(thoroughly=True)
    finally:
        await store.close()
