"""``postern iam``: access keys of IAM principals, and temporary credentials made from them."""

import argparse
import asyncio

import msgspec

from postern.cli.configuring import chosen_instance, create, remove, replace
from postern.cli.context import opened_store, public, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, now, show, show_once, utc
from postern.core.directory.records import AccessKey, AccessKeyStatus
from postern.core.iam.access_keys import new_access_key
from postern.core.records import Instance
from postern.core.store import Store
from postern.server.master_key import master_key_of


def add(options: argparse.Namespace) -> None:
    key, secret = asyncio.run(_add(options))
    text = (
        f"access key of {key.principal_arn}\n"
        f"access key id      {key.access_key_id}\n"
        f"secret access key  {secret}\n"
        "the secret is shown this once"
    )
    loss = f"the secret of {key.access_key_id} is lost: remove it with `postern iam remove {key.access_key_id}`"
    show_once(options, _shown(key) | {"secret_access_key": secret}, text, loss)


def list_all(options: argparse.Namespace) -> None:
    keys = asyncio.run(_list(options))
    rows = [
        (key.access_key_id, key.status.value, key.principal_arn, utc(key.created_at), key.description) for key in keys
    ]
    table = columns(rows, ("ACCESS KEY ID", "STATUS", "PRINCIPAL", "ADDED", "DESCRIPTION"))
    show(options, [_shown(key) for key in keys], table if keys else "no access key yet: postern iam add --user NAME")


def disable(options: argparse.Namespace) -> None:
    key = asyncio.run(_set_status(options, AccessKeyStatus.INACTIVE))
    show(options, _shown(key), f"{key.access_key_id} is inactive, and so are its temporary credentials")


def enable(options: argparse.Namespace) -> None:
    key = asyncio.run(_set_status(options, AccessKeyStatus.ACTIVE))
    show(options, _shown(key), f"{key.access_key_id} is active")


def delete(options: argparse.Namespace) -> None:
    key = asyncio.run(_delete(options))
    show(options, _shown(key), f"{key.access_key_id} is gone; its temporary credentials are void")


async def find_key(store: Store, access_key_id: str) -> AccessKey:
    """
    Raises:
        CommandFailed: there is none.
    """
    key = await store.find_access_key(access_key_id)
    if key is None:
        raise CommandFailed(f"there is no access key {access_key_id}")
    return key


async def _add(options: argparse.Namespace) -> tuple[AccessKey, str]:
    settings = settings_from(options)
    async with opened_store(settings, create=True) as store:
        arn = _principal(options, await chosen_instance(options, store))
        master = await master_key_of(settings, store)
        key, secret = new_access_key(master, principal_arn=arn, description=options.description, now=now())
        await create(store, key, "the access key id is taken: try again")
        return key, secret


def _principal(options: argparse.Namespace, instance: Instance) -> str:
    if options.principal is not None:
        return str(options.principal)
    resource = f"role/{options.role}" if options.user is None else f"user/{options.user}"
    return f"arn:aws:iam::{instance.owner_account_id}:{resource}"


async def _list(options: argparse.Namespace) -> list[AccessKey]:
    async with opened_store(settings_from(options)) as store:
        keys = await store.list_configuration(AccessKey)
    return sorted(keys, key=lambda key: (key.created_at, key.access_key_id))


async def _set_status(options: argparse.Namespace, status: AccessKeyStatus) -> AccessKey:
    async with opened_store(settings_from(options)) as store:
        key = await find_key(store, options.access_key_id)
        changed = msgspec.structs.replace(key, status=status)
        await replace(store, key, changed)
        return changed


async def _delete(options: argparse.Namespace) -> AccessKey:
    async with opened_store(settings_from(options)) as store:
        key = await find_key(store, options.access_key_id)
        await remove(store, key)
        return key


def _shown(key: AccessKey) -> dict[str, object]:
    return dict(public(key, "access_key_id", "principal_arn", "status", "description", "created_at"))
