"""``postern user``: add, list, update, disable, enable, password, remove."""

import argparse
import asyncio
import getpass
import secrets
import sys

import msgspec

from postern.cli.configuring import chosen_instance, remove, replace, require_confirmation
from postern.cli.context import opened_store, public_user, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.external_ids import issuer_and_id, records_for
from postern.cli.output import columns, now, show, utc
from postern.core import users
from postern.core.records import Instance, User, UserStatus
from postern.core.store import AlreadyExists, ConfigurationChange, Store
from postern.server.password_hashing import ThreadedHasher

_MEMBERS = ("user_name", "display_name", "given_name", "family_name", "email")


def add(options: argparse.Namespace) -> None:
    password = None if options.no_password else _password(options)
    user = asyncio.run(_add(options, password))
    _report(options, user, f"added {user.user_name}", password if options.generate else None)


def list_all(options: argparse.Namespace) -> None:
    people = asyncio.run(_list(options))
    rows = [
        (user.user_name, user.display_name, user.status.value, utc(user.created_at), user.user_id) for user in people
    ]
    table = columns(rows, ("USER NAME", "NAME", "STATUS", "ADDED", "USER ID"))
    show(options, [public_user(user) for user in people], table if people else "nobody yet: postern user add NAME")


def update(options: argparse.Namespace) -> None:
    user = asyncio.run(_update(options))
    _report(options, user, f"changed {user.user_name}")


def disable(options: argparse.Namespace) -> None:
    user = asyncio.run(_set_status(options, UserStatus.DISABLED))
    _report(options, user, f"disabled {user.user_name}; all sign-ins have ended")


def enable(options: argparse.Namespace) -> None:
    user = asyncio.run(_set_status(options, UserStatus.ENABLED))
    _report(options, user, f"enabled {user.user_name}")


def password(options: argparse.Namespace) -> None:
    text = _password(options)
    user = asyncio.run(_set_password(options, text))
    _report(
        options, user, f"new password for {user.user_name}; all sign-ins have ended", text if options.generate else None
    )


def delete(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: it is not confirmed, and nobody can be asked.
        CommandFailed: the answer is no.
    """
    user = asyncio.run(_delete(options))
    _report(options, user, f"removed {user.user_name}, with memberships and assignments; all sign-ins have ended")


def random_password() -> str:
    """About 120 bits, in groups that can be typed."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(6)) for _ in range(4))


async def _add(options: argparse.Namespace, password: str | None) -> User:
    pairs = [issuer_and_id(text) for text in options.external_id or ()]
    async with opened_store(settings_from(options), create=True) as store:
        user = await _new(options, password, await chosen_instance(options, store))
        ids = await records_for(store, user, pairs)
        try:
            await store.change_configuration(ConfigurationChange(create=(user, *ids)))
        except AlreadyExists:
            raise CommandFailed(await _what_is_taken(store, user)) from None
        return user


async def _new(options: argparse.Namespace, password: str | None, instance: Instance) -> User:
    members = {name: getattr(options, name) for name in _MEMBERS}
    if password is None:
        return users.new_person(instance, **members, now=now())
    return await users.new_user(ThreadedHasher(), password=password, **members, instance=instance, now=now())


async def _what_is_taken(store: Store, user: User) -> str:
    if await store.find_user_by_name(user.instance_id, user.canonical_name) is not None:
        return f"there is a user {user.user_name!r} already"
    return "an external id is somebody's already"


async def _list(options: argparse.Namespace) -> list[User]:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        return [user for user in await store.list_users() if user.instance_id == instance.instance_id]


async def _update(options: argparse.Namespace) -> User:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        old = await users.require_user(store, options.user, instance)
        given = {name: getattr(options, name) for name in _MEMBERS}
        members = {name: getattr(old, name) if text is None else text for name, text in given.items()}
        made = users.new_person(instance, **members, user_id=old.user_id, now=old.created_at)
        changed = msgspec.structs.replace(made, password_hash=old.password_hash, status=old.status)
        try:
            await replace(store, old, changed)
        except AlreadyExists:
            raise CommandFailed(f"there is a user {changed.user_name!r} already") from None
        return changed


async def _set_status(options: argparse.Namespace, status: UserStatus) -> User:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        await users.set_status(store, user_name=options.user_name, status=status, instance=instance, now=now())
        return await users.require_user(store, options.user_name, instance)


async def _set_password(options: argparse.Namespace, password: str) -> User:
    async with opened_store(settings_from(options)) as store:
        instance = await chosen_instance(options, store)
        await users.set_password(
            store, ThreadedHasher(), user_name=options.user_name, password=password, instance=instance, now=now()
        )
        return await users.require_user(store, options.user_name, instance)


async def _delete(options: argparse.Namespace) -> User:
    async with opened_store(settings_from(options)) as store:
        user = await users.require_user(store, options.user_name, await chosen_instance(options, store))
        require_confirmation(options, f"{user.user_name} will be removed for good")
        await remove(store, user)
        return user


def _password(options: argparse.Namespace) -> str:
    if options.generate:
        return random_password()
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandFailed("no terminal to ask for the password: use --password-stdin or --generate")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise CommandFailed("the passwords differ")
    return first


def _report(options: argparse.Namespace, user: User, text: str, generated: str | None = None) -> None:
    members = public_user(user) | ({"password": generated} if generated else {})
    show(options, members, f"{text}\npassword: {generated}" if generated else text)
