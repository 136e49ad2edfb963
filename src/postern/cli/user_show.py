"""``postern user show``: all that is known of a person."""

import argparse
import asyncio
from collections.abc import Sequence

import msgspec

from postern.cli import session
from postern.cli.configuring import chosen_instance
from postern.cli.context import opened_store, public_user, settings_from
from postern.cli.output import columns, now, printable, show, utc
from postern.cli.session import SignIn
from postern.core import users
from postern.core.directory.records import AssignedRole, ExternalId, Group
from postern.core.records import User
from postern.core.store import Store


class Person(msgspec.Struct, frozen=True, kw_only=True):
    user: User
    external_ids: Sequence[ExternalId]
    groups: Sequence[Group]
    roles: Sequence[AssignedRole]
    sign_ins: Sequence[SignIn]


def show_one(options: argparse.Namespace) -> None:
    person = asyncio.run(_find(options))
    show(options, _shown(person), _text(person))


async def _find(options: argparse.Namespace) -> Person:
    async with opened_store(settings_from(options)) as store:
        found = await users.require_user(store, options.user_name, await chosen_instance(options, store))
        return await _person(store, found)


async def _person(store: Store, found: User) -> Person:
    ids = [each for each in await store.list_configuration(ExternalId) if each.user_id == found.user_id]
    sign_ins = await session.signed_in(store, await store.list_token_families(found.user_id, now()))
    return Person(
        user=found,
        external_ids=ids,
        groups=await store.list_groups_of(found.user_id),
        roles=await store.list_all_assigned_roles(found.user_id),
        sign_ins=[each for each in sign_ins if each.ends_at > now()],
    )


def _shown(person: Person) -> dict[str, object]:
    return {
        **public_user(person.user),
        "external_ids": [{"issuer": each.issuer, "id": each.external_id} for each in person.external_ids],
        "groups": [{"group_id": each.group_id, "display_name": each.display_name} for each in person.groups],
        "roles": [
            {
                "account_id": each.account.account_id,
                "account_name": each.account.name,
                "role_name": each.permission_set.name,
            }
            for each in person.roles
        ],
        "sign_ins": [session.shown(each) for each in person.sign_ins],
    }


def _text(person: Person) -> str:
    found = person.user
    lines = {
        "user name": found.user_name,
        "name": found.display_name,
        "given name": found.given_name,
        "family name": found.family_name,
        "e-mail": found.email,
        "status": found.status.value + ("" if found.password_hash else ", without a password"),
        "added": utc(found.created_at),
        "user id": found.user_id,
        "external ids": ", ".join(f"{each.issuer}={each.external_id}" for each in person.external_ids),
        "groups": ", ".join(each.display_name for each in person.groups),
    }
    parts = ["\n".join(f"{name:13} {printable(text) or '-'}" for name, text in lines.items())]
    roles = [(each.account.account_id, each.account.name, each.permission_set.name) for each in person.roles]
    parts.append(columns(roles, ("ACCOUNT ID", "ACCOUNT", "ROLE")) if roles else "no roles")
    parts.append(session.table_of(person.sign_ins) if person.sign_ins else "not signed in")
    return "\n\n".join(parts)
