"""``postern user``: add, list, disable, enable, password."""

import argparse
import asyncio
import getpass
import secrets
import sys

from postern.cli.context import opened_store, public, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, now, show, utc
from postern.core import users
from postern.core.records import User, UserStatus
from postern.server.password_hashing import ThreadedHasher


def add(options: argparse.Namespace) -> None:
    password = _password(options)
    user = asyncio.run(_add(options, password))
    _report(options, user, f"added {user.user_name}", password if options.generate else None)


def list_all(options: argparse.Namespace) -> None:
    people = asyncio.run(_list(options))
    rows = [
        (user.user_name, user.display_name, user.status.value, utc(user.created_at), user.user_id) for user in people
    ]
    table = columns(rows, ("USER NAME", "NAME", "STATUS", "ADDED", "USER ID"))
    show(options, [_shown(user) for user in people], table if people else "nobody yet: postern user add NAME")


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


def random_password() -> str:
    """About 120 bits, in groups that can be typed."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(6)) for _ in range(4))


async def _add(options: argparse.Namespace, password: str) -> User:
    if options.external_id:
        return await _add_with_external_ids(options, password)
    async with opened_store(settings_from(options), create=True) as store:
        user = await _new(options, password)
        await store.create_user(user)
        return user


async def _add_with_external_ids(options: argparse.Namespace, password: str) -> User:
    from postern.cli import external_ids

    pairs = [external_ids.issuer_and_id(text) for text in options.external_id]
    async with opened_store(settings_from(options), create=True) as store:
        user = await _new(options, password)
        records = await external_ids.records_for(store, user, pairs)  # refuses before anybody is made
        await store.create_user(user)
        await external_ids.note(store, records)
        return user


async def _new(options: argparse.Namespace, password: str) -> User:
    return await users.new_user(
        ThreadedHasher(),
        user_name=options.user_name,
        password=password,
        display_name=options.display_name,
        email=options.email,
        now=now(),
    )


async def _list(options: argparse.Namespace) -> list[User]:
    async with opened_store(settings_from(options)) as store:
        return await store.list_users()


async def _set_status(options: argparse.Namespace, status: UserStatus) -> User:
    async with opened_store(settings_from(options)) as store:
        await users.set_status(store, user_name=options.user_name, status=status, now=now())
        return await users.require_user(store, options.user_name)


async def _set_password(options: argparse.Namespace, password: str) -> User:
    async with opened_store(settings_from(options)) as store:
        return await users.set_password(
            store, ThreadedHasher(), user_name=options.user_name, password=password, now=now()
        )


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


def _shown(user: User) -> dict[str, object]:
    return dict(public(user, "user_id", "user_name", "display_name", "email", "status", "created_at"))


def _report(options: argparse.Namespace, user: User, text: str, generated: str | None = None) -> None:
    shown = _shown(user) | ({"password": generated} if generated else {})
    show(options, shown, f"{text}\npassword: {generated}" if generated else text)
