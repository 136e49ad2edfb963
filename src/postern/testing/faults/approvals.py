"""People who approve devices and administrators who disable people, by the store's own verbs: quick, and durable as any
other."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterable

from postern.core import tokens, user_codes
from postern.core.keys import KeyRing, MasterKey, open_ring
from postern.core.records import UserStatus
from postern.core.row_ids import new_row_id
from postern.core.store import DecideDeviceAuthorization, Store
from postern.stores import open_store
from postern.testing.faults.nodes import Nodes
from postern.testing.faults.trial import Trial
from postern.testing.samples import DEVICE_LIFE, device_authorization

_AT_ONCE = 32


class Approver:
    """Knows user codes by the nodes' own key ring."""

    def __init__(self, store: Store, ring: KeyRing, user_ids: dict[str, str]) -> None:
        self.store = store
        self._ring = ring
        self._user_ids = user_ids

    async def approve(self, codes: Iterable[str], by: str) -> None:
        todo = iter(codes)

        async def approve_some() -> None:
            for code in todo:
                await self._approve(code, self._user_ids[by])

        await asyncio.gather(*(approve_some() for _ in range(_AT_ONCE)))

    async def _approve(self, user_code: str, user_id: str) -> None:
        for digest in user_codes.candidate_digests(self._ring, user_code):
            pending = await self.store.find_device_authorization_by_user_code(digest)
            if pending is not None:
                break
        else:
            raise AssertionError("a device authorization that was just begun is not in the store")
        await self.store.decide_device_authorization(
            DecideDeviceAuthorization(
                authorization_id=pending.authorization_id,
                user_id=user_id,
                approve=True,
                approver_address="127.0.0.1",
                now=int(time.time()),
            )
        )

    async def expired_code(self, client_name: str) -> str:
        """A device code that nobody decided on, and whose row waits to be swept."""
        begun = int(time.time()) - 2 * DEVICE_LIFE
        pending = device_authorization(
            authorization_id=new_row_id(begun),
            user_code_digest=secrets.token_bytes(32),
            client_name=client_name,
            created_at=begun,
            expires_at=begun + DEVICE_LIFE,
        )
        await self.store.create_device_authorization(pending)
        claims = tokens.Claims(pending.authorization_id, 0, 0, pending.expires_at)
        return tokens.mint(self._ring.active, tokens.Kind.DEVICE_CODE, claims)

    async def set_enabled(self, name: str, enabled: bool) -> None:
        status = UserStatus.ENABLED if enabled else UserStatus.DISABLED
        await self.store.set_user_status(self._user_ids[name], status, int(time.time()))


@contextlib.asynccontextmanager
async def approver(trial: Trial, nodes: Nodes) -> AsyncIterator[Approver]:
    """Of the people that are there now."""
    store = open_store(trial.store.url, create=False)
    try:
        ring = open_ring(MasterKey(nodes.master_key), await store.list_ring_keys(), int(time.time()))
        people = {user.canonical_name: user.user_id for user in await store.list_users()}
        yield Approver(store, ring, people)
    finally:
        await store.close()
