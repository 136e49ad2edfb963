"""A store with something in every table, and what is done with it while it is copied."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from postern.core.attempts import Schedule
from postern.core.records import Record, RevokedClient, User
from postern.core.store import ConfigurationChange, Store
from postern.stores.copying import Copied, copy
from postern.stores.table_access import COPIED, Row, TableAccess
from postern.testing import samples
from postern.testing.conformance.suite import configure, sign_in
from postern.testing.samples import NOW

WHERE = "sqlite:////where/it/is/now.db"
FAMILIES = 40


def ignore(done: int, total: int) -> None:
    pass


def url(file: Path) -> str:
    return f"sqlite:///{file}"


async def fill(store: Store) -> None:
    """Something in every table."""
    await store.begin_epoch(NOW - 1_000)
    await store.ensure_instance(samples.instance())
    mira = samples.user("mira")
    await store.create_user(mira)
    key = samples.ring_key()
    await store.ensure_ring_key(key, unless_newer_than=-1)
    await store.ensure_rsa_key(samples.rsa_key(key))
    group, application, issuer = samples.group(), samples.application(), samples.trusted_token_issuer()
    account, role, source = samples.account(), samples.permission_set(), samples.credential_source()
    await configure(store, group, samples.membership(group, mira), samples.external_id(mira), issuer, application)
    await configure(store, samples.assignment(application, mira), samples.access_key(), account, role, source)
    await configure(store, samples.account_assignment(account, role, mira))
    await store.accept_assertion(samples.acceptance(application, mira))
    await store.create_authorization_code(samples.authorization_code(mira))
    await store.create_browser_session(samples.browser_session(mira), replaces=None)
    revoked = RevokedClient(client_digest=samples.digest("another"), revoked_at=NOW, expires_at=NOW + 1)
    await store.revoke_client(revoked)
    await store.reserve_attempt(samples.digest("a counter"), Schedule((), last_delay=5, window=60), NOW)
    for _ in range(FAMILIES):
        await sign_in(store, mira)


async def copied(source: TableAccess, target: TableAccess, *, resume: bool = False) -> Copied:
    return await copy(source, target, WHERE, resume=resume, watch=ignore)


async def content(tables: TableAccess) -> dict[type[Record], list[Row]]:
    return {kind: await tables.page(kind, None, 10_000) for kind in COPIED}


class Meanwhile:
    """A store into which others write: ``happens`` before one pass each."""

    def __init__(self, tables: TableAccess, *happens: Callable[[], Awaitable[object]]) -> None:
        self._tables = tables
        self._happens = list(happens)

    def __getattr__(self, name: str) -> object:
        return getattr(self._tables, name)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        await self._happen()
        async with self._tables.snapshot():
            yield

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        await self._happen()
        async with self._tables.exclusive():
            yield

    async def _happen(self) -> None:
        if self._happens:
            await self._happens.pop(0)()


async def renamed(store: Store, *renames: tuple[User, str]) -> None:
    for user, name in renames:
        changed = msgspec.structs.replace(user, user_name=name, canonical_name=name)
        await store.change_configuration(ConfigurationChange(replace=((user, changed),), now=NOW))


async def copied_while_it_changes(store: Store, source: TableAccess, target: TableAccess) -> Copied:
    """Between passes there are new rows, changed rows, rows that are gone, and names that two people swapped."""
    people = [samples.user(name, user_id=user_id) for name, user_id in (("ada", "1"), ("zoe", "9"))]
    for person in people:
        await store.create_user(person)
    ada, zoe = people
    (mira,) = [user for user in await store.list_users() if user.canonical_name == "mira"]

    async def changes() -> None:
        await renamed(store, (ada, "somebody"), (zoe, "ada"))
        somebody = await store.find_user("1")
        assert somebody
        await renamed(store, (somebody, "zoe"))
        for family in (await store.list_token_families(mira.user_id, NOW))[:20]:
            await store.rotate_refresh_token(samples.rotation(family))
        await store.sweep(NOW + 120, 1_000)
        await sign_in(store, mira)

    writer = Meanwhile(source, store.check, changes, store.check, lambda: sign_in(store, mira))
    return await copied(writer, target)  # type: ignore[arg-type]
