"""What the commands that keep the configuration share: the instance, the master key, and one record at a time."""

import argparse

from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import ask, is_interactive, now
from postern.core.directory import credential_sources
from postern.core.directory.credential_sources import LOCAL_NAME
from postern.core.records import Instance, Record
from postern.core.service import new_instance
from postern.core.store import AlreadyExists, ConfigurationChange, NotFound, Store


async def instance_of(store: Store) -> Instance:
    """The store's instance, which it gets if no server has run on it yet."""
    return await store.find_instance() or await store.ensure_instance(new_instance(now()))


async def chosen_instance(options: argparse.Namespace, store: Store) -> Instance:
    """That of ``--instance``, by name or id, else the primary one.

    Raises:
        NotFound: there is no such instance.
    """
    primary = await instance_of(store)
    wanted = getattr(options, "instance", None)
    if wanted is None:
        return primary
    for instance in await store.list_instances():
        if wanted in (instance.name, instance.instance_id):
            return instance
    raise NotFound(f"there is no instance {wanted!r}")


def require_confirmation(options: argparse.Namespace, what: str) -> None:
    """``--yes``, or the answer of a person; ``what`` says what will happen.

    Raises:
        UsageError: nobody can be asked.
        CommandFailed: the answer is no.
    """
    if options.yes:
        return
    if not is_interactive():
        raise UsageError(f"{what}: add --yes if that is meant")
    if ask(f"{what}. Go on? [y/N] ").lower() not in ("y", "yes"):
        raise CommandFailed("nothing was changed")


async def require_source(store: Store, name: str | None) -> None:
    """
    Raises:
        NotFound: there is no credential source of that name; an empty one, or none, stands for no source.
    """
    if name and name != LOCAL_NAME:
        await credential_sources.find_by_name(store, name)


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
    await store.change_configuration(ConfigurationChange(replace=((old, new),), now=now()))


async def remove(store: Store, record: Record) -> None:
    await store.change_configuration(ConfigurationChange(remove=(record,), now=now()))
