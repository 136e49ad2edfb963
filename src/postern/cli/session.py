"""``postern session``: the sign-ins of people and clients, and an end to them. A token is looked up each time that it
is used, so what is revoked here ends at once, on every node.
"""

import argparse
import asyncio
import re
from collections.abc import Sequence

import msgspec

from postern.cli.configuring import chosen_instance
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.output import columns, now, show, utc
from postern.core import users
from postern.core.clients import client_digest
from postern.core.records import TokenFamily, User
from postern.core.store import Store

_REASON = "ended by an administrator"
_NO_BROWSER = b""
_ID = re.compile(r"[0-7][0-9a-f]{15}")


class SignIn(msgspec.Struct, frozen=True):
    """A token family, and whose it is."""

    family: TokenFamily
    user: User | None

    @property
    def id(self) -> str:
        return f"{self.family.family_id:016x}"

    @property
    def user_name(self) -> str:
        return self.user.user_name if self.user else "?"

    @property
    def ends_at(self) -> int:
        """When the last of its tokens has expired, if none is refreshed until then."""
        family = self.family
        refreshable_until = family.idle_expires_at if family.issues_refresh_token else 0
        return min(family.expires_at, max(family.access_expires_at, refreshable_until))


def list_all(options: argparse.Namespace) -> None:
    found = asyncio.run(_list(options))
    show(options, [shown(each) for each in found], table_of(found) if found else "nobody is signed in")


def revoke(options: argparse.Namespace) -> None:
    """
    Raises:
        UsageError: it is not said which, or in two ways; or an instance is named where it would not count.
        CommandFailed: there is none such.
    """
    if sum(each is not None for each in (options.id, options.user, options.client)) != 1:
        raise UsageError("which sign-ins? give one of ID, --user and --client")
    if options.instance is not None and options.user is None:
        raise UsageError("--instance says of which person: an ID or a client is of every instance")
    ended = asyncio.run(_revoke(options))
    if not ended and options.user is None:
        raise CommandFailed("there is no such sign-in: postern session list shows all")
    text = f"{len(ended)} {'sign-in' if len(ended) == 1 else 'sign-ins'} ended"
    more = f", and {options.user} is signed out in every browser" if options.user is not None else ""
    show(options, [shown(each) for each in ended], text + more)


async def signed_in(store: Store, families: Sequence[TokenFamily]) -> list[SignIn]:
    """With their people."""
    people = {user_id: await store.find_user(user_id) for user_id in {family.user_id for family in families}}
    return [SignIn(family, people[family.user_id]) for family in families]


def table_of(found: Sequence[SignIn]) -> str:
    rows = [
        (
            each.id,
            each.user_name,
            each.family.client_name,
            utc(each.family.created_at),
            utc(each.ends_at),
            " ".join(each.family.scopes),
        )
        for each in found
    ]
    return columns(rows, ("ID", "WHO", "CLIENT", "SINCE", "UNTIL", "SCOPES"))


def shown(sign_in: SignIn) -> dict[str, object]:
    family, user = sign_in.family, sign_in.user
    return {
        "id": sign_in.id,
        "instance_id": user.instance_id if user else None,
        "user_id": family.user_id,
        "user_name": user.user_name if user else None,
        "client_name": family.client_name,
        "client_digest": family.client_digest.hex(),
        "application_arn": family.application_arn,
        "grant_type": family.grant_type,
        "scopes": list(family.scopes),
        "created_at": family.created_at,
        "rotated_at": family.rotated_at,
        "expires_at": sign_in.ends_at,
    }


async def _list(options: argparse.Namespace) -> list[SignIn]:
    async with opened_store(settings_from(options)) as store:
        if options.user is not None:
            user = await users.require_user(store, options.user, await chosen_instance(options, store))
            families = await store.list_token_families(user.user_id, now())
        else:
            families = await store.list_all_token_families(now())
        if options.client is not None:
            families = _of_client(families, options.client)
        found = [each for each in await signed_in(store, families) if each.ends_at > now()]
        if options.instance is not None:
            instance = await chosen_instance(options, store)
            found = [each for each in found if each.user and each.user.instance_id == instance.instance_id]
        return found


async def _revoke(options: argparse.Namespace) -> list[SignIn]:
    async with opened_store(settings_from(options)) as store:
        if options.user is not None:
            user = await users.require_user(store, options.user, await chosen_instance(options, store))
            return await signed_in(store, await store.end_other_sign_ins(user.user_id, _NO_BROWSER, _REASON, now()))
        if options.client is not None:
            return await signed_in(store, await _end_of_client(store, options.client))
        return await signed_in(store, await _end_one(store, options.id))


async def _end_of_client(store: Store, client: str) -> list[TokenFamily]:
    """Of the one with that id; and of all with that name, since each copy of a program registers itself."""
    named = _of_client(await store.list_all_token_families(now()), client)
    ended = []
    for digest in {client_digest(client), *(family.client_digest for family in named)}:
        ended += await store.end_sign_ins_of_client(digest, _REASON, now())
    return sorted(ended, key=lambda family: family.family_id, reverse=True)


async def _end_one(store: Store, text: str) -> list[TokenFamily]:
    if not _ID.fullmatch(text):
        return []
    family = await store.find_token_family(int(text, 16))
    if family is None or not await store.revoke_token_family(family.family_id, _REASON, now()):
        return []
    return [family]


def _of_client(families: Sequence[TokenFamily], client: str) -> list[TokenFamily]:
    digest = client_digest(client)
    return [family for family in families if family.client_digest == digest or family.client_name == client]
