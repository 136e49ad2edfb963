"""``postern client revoke``."""

import argparse
import asyncio

from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import now, show
from postern.core.client_registration import MAX_CLIENT_ID
from postern.core.clients import client_digest
from postern.core.records import RevokedClient


def revoke(options: argparse.Namespace) -> None:
    """The denylist entry outlives the registration and every token that it may have got."""
    if not options.client_id or len(options.client_id) > MAX_CLIENT_ID:
        raise CommandFailed("that is not a client id")
    digest = asyncio.run(_revoke(options))
    show(options, {"client_digest": digest.hex()}, "revoked; every server knows it within a second")


async def _revoke(options: argparse.Namespace) -> bytes:
    settings = settings_from(options)
    digest = client_digest(options.client_id)
    longest = settings.lifetimes.client_registration + settings.lifetimes.sign_in
    revocation = RevokedClient(client_digest=digest, revoked_at=now(), expires_at=now() + longest)
    async with opened_store(settings) as store:
        await store.revoke_client(revocation)
    return digest
