"""``postern account``: add, list, update, remove."""

import argparse
import asyncio

import msgspec

from postern.cli.configuring import chosen_instance, create, remove, replace, require_source
from postern.cli.context import opened_store, public, settings_from
from postern.cli.output import columns, now, show
from postern.core.directory import accounts
from postern.core.directory.records import Account


def add(options: argparse.Namespace) -> None:
    account = asyncio.run(_add(options))
    show(options, _shown(account), f"added account {account.account_id}")


def list_all(options: argparse.Namespace) -> None:
    found = asyncio.run(_list(options))
    rows = [(each.account_id, each.name, each.email, each.credential_source or "-") for each in found]
    table = columns(rows, ("ACCOUNT ID", "NAME", "E-MAIL", "CREDENTIAL SOURCE"))
    show(
        options,
        [_shown(each) for each in found],
        table if found else "no account yet: postern account add ACCOUNT_ID --name NAME",
    )


def update(options: argparse.Namespace) -> None:
    account = asyncio.run(_update(options))
    show(options, _shown(account), f"changed account {account.account_id}")


def delete(options: argparse.Namespace) -> None:
    account = asyncio.run(_delete(options))
    show(options, _shown(account), f"removed account {account.account_id} and its assignments")


async def _add(options: argparse.Namespace) -> Account:
    async with opened_store(settings_from(options), create=True) as store:
        instance = await chosen_instance(options, store)
        await require_source(store, options.credential_source)
        account = accounts.new_account(
            instance,
            account_id=options.account_id,
            name=options.name,
            email=options.email or "",
            credential_source=options.credential_source or "",
            now=now(),
        )
        await create(store, account, f"there is an account {account.account_id} already")
        return account


async def _list(options: argparse.Namespace) -> list[Account]:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        found = await store.list_configuration(Account)
        return sorted(
            (each for each in found if each.instance_id == instance.instance_id), key=lambda each: each.account_id
        )


async def _update(options: argparse.Namespace) -> Account:
    async with opened_store(settings_from(options)) as store:
        account = await accounts.find_account(store, options.account, await chosen_instance(options, store))
        await require_source(store, options.credential_source)
        given = {name: getattr(options, name) for name in ("name", "email", "credential_source")}
        changed = msgspec.structs.replace(account, **{name: text for name, text in given.items() if text is not None})
        await replace(store, account, accounts.require_valid_account(changed))
        return changed


async def _delete(options: argparse.Namespace) -> Account:
    async with opened_store(settings_from(options)) as store:
        account = await accounts.find_account(store, options.account, await chosen_instance(options, store))
        await remove(store, account)
        return account


def _shown(account: Account) -> dict[str, object]:
    return dict(public(account, "account_id", "name", "email", "credential_source", "created_at"))
