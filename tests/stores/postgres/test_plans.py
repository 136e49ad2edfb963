"""What is asked for by its key is found by its key, in a small table too: the plan that a connection made for a small
table stays when the table has grown.
"""

import asyncio
import time

from postern.stores import open_store
from postern.testing import samples
from postern.testing.postgres import PostgresServer

TIMES = 12  # from the sixth on, a plan is one for all parameters
TABLES = "'device_authorization', 'token_family', 'user_account'"
_SCANS = f"SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname IN ({TABLES})"
_BY_INDEX = f"SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_tables WHERE relname IN ({TABLES})"


def test_no_table_is_read_from_end_to_end(postgres: PostgresServer, postgres_store_url: str) -> None:
    asyncio.run(set_up(postgres_store_url))
    name = postgres_store_url.rpartition("/")[2]
    before = settled(postgres, name, _SCANS)
    asyncio.run(sign_in(postgres_store_url))
    assert settled(postgres, name, _BY_INDEX) > TIMES * 3
    assert settled(postgres, name, _SCANS) == before


async def set_up(url: str) -> None:
    store = open_store(url)
    await store.create_user(samples.user())
    await store.close()


async def sign_in(url: str) -> None:
    """Poll, redeem, rotate and sweep, again and again on the same connections."""
    store = open_store(url)
    person = samples.user("another")
    await store.create_user(person)
    for number in range(TIMES):
        device = samples.device_authorization(
            authorization_id=samples.next_number(), user_code_digest=samples.digest(str(number))
        )
        await store.create_device_authorization(device)
        await store.find_device_poll(device.authorization_id)
        approved = await store.decide_device_authorization(samples.decision(device, person, session_digest=b""))
        family = await store.redeem_device_authorization(samples.device_redemption(approved))
        await store.rotate_refresh_token(samples.rotation(family))
        await store.find_token_family(family.family_id)
        await store.sweep(samples.NOW, 100)
    await store.close()


def settled(postgres: PostgresServer, database: str, query: str) -> int:
    """A connection tells what it counted when it ends, or a little later."""
    last, deadline = -1, time.monotonic() + 30
    while time.monotonic() < deadline:
        number = int(postgres.psql(query, database))
        if number == last:
            return number
        last = number
        time.sleep(1.2)
    raise AssertionError("the counters did not settle")
