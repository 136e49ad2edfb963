"""``postern permission-set``: add, list, update, remove."""

import argparse
import asyncio

import msgspec

from postern.cli.configuring import chosen_instance, create, remove, replace, require_source
from postern.cli.context import opened_store, public, settings_from
from postern.cli.output import columns, now, show
from postern.core.directory import accounts
from postern.core.directory.records import PermissionSet


def add(options: argparse.Namespace) -> None:
    made = asyncio.run(_add(options))
    show(options, _shown(made), f"added permission set {made.name}")


def list_all(options: argparse.Namespace) -> None:
    found = asyncio.run(_list(options))
    rows = [
        (each.name, _span(each.session_duration), each.credential_source or "-", each.description) for each in found
    ]
    table = columns(rows, ("NAME", "SESSION", "CREDENTIAL SOURCE", "DESCRIPTION"))
    text = table if found else "no permission set yet: postern permission-set add NAME"
    show(options, [_shown(each) for each in found], text)


def update(options: argparse.Namespace) -> None:
    changed = asyncio.run(_update(options))
    show(options, _shown(changed), f"changed permission set {changed.name}")


def delete(options: argparse.Namespace) -> None:
    gone = asyncio.run(_delete(options))
    show(options, _shown(gone), f"removed permission set {gone.name} and its assignments")


async def _add(options: argparse.Namespace) -> PermissionSet:
    async with opened_store(settings_from(options), create=True) as store:
        instance = await chosen_instance(options, store)
        await require_source(store, options.credential_source)
        given = {name: value for name, value in _given(options).items() if value is not None}
        made = accounts.new_permission_set(instance, name=options.name, now=now(), **given)  # type: ignore[arg-type]
        await create(store, made, f"there is a permission set {made.name} already")
        return made


async def _list(options: argparse.Namespace) -> list[PermissionSet]:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        found = await store.list_configuration(PermissionSet)
        return sorted((each for each in found if each.instance_id == instance.instance_id), key=lambda each: each.name)


async def _update(options: argparse.Namespace) -> PermissionSet:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        old = await accounts.find_permission_set(store, options.name, instance)
        await require_source(store, options.credential_source)
        given = {name: value for name, value in _given(options).items() if value is not None}
        changed = accounts.require_valid_permission_set(msgspec.structs.replace(old, **given))
        await replace(store, old, changed)
        return changed


async def _delete(options: argparse.Namespace) -> PermissionSet:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        gone = await accounts.find_permission_set(store, options.name, instance)
        await remove(store, gone)
        return gone


def _given(options: argparse.Namespace) -> dict[str, object]:
    duration = options.session_duration
    return {
        "description": options.description,
        "session_duration": None if duration is None else accounts.seconds_of(duration),
        "relay_state": options.relay_state,
        "credential_source": options.credential_source,
    }


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h" if not rest else f"{seconds // 60} min"


def _shown(made: PermissionSet) -> dict[str, object]:
    members = ("permission_set_arn", "name", "description", "session_duration", "relay_state", "credential_source")
    return dict(public(made, *members, "created_at"))
