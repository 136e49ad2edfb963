"""A large change of the directory while a server runs on the same file: it reads on, and its writes wait."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

from postern.core.records import Record
from postern.core.store import ConfigurationChange, Store
from postern.stores import open_store
from postern.testing import samples

PEOPLE = 2000


class Held(tuple[Record, ...]):  # noqa: SLOT001  # a tuple cannot have slots that are not empty
    """Records of which the second half is held back until it is released."""

    begun: threading.Event
    released: threading.Event

    def __iter__(self) -> Iterator[Record]:
        for place, record in enumerate(super().__iter__()):
            if place == PEOPLE // 2:
                self.begun.set()
                self.released.wait(10)
            yield record


async def change(url: str, records: Held) -> None:
    """As `postern apply` does, in a process of its own."""
    store = open_store(url)
    try:
        await store.change_configuration(ConfigurationChange(create=records))
    finally:
        await store.close()


async def sign_up(store: Store, name: str) -> None:
    await store.create_user(samples.user(name))


async def test_a_server_reads_on_and_its_writes_wait(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'postern.db'}"
    server = open_store(url, create=True)
    await sign_up(server, "mira")
    records = Held(samples.user(f"person {number}") for number in range(PEOPLE))
    records.begun, records.released = threading.Event(), threading.Event()
    changing = asyncio.create_task(asyncio.to_thread(asyncio.run, change(url, records)))
    await asyncio.to_thread(records.begun.wait, 10)
    waiting = [asyncio.create_task(sign_up(server, f"newcomer {number}")) for number in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
        assert len(await server.list_users()) == 1
    assert not any(task.done() for task in waiting)
    records.released.set()
    await changing
    await asyncio.gather(*waiting)
    assert len(await server.list_users()) == 1 + PEOPLE + 3
    await server.close()
