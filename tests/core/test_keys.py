"""The key ring: wrapping, rotation, and purposes that never mix."""

import hmac

import msgspec
import pytest

from postern.core.keys import Key, MasterKey, MasterKeyError, Purpose, new_key_record, open_ring, retired, rotation_due
from postern.core.policy import DAY, HOUR, KeyPolicy, LifetimePolicy, Policy
from postern.core.records import RingKeyRecord
from tests.core.world import PUBLIC_URL

MASTER = MasterKey(bytes(32))
POLICY = Policy(public_url=PUBLIC_URL)
NOW = 1_790_000_000


def record(activates_at: int) -> RingKeyRecord:
    return new_key_record(MASTER, created_at=activates_at, activates_at=activates_at)


def test_what_was_wrapped_is_unwrapped() -> None:
    wrapped = MASTER.wrap(7, b"s" * 32)
    assert b"s" * 8 not in wrapped
    assert MASTER.unwrap(RingKeyRecord(key_id=7, wrapped_secret=wrapped, created_at=0, activates_at=0)) == b"s" * 32


def test_a_secret_is_never_wrapped_twice_alike() -> None:
    assert MASTER.wrap(7, b"s" * 32) != MASTER.wrap(7, b"s" * 32)


def test_another_master_key_opens_nothing() -> None:
    with pytest.raises(MasterKeyError):
        open_ring(MasterKey(b"\x01" * 32), [record(NOW)], NOW)


def test_a_record_that_was_given_another_id_does_not_open() -> None:
    moved = msgspec.structs.replace(record(NOW), key_id=1)
    with pytest.raises(MasterKeyError):
        open_ring(MASTER, [moved], NOW)


@pytest.mark.parametrize("cut", [0, 1, 11, 12, 27, 28, 59])
def test_a_damaged_record_does_not_open(cut: int) -> None:
    whole = record(NOW)
    with pytest.raises(MasterKeyError):
        open_ring(MASTER, [msgspec.structs.replace(whole, wrapped_secret=whole.wrapped_secret[:cut])], NOW)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_master_key_has_32_bytes(size: int) -> None:
    with pytest.raises(MasterKeyError):
        MasterKey(bytes(size))


def test_purposes_are_separated() -> None:
    key = Key(1, b"s" * 32, NOW)
    macs = {key.mac(purpose, b"message") for purpose in Purpose}
    assert len(macs) == len(Purpose)
    assert all(len(mac) == 32 for mac in macs)


def test_keys_are_separated() -> None:
    ours, theirs = Key(1, b"s" * 32, NOW), Key(1, b"t" * 32, NOW)
    assert all(ours.mac(purpose, b"message") != theirs.mac(purpose, b"message") for purpose in Purpose)
    assert ours.seal(bytes(16)) != theirs.seal(bytes(16))


def test_macs_do_not_depend_on_what_was_asked_before() -> None:
    key = Key(1, b"s" * 32, NOW)
    first = key.mac(Purpose.PAGE, b"a")
    key.mac(Purpose.PAGE, b"b")
    assert key.mac(Purpose.PAGE, b"a") == first == Key(9, b"s" * 32, 0).mac(Purpose.PAGE, b"a")


def test_a_sealed_block_is_unsealed_and_does_not_show() -> None:
    key = Key(1, b"s" * 32, NOW)
    blocks = [number.to_bytes(16, "big") for number in range(100)]
    sealed = [key.seal(block) for block in blocks]
    assert [key.unseal(block) for block in sealed] == blocks
    assert not set(blocks) & set(sealed)


def test_a_key_shows_no_secret() -> None:
    key = Key(255, b"canary" * 6, NOW)
    assert repr(key) == "Key(key_id=000000ff)"
    assert "canary" not in repr(open_ring(MASTER, [record(NOW)], NOW)) + repr(MASTER)


def test_the_newest_active_key_signs_and_all_verify() -> None:
    old, current, coming = record(NOW - DAY), record(NOW - 1), record(NOW + 1)
    ring = open_ring(MASTER, [coming, old, current], NOW)
    assert ring.active.key_id == current.key_id
    assert set(ring.keys) == {old.key_id, current.key_id, coming.key_id}
    assert open_ring(MASTER, [coming, old, current], NOW + 1).active.key_id == coming.key_id
    assert ring.get(0) is None


def test_a_clock_before_the_first_key_still_has_a_key_to_sign_with() -> None:
    only = record(NOW)
    assert open_ring(MASTER, [only], NOW - DAY).active.key_id == only.key_id


def test_opened_keys_are_taken_over() -> None:
    first = record(NOW)
    ring = open_ring(MASTER, [first], NOW)
    again = open_ring(MasterKey(b"\x01" * 32), [first], NOW, ring)
    assert again.active is ring.active


def test_rotation_is_due_a_lead_before_the_interval_ends() -> None:
    interval, lead = POLICY.keys.rotation_interval, POLICY.keys.publish_lead
    due = NOW + interval - lead
    assert not rotation_due([record(NOW)], POLICY, due - 1)
    assert rotation_due([record(NOW)], POLICY, due)
    assert not rotation_due([record(NOW), record(NOW + interval)], POLICY, due)
    assert rotation_due([], POLICY, due)


@pytest.mark.parametrize(
    "lifetimes",
    [
        LifetimePolicy(),
        LifetimePolicy(client_registration=HOUR, sign_in=30 * DAY),
        LifetimePolicy(client_registration=HOUR, sign_in=HOUR, legacy_access_token=60 * DAY),
        LifetimePolicy(client_registration=1, sign_in=1, legacy_access_token=1, access_token=1),
    ],
)
def test_no_key_is_retired_that_something_unexpired_was_made_with(lifetimes: LifetimePolicy) -> None:
    policy = Policy(public_url=PUBLIC_URL, lifetimes=lifetimes, keys=KeyPolicy(rotation_interval=HOUR))
    old, successor = record(NOW), record(NOW + HOUR)
    longest = max(
        lifetimes.client_registration,
        lifetimes.sign_in,
        lifetimes.legacy_access_token,
        lifetimes.device_code,
        lifetimes.authorization_code,
        lifetimes.browser_session,
        90 * DAY,  # of registrations that were issued before the settings were lowered
    )
    last_use = successor.activates_at
    assert retired([successor, old], policy, last_use + longest) == []
    assert retired([successor, old], policy, last_use + longest + 10 * DAY) == [old.key_id]


def test_no_client_id_looks_like_an_option_of_a_command() -> None:
    """A client id begins with the id of its key, in base64."""
    assert all(new_key_record(MASTER, created_at=0, activates_at=0).key_id < 1 << 30 for _ in range(64))


def test_the_newest_key_is_never_retired() -> None:
    records = [record(NOW + number) for number in range(3)]
    assert retired(records, POLICY, NOW * 2) == [records[0].key_id, records[1].key_id]
    assert retired(records[:1], POLICY, NOW * 2) == []
    assert retired([], POLICY, NOW) == []


def test_derivation_is_hkdf_of_rfc_5869_by_the_name_of_the_purpose() -> None:
    """A change of the derivation would refuse every token and registration that is out."""
    secret = bytes(range(32))
    key = Key(1, secret, NOW)
    for purpose in Purpose:
        expanded = hmac.new(secret, b"postern " + purpose.name.encode() + b"\x01", "sha256").digest()
        assert key.mac(purpose, b"message") == hmac.new(expanded, b"message", "sha256").digest()


def test_no_purpose_is_derived_like_another() -> None:
    assert len({purpose.name for purpose in Purpose} | {"reference"}) == len(Purpose) + 1
    assert sorted(Purpose) == list(range(len(Purpose)))
