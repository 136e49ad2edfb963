"""What all parts of the suite stand on: a fresh store per test, and sign-ins to begin from."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from postern.core.records import DeviceAuthorization, Record, TokenFamily, User
from postern.core.store import ConfigurationChange, Store
from postern.testing import samples

T = TypeVar("T")
RACERS = 32


class Suite(ABC):
    """A store's test class inherits it and says how a fresh store is opened.

    Where verbs run side by side, one that was under way when an administrator's change was done may still end as if it
    had been faster.
    """

    verbs_run_side_by_side = False

    @abstractmethod
    def open(self, folder: Path) -> Store:
        """A new, empty store. ``folder`` is empty and the test's own."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = self.open(tmp_path)
        yield store
        await store.close()

    @pytest.fixture
    async def mira(self, store: Store) -> User:
        """An enabled person."""
        return await add_person(store, "mira")


async def add_person(store: Store, name: str) -> User:
    user = samples.user(name)
    await store.create_user(user)
    return user


async def add_pending(store: Store, **changes: object) -> DeviceAuthorization:
    pending = samples.device_authorization(**changes)
    await store.create_device_authorization(pending)
    return pending


async def add_approved(store: Store, by: User, **changes: object) -> DeviceAuthorization:
    pending = await add_pending(store, **changes)
    return await store.decide_device_authorization(samples.decision(pending, by))


async def sign_in(store: Store, person: User, **changes: object) -> TokenFamily:
    """A new token family, begun at `samples.NOW`."""
    approved = await add_approved(store, person, **changes)
    return await store.redeem_device_authorization(
        samples.device_redemption(approved, client_digest=approved.client_digest)
    )


async def configure(store: Store, *records: Record) -> None:
    await store.change_configuration(ConfigurationChange(create=records))


async def race(verb: Callable[[], Awaitable[T]], racers: int = RACERS) -> list[T | BaseException]:
    """The outcomes of as many calls sent at once."""
    return await asyncio.gather(*(verb() for _ in range(racers)), return_exceptions=True)


async def require_family(store: Store, family: TokenFamily) -> TokenFamily:
    found = await store.find_token_family(family.family_id)
    assert found is not None
    return found
