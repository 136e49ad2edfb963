"""``postern user external-id``, and what ``postern user add --external-id`` needs."""

import argparse
import asyncio
from collections.abc import Sequence

from postern.cli.configuring import chosen_instance, create, remove
from postern.cli.context import opened_store, public_user, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import show
from postern.core import users
from postern.core.directory import groups
from postern.core.directory.records import ExternalId
from postern.core.records import User
from postern.core.store import Store

Pair = tuple[str, str]


def external_id(options: argparse.Namespace) -> None:
    user, known = asyncio.run(_change(options))
    shown = public_user(user)
    shown["external_ids"] = [{"issuer": each.issuer, "id": each.external_id} for each in known]
    said = "has no longer the external id" if options.remove else "has the external id"
    show(options, shown, f"{user.user_name} {said} {options.external_id}")


def issuer_and_id(text: str) -> Pair:
    """
    Raises:
        UsageError: it is not ``ISSUER=ID``.
    """
    issuer, equals, id_ = text.partition("=")
    if not (issuer and equals and id_):
        raise UsageError(f"{text!r} is no external id: it must be ISSUER=ID")
    return issuer, id_


async def records_for(store: Store, user: User, pairs: Sequence[Pair]) -> tuple[ExternalId, ...]:
    """The external ids of a person who need not be in the store yet.

    Raises:
        CommandFailed: an id is somebody's already.
        InvalidDirectoryRecord: an issuer or id cannot be one.
        UsageError: an id is there twice.
    """
    records = tuple(groups.external_id(user, issuer, id_) for issuer, id_ in pairs)
    ids = [record.external_id for record in records]
    for number, id_ in enumerate(ids):
        if id_ in ids[:number]:
            raise UsageError(f"the external id {id_} is given twice")
        if await store.find_users_by_attribute(user.instance_id, "externalIds.id", id_):
            raise CommandFailed(_taken(id_))
    return records


async def _change(options: argparse.Namespace) -> tuple[User, list[ExternalId]]:
    """The person, and all external ids as they are then."""
    issuer, id_ = issuer_and_id(options.external_id)
    async with opened_store(settings_from(options)) as store:
        user = await users.require_user(store, options.user_name, await chosen_instance(options, store))
        if options.remove:
            await _forget(store, user, groups.external_id(user, issuer, id_))
        else:
            await create(store, groups.external_id(user, issuer, id_), _taken(id_))
        return user, [each for each in await store.list_configuration(ExternalId) if each.user_id == user.user_id]


async def _forget(store: Store, user: User, record: ExternalId) -> None:
    if record not in await store.list_configuration(ExternalId):
        raise CommandFailed(f"{user.user_name} has no external id {record.issuer}={record.external_id}")
    await remove(store, record)


def _taken(id_: str) -> str:
    return f"the external id {id_} is somebody's already"
