"""``postern instance``: add, list, update, remove."""

import argparse
import asyncio

import msgspec

from postern.cli.configuring import create, instance_of, remove, replace
from postern.cli.context import opened_store, settings_from
from postern.cli.output import columns, now, show
from postern.core import start_urls
from postern.core.directory import instances
from postern.core.policy import Policy
from postern.core.records import Instance


def add(options: argparse.Namespace) -> None:
    instance, policy = asyncio.run(_add(options))
    shown = _shown(instance, policy)
    urls = f"start URL        {shown['start_url']}\nfor the AWS CLI  {shown['aws_start_url']}"
    show(options, shown, f"added instance {instance.name}\n{urls}")


def list_all(options: argparse.Namespace) -> None:
    found, policy = asyncio.run(_list(options))
    rows = [
        (each.name, each.instance_id, each.identity_store_id, each.owner_account_id, start_urls.aws_start_url(each))
        for each in found
    ]
    table = columns(rows, ("NAME", "INSTANCE ID", "IDENTITY STORE", "OWNER ACCOUNT", "START URL FOR THE AWS CLI"))
    show(options, [_shown(each, policy) for each in found], table)


def update(options: argparse.Namespace) -> None:
    instance, policy = asyncio.run(_update(options))
    show(options, _shown(instance, policy), f"changed instance {instance.name}")


def delete(options: argparse.Namespace) -> None:
    instance, policy = asyncio.run(_delete(options))
    show(options, _shown(instance, policy), f"removed instance {instance.name}")


async def _add(options: argparse.Namespace) -> tuple[Instance, Policy]:
    settings = settings_from(options)
    async with opened_store(settings, create=True) as store:
        await instance_of(store)  # the primary one comes first
        aliases = tuple(options.start_url_alias or ())
        owner = options.owner_account_id
        instance = instances.new_instance(
            name=options.name, start_url_aliases=aliases, owner_account_id=owner, now=now()
        )
        instances.require_own_aliases(instance, await store.list_instances())
        await create(store, instance, f"there is an instance {instance.name} already")
        return instance, settings.policy


async def _list(options: argparse.Namespace) -> tuple[list[Instance], Policy]:
    settings = settings_from(options)
    async with opened_store(settings) as store:
        await instance_of(store)
        return await store.list_instances(), settings.policy


async def _update(options: argparse.Namespace) -> tuple[Instance, Policy]:
    settings = settings_from(options)
    async with opened_store(settings) as store:
        old = await instances.find_by_name_or_id(store, options.name)
        aliases = options.start_url_alias
        if aliases is None:
            return old, settings.policy
        changed = msgspec.structs.replace(old, start_url_aliases=tuple(filter(None, aliases)))
        instances.require_own_aliases(instances.require_valid(changed), await store.list_instances())
        await replace(store, old, changed)
        return changed, settings.policy


async def _delete(options: argparse.Namespace) -> tuple[Instance, Policy]:
    settings = settings_from(options)
    async with opened_store(settings) as store:
        instance = await instances.find_by_name_or_id(store, options.name)
        await remove(store, instance)
        return instance, settings.policy


def _shown(instance: Instance, policy: Policy) -> dict[str, object]:
    return {
        "name": instance.name,
        "instance_id": instance.instance_id,
        "instance_arn": instance.arn,
        "identity_store_id": instance.identity_store_id,
        "owner_account_id": instance.owner_account_id,
        "is_primary": instance.is_primary,
        "start_url": start_urls.own_start_url(policy, instance),
        "aws_start_url": start_urls.aws_start_url(instance),
        "start_url_aliases": list(instance.start_url_aliases),
        "created_at": instance.created_at,
    }
