"""What the commands that keep the configuration share: the instance, the master key, and one record at a time."""

from postern.cli.exit_codes import CommandFailed
from postern.cli.output import now
from postern.core.records import Instance, Record
from postern.core.service import new_instance
from postern.core.store import AlreadyExists, ConfigurationChange, Store


async def instance_of(store: Store) -> Instance:
    """The store's instance, which it gets if no server has run on it yet."""
    return await store.find_instance() or await store.ensure_instance(new_instance(now()))


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
