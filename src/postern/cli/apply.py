"""``postern apply``: makes the configuration what a declarative file says, all at once."""

import argparse
import asyncio
import json
import os
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from postern.cli.configuring import instance_of
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import now, printable, show
from postern.core.directory import declaration, planning
from postern.core.directory.declaration import Declaration, InvalidDeclaration, Place
from postern.core.directory.planning import Difference, Plan
from postern.core.keys import SECRET_BYTES, MasterKey
from postern.core.records import Instance
from postern.core.service import new_instance
from postern.core.store import AlreadyExists, Store
from postern.server.master_key import master_key_of
from postern.server.settings import Settings

_SIGNS = {"create": "+", "replace": "~"}


def apply(options: argparse.Namespace) -> None:
    file = Path(options.file)
    text = _text_of(file)
    try:
        plan = asyncio.run(_apply(options, text, file))
    except InvalidDeclaration as error:
        line = line_of(text, error.place)
        where = f"{file}:{line}" if line else str(file)
        raise UsageError(f"{where}: {error}") from None
    differences = [msgspec.to_builtins(difference) for difference in plan.differences]
    shown = {"applied": bool(differences) and not options.dry_run, "differences": differences}
    show(options, shown, "\n".join(map(printable, _lines(plan, options.dry_run))))


async def _apply(options: argparse.Namespace, text: str, file: Path) -> Plan:
    declared = declaration.read(_parsed(text, file))
    given = _secrets(declared, file.parent)
    settings, is_dry = settings_from(options), options.dry_run
    async with opened_store(settings, create=not is_dry) as store:
        instance = await _instance(store) if is_dry else await instance_of(store)
        known = await planning.read_known(store, instance)
        master = await _master(settings, store, may_create=not is_dry) if declared.access_key else None
        plan = planning.plan(declared, known, secrets=given, master=master, now=now())
        if plan.differences and not is_dry:
            await _carry_out(store, plan)
        return plan


async def _instance(store: Store) -> Instance:
    """To look at a plan, any will do where there is none yet."""
    return await store.find_instance() or new_instance(now())


async def _carry_out(store: Store, plan: Plan) -> None:
    try:
        await store.change_configuration(plan.change)
    except AlreadyExists:
        raise CommandFailed("somebody else changed the configuration at the same time: try again") from None


async def _master(settings: Settings, store: Store, *, may_create: bool) -> MasterKey:
    """To look at a plan, any key will do where there is none yet."""
    is_there = settings.master_key.value or settings.master_key_file.exists()
    if may_create or is_there or await store.list_ring_keys():
        return await master_key_of(settings, store)
    return MasterKey(secrets.token_bytes(SECRET_BYTES))


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not text") from None


def _parsed(text: str, file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: an integer of thousands of digits too
        raise UsageError(f"{file} is not TOML: {error}") from None


def _secrets(declared: Declaration, folder: Path) -> dict[str, str]:
    """The secret access keys that the file refers to, by access key id. Paths are relative to its folder."""
    found = {}
    for position, key in enumerate(declared.access_key):
        place = ("access_key", position)
        if key.secret_access_key_file:
            found[key.access_key_id] = _secret_of_file(folder / key.secret_access_key_file, place)
        if key.secret_access_key_env:
            found[key.access_key_id] = _secret_of_environment(key.secret_access_key_env, place)
    return found


def _secret_of_file(file: Path, place: Place) -> str:
    try:
        with file.open("r", encoding="utf-8") as stream:
            if not os.fstat(stream.fileno()).st_mode & 0o077:
                return stream.read().strip()
            text = f"the secret's file {file} is open to others: chmod 600 it"
    except OSError as error:
        text = f"the secret's file {file} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        text = f"the secret's file {file} is not text"
    except ValueError:  # a NUL
        text = "the secret's file cannot have such a name"
    raise InvalidDeclaration(text, (*place, "secret_access_key_file"))


def _secret_of_environment(variable: str, place: Place) -> str:
    secret = os.environ.get(variable)
    if not secret:
        raise InvalidDeclaration(f"the variable {variable} is not set", (*place, "secret_access_key_env"))
    return secret


def line_of(text: str, place: Place) -> int | None:
    """The line, counted from 1, where a place of the declaration stands: found by looking for the words, since TOML's
    decoder does not say. The nearest that is found, or ``None``.
    """
    lines = ["" if line.lstrip().startswith("#") else line for line in text.split("\n")]
    start, end = _extent(lines, place)
    found = start + 1 if start is not None else None
    number = start or 0
    for key in (step for step in place[2 if start is not None else 0 :] if isinstance(step, str)):
        word = re.compile(rf"""(?:^|[\s\[.{{,"']){re.escape(key)}(?=["']?\s*[=.\]])""")
        number = next((each for each in range(number, end) if word.search(lines[each])), -1)
        if number < 0:
            break
        found = number + 1
    return found


def _extent(lines: list[str], place: Place) -> tuple[int | None, int]:
    """From which line on, and up to which, the entry of an array of tables goes that the place is in."""
    if len(place) > 1:
        headers = [number for number, name in _headers(lines) if name == place[0]]
        start = next((number for index, number in enumerate(headers) if index == place[1]), None)
        if start is not None:
            return start, next((number for number, _ in _headers(lines) if number > start), len(lines))
    return None, len(lines)


def _headers(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        found = re.match(r"""\s*\[\[\s*["']?(\w+)["']?\s*\]\]""", line)
        if found:
            yield number, found[1]


def _lines(plan: Plan, is_dry: bool) -> Iterator[str]:
    if not plan.differences:
        yield "there is nothing to do"
        return
    for difference in plan.differences:
        yield f"{_SIGNS[difference.action]} {difference.kind} {difference.name}"
        yield from _changes(difference)
    count = len(plan.differences)
    done = "nothing was changed" if is_dry else "applied"
    yield f"{count} {'difference' if count == 1 else 'differences'}; {done}"


def _changes(difference: Difference) -> Iterator[str]:
    for member, (before, after) in difference.changed.items():
        yield f"    {member}: {_value(before)} -> {_value(after)}"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
