"""``postern iam session``: temporary credentials, in the forms that shells and AWS's tools take."""

import argparse
import asyncio
import shlex
import time

from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.iam import find_key
from postern.cli.output import now, show
from postern.core.directory.records import AccessKeyStatus
from postern.core.iam.access_keys import MIN_DURATION, TemporaryCredentials, issue_temporary_credentials
from postern.core.keys import KeyRing, MasterKey, new_key_record, open_ring
from postern.core.store import Store
from postern.server.master_key import master_key_of


def session(options: argparse.Namespace) -> None:
    if options.session_name and not options.role:
        raise UsageError("--session-name is of a role's session: give --role too")
    credentials = asyncio.run(_issue(options))
    options.json = options.json or options.format != "env"
    shown = _for_process(credentials) if options.format == "process" else _shown(credentials)
    show(options, shown, _for_shell(credentials))


async def _issue(options: argparse.Namespace) -> TemporaryCredentials:
    settings = settings_from(options)
    longest = settings.iam.max_session
    if not MIN_DURATION <= options.duration <= longest:
        raise UsageError(f"--duration {options.duration}: it must be {MIN_DURATION} to {longest} seconds")
    async with opened_store(settings) as store:
        key = await find_key(store, options.access_key_id)
        if key.status is not AccessKeyStatus.ACTIVE:
            raise CommandFailed(f"access key {key.access_key_id} is inactive")
        return issue_temporary_credentials(
            await _ring(store, await master_key_of(settings, store)),
            access_key=key,
            duration=options.duration,
            role_arn=options.role,
            session_name=options.session_name,
            now=now(),
        )


async def _ring(store: Store, master: MasterKey) -> KeyRing:
    """The store's, which gets a first key if no server has run on it yet."""
    records = await store.list_ring_keys()
    if not records:
        first = new_key_record(master, created_at=now(), activates_at=now())
        await store.ensure_ring_key(first, unless_newer_than=-1)
        records = await store.list_ring_keys()
    return open_ring(master, records, now())


def _shown(credentials: TemporaryCredentials) -> dict[str, object]:
    return {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "session_token": credentials.session_token,
        "expires_at": credentials.expires_at,
    }


def _for_process(credentials: TemporaryCredentials) -> dict[str, object]:
    """As ``credential_process`` is documented."""
    return {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(credentials.expires_at)),
    }


def _for_shell(credentials: TemporaryCredentials) -> str:
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
