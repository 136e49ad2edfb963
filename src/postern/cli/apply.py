"""``postern plan`` and ``postern apply``: what a declarative file would change, and the change, all of it at once."""

import argparse
import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from postern.cli import declaration_file
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import ask, is_interactive, now, printable, show
from postern.cli.progress import Progress, Watched
from postern.core import passwords
from postern.core.directory import declaration, planning
from postern.core.directory.declaration import Declaration, DeclaredUser, InvalidDeclaration
from postern.core.directory.planning import Difference, Plan
from postern.core.directory.planning.known import Known
from postern.core.keys import SECRET_BYTES, MasterKey
from postern.core.records import Instance
from postern.core.service import new_instance
from postern.core.store import AlreadyExists, ConfigurationChange, NotFound, Store
from postern.core.users import canonical_name
from postern.server.master_key import master_key_of
from postern.server.password_hashing import ThreadedHasher
from postern.server.settings import Settings

_SIGNS = {"create": "+", "replace": "~", "remove": "-"}
_MOST_SHOWN = 30
_HASHED_AT_ONCE = 32


def apply(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: the file says something that cannot be; or what is removed is not confirmed.
        CommandFailed: somebody else changed the directory at the same time.
    """
    _run(options, is_dry=options.dry_run)


def plan(options: argparse.Namespace) -> int:
    """Exit code 1 where there are differences, for scripts that ask for it.

    Raises:
        UsageError: the file says something that cannot be.
    """
    options.yes = False
    found = _run(options, is_dry=True)
    return 1 if options.detailed_exitcode and found.differences else 0


def _run(options: argparse.Namespace, *, is_dry: bool) -> Plan:
    file = Path(options.file)
    text = declaration_file.text_of(file)
    try:
        plan = asyncio.run(_apply(options, text, file, is_dry=is_dry))
    except InvalidDeclaration as error:
        line = declaration_file.line_of(text, error.place)
        where = f"{file}:{line}" if line else str(file)
        raise UsageError(f"{where}: {error}") from None
    differences = [msgspec.to_builtins(difference) for difference in plan.differences] if options.json else []
    shown = {
        "applied": bool(plan.differences) and not is_dry,
        "differences": differences,
        "unlisted": plan.unlisted,
    }
    show(options, shown, "\n".join(map(printable, _lines(plan, is_dry))))
    return plan


async def _apply(options: argparse.Namespace, text: str, file: Path, *, is_dry: bool) -> Plan:
    declared = declaration.read(declaration_file.parsed(text, file))
    given = declaration_file.secrets_of(declared, file.parent)
    settings = settings_from(options)
    async with opened_store(settings, create=not is_dry) as store:
        known = await planning.read_known(store, _primary(declared))
        needs_master = declared.access_key or any(each.access_key_id for each in declared.credential_source)
        master = await _master(settings, store, may_create=not is_dry) if needs_master else None
        hashes = await _password_hashes(declared, known, given)
        plan = planning.plan(
            declared, known, secrets=given, master=master, now=now(), password_hashes=hashes, prune=options.prune
        )
        if plan.differences and not is_dry:
            _confirm(options, plan)
            await _carry_out(store, plan.change)
        return plan


def _confirm(options: argparse.Namespace, plan: Plan) -> None:
    """What is removed may be people.

    Raises:
        UsageError: nobody can be asked.
        CommandFailed: the answer is no.
    """
    count = sum(difference.action == "remove" for difference in plan.differences)
    if not count or options.yes:
        return
    if not is_interactive():
        raise UsageError(
            f"{_records(count)} would be removed: add --yes to remove them, or look at postern plan --prune"
        )
    if ask(f"{_records(count)} will be removed. Go on? [y/N] ").lower() not in ("y", "yes"):
        raise CommandFailed("nothing was changed")


def _primary(declared: Declaration) -> Instance:
    """What becomes the primary instance where there is none yet: as it is declared, ids and all."""
    made = new_instance(now())
    primary = next((each for each in declared.instance if each.is_primary), None)
    if primary is None:
        return made
    given = {
        "name": primary.name,
        "instance_id": primary.id,
        "identity_store_id": primary.identity_store_id,
        "owner_account_id": primary.owner_account_id,
    }
    return msgspec.structs.replace(made, **{name: value for name, value in given.items() if value})


async def _password_hashes(declared: Declaration, known: Known, given: Mapping[str, str]) -> dict[int, str]:
    """Of those people whose password is not the one that they have, by their place in the file."""
    places = [place for place in range(len(declared.user)) if declaration_file.password_name(place) in given]
    hasher = ThreadedHasher()
    hashes: dict[int, str] = {}

    async def look(place: int) -> None:
        password = given[declaration_file.password_name(place)]
        changed = await _changed_hash(declared.user[place], known, password, place, hasher)
        if changed is not None:
            hashes[place] = changed
        progress.step()

    with Progress("passwords", len(places)) as progress:
        for start in range(0, len(places), _HASHED_AT_ONCE):
            await asyncio.gather(*map(look, places[start : start + _HASHED_AT_ONCE]))
    return hashes


async def _changed_hash(
    user: DeclaredUser, known: Known, password: str, place: int, hasher: ThreadedHasher
) -> str | None:
    """``None`` if it is the password that the person has."""
    instance = known.instances.get(user.instance) if user.instance else known.instance
    old = known.users.get((instance.instance_id, canonical_name(user.user_name))) if instance else None
    if old is not None and old.password_hash and await hasher.verify(old.password_hash, passwords.normalise(password)):
        return None
    try:
        return await hasher.hash(passwords.require_acceptable(password))
    except passwords.PasswordTooWeak as error:
        raise InvalidDeclaration(f"the password of {user.user_name!r}: {error}", ("user", place)) from None


async def _carry_out(store: Store, change: ConfigurationChange) -> None:
    parts = {"create": change.create, "replace": change.replace, "remove": change.remove}
    with Progress("records", sum(map(len, parts.values()))) as progress:
        watched = {name: Watched(part).by(progress) for name, part in parts.items()}
        try:
            await store.change_configuration(msgspec.structs.replace(change, **watched))
        except AlreadyExists:
            text = "a name or id is taken, or somebody else changed the directory at the same time: try again"
            raise CommandFailed(text) from None
        except NotFound as error:
            raise CommandFailed(f"{error}: try again") from None


async def _master(settings: Settings, store: Store, *, may_create: bool) -> MasterKey:
    """To look at a plan, any key will do where there is none yet."""
    is_there = settings.master_key.value or settings.master_key_file.exists()
    if may_create or is_there or await store.list_ring_keys():
        return await master_key_of(settings, store)
    return MasterKey(secrets.token_bytes(SECRET_BYTES))


def _lines(plan: Plan, is_dry: bool) -> Iterator[str]:
    """Of each kind no more than a person reads; the rest as a number."""
    shown: Counter[tuple[str, str]] = Counter()
    for difference in plan.differences:
        sort = (difference.action, difference.kind)
        shown[sort] += 1
        if shown[sort] <= _MOST_SHOWN:
            yield f"{_SIGNS[difference.action]} {difference.kind} {difference.name}"
            yield from _changes(difference)
    for (action, kind), count in shown.items():
        if count > _MOST_SHOWN:
            yield f"{_SIGNS[action]} {kind}: {count - _MOST_SHOWN} more (--json shows all)"
    if is_dry and plan.unlisted:
        yield f"{_records(plan.unlisted)} not in the file: --prune removes what is not"
    if not plan.differences:
        yield "there is nothing to do"
        return
    count = len(plan.differences)
    done = "nothing was changed" if is_dry else "applied"
    yield f"{count} {'difference' if count == 1 else 'differences'}; {done}"


def _records(count: int) -> str:
    return f"{count} stored {'record' if count == 1 else 'records'}"


def _changes(difference: Difference) -> Iterator[str]:
    for member, (before, after) in difference.changed.items():
        yield f"    {member}: {_value(before)} -> {_value(after)}"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
