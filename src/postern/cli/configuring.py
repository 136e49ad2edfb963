"""What the commands that keep the configuration share: the instance, the master key, and one record at a time."""

from postern.cli.exit_codes import CommandFailed
from postern.cli.output import now
from postern.core.directory.records import AccessKey
from postern.core.iam.access_keys import secret_of
from postern.core.keys import MasterKey, open_ring
from postern.core.records import Instance, Record
from postern.core.service import new_instance
from postern.core.store import AlreadyExists, ConfigurationChange, Store
from postern.server.master_key import load_master_key
from postern.server.settings import Settings


async def instance_of(store: Store) -> Instance:
    """The store's instance, which it gets if no server has run on it yet."""
    return await store.find_instance() or await store.ensure_instance(new_instance(now()))


async def master_of(settings: Settings, store: Store) -> MasterKey:
    """The master key, which is made if nothing in the store was sealed yet.

    Raises:
        MasterKeyError: it cannot be read, or is not the one that the store's keys were sealed under.
    """
    ring, keys = await store.list_ring_keys(), await store.list_configuration(AccessKey)
    master = load_master_key(settings, may_create=not (ring or keys))
    if ring:
        open_ring(master, ring, now())
    for key in keys[:1]:
        secret_of(master, key)
    return master


async def create(store: Store, record: Record, complaint: str) -> None:
    """
    Raises:
        CommandFailed: it is there already; the text is ``complaint``.
    """
    try:
        await store.change_configuration(ConfigurationChange(create=(record,)))
    except AlreadyExists:
        raise CommandFailed(complaint) from None


async def replace(store: Store, old: Record, new: Record) -> None:
    await store.change_configuration(ConfigurationChange(replace=((old, new),)))


async def remove(store: Store, record: Record) -> None:
    await store.change_configuration(ConfigurationChange(remove=(record,)))
