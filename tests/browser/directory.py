"""Accounts and roles for people of a running server, written into its store beside it."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from postern.core.directory.records import (
    Account,
    ConsoleOptions,
    CredentialSource,
    LocalSource,
    PermissionSet,
    account_key,
)
from postern.core.records import Record
from postern.core.store import ConfigurationChange, Store
from postern.core.users import canonical_name
from postern.stores import open_store
from postern.testing import samples
from tests.browser.conftest import Place
from tests.browser.visitor import Person


class Wanted(msgspec.Struct, frozen=True):
    """An account, and the roles that a person shall have there."""

    name: str
    account_id: str
    roles: tuple[str, ...] = ("Admin",)
    console: str = ""


def assign(place: Place, person: Person, wanted: Sequence[Wanted]) -> None:
    """In a thread of its own: Playwright keeps an event loop in that of the tests."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_assign(place, person, wanted))).result()


async def _assign(place: Place, person: Person, wanted: Sequence[Wanted]) -> None:
    store = open_store(f"sqlite:///{place.server.data / 'postern.db'}", create=False)
    try:
        instance = (await store.list_instances())[0]
        user = await store.find_user_by_name(instance.instance_id, canonical_name(person.user_name))
        assert user is not None
        known = {role.name: role for role in await store.list_configuration(PermissionSet)}
        names = {name for each in wanted for name in each.roles}
        roles = {name: known.get(name) or _permission_set(name, instance.instance_id) for name in names}
        accounts = {each: _account(each, instance.instance_id) for each in wanted}
        sources = {each.console: _source(each.console) for each in wanted if each.console}
        assignments = [
            samples.account_assignment(account, roles[name], user)
            for each, account in accounts.items()
            for name in each.roles
        ]
        await _create_missing(store, sources.values(), CredentialSource)
        await _create_missing(store, roles.values(), PermissionSet)
        await _create_missing(store, accounts.values(), Account)
        await store.change_configuration(ConfigurationChange(create=tuple(assignments)))
    finally:
        await store.close()


async def _create_missing(store: Store, records: Iterable[Record], kind: type[Record]) -> None:
    known = await store.list_configuration(kind)
    await store.change_configuration(ConfigurationChange(create=tuple(each for each in records if each not in known)))


def _permission_set(name: str, instance_id: str) -> PermissionSet:
    made = samples.permission_set(name, instance_id=instance_id, description=f"What {name} may do")
    arn = made.permission_set_arn.replace(samples.INSTANCE_ID, instance_id)
    return msgspec.structs.replace(made, permission_set_arn=arn)


def _account(wanted: Wanted, instance_id: str) -> Account:
    return samples.account(
        wanted.account_id,
        account_key=account_key(instance_id, wanted.account_id),
        instance_id=instance_id,
        name=wanted.name,
        credential_source=_source_name(wanted.console) if wanted.console else "",
    )


def _source(console: str) -> CredentialSource:
    options = LocalSource(console=ConsoleOptions(destination=console))
    return CredentialSource(name=_source_name(console), options=options, created_at=samples.NOW)


def _source_name(console: str) -> str:
    return f"console-{samples.digest(console).hex()[:8]}"
