"""The access portal's load: a directory of so many account assignments, and a person in it who has signed in and has a
role in each of `ACCOUNTS` accounts.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.filling import Basis
from bench.fixtures import sign_in
from bench.material import Operation, Share
from postern.core.directory import accounts
from postern.core.directory.records import Account, AccountAssignment
from postern.core.records import Instance
from postern.core.service import Service
from postern.core.store import ConfigurationChange
from postern.core.users import add_user, new_person
from postern.server.factory import running_service
from postern.server.settings import Settings

ACCOUNTS = 1000
ROLE = "Admin"
FIRST_ACCOUNT = "100000000000"
ROLE_CREDENTIALS = f"/federation/credentials?role_name={ROLE}&account_id={FIRST_ACCOUNT}"
ACCOUNTS_PAGE = "/assignment/accounts"
_SIGN_INS = 8
_AT_ONCE = 20_000


def make(settings: Settings, folder: Path, *, assignments: int) -> Path:
    """The file of access tokens, one in a line."""
    tokens = folder / "access_tokens.txt"
    tokens.write_text("\n".join(asyncio.run(_make(settings, assignments))) + "\n")
    return tokens


async def _make(settings: Settings, assignments: int) -> list[str]:
    async with running_service(settings) as service:
        user_id = await _directory(service, assignments)
        return [await sign_in(service, user_id) for _ in range(_SIGN_INS)]


async def _directory(service: Service, count: int) -> str:
    """Who signs in comes first; as many others as there are assignments for have a role in the same accounts."""
    instance, now = service.instance, service.now()
    person = await add_user(
        service.store, service.passwords, user_name="bench", password="bench-password", instance=instance, now=now
    )
    others = [new_person(instance, user_name=f"person-{number}", now=now) for number in range(count // ACCOUNTS - 1)]
    role = accounts.new_permission_set(instance, name=ROLE, now=now)
    there = list(_accounts(instance, now))
    await service.store.change_configuration(ConfigurationChange(create=(role, *there, *others)))
    assigned: Iterator[AccountAssignment] = (
        accounts.account_assignment(account, role, each) for each in (person, *others) for account in there
    )
    while some := tuple(islice(assigned, _AT_ONCE)):
        await service.store.change_configuration(ConfigurationChange(create=some))
    return person.user_id


def _accounts(instance: Instance, now: int) -> Iterator[Account]:
    first = int(FIRST_ACCOUNT)
    for number in range(first, first + ACCOUNTS):
        yield accounts.new_account(instance, account_id=str(number), name=f"Account {number}", now=now)


def _shares(there: Basis, folder: Path, rows: int, count: int, size: int) -> list[Share]:
    """One person asks in all runs."""
    tokens = make(there.settings, folder, assignments=rows)
    return [Share({"BENCH_BEARERS": str(tokens)}, {})] * count


OPERATIONS = tuple(
    Operation(name=name, path=path, durable=False, prepare=_shares)
    for name, path in (("GetRoleCredentials", ROLE_CREDENTIALS), ("ListAccounts", ACCOUNTS_PAGE))
)
