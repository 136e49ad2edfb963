"""``python -m bench.storage``: what the PostgreSQL store takes of disk, log and processor, on a server of its own with
full durability. The tables are filled with rows such as real clients cause; docs/scaling.md multiplies what is printed.

Sizes and amounts of log are exact and do not depend on the machine; processor times are of this one.
"""

import argparse
import asyncio
import os
import random
import re
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import asyncpg
import msgspec

from postern.core.attempts import password_by_source
from postern.core.clients import DEVICE_CODE
from postern.core.directory.records import (
    AccountAssignment,
    GroupMembership,
    PrincipalType,
    UsedAssertion,
    account_assignment_id,
    membership_id,
)
from postern.core.records import (
    Attempts,
    AuthorizationCode,
    BrowserSession,
    DeviceAuthorization,
    DeviceStatus,
    Record,
    TokenFamily,
    User,
    UserStatus,
)
from postern.core.row_ids import new_row_id
from postern.core.store import (
    DecideDeviceAuthorization,
    FamilyTerms,
    RedeemDeviceAuthorization,
    RotateRefreshToken,
    Store,
)
from postern.stores import open_store
from postern.stores.postgres.dialect import TABLES
from postern.testing.postgres import PostgresFailed, PostgresServer

NOW = 1_800_000_000
HOUR, DEVICE_LIFE = 3600, 600
INSTANCE_ID = "ssoins-1111111111111111"
CLIENT = sha256(b"a client").digest()
CLIENT_NAME = "botocore-client-my-sso"
SCOPES = ("sso:account:access",)
AGENT = "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 exe/x86_64.debian.12 prompt/off command/sso.login"
PASSWORD_HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "s" * 22 + "$" + "h" * 43


def digest() -> bytes:
    return random.randbytes(32)


def row_id(age: float) -> int:
    return new_row_id(NOW - age)


def address() -> str:
    return f"{random.randrange(1, 224)}.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def user(number: int) -> User:
    return User(
        user_id=str(uuid.uuid4()),
        instance_id=INSTANCE_ID,
        user_name=f"First.Lastname{number}",
        canonical_name=f"first.lastname{number}",
        display_name=f"First Lastname {number}",
        email=f"first.lastname{number}@example.org",
        password_hash=PASSWORD_HASH,
        status=UserStatus.ENABLED,
        created_at=NOW,
        given_name="First",
        family_name="Lastname",
    )


def family(of: User, age: float) -> TokenFamily:
    created = int(NOW - age)
    return TokenFamily(
        family_id=row_id(age),
        key_id=row_id(30 * 24 * HOUR),
        user_id=of.user_id,
        client_digest=digest(),
        client_name=CLIENT_NAME,
        scopes=SCOPES,
        issues_refresh_token=True,
        grant_type=DEVICE_CODE,
        created_at=created,
        expires_at=created + 8 * HOUR,
        rotated_at=created,
        access_expires_at=created + HOUR,
        idle_expires_at=created + 168 * HOUR,
    )


def pending(age: float) -> DeviceAuthorization:
    created = int(NOW - age)
    return DeviceAuthorization(
        authorization_id=row_id(age),
        user_code_digest=digest(),
        client_digest=CLIENT,
        client_name=CLIENT_NAME,
        scopes=SCOPES,
        issues_refresh_token=True,
        requester_address=address(),
        requester_agent=AGENT,
        created_at=created,
        expires_at=created + DEVICE_LIFE,
        instance_id=INSTANCE_ID,
    )


def redeemed(of: User, age: float) -> DeviceAuthorization:
    new = pending(age)
    return msgspec.structs.replace(
        new,
        status=DeviceStatus.REDEEMED,
        user_id=of.user_id,
        decided_at=new.created_at + 20,
        approver_address=address(),
        family_id=row_id(age - 21),
        redeemed_at=new.created_at + 21,
    )


def code(of: User, age: float) -> AuthorizationCode:
    created = int(NOW - age)
    return AuthorizationCode(
        code_id=row_id(age),
        client_digest=CLIENT,
        client_name=CLIENT_NAME,
        user_id=of.user_id,
        scopes=SCOPES,
        issues_refresh_token=True,
        redirect_uri="http://127.0.0.1:53412/oauth/callback",
        code_challenge="c" * 43,
        created_at=created,
        expires_at=created + 60,
        family_id=row_id(age - 2),
        redeemed_at=created + 2,
    )


def session(of: User, age: float) -> BrowserSession:
    return BrowserSession(
        session_digest=digest(), user_id=of.user_id, created_at=int(NOW - age), expires_at=int(NOW - age) + 8 * HOUR
    )


def counter() -> Attempts:
    return Attempts(counter_digest=digest(), failures=1, last_failure_at=NOW, blocked_until=0, expires_at=NOW + 86400)


def assignment(of: User) -> AccountAssignment:
    account_id = f"{random.randrange(10**12):012}"
    role = f"arn:aws:sso:::permissionSet/{INSTANCE_ID}/ps-{random.randrange(16**16):016x}"
    return AccountAssignment(
        assignment_id=account_assignment_id(account_id, role, PrincipalType.USER, of.user_id),
        instance_id=INSTANCE_ID,
        account_id=account_id,
        permission_set_arn=role,
        principal_type=PrincipalType.USER,
        principal_id=of.user_id,
    )


def membership(of: User) -> GroupMembership:
    group_id = str(uuid.UUID(int=random.randrange(1000)))
    return GroupMembership(membership_id=membership_id(group_id, of.user_id), group_id=group_id, user_id=of.user_id)


class Measurement:
    """A server, its store, and what was filled in."""

    def __init__(self, server: PostgresServer, rows: int) -> None:
        self.server = server
        self.rows = rows
        self.store: Store = open_store(server.url() + "?pool_size=10&statement_timeout=600000")
        self.people = [user(number) for number in range(rows // 5)]
        self.families: list[TokenFamily] = []

    async def run(self) -> None:
        await self.store.find_instance()  # makes the tables
        connection = await asyncpg.connect(self.server.url())
        try:
            await self._fill(connection)
            await self._sizes(connection)
            await self._log_and_processor(connection)
            await self._rotations_in_place(connection)
            await self._whole_table_reads(connection)
            await self._sweep()
        finally:
            await connection.close()
            await self.store.close()

    # Disk

    async def _fill(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        few = self.rows // 5
        ages = sorted((random.uniform(60, 8 * HOUR - 60) for _ in range(self.rows)), reverse=True)
        self.families = [family(random.choice(self.people), age) for age in ages]
        someone = [random.choice(self.people) for _ in range(few)]
        spread = [DEVICE_LIFE * (1 - number / few) for number in range(few)]
        for records in (
            self.people,
            self.families,
            [redeemed(of, age) for of, age in zip(someone, spread, strict=True)],
            [code(of, age) for of, age in zip(someone, spread, strict=True)],
            [session(of, age) for of, age in zip(someone, spread, strict=True)],
            [counter() for _ in range(few)],
            [UsedAssertion(assertion_digest=digest(), expires_at=NOW + 300) for _ in range(few)],
            [assignment(of) for of in someone],
            [membership(of) for of in self.people],
        ):
            await _copy(connection, records)
        await connection.execute("VACUUM ANALYZE")

    async def _sizes(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        print("table | rows | bytes a row in the table | in its indexes | together")
        for kind in (
            TokenFamily,
            DeviceAuthorization,
            AuthorizationCode,
            BrowserSession,
            Attempts,
            UsedAssertion,
            User,
            GroupMembership,
            AccountAssignment,
        ):
            name = TABLES[kind].name
            count, heap, indexes = await connection.fetchrow(
                f"SELECT (SELECT count(*) FROM {name}), pg_table_size('{name}'), pg_indexes_size('{name}')"
            )
            print(f"{name} | {count} | {heap / count:.0f} | {indexes / count:.0f} | {(heap + indexes) / count:.0f}")

    # Log and processor

    async def _log_and_processor(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        print("operation | at once | log bytes each | of it full pages | server µs each | database µs each")
        for at_once in (1, 4, 32, 256):
            many = min(at_once * 200, 20_000)
            new = [pending(random.uniform(0, 60)) for _ in range(many)]
            people = [random.choice(self.people) for _ in range(many)]
            for name, calls in (
                ("device start", [lambda d=d: self.store.create_device_authorization(d) for d in new]),
                ("poll", [lambda d=d: self.store.find_device_poll(d.authorization_id) for d in new]),
                ("approval", [lambda d=d, of=of: self._approve(d, of) for d, of in zip(new, people, strict=True)]),
                ("redemption", [lambda d=d: self._redeem(d) for d in new]),
                ("rotation", [lambda f=f: self._rotate(f) for f in self._take(many)]),
                (
                    "access token",
                    [lambda f=f: self.store.find_token_family(f.family_id) for f in self.families[-many:]],
                ),
                (
                    "browser session",
                    [lambda of=of: self.store.create_browser_session(session(of, 0), None) for of in people],
                ),
                ("guess counted", [self._count for _ in range(many)]),
            ):
                # More of these than the pool has connections would wait for one, in vain if the machine is busy.
                at_most = 32 if name in ("approval", "browser session", "guess counted") else at_once
                await self._measure(connection, name, min(at_once, at_most), calls)

    def _take(self, many: int) -> Sequence[TokenFamily]:
        """Families that were not rotated yet, from all over the table."""
        random.shuffle(self.families)
        taken, self.families = self.families[:many], self.families[many:]
        return taken

    async def _approve(self, of: DeviceAuthorization, by: User) -> None:
        await self.store.decide_device_authorization(
            DecideDeviceAuthorization(
                authorization_id=of.authorization_id,
                user_id=by.user_id,
                approve=True,
                approver_address=address(),
                now=NOW,
            )
        )

    async def _redeem(self, approved: DeviceAuthorization) -> None:
        await self.store.redeem_device_authorization(
            RedeemDeviceAuthorization(
                authorization_id=approved.authorization_id,
                client_digest=CLIENT,
                requested_scopes=None,
                replay_window=10,
                family=FamilyTerms(
                    family_id=row_id(random.uniform(0, 60)),
                    key_id=row_id(HOUR),
                    grant_type=DEVICE_CODE,
                    access_lifetime=HOUR,
                    family_lifetime=8 * HOUR,
                    idle_lifetime=168 * HOUR,
                ),
                now=NOW,
            )
        )

    async def _rotate(self, family: TokenFamily) -> None:
        await self.store.rotate_refresh_token(
            RotateRefreshToken(
                family_id=family.family_id,
                generation=family.generation,
                client_digest=family.client_digest,
                requested_scopes=None,
                replay_window=10,
                access_lifetime=HOUR,
                idle_lifetime=168 * HOUR,
                now=NOW,
            )
        )

    async def _count(self) -> None:
        await self.store.reserve_attempt(digest(), password_by_source(), NOW)

    async def _measure(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        name: str,
        at_once: int,
        calls: Sequence[Callable[[], Awaitable[object]]],
    ) -> None:
        await connection.execute("CHECKPOINT")
        start = await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        database, server = self._database_seconds(), time.process_time()
        waiting = list(calls)

        async def work() -> None:
            while waiting:
                await waiting.pop()()

        await asyncio.gather(*(work() for _ in range(at_once)))
        server, database = time.process_time() - server, self._database_seconds() - database
        end = await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        records, pages = self._log_between(start, end)
        number = len(calls)
        print(
            f"{name} | {at_once} | {(records + pages) / number:.0f} | {pages / number:.0f} | "
            f"{server / number * 1e6:.0f} | {database / number * 1e6:.0f}",
            flush=True,
        )

    def _log_between(self, start: str, end: str) -> tuple[int, int]:
        """Bytes of records, and of full pages in them."""
        log = str(self.server.data / "pg_wal")
        try:
            report = self.server.run("pg_waldump", "--stats", "-p", log, "-s", start, "-e", end)
        except PostgresFailed as failure:
            if start == end or "could not find a valid record" in str(failure):
                return 0, 0
            raise
        total = re.search(r"^Total\s+\d+\s+(\d+) \[[^]]*\]\s+(\d+) ", report, re.MULTILINE)
        assert total, report
        return int(total[1]), int(total[2])

    def _database_seconds(self) -> float:
        """Processor time of the server's processes, as far as they still run."""
        ticks = 0
        pids = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    # Rotations, sweeps, and the few verbs that read a whole table

    async def _rotations_in_place(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        print("fillfactor | rotations of each family | heap-only | bytes a row before | after")
        for fillfactor in (100, 90, 80, 70):
            await connection.execute(
                "DROP TABLE IF EXISTS copied;"
                f"CREATE TABLE copied (LIKE token_family INCLUDING ALL) WITH (fillfactor = {fillfactor});"
                f"INSERT INTO copied SELECT * FROM token_family ORDER BY family_id LIMIT {self.rows // 20};"
            )
            keys = [row[0] for row in await connection.fetch("SELECT family_id FROM copied")]
            before = await connection.fetchval("SELECT pg_table_size('copied')")
            for _ in range(7):
                random.shuffle(keys)
                for start in range(0, len(keys), 100):
                    await connection.execute(
                        "UPDATE copied SET generation = generation + 1, rotated_at = rotated_at + 3600, "
                        "access_expires_at = access_expires_at + 3600, idle_expires_at = idle_expires_at + 3600 "
                        "WHERE family_id = ANY($1::bigint[])",
                        keys[start : start + 100],
                    )
            await connection.execute("SELECT pg_stat_force_next_flush()")
            updated, in_place = await connection.fetchrow(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'copied'"
            )
            after = await connection.fetchval("SELECT pg_table_size('copied')")
            share = in_place / updated
            print(f"{fillfactor} | 7 | {share:.3f} | {before / len(keys):.0f} | {after / len(keys):.0f}", flush=True)
        await connection.execute("DROP TABLE copied")

    async def _whole_table_reads(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        families = await connection.fetchval("SELECT count(*) FROM token_family")
        started = time.monotonic()
        await self.store.end_sign_ins_of_client(digest(), "a measurement", NOW)
        print(f"client revoked: {time.monotonic() - started:.2f} s, {families} families read twice")
        started = time.monotonic()
        await self.store.set_user_status(self.people[0].user_id, UserStatus.DISABLED, NOW)
        devices = await connection.fetchval("SELECT count(*) FROM device_authorization")
        print(f"person disabled: {time.monotonic() - started:.3f} s, {devices} device authorizations read")

    async def _sweep(self) -> None:
        later = NOW + 9 * HOUR
        for rows in (500, 5000):
            started, deleted, sweeps = time.monotonic(), 0, 20
            for _ in range(sweeps):
                deleted += await self.store.sweep(later, rows)
            took = time.monotonic() - started
            print(
                f"sweep of {rows}: {deleted / sweeps:.0f} rows in {took / sweeps * 1000:.0f} ms, {deleted / took:.0f}/s"
            )


async def _copy(connection: "asyncpg.Connection[asyncpg.Record]", records: Iterable[Record]) -> None:
    rows = list(records)
    table = TABLES[type(rows[0])]
    await connection.copy_records_to_table(table.name, columns=table.columns, records=[table.row(row) for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--families", type=int, default=1_000_000, help="sign-ins; other tables have a fifth of it")
    parser.add_argument("--version", type=int, choices=(16, 18), default=16, help="of PostgreSQL")
    options = parser.parse_args()
    settings = {"shared_buffers": "512MB", "max_wal_size": "8GB"}
    with (
        tempfile.TemporaryDirectory(prefix="postern-storage-") as folder,
        PostgresServer(Path(folder), version=options.version, settings=settings) as server,
    ):
        asyncio.run(Measurement(server, options.families).run())


if __name__ == "__main__":
    main()
