"""The master key is made once, and only for a store in which nothing is sealed yet."""

from pathlib import Path

import pytest

from postern.core.iam.access_keys import new_access_key
from postern.core.keys import MasterKey, MasterKeyError, new_key_record
from postern.core.records import Record
from postern.core.store import ConfigurationChange, Store
from postern.server.master_key import load_master_key, master_key_of
from postern.server.settings import Settings, load
from postern.stores import open_store

PRINCIPAL = "arn:aws:iam::111122223333:user/reports"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(environment={"POSTERN_SERVER__DATA": str(tmp_path / "data")})


async def seal_something(store: Store, master: MasterKey, what: str) -> None:
    if what == "a ring key":
        await store.ensure_ring_key(new_key_record(master, created_at=0, activates_at=0), unless_newer_than=-1)
        return
    access_key: Record = new_access_key(master, principal_arn=PRINCIPAL, now=0)[0]
    await store.change_configuration(ConfigurationChange(create=(access_key,)))


async def test_a_new_store_gets_a_new_key_and_keeps_it(settings: Settings) -> None:
    store = open_store(settings.store_url)
    first = await master_key_of(settings, store)
    await seal_something(store, first, "an access key")
    again = await master_key_of(settings, store)
    assert again.unseal("a label", first.seal("a label", b"a secret")) == b"a secret"
    assert settings.master_key_file.stat().st_mode & 0o777 == 0o600
    await store.close()


@pytest.mark.parametrize("what", ["a ring key", "an access key"])
async def test_a_lost_key_is_not_made_anew(settings: Settings, what: str) -> None:
    store = open_store(settings.store_url)
    await seal_something(store, await master_key_of(settings, store), what)
    settings.master_key_file.unlink()
    with pytest.raises(MasterKeyError, match="is not there"):
        await master_key_of(settings, store)
    assert not settings.master_key_file.exists()
    await store.close()


@pytest.mark.parametrize("what", ["a ring key", "an access key"])
async def test_another_key_is_refused(settings: Settings, what: str) -> None:
    store = open_store(settings.store_url)
    await seal_something(store, await master_key_of(settings, store), what)
    settings.master_key_file.unlink()
    load_master_key(settings)
    with pytest.raises(MasterKeyError, match="does not fit"):
        await master_key_of(settings, store)
    await store.close()
