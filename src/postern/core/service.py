"""`Service`: the first argument of every rule. It holds what rules depend on, and the snapshots that are renewed
every second.
"""

import secrets
from collections.abc import Callable

from postern.core import start_urls
from postern.core.audit import AuditEvent
from postern.core.keys import KeyRing, MasterKey, new_key_record, open_ring, retired, rotation_due
from postern.core.pacing import Pacer
from postern.core.passwords import PasswordHasher
from postern.core.policy import Policy
from postern.core.records import Instance
from postern.core.row_ids import new_row_id
from postern.core.store import Store

Clock = Callable[[], float]
Recorder = Callable[[AuditEvent], None]


class Service:
    """What the rules work with: store, clock, keys, policy, password hasher, audit.

    Made by `open_service`. ``ring`` and ``revoked_clients`` are snapshots; `renew` brings them up to date and the
    server calls it every second, which is how a rotation or a revocation reaches every worker and node.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        instance: Instance,
        ring: KeyRing,
        passwords: PasswordHasher,
        record: Recorder,
    ) -> None:
        self.store = store
        self.clock = clock
        self.policy = policy
        self.instance = instance
        self.ring = ring
        self.passwords = passwords
        self.record = record
        self.revoked_clients: frozenset[bytes] = frozenset()
        self.start_urls = start_urls.accepted(policy, instance)
        limits, device = policy.limits, policy.device
        self.poll_pacer = Pacer(device.interval, device.poll_burst, penalty=5)
        self.register_pacer = _per_minute(limits.register_per_minute, limits.burst)
        self.device_start_pacer = _per_minute(limits.device_start_per_minute, limits.burst)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def new_row_id(self) -> int:
        return new_row_id(self.clock())

    async def renew(self, master: MasterKey) -> None:
        """Read keys and denylist anew; rotate and retire keys when it is time."""
        now = self.now()
        records = await self.store.list_ring_keys()
        if rotation_due(records, self.policy, now):
            newest = max((record.activates_at for record in records), default=-1)
            successor = new_key_record(master, created_at=now, activates_at=now + self.policy.keys.publish_lead)
            await self.store.ensure_ring_key(successor, unless_newer_than=newest)
            records = await self.store.list_ring_keys()
        self.ring = open_ring(master, records, now, self.ring)
        if old := retired(records, self.policy, now):
            await self.store.remove_ring_keys(old)
        self.revoked_clients = frozenset(
            revoked.client_digest for revoked in await self.store.list_revoked_clients(now)
        )


def _per_minute(calls: int, burst: int) -> Pacer | None:
    return Pacer(60 / calls, burst) if calls else None


async def open_service(
    *, store: Store, clock: Clock, policy: Policy, master: MasterKey, passwords: PasswordHasher, record: Recorder
) -> Service:
    """A service on ``store``, which gets an instance and a first key if it has none.

    Raises:
        MasterKeyError: the store's keys were wrapped under another master key.
    """
    now = int(clock())
    instance = await store.find_instance() or await store.ensure_instance(new_instance(now))
    records = await store.list_ring_keys()
    if not records:
        await store.ensure_ring_key(new_key_record(master, created_at=now, activates_at=now), unless_newer_than=-1)
        records = await store.list_ring_keys()
    ring = open_ring(master, records, now)
    service = Service(
        store=store, clock=clock, policy=policy, instance=instance, ring=ring, passwords=passwords, record=record
    )
    await service.renew(master)
    return service


def new_instance(now: int) -> Instance:
    """An instance with ids of the form that AWS gives out."""
    return Instance(
        instance_id=f"ssoins-{secrets.token_hex(8)}",
        identity_store_id=f"d-{secrets.token_hex(5)}",
        owner_account_id=f"{secrets.randbelow(10**12):012d}",
        created_at=now,
    )
