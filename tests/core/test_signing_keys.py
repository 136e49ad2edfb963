"""The keys of ID tokens: derived, published before use, and published for as long as a token may be around."""

import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import msgspec
import pytest
from cryptography import x509
from joserfc import jws
from joserfc.jwk import KeySet

from postern.core.directory.records import WebIdentitySource
from postern.core.keys import MasterKey, MasterKeyError, new_key_record
from postern.core.policy import DAY
from postern.core.records import RsaKeyRecord
from postern.core.signing_keys import SigningKeys, key_kid, renew_signing_keys
from postern.core.store import ConfigurationChange
from postern.testing import samples
from tests.core.world import MASTER, World, present

ALGORITHMS = ["ES256", "RS256"]
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def published(world: World) -> dict[str, dict[str, str]]:
    keys = json.loads(world.service.signing_keys.jwks)["keys"]
    return {key["kid"]: key for key in keys}


def verify(world: World, text: str) -> dict[str, object]:
    """What a consumer does that knows nothing but the published keys."""
    keys = KeySet.import_key_set(json.loads(world.service.signing_keys.jwks))
    signed = jws.deserialize_compact(text, keys, algorithms=ALGORITHMS)
    payload: dict[str, object] = json.loads(present(signed.payload))
    return payload


async def use(world: World, algorithm: str) -> None:
    world.change("id_tokens", algorithm=algorithm)
    await world.service.renew()


async def publish_successor(world: World) -> str:
    """A key of the ring that takes over in a minute; the kid of its ES256 half."""
    record = new_key_record(MASTER, created_at=world.now, activates_at=world.now + 60)
    await world.store.ensure_ring_key(record, unless_newer_than=world.now)
    await world.service.renew()
    return key_kid(record.key_id, "ES256")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_what_is_signed_verifies_with_the_published_keys(world: World, algorithm: str) -> None:
    await use(world, algorithm)
    text = world.service.signing_keys.sign(b'{"sub":"mira"}')
    assert verify(world, text) == {"sub": "mira"}
    header = jws.extract_compact(text.encode()).protected
    assert header == {"alg": algorithm, "kid": key_kid(world.service.ring.active.key_id, algorithm), "typ": "JWT"}


async def test_every_worker_derives_the_same_es256_key(world: World) -> None:
    again = await renew_signing_keys(
        world.store, MASTER, world.service.ring, world.service.policy, known=SigningKeys(())
    )
    assert again.jwks == world.service.signing_keys.jwks


async def test_another_ring_key_gives_another_es256_key(world: World) -> None:
    await publish_successor(world)
    points = {(key["x"], key["y"]) for key in published(world).values()}
    assert len(points) == 2


async def test_statement_138_there_are_public_parts_only_and_unique_kids(world: World) -> None:
    await use(world, "RS256")
    await publish_successor(world)
    keys = json.loads(world.service.signing_keys.jwks)["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) == 4
    assert not any(PRIVATE_MEMBERS & set(key) for key in keys)
    assert {frozenset(key) for key in keys} == {
        frozenset({"kid", "alg", "use", "kty", "crv", "x", "y"}),
        frozenset({"kid", "alg", "use", "kty", "n", "e", "x5c", "x5t#S256"}),
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_is_published_before_it_signs(world: World, algorithm: str) -> None:
    await use(world, algorithm)
    first = present(world.service.signing_keys.active)
    successor = (await publish_successor(world)).replace("es256", algorithm.lower())
    assert successor in published(world)
    assert world.service.signing_keys.active is first
    world.clock.advance(60)
    await world.service.renew()
    assert present(world.service.signing_keys.active).kid == successor


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_statement_138_a_token_verifies_after_the_key_was_rotated(world: World, algorithm: str) -> None:
    await use(world, algorithm)
    text = world.service.signing_keys.sign(b'{"sub":"mira"}')
    before = present(world.service.signing_keys.active)
    await publish_successor(world)
    world.clock.advance(60)
    await world.service.renew()
    assert present(world.service.signing_keys.active).kid != before.kid
    assert verify(world, text) == {"sub": "mira"}


async def test_statement_138_a_key_leaves_with_its_ring_key_and_no_earlier(world: World) -> None:
    await use(world, "RS256")
    kids = {key_kid(world.service.ring.active.key_id, algorithm) for algorithm in ALGORITHMS}
    await publish_successor(world)
    world.clock.advance(90 * DAY)
    await world.service.renew()
    assert kids <= set(published(world))
    world.clock.advance(2 * DAY)
    await world.service.renew()  # finds that it is retired
    await world.service.renew()
    assert not kids & set(published(world))
    assert not kids & {key_kid(record.key_id, "RS256") for record in await world.store.list_rsa_keys()}


async def test_an_rsa_key_is_made_once_and_kept_sealed(world: World) -> None:
    await use(world, "RS256")
    (record,) = await world.store.list_rsa_keys()
    await world.service.renew()
    assert await world.store.list_rsa_keys() == [record]
    der = MASTER.unseal(f"rsa key {record.key_id:08x}", record.wrapped_private_key)
    assert der not in record.wrapped_private_key
    with pytest.raises(MasterKeyError):
        MasterKey(bytes(31) + b"1").unseal(f"rsa key {record.key_id:08x}", record.wrapped_private_key)


async def test_the_rsa_key_of_the_node_that_was_first_holds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await use(world, "RS256")
    first = world.service.signing_keys
    original, answers = world.store.list_rsa_keys, iter([True])

    async def blind_once() -> list[RsaKeyRecord]:
        return [] if next(answers, False) else await original()

    monkeypatch.setattr(world.store, "list_rsa_keys", blind_once)
    service = world.service
    second = await renew_signing_keys(world.store, MASTER, service.ring, service.policy, SigningKeys(()))
    assert second.jwks == first.jwks


async def test_no_rsa_key_is_made_for_es256(world: World) -> None:
    await publish_successor(world)
    assert await world.store.list_rsa_keys() == []
    assert {key["kty"] for key in published(world).values()} == {"EC"}


async def test_what_was_signed_before_the_algorithm_was_changed_still_verifies(world: World) -> None:
    await use(world, "RS256")
    text = world.service.signing_keys.sign(b'{"sub":"mira"}')
    await use(world, "ES256")
    assert present(world.service.signing_keys.active).algorithm == "ES256"
    assert verify(world, text) == {"sub": "mira"}


async def test_an_rsa_key_of_another_master_key_is_refused(world: World) -> None:
    key_id = world.service.ring.active.key_id
    sealed = MasterKey(bytes(31) + b"1").seal(f"rsa key {key_id:08x}", b"a key")
    await world.store.ensure_rsa_key(RsaKeyRecord(key_id=key_id, wrapped_private_key=sealed))
    with pytest.raises(MasterKeyError):
        await world.service.renew()


async def test_nothing_is_made_anew_while_nothing_changes(world: World) -> None:
    await use(world, "RS256")
    before = world.service.signing_keys
    world.clock.advance(1)
    await world.service.renew()
    assert world.service.signing_keys is before
    await publish_successor(world)
    kept = [key for key in world.service.signing_keys.keys if key in before.keys]
    assert kept == list(before.keys)


async def test_no_key_shows_itself_in_a_repr(world: World) -> None:
    await use(world, "RS256")
    for key in world.service.signing_keys.keys:
        assert repr(key) == f"SigningKey({key.kid})"


async def test_there_is_no_key_by_another_name(world: World) -> None:
    keys = world.service.signing_keys
    assert keys.find(present(keys.active).kid) is keys.active
    assert keys.find("") is None
    assert keys.find(present(keys.active).kid.upper()) is None


def test_an_empty_snapshot_publishes_an_empty_key_set() -> None:
    assert msgspec.json.decode(SigningKeys(()).jwks) == {"keys": []}


async def test_the_certificate_of_an_rsa_key_is_its_own_and_the_same_on_every_node(world: World) -> None:
    await use(world, "RS256")
    again = await renew_signing_keys(
        world.store, MASTER, world.service.ring, world.service.policy, known=SigningKeys(())
    )
    assert again.jwks == world.service.signing_keys.jwks
    (key,) = (key for key in json.loads(again.jwks)["keys"] if key["kty"] == "RSA")
    der = b64decode(key["x5c"][0])
    certificate = x509.load_der_x509_certificate(der)
    certificate.verify_directly_issued_by(certificate)
    numbers = certificate.public_key().public_numbers()  # type: ignore[union-attr]
    assert int.from_bytes(urlsafe_b64decode(key["n"] + "=="), "big") == numbers.n  # type: ignore[union-attr]
    assert key["x5t#S256"] == urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()
    assert certificate.not_valid_before_utc.timestamp() < world.now < certificate.not_valid_after_utc.timestamp()


async def test_a_credential_source_can_have_rsa_keys_beside_those_of_id_tokens(world: World) -> None:
    source = samples.credential_source(
        options=WebIdentitySource(endpoint="https://sts.example.org", audience="a", token_profile="ceph")
    )
    await world.store.change_configuration(ConfigurationChange(create=(source,)))
    await world.service.renew()
    keys = world.service.signing_keys
    signed = (keys.sign(b"{}"), keys.sign(b"{}", "RS256"))
    assert [json.loads(b64url(text.partition(".")[0]))["alg"] for text in signed] == ["ES256", "RS256"]


async def test_an_algorithm_whose_key_is_still_to_be_made_is_none(world: World) -> None:
    with pytest.raises(LookupError):
        world.service.signing_keys.sign(b"{}", "RS256")


def b64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
