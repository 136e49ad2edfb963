"""A store of the first schema, with people and sign-ins in it, goes on as if it had always been of the newest."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from postern.core.records import (
    AuthorizationCode,
    DeviceAuthorization,
    DeviceStatus,
    Instance,
    Record,
    RevokedClient,
    TokenFamily,
    User,
)
from postern.core.store import Store
from postern.stores.sqlite.rows import TABLES
from postern.stores.sqlite.schema import known_migrations, migrate
from postern.stores.sqlite.store import open_sqlite
from postern.testing import samples
from postern.testing.conformance.suite import configure
from postern.testing.samples import ACCESS_LIFE, CLIENT, FAMILY_LIFE, IDLE_LIFE, NOW, OTHER_CLIENT

MIRA = samples.user("mira", email="Mira.Example@Example.ORG")
INSTANCE = Instance(
    instance_id="ssoins-1111111111111111",
    identity_store_id="d-1111111111",
    owner_account_id="111122223333",
    created_at=NOW,
)
RING_KEY = samples.ring_key()
REVOKED_CLIENT = RevokedClient(client_digest=OTHER_CLIENT, revoked_at=NOW, expires_at=NOW + FAMILY_LIFE)
PENDING = samples.device_authorization()
APPROVED = samples.device_authorization(
    status=DeviceStatus.APPROVED, user_id=MIRA.user_id, decided_at=NOW, approver_address="198.51.100.7"
)
CODE = samples.authorization_code(MIRA)
SESSION = samples.browser_session(MIRA)
FAMILY = TokenFamily(
    family_id=samples.next_number(),
    key_id=RING_KEY.key_id,
    user_id=MIRA.user_id,
    client_digest=CLIENT,
    client_name="a tool",
    scopes=samples.SCOPES,
    issues_refresh_token=True,
    grant_type="authorization_code",
    created_at=NOW,
    expires_at=NOW + FAMILY_LIFE,
    generation=3,
    rotated_at=NOW,
    access_expires_at=NOW + ACCESS_LIFE,
    idle_expires_at=NOW + IDLE_LIFE,
)
REVOKED_FAMILY = msgspec.structs.replace(
    FAMILY, family_id=samples.next_number(), revoked_at=NOW, revocation_reason="signed out"
)
ROWS: tuple[Record, ...] = (
    INSTANCE,
    RING_KEY,
    MIRA,
    REVOKED_CLIENT,
    PENDING,
    APPROVED,
    CODE,
    FAMILY,
    REVOKED_FAMILY,
    SESSION,
)


GROUP = samples.group()
APPLICATION = samples.application()
ISSUER = samples.trusted_token_issuer()
DIRECTORY: tuple[Record, ...] = (
    GROUP,
    samples.membership(GROUP, MIRA),
    samples.external_id(MIRA),
    APPLICATION,
    samples.assignment(APPLICATION, GROUP),
    ISSUER,
    samples.access_key(),
)


def write_first_schema(file: Path) -> None:
    write_schema(file, 1, ROWS)


def write_schema(file: Path, version: int, records: Sequence[Record]) -> None:
    """With as many of a record's members as there were columns then."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        migrate(connection, known_migrations()[:version])
        for record in records:
            table = TABLES[type(record)]
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})").fetchall()]
            values = dict(zip(table.columns, table.row(record), strict=True))
            marks = ", ".join("?" * len(columns))
            connection.execute(f"INSERT INTO {table.name} VALUES ({marks})", [values[column] for column in columns])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    write_first_schema(tmp_path / "postern.db")
    store = open_sqlite(tmp_path / "postern.db")
    yield store
    await store.close()


async def test_everything_is_still_there(store: Store) -> None:
    assert await store.find_instance() == INSTANCE
    assert await store.list_ring_keys() == [RING_KEY]
    assert await store.list_revoked_clients(NOW) == [REVOKED_CLIENT]
    assert await store.find_device_authorization(PENDING.authorization_id) == PENDING
    assert await store.find_device_authorization_by_user_code(APPROVED.user_code_digest) == APPROVED
    assert await store.find_token_family(FAMILY.family_id) == FAMILY
    assert await store.find_token_family(REVOKED_FAMILY.family_id) == REVOKED_FAMILY
    assert await store.find_browser_session(SESSION.session_digest) == SESSION
    assert await store.list_token_families(MIRA.user_id, NOW) == [FAMILY]
    await store.check(thoroughly=True)


async def test_an_address_is_looked_up_in_lower_case_from_now_on(store: Store) -> None:
    lowered = msgspec.structs.replace(MIRA, email="mira.example@example.org")
    assert await store.find_user(MIRA.user_id) == lowered
    assert await store.find_users_by_attribute(INSTANCE.instance_id, "emails.value", "mira.example@example.org") == [
        lowered
    ]
    assert await store.find_users_by_attribute(INSTANCE.instance_id, "userName", "mira") == [lowered]


async def test_what_was_begun_is_brought_to_its_end(store: Store) -> None:
    rotated = await store.rotate_refresh_token(samples.rotation(FAMILY))
    assert rotated == await store.find_token_family(FAMILY.family_id)
    by_code = await store.redeem_authorization_code(samples.code_redemption(CODE))
    assert (by_code.application_arn, by_code.authenticated_at, by_code.nonce) == (None, None, None)
    by_device = await store.redeem_device_authorization(samples.device_redemption(APPROVED))
    decided = await store.decide_device_authorization(samples.decision(PENDING, MIRA))
    by_later_device = await store.redeem_device_authorization(samples.device_redemption(decided))
    families = await store.list_token_families(MIRA.user_id, NOW)
    assert families == sorted(
        [rotated, by_code, by_device, by_later_device], key=lambda each: each.family_id, reverse=True
    )


async def test_what_is_new_works_with_what_is_old(store: Store) -> None:
    application = samples.application()
    key = samples.access_key()
    await configure(store, application, key, samples.trusted_token_issuer(), samples.assignment(application, MIRA))
    await store.ensure_rsa_key(samples.rsa_key(RING_KEY))
    family = await store.accept_assertion(samples.acceptance(application, MIRA))
    assert await store.find_token_family(family.family_id) == family
    assert await store.find_access_key(key.access_key_id) == key
    assert await store.find_lineage(FAMILY.family_id) == [FAMILY]


async def test_everything_old_is_swept_in_its_time(store: Store) -> None:
    await store.sweep(NOW + FAMILY_LIFE, 100)
    assert await store.find_token_family(FAMILY.family_id) is None
    assert await store.find_device_authorization(PENDING.authorization_id) is None
    assert await store.find_browser_session(SESSION.session_digest) is None
    assert [user.user_id for user in await store.list_users()] == [MIRA.user_id]


def test_the_first_schema_is_what_the_samples_say(tmp_path: Path) -> None:
    """It lacks what came later, and nothing else."""
    write_first_schema(tmp_path / "postern.db")
    later: dict[type[Record], set[str]] = {
        Instance: {"name", "start_url_aliases", "is_primary"},
        User: {"instance_id", "given_name", "family_name"},
        DeviceAuthorization: {"instance_id"},
        AuthorizationCode: {"application_arn", "authenticated_at", "nonce"},
        TokenFamily: {"application_arn", "parent_family_id", "authenticated_at", "nonce"},
    }
    with closing(sqlite3.connect(tmp_path / "postern.db")) as connection:
        for kind, members in later.items():
            table = TABLES[kind]
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            assert columns == set(table.columns) - members


async def test_the_directory_of_the_second_schema_belongs_to_the_instance(tmp_path: Path) -> None:
    file = tmp_path / "postern.db"
    write_schema(file, 2, (*ROWS, *DIRECTORY))
    store = open_sqlite(file)
    for record in DIRECTORY:
        assert await store.list_configuration(type(record)) == [record]
    (group,) = await store.list_groups_of(MIRA.user_id)
    assert group.instance_id == INSTANCE.instance_id
    assert (await store.find_standing(APPLICATION.application_arn, MIRA.user_id)).is_assigned
    assert [
        each.user_id
        for each in await store.find_users_by_attribute(
            INSTANCE.instance_id, "externalIds.id", samples.external_id(MIRA).external_id
        )
    ] == [MIRA.user_id]
    await store.check(thoroughly=True)
    await store.close()


async def test_people_of_the_second_schema_get_accounts(tmp_path: Path) -> None:
    file = tmp_path / "postern.db"
    write_schema(file, 2, (*ROWS, *DIRECTORY))
    store = open_sqlite(file)
    account, role = samples.account(), samples.permission_set()
    await configure(store, account, role, samples.account_assignment(account, role, GROUP))
    assert await store.list_assigned_accounts(MIRA.user_id, "", 10) == [account]
    assert await store.list_assigned_roles(MIRA.user_id, account.account_id) == [role]
    await configure(store, samples.instance("another"))
    namesake = msgspec.structs.replace(MIRA, user_id="another", instance_id="ssoins-of-another", email="")
    await store.create_user(namesake)
    assert await store.find_user_by_name("ssoins-of-another", MIRA.canonical_name) == namesake
    await store.close()


async def test_people_of_before_any_instance_get_one(tmp_path: Path) -> None:
    file = tmp_path / "postern.db"
    write_first_schema(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM instance")
    store = open_sqlite(file)
    (instance,) = await store.list_instances()
    assert (instance.name, instance.is_primary, len(instance.owner_account_id)) == ("primary", True, 12)
    (person,) = await store.list_users()
    assert person.instance_id == instance.instance_id
    assert await store.ensure_instance(INSTANCE) == instance
    await store.close()


async def test_an_empty_store_of_before_gets_no_instance(tmp_path: Path) -> None:
    file = tmp_path / "postern.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        migrate(connection, known_migrations()[:2])
    store = open_sqlite(file)
    assert await store.list_instances() == []
    await store.close()
