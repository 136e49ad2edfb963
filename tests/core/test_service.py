"""The service: what it makes on its first start, and how it keeps its snapshots of keys and revocations fresh."""

import pytest

from postern.core.clients import client_digest
from postern.core.keys import MasterKey, MasterKeyError
from postern.core.policy import DAY, LimitPolicy, Policy
from postern.core.records import RevokedClient
from postern.core.row_ids import new_row_id
from postern.core.service import Service, new_instance, open_service
from postern.core.store import Store
from tests.core.world import MASTER, PUBLIC_URL, PlainHasher, VirtualClock, World, present


async def reopen(world: World, master: MasterKey = MASTER, store: Store | None = None) -> Service:
    return await open_service(
        store=store or world.store,
        clock=world.clock,
        policy=Policy(public_url=PUBLIC_URL),
        master=master,
        passwords=PlainHasher(),
        record=world.events.append,
    )


async def test_a_second_start_keeps_everything(world: World) -> None:
    again = await reopen(world)
    assert again.instance == world.service.instance
    assert again.ring.active.key_id == world.service.ring.active.key_id


async def test_another_master_key_does_not_start(world: World) -> None:
    with pytest.raises(MasterKeyError):
        await reopen(world, MasterKey(b"\x01" * 32))


async def test_ids_have_the_form_of_aws() -> None:
    instance = new_instance(0)
    assert instance.instance_id.startswith("ssoins-")
    assert len(instance.instance_id) == len("ssoins-") + 16
    assert len(instance.identity_store_id) == len("d-") + 10
    assert len(instance.owner_account_id) == 12
    assert instance.arn == f"arn:aws:sso:::instance/{instance.instance_id}"


async def test_the_first_key_is_used_at_once(world: World) -> None:
    assert world.service.ring.active.activates_at == world.now


async def test_a_rotation_publishes_first_and_uses_later(world: World) -> None:
    first = world.service.ring.active
    world.clock.advance(90 * DAY - 60)
    await world.service.renew()
    assert world.service.ring.active is first
    assert len(world.service.ring.keys) == 2
    world.clock.advance(60)  # of whole seconds, the first had begun
    await world.service.renew()
    assert world.service.ring.active is first
    world.clock.advance(1)
    await world.service.renew()
    assert world.service.ring.active is not first
    assert world.service.ring.get(first.key_id) is first


async def test_two_nodes_make_one_successor(world: World) -> None:
    other = await reopen(world)
    world.clock.advance(90 * DAY)
    await world.service.renew()
    await other.renew()
    await world.service.renew()
    assert set(other.ring.keys) == set(world.service.ring.keys)
    assert len(other.ring.keys) == 2


async def test_years_of_rotations_never_refuse_a_valid_registration(world: World) -> None:
    """Clients that registered each week keep working for their 90 days."""
    clients = []
    for week in range(60):
        clients.append((world.now, await world.register()))
        for registered_at, client in clients:
            if world.now < registered_at + 90 * DAY:
                await world.start(client)
        world.clock.advance(7 * DAY)
        await world.service.renew()
        assert week < 30 or len(world.service.ring.keys) <= 3


async def test_a_revocation_reaches_every_node_with_its_next_renewal(world: World) -> None:
    client = await world.register()
    digest = client_digest(client.client_id)
    await world.store.revoke_client(
        RevokedClient(client_digest=digest, revoked_at=world.now, expires_at=world.now + 60)
    )
    other = await reopen(world)
    await world.service.renew()
    assert other.revoked_clients == world.service.revoked_clients == {digest}
    world.clock.advance(60)
    await world.service.renew()
    assert world.service.revoked_clients == frozenset()


async def test_a_limit_of_zero_is_no_limit(world: World) -> None:
    service = Service(
        store=world.store,
        clock=world.clock,
        policy=Policy(
            public_url=PUBLIC_URL,
            limits=LimitPolicy(register_per_minute=0, device_start_per_minute=0, sign_in_per_minute=0),
        ),
        instances=world.service.instances,
        ring=world.service.ring,
        passwords=PlainHasher(),
        record=world.events.append,
        master=MASTER,
        issuer_keys=world.service.issuer_keys,
        sts=world.service.sts,
        issued_credentials=world.service.issued_credentials,
        signing_keys=world.service.signing_keys,
    )
    assert (service.register_pacer, service.device_start_pacer, service.sign_in_pacer) == (None, None, None)


def test_row_ids_append_in_order_and_fit_63_bits() -> None:
    clock = VirtualClock()
    row_ids = []
    for _ in range(200):
        clock.advance(0.002)
        row_ids.append(new_row_id(clock()))
    assert row_ids == sorted(row_ids)
    assert len(set(row_ids)) == 200
    assert 0 < new_row_id(3_900_000_000) < 2**63


async def test_rows_of_one_millisecond_differ(world: World) -> None:
    assert len({world.service.new_row_id() for _ in range(100)}) >= 99
    assert present(world.service).now() == int(world.clock())
