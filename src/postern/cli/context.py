"""What the server's commands share: settings from the command line, an opened store, and parts of its records."""

import argparse
import contextlib
from collections.abc import AsyncIterator, Mapping

import msgspec

from postern.core.records import User
from postern.core.store import Store
from postern.server.settings import Settings, load
from postern.stores import open_store


def settings_from(options: argparse.Namespace) -> Settings:
    """
    Raises:
        SettingsError: a setting is unknown or its value is not possible.
    """
    given = {f"server.{key}": getattr(options, key, None) for key in ("host", "port", "workers", "data")}
    return load(options.config, overrides={name: value for name, value in given.items() if value is not None})


@contextlib.asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    store = open_store(settings.store_url, create=create)
    try:
        yield store
    finally:
        await store.close()


def public(record: msgspec.Struct, *names: str) -> Mapping[str, object]:
    """The named members of a record, for output."""
    return {name: getattr(record, name) for name in names}


def public_user(user: User) -> dict[str, object]:
    """A person, for output."""
    names = ("user_id", "user_name", "display_name", "given_name", "family_name", "email", "status", "created_at")
    return {**public(user, *names), "has_password": bool(user.password_hash)}
