"""Tables with many rows, written past the server: through the tables of `postern.stores`, in bulk. The rows are such as
the rules make: numbers that grow with time, digests that do not, a person for some twenty sign-ins.
"""

import asyncio
import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import msgspec

from bench import fixtures
from postern.core import tokens
from postern.core.clients import DEVICE_CODE, REFRESH_TOKEN
from postern.core.clients import client_digest as digest_of
from postern.core.keys import KeyRing
from postern.core.records import DeviceAuthorization, DeviceStatus, Instance, Record, TokenFamily, User
from postern.core.row_ids import new_row_id
from postern.core.tokens import Claims, Kind
from postern.core.users import new_person
from postern.server.factory import running_service
from postern.server.settings import Settings
from postern.stores.postgres.dialect import TABLES as POSTGRES_TABLES
from postern.stores.sqlite.rows import TABLES as SQLITE_TABLES

_SCOPES = ("sso:account:access",)
_AGE_OF_SIGN_INS = 4 * 3600  # they live for eight hours
_AGE_OF_DEVICE_CODES = 300
_LIFE = 24 * 3600  # of all that is written here, so that nothing ends before the load does
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
_MORE_THAN_A_MILLISECOND = 0.0011
_MEMORY = "-2000000"  # KiB for SQLite's pages while many are written


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a store refer to: the keys of its tokens, its instance, a registered client."""

    settings: Settings
    ring: KeyRing
    instance: Instance
    credentials: dict[str, str]
    now: int

    @property
    def client_digest(self) -> bytes:
        return digest_of(self.credentials["client_id"])


def basis(settings: Settings) -> Basis:
    """Of a store that is made if it is not there."""
    return asyncio.run(_basis(settings))


async def _basis(settings: Settings) -> Basis:
    async with running_service(settings) as service:
        return Basis(
            settings=settings,
            ring=service.ring,
            instance=service.instance,
            credentials=await fixtures.registered(service),
            now=service.now(),
        )


def fill_families(there: Basis, rows: int, wanted: int, *, of_a_person: int) -> list[str]:
    """``rows`` sign-ins and their people; refresh tokens of so many of the sign-ins, chosen at random."""
    people = [
        new_person(there.instance, user_name=f"person-{number}", now=there.now)
        for number in range(max(1, rows // of_a_person))
    ]
    _write(there.settings.store_url, User, people)
    chosen = _Chosen(rows, wanted)
    _write(there.settings.store_url, TokenFamily, chosen.of(_families(there, rows, [each.user_id for each in people])))
    return [_token(there, Kind.REFRESH_TOKEN, number, tokens.ALL_SCOPES) for number in chosen.numbers]


def fill_device_codes(there: Basis, rows: int, wanted: int, *, approved: bool = False) -> list[str]:
    """``rows`` device authorizations, pending unless a person approved them all; device codes of so many of them,
    chosen at random.
    """
    approval: dict[str, object] = {}
    if approved:
        person = new_person(there.instance, user_name="approver", now=there.now)
        _write(there.settings.store_url, User, [person])
        approval = {"status": DeviceStatus.APPROVED, "user_id": person.user_id, "decided_at": there.now}
    chosen = _Chosen(rows, wanted)
    _write(there.settings.store_url, DeviceAuthorization, chosen.of(_device_authorizations(there, rows, approval)))
    return [_token(there, Kind.DEVICE_CODE, number, 0) for number in chosen.numbers]


class _Chosen:
    """Some of the rows, in random order; their numbers are known when all have passed."""

    def __init__(self, rows: int, wanted: int) -> None:
        self._places = set(random.sample(range(rows), wanted))
        self.numbers: list[int] = []

    def of(self, records: Iterable[Record]) -> Iterator[Record]:
        for place, record in enumerate(records):
            if place in self._places:
                self.numbers.append(getattr(record, record.__struct_fields__[0]))
            yield record
        random.shuffle(self.numbers)


def _families(there: Basis, rows: int, user_ids: list[str]) -> Iterator[TokenFamily]:
    pattern = TokenFamily(
        family_id=0,
        key_id=there.ring.active.key_id,
        user_id="",
        client_digest=there.client_digest,
        client_name="botocore-client-bench",
        scopes=_SCOPES,
        issues_refresh_token=True,
        grant_type=DEVICE_CODE,
        created_at=0,
        expires_at=there.now + _LIFE,
        rotated_at=0,
        access_expires_at=there.now + 3600,
        idle_expires_at=there.now + _LIFE,
    )
    for moment in _moments(there.now, _AGE_OF_SIGN_INS, rows):
        yield msgspec.structs.replace(
            pattern,
            family_id=new_row_id(moment),
            user_id=random.choice(user_ids),
            created_at=int(moment),
            rotated_at=int(moment),
        )


def _device_authorizations(there: Basis, rows: int, approval: dict[str, object]) -> Iterator[DeviceAuthorization]:
    pattern = DeviceAuthorization(
        authorization_id=0,
        user_code_digest=b"",
        client_digest=there.client_digest,
        client_name="botocore-client-bench",
        scopes=_SCOPES,
        issues_refresh_token=True,
        requester_address="127.0.0.1",
        requester_agent="aws-cli/2.36.7 md/command#sso.login",
        created_at=0,
        expires_at=there.now + _LIFE,
        instance_id=there.instance.instance_id,
    )
    pattern = msgspec.structs.replace(pattern, **approval)
    for moment in _moments(there.now, _AGE_OF_DEVICE_CODES, rows):
        yield msgspec.structs.replace(
            pattern,
            authorization_id=new_row_id(moment),
            user_code_digest=random.randbytes(32),
            created_at=int(moment),
        )


def _moments(now: int, age: int, rows: int) -> Iterator[float]:
    """Further back than ``age`` where there are many: of one millisecond, two could get the same number."""
    step = max(age / rows, _MORE_THAN_A_MILLISECOND)
    return (now - step * place for place in range(rows, 0, -1))


def _token(there: Basis, kind: Kind, number: int, mask: int) -> str:
    return tokens.mint(there.ring.active, kind, Claims(number, 0, mask, there.now + _LIFE))


# Writing


def _write(store_url: str, kind: type[Record], records: Iterable[Record]) -> None:
    if store_url.startswith("sqlite:"):
        _write_sqlite(Path(store_url.removeprefix("sqlite:///")), kind, records)
    else:
        asyncio.run(_write_postgres(store_url, kind, records))


def _write_sqlite(path: Path, kind: type[Record], records: Iterable[Record]) -> None:
    """Without a journal, and with its indexes made when the rows are there: a server that opens it has both again."""
    table = SQLITE_TABLES[kind]
    with closing(sqlite3.connect(path)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = {_MEMORY}"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute(_INDEXES, [table.name]).fetchall()
        with connection:
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}")
            connection.executemany(table.insert, (table.row(record) for record in records))
            for _, statement in indexes:
                connection.execute(statement)


async def _write_postgres(store_url: str, kind: type[Record], records: Iterable[Record]) -> None:
    table = POSTGRES_TABLES[kind]
    connection = await asyncpg.connect(store_url)
    try:
        await connection.copy_records_to_table(
            table.name, records=(table.row(record) for record in records), columns=table.columns, timeout=3600
        )
        await connection.execute(f"VACUUM (ANALYZE) {table.name}", timeout=3600)
        await connection.execute("CHECKPOINT", timeout=3600)
    finally:
        await connection.close()


def write_polls(there: Basis, file: Path, device_codes: Iterable[str]) -> None:
    """A request for each code."""
    requests = (
        fixtures.encode(fixtures.token_request(there.credentials, DEVICE_CODE, device_code=code))
        for code in device_codes
    )
    file.write_bytes(b"\n".join(requests) + b"\n")


def write_refreshes(there: Basis, file: Path) -> None:
    """The request without its token: see ``load.lua``."""
    request = fixtures.token_request(there.credentials, REFRESH_TOKEN, refresh_token="REFRESH_TOKEN")
    file.write_bytes(fixtures.encode(request) + b"\n")
