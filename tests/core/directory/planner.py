"""Plans and applies declarations in a world."""

from typing import TypeVar

from postern.core.directory.declaration import read
from postern.core.directory.planning import Plan, plan, read_known
from postern.core.records import Record
from tests.core.world import World

R = TypeVar("R", bound=Record)


class Planner:
    """Tables are given as TOML would have them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.password_hashes: dict[int, str] = {}
        self.prune = False

    async def plan(self, secrets: dict[str, str] | None = None, /, **tables: object) -> Plan:
        known = await read_known(self.world.store, self.world.service.instance)
        return plan(
            read(tables),
            known,
            secrets=secrets or {},
            master=self.world.service.master,
            now=self.world.now,
            password_hashes=self.password_hashes,
            prune=self.prune,
        )

    async def apply(self, secrets: dict[str, str] | None = None, /, **tables: object) -> Plan:
        made = await self.plan(secrets, **tables)
        await self.world.store.change_configuration(made.change)
        return made

    async def all(self, kind: type[R]) -> list[R]:
        return await self.world.store.list_configuration(kind)
