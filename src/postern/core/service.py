"""`Service`: the first argument of every rule. It holds what rules depend on, and the snapshots that are renewed
every second.
"""

import secrets
from collections.abc import Callable
from typing import TypeVar

from postern.core import instances, regions
from postern.core.audit import AuditEvent
from postern.core.client_registration import authenticate, identify, require_current
from postern.core.clients import Client
from postern.core.directory.records import CredentialSource
from postern.core.instances import Instances
from postern.core.issuer_keys import NO_ISSUER_KEYS, IssuerKeys
from postern.core.keys import KeyRing, MasterKey, new_key_record, new_successor, open_ring, retired, rotation_due
from postern.core.pacing import Pacer
from postern.core.passwords import PasswordHasher
from postern.core.policy import Policy
from postern.core.records import PRIMARY_NAME, Instance
from postern.core.role_credentials.port import NO_STS, NOTHING_ISSUED, IssuedCredentials, Sts
from postern.core.role_credentials.token_profiles import wants_rsa
from postern.core.row_ids import new_row_id
from postern.core.signing_keys import SigningKeys, renew_signing_keys
from postern.core.store import Store
from postern.core.tokens import Claims, Kind, open_value

K = TypeVar("K")
V = TypeVar("V")
_MAX_REMEMBERED = 4096
Clock = Callable[[], float]
Recorder = Callable[[AuditEvent], None]


class Service:
    """What the rules work with: store, clock, keys, policy, password hasher, audit.

    Made by `open_service`. ``instances``, ``credential_sources``, ``ring``, ``signing_keys``, ``revoked_clients`` and
    ``restored_at`` are snapshots; `renew` brings them up to date and the server calls it every second, which is how a
    rotation or a revocation reaches every worker and node.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        instances: Instances,
        ring: KeyRing,
        passwords: PasswordHasher,
        record: Recorder,
        master: MasterKey,
        issuer_keys: IssuerKeys,
        sts: Sts,
        issued_credentials: IssuedCredentials,
        signing_keys: SigningKeys,
    ) -> None:
        self.store = store
        self.clock = clock
        self.policy = policy
        self.instances = instances
        self.credential_sources: dict[str, CredentialSource] = {}
        self.ring = ring
        self.passwords = passwords
        self.record = record
        self.master = master
        self.issuer_keys = issuer_keys
        self.sts = sts
        self.issued_credentials = issued_credentials
        self.signing_keys = signing_keys
        self.sibling_regions = regions.siblings(policy)
        self.revoked_clients: frozenset[bytes] = frozenset()
        self.restored_at: int | None = None
        self._proven_clients: dict[tuple[str, str], Client] = {}
        self._opened_device_codes: dict[str, Claims] = {}
        limits, device = policy.limits, policy.device
        self.poll_pacer = Pacer(device.interval, device.poll_burst, penalty=5)
        self.portal_pacer = _per_minute(limits.portal_per_minute, limits.portal_burst)
        self.register_pacer = _per_minute(limits.register_per_minute, limits.burst)
        self.device_start_pacer = _per_minute(limits.device_start_per_minute, limits.burst)
        self.sign_in_pacer = _per_minute(limits.sign_in_per_minute, limits.sign_in_burst)

    @property
    def instance(self) -> Instance:
        """The primary instance."""
        return self.instances.primary

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def new_row_id(self) -> int:
        return new_row_id(self.clock())

    def authenticate_client(self, client_id: str, client_secret: str) -> Client:
        """The client that proved itself by its secret.

        PERF: a client that polls proves itself every second; what was proven is remembered, which saves 10 µs each
        time. Expiry and denylist are looked at always.

        Raises:
            InvalidClientException: unknown id, wrong secret, expired, or revoked: one text for all.
        """
        client = self._proven_clients.get((client_id, client_secret))
        if client is None:
            client = authenticate(self.ring, client_id, client_secret)
            remember(self._proven_clients, (client_id, client_secret), client)
        require_current(client, self.revoked_clients, self.now())
        return client

    def open_device_code(self, text: str) -> Claims | None:
        """What a device code says. PERF: one that is polled for is remembered too, which saves 3 µs each time."""
        claims = self._opened_device_codes.get(text)
        if claims is None:
            claims = open_value(self.ring, Kind.DEVICE_CODE, text)
            if claims is not None:
                remember(self._opened_device_codes, text, claims)
        return claims

    def identify_client(self, client_id: str) -> Client:
        """The client that a client id names, without proof that the caller is that client.

        Raises:
            InvalidClientException: not a client id of this server, expired, or revoked.
        """
        client = identify(self.ring, client_id)
        require_current(client, self.revoked_clients, self.now())
        return client

    async def renew(self) -> None:
        """Read keys, denylist, instances and credential sources anew; rotate and retire keys when it is time."""
        now, master = self.now(), self.master
        known = tuple(await self.store.list_instances())
        if known != self.instances.all:
            self.instances = instances.snapshot(self.policy, known)
        self.credential_sources = {
            source.name: source for source in await self.store.list_configuration(CredentialSource)
        }
        records = await self.store.list_ring_keys()
        if rotation_due(records, self.policy, now):
            newest = max((record.activates_at for record in records), default=-1)
            successor = new_successor(master, now=now, publish_lead=self.policy.keys.publish_lead)
            await self.store.ensure_ring_key(successor, unless_newer_than=newest)
            records = await self.store.list_ring_keys()
        ring = open_ring(master, records, now, self.ring, regions.tag(self.policy.instance.region))
        if ring.keys.keys() != self.ring.keys.keys():
            self._proven_clients.clear()
            self._opened_device_codes.clear()
        self.ring = ring
        self.signing_keys = await renew_signing_keys(
            self.store,
            master,
            ring,
            self.policy,
            self.signing_keys,
            needs_rsa=wants_rsa(self.credential_sources.values()),
        )
        if old := retired(records, self.policy, now):
            await self.store.remove_ring_keys(old)
        self.revoked_clients = frozenset(
            revoked.client_digest for revoked in await self.store.list_revoked_clients(now)
        )
        epoch = await self.store.find_epoch()
        self.restored_at = epoch.restored_at if epoch else None


def remember(known: dict[K, V], key: K, value: V) -> None:
    """Until there are `_MAX_REMEMBERED`: then all are forgotten."""
    if len(known) >= _MAX_REMEMBERED:
        known.clear()
    known[key] = value


def _per_minute(calls: int, burst: int) -> Pacer | None:
    return Pacer(60 / calls, burst) if calls else None


async def open_service(
    *,
    store: Store,
    clock: Clock,
    policy: Policy,
    master: MasterKey,
    passwords: PasswordHasher,
    record: Recorder,
    issuer_keys: IssuerKeys = NO_ISSUER_KEYS,
    sts: Sts = NO_STS,
    issued_credentials: IssuedCredentials = NOTHING_ISSUED,
) -> Service:
    """A service on ``store``, which gets an instance and a first key if it has none.

    Raises:
        MasterKeyError: the store's keys were wrapped under another master key.
    """
    now = int(clock())
    if await store.find_instance() is None:
        await store.ensure_instance(new_instance(now))
    known = await store.list_instances()
    records = await store.list_ring_keys()
    if not records:
        await store.ensure_ring_key(new_key_record(master, created_at=now, activates_at=now), unless_newer_than=-1)
        records = await store.list_ring_keys()
    ring = open_ring(master, records, now, region_tag=regions.tag(policy.instance.region))
    service = Service(
        store=store,
        clock=clock,
        policy=policy,
        instances=instances.snapshot(policy, known),
        ring=ring,
        passwords=passwords,
        record=record,
        master=master,
        issuer_keys=issuer_keys,
        sts=sts,
        issued_credentials=issued_credentials,
        signing_keys=SigningKeys(()),
    )
    await service.renew()
    return service


def new_instance(now: int, *, name: str = PRIMARY_NAME, start_url_aliases: tuple[str, ...] = ()) -> Instance:
    """An instance with ids of the form that AWS gives out. It is the primary one if it has that one's name."""
    return Instance(
        instance_id=f"ssoins-{secrets.token_hex(8)}",
        identity_store_id=f"d-{secrets.token_hex(5)}",
        owner_account_id=f"{secrets.randbelow(10**12):012d}",
        created_at=now,
        name=name,
        start_url_aliases=start_url_aliases,
        is_primary=name == PRIMARY_NAME,
    )
