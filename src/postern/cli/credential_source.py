"""``postern credential-source``: add, list, show, update, remove."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from postern.cli.configuring import create, remove, replace
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import UsageError
from postern.cli.output import columns, now, printable, show
from postern.core.directory import credential_sources
from postern.core.directory.records import (
    AssumeRoleSource,
    ConsoleOptions,
    CredentialSource,
    LocalSource,
    WebIdentitySource,
)
from postern.core.keys import MasterKey
from postern.core.role_credentials.secrets import seal_secret
from postern.core.store import Store
from postern.server.master_key import master_key_of
from postern.server.settings import Settings

Options = LocalSource | WebIdentitySource | AssumeRoleSource
KINDS: dict[str, type[Options]] = {
    "local": LocalSource,
    "web-identity": WebIdentitySource,
    "assume-role": AssumeRoleSource,
}
_TEXTS = ("endpoint", "region", "audience", "token_profile", "algorithm", "role_arn", "external_id", "source_identity")
_LISTS = {"policy": "policies", "transitive_tag": "transitive_tag_keys"}
_OPTIONS = {"policies": "policy", "transitive_tag_keys": "transitive_tag", "session_tags": "session_tag"}
_SECRETS = ("secret_access_key_file", "secret_access_key_env", "secret_access_key_stdin")
_HIDDEN = "(hidden)"


def add(options: argparse.Namespace) -> None:
    source = asyncio.run(_add(options))
    show(options, shown(source), f"added credential source {source.name}")


def list_all(options: argparse.Namespace) -> None:
    found = asyncio.run(_list(options))
    rows = [(each.name, kind_of(each), getattr(each.options, "endpoint", "-"), each.description) for each in found]
    table = columns(rows, ("NAME", "TYPE", "ENDPOINT", "DESCRIPTION"))
    text = table if rows else "no credential source yet: role credentials are Postern's own (local)"
    show(options, [shown(each) for each in found], text)


def show_one(options: argparse.Namespace) -> None:
    source = asyncio.run(_find(options))
    members = shown(source)
    lines = (f"{name:20} {printable(_text(value)) or '-'}" for name, value in members.items())
    show(options, members, "\n".join(lines))


def update(options: argparse.Namespace) -> None:
    source = asyncio.run(_update(options))
    show(options, shown(source), f"changed credential source {source.name}")


def delete(options: argparse.Namespace) -> None:
    source = asyncio.run(_delete(options))
    show(options, shown(source), f"removed credential source {source.name}")


def kind_of(source: CredentialSource) -> str:
    """As ``--type`` has it."""
    return next(name for name, kind in KINDS.items() if isinstance(source.options, kind))


def shown(source: CredentialSource) -> dict[str, object]:
    """All of it but the secret, what was not given too."""
    members: dict[str, object] = msgspec.structs.asdict(source.options)
    if members.pop("sealed_secret", None) is not None:
        members["secret_access_key"] = _HIDDEN
    console = source.options.console
    members["console"] = msgspec.structs.asdict(console) if console else None
    return {
        "name": source.name,
        "type": kind_of(source),
        "description": source.description,
        **members,
        "created_at": source.created_at,
    }


async def _add(options: argparse.Namespace) -> CredentialSource:
    settings, secret = settings_from(options), _secret(options)
    async with opened_store(settings, create=True) as store:
        members = _members(options, KINDS[options.type])
        if options.type == "assume-role":
            members |= await _sealed(options, settings, store, members.get("access_key_id"), secret)
        members["console"] = _console(options, None)
        source = credential_sources.new_credential_source(
            name=options.name, options=_made(options.type, members), description=options.description or "", now=now()
        )
        await create(store, source, f"there is a credential source {source.name} already")
        return source


async def _list(options: argparse.Namespace) -> list[CredentialSource]:
    async with opened_store(settings_from(options)) as store:
        return sorted(await store.list_configuration(CredentialSource), key=lambda source: source.name)


async def _find(options: argparse.Namespace) -> CredentialSource:
    async with opened_store(settings_from(options)) as store:
        return await credential_sources.find_by_name(store, options.name)


async def _update(options: argparse.Namespace) -> CredentialSource:
    settings, secret = settings_from(options), _secret(options)
    async with opened_store(settings) as store:
        old = await credential_sources.find_by_name(store, options.name)
        members = _members(options, type(old.options)) | {"console": _console(options, old.options.console)}
        if isinstance(old.options, AssumeRoleSource) and (secret or "access_key_id" in members):
            key_id = members.get("access_key_id", old.options.access_key_id)
            members |= await _sealed(options, settings, store, key_id, secret)
        changed = msgspec.structs.replace(
            old,
            options=msgspec.structs.replace(old.options, **members),
            description=old.description if options.description is None else options.description,
        )
        await replace(store, old, credential_sources.require_valid(changed))
        return changed


async def _delete(options: argparse.Namespace) -> CredentialSource:
    async with opened_store(settings_from(options)) as store:
        source = await credential_sources.find_by_name(store, options.name)
        await remove(store, source)
        return source


def _members(options: argparse.Namespace, kind: type[Options]) -> dict[str, Any]:
    """What the command line gives.

    Raises:
        UsageError: a source of this kind has no such option.
    """
    given: dict[str, Any] = {name: getattr(options, name) for name in (*_TEXTS, "access_key_id", "allow_http")}
    given |= {member: _list_of(getattr(options, name)) for name, member in _LISTS.items()}
    given["session_tags"] = _tags(options.session_tag)
    members = {name: value for name, value in given.items() if value is not None}
    secrets = [name for name in _SECRETS if getattr(options, name)]
    unknown = [name for name in members if name not in kind.__struct_fields__]
    unknown += secrets if kind is not AssumeRoleSource else []
    if unknown:
        title = next(name for name, each in KINDS.items() if each is kind)
        raise UsageError(f"--{_OPTIONS.get(unknown[0], unknown[0]).replace('_', '-')} is not for the type {title}")
    return members


def _made(kind: str, members: dict[str, Any]) -> Options:
    needed = [
        field.name for field in msgspec.structs.fields(KINDS[kind]) if field.required and field.name not in members
    ]
    if needed:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in needed)
        raise UsageError(f"a source of type {kind} needs {options}")
    return KINDS[kind](**members)


def _list_of(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(filter(None, values))


def _tags(values: list[str] | None) -> dict[str, str] | None:
    if values is None:
        return None
    tags = {}
    for text in filter(None, values):
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--session-tag {text}: write KEY=VALUE")
        tags[key] = value
    return tags


def _console(options: argparse.Namespace, old: ConsoleOptions | None) -> ConsoleOptions | None:
    """What is given replaces what was; there is no console where both are empty."""
    given = {
        "federation_endpoint": options.console_federation_endpoint,
        "destination": options.console_destination,
    }
    members = {name: text for name, text in given.items() if text is not None}
    console = msgspec.structs.replace(old or ConsoleOptions(), **members)
    return console if console != ConsoleOptions() else None


def _secret(options: argparse.Namespace) -> str | None:
    """
    Raises:
        UsageError: it cannot be read, or is empty.
    """
    if options.secret_access_key_stdin:
        return _not_empty(sys.stdin.readline())
    if options.secret_access_key_env:
        secret = os.environ.get(options.secret_access_key_env)
        if not secret:
            raise UsageError(f"the variable {options.secret_access_key_env} is not set")
        return _not_empty(secret)
    if options.secret_access_key_file:
        try:
            return _not_empty(Path(options.secret_access_key_file).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the secret cannot be read: {getattr(error, 'strerror', 'it is not text')}") from None
    return None


def _not_empty(text: str) -> str:
    """Without the space around it: an empty secret would leave the old one in its place."""
    secret = text.strip()
    if not secret:
        raise UsageError("the secret is empty")
    return secret


async def _sealed(
    options: argparse.Namespace, settings: Settings, store: Store, access_key_id: str | None, secret: str | None
) -> dict[str, Any]:
    if not access_key_id or not secret:
        raise UsageError("AssumeRole is signed: give --access-key-id, and its secret by file, variable or stdin")
    master: MasterKey = await master_key_of(settings, store)
    return {"sealed_secret": seal_secret(master, options.name, access_key_id, secret)}


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items())
    return str(value)
