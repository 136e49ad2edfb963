"""A registration is signed, not stored: nothing but what this server signed is a client id or a client secret."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.api.errors import InvalidClientException
from postern.core.client_registration import (
    MAX_CLIENT_ID,
    ClientRegistration,
    authenticate,
    identify,
    new_nonce,
    read,
    require_current,
    write_client_id,
    write_client_secret,
)
from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN, client_digest
from postern.core.keys import Key, KeyRing, new_key_record
from postern.core.policy import DAY
from tests.core.world import MASTER, World, refused

NOW = 1_790_000_000
KEY = Key(1, b"s" * 32, NOW)
OTHER = Key(2, b"t" * 32, NOW)
RING = KeyRing(KEY, {1: KEY, 2: OTHER})
REGISTRATION = ClientRegistration(
    nonce=bytes(16),
    issued_at=NOW,
    expires_at=NOW + 90 * 86400,
    name="botocore-client",
    scopes=("sso:account:access",),
    named_grant_types=(AUTHORIZATION_CODE, REFRESH_TOKEN),
    redirect_uris=("http://127.0.0.1/oauth/callback",),
)
CLIENT_ID = write_client_id(KEY, REGISTRATION)
CLIENT_SECRET = write_client_secret(KEY, CLIENT_ID)
NOBODY: frozenset[bytes] = frozenset()
ODD_CHARACTERS = "=+/.~ \n\x00é\u0661\ud800"


def is_client_id(text: str) -> bool:
    try:
        identify(RING, text)
    except InvalidClientException:
        return False
    return True


def proves(client_id: str, client_secret: str) -> bool:
    try:
        authenticate(RING, client_id, client_secret)
    except InvalidClientException:
        return False
    return True


def test_what_was_signed_is_read_back() -> None:
    client = authenticate(RING, CLIENT_ID, CLIENT_SECRET)
    assert read(RING, CLIENT_ID) == REGISTRATION
    assert client.digest == client_digest(CLIENT_ID)
    assert identify(RING, CLIENT_ID) == client


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text("abc:*", max_size=9)), st.integers(0, 2**40))
def test_any_registration_is_read_back(name: str, scopes: list[str], expires_at: int) -> None:
    registration = msgspec.structs.replace(
        REGISTRATION,
        name=name,
        scopes=tuple(scopes),
        expires_at=NOW + expires_at + 1,
        issuer_url=name,
        nonce=new_nonce(),
    )
    client_id = write_client_id(KEY, registration)
    if len(client_id) <= MAX_CLIENT_ID:
        assert authenticate(RING, client_id, write_client_secret(KEY, client_id)).name == name
        assert read(RING, client_id) == registration


def test_every_prefix_of_a_client_id_is_refused() -> None:
    assert not any(is_client_id(CLIENT_ID[:end]) for end in range(len(CLIENT_ID)))


def test_every_suffix_of_a_client_id_is_refused() -> None:
    assert not any(is_client_id(CLIENT_ID[start:]) for start in range(1, len(CLIENT_ID)))


def test_every_single_character_change_of_a_client_id_is_refused() -> None:
    for position, was in enumerate(CLIENT_ID):
        for other in "AQgwb0-_" + ODD_CHARACTERS:
            if other != was:
                assert not is_client_id(CLIENT_ID[:position] + other + CLIENT_ID[position + 1 :])


@pytest.mark.parametrize("more", ["A", "AA", "=", "==", " ", "\n", ".", "\x00", CLIENT_ID])
def test_every_extension_of_a_client_id_is_refused(more: str) -> None:
    assert not is_client_id(CLIENT_ID + more)
    assert not is_client_id(more + CLIENT_ID)


@settings(deadline=None)
@given(st.one_of(st.text(), st.text("ABCabc012-_=", max_size=400)))
def test_any_text_is_refused_quietly(text: str) -> None:
    assert not is_client_id(text)
    assert not proves(text, text)
    assert not proves(CLIENT_ID, text)


def test_a_very_long_client_id_is_refused() -> None:
    assert not is_client_id("A" * (MAX_CLIENT_ID + 1))
    assert not is_client_id("A" * 1_000_000)


def test_every_prefix_of_a_client_secret_is_refused() -> None:
    assert not any(proves(CLIENT_ID, CLIENT_SECRET[:end]) for end in range(len(CLIENT_SECRET)))


def test_every_single_character_change_of_a_client_secret_is_refused() -> None:
    for position, was in enumerate(CLIENT_SECRET):
        for other in "ABCQgwb0123-_" + ODD_CHARACTERS:
            if other != was:
                assert not proves(CLIENT_ID, CLIENT_SECRET[:position] + other + CLIENT_SECRET[position + 1 :])


@pytest.mark.parametrize("more", ["A", "=", " ", "\n", "\x00", CLIENT_SECRET])
def test_every_extension_of_a_client_secret_is_refused(more: str) -> None:
    assert not proves(CLIENT_ID, CLIENT_SECRET + more)
    assert not proves(CLIENT_ID, more + CLIENT_SECRET)


def test_the_spare_bits_of_the_last_character_are_not_free() -> None:
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert sum(proves(CLIENT_ID, CLIENT_SECRET[:-1] + character) for character in last) == 1
    assert sum(is_client_id(CLIENT_ID[:-1] + character) for character in last) == 1


def test_two_equal_registrations_differ_in_everything() -> None:
    first, second = (write_client_id(KEY, msgspec.structs.replace(REGISTRATION, nonce=new_nonce())) for _ in range(2))
    assert first != second
    assert write_client_secret(KEY, first) != write_client_secret(KEY, second)
    assert client_digest(first) != client_digest(second)
    assert not proves(first, write_client_secret(KEY, second))


def test_a_secret_has_256_bits() -> None:
    assert len(CLIENT_SECRET) == 43
    assert len(new_nonce()) * 8 >= 128


def test_the_secret_is_not_the_mac_that_the_id_carries() -> None:
    assert CLIENT_ID[-43:] != CLIENT_SECRET
    assert not proves(CLIENT_ID, CLIENT_ID[-43:])


def test_a_secret_made_with_another_key_is_refused() -> None:
    assert not proves(CLIENT_ID, write_client_secret(OTHER, CLIENT_ID))


def test_a_rotation_of_keys_keeps_old_registrations_valid() -> None:
    rotated = KeyRing(OTHER, {1: KEY, 2: OTHER})
    assert authenticate(rotated, CLIENT_ID, CLIENT_SECRET).name == REGISTRATION.name


def test_a_key_that_left_the_ring_takes_its_registrations_along() -> None:
    with refused(InvalidClientException, "not issued by this server"):
        authenticate(KeyRing(OTHER, {2: OTHER}), CLIENT_ID, CLIENT_SECRET)


def test_a_registration_ends_on_the_second() -> None:
    client = identify(RING, CLIENT_ID)
    require_current(client, NOBODY, REGISTRATION.expires_at - 1)
    with refused(InvalidClientException, "expired"):
        require_current(client, NOBODY, REGISTRATION.expires_at)


def test_a_revoked_registration_is_refused() -> None:
    with refused(InvalidClientException, "revoked"):
        require_current(identify(RING, CLIENT_ID), frozenset([client_digest(CLIENT_ID)]), NOW)


async def test_unknown_wrong_expired_and_revoked_have_one_text(world: World) -> None:
    """RFC 6749 10.10: no oracle for what exists."""
    client, service = await world.register(), world.service

    def refusal(client_id: str, client_secret: str) -> tuple[str, int]:
        with refused(InvalidClientException) as refusal:
            service.authenticate_client(client_id, client_secret)
        return refusal.value.description, refusal.value.status

    answers = {
        refusal("unknown", client.client_secret),
        refusal(client.client_id, "wrong"),
        refusal(client.client_id, "\u00e9"),
    }
    service.authenticate_client(client.client_id, client.client_secret)
    service.revoked_clients = frozenset([client_digest(client.client_id)])
    answers.add(refusal(client.client_id, client.client_secret))
    service.revoked_clients = NOBODY
    world.clock.advance(90 * DAY)
    answers.add(refusal(client.client_id, client.client_secret))
    assert answers == {("Invalid client provided", 401)}


async def test_what_was_proven_before_proves_nothing_else(world: World) -> None:
    """The service remembers what was proven: only this very pair, and not past its expiry or its key."""
    client, other, service = await world.register(), await world.register(), world.service
    for _ in range(3):
        service.authenticate_client(client.client_id, client.client_secret)
        service.authenticate_client(other.client_id, other.client_secret)
        for client_id, client_secret in (
            (client.client_id, other.client_secret),
            (client.client_id, client.client_secret[:-1]),
            (client.client_id, ""),
            (client.client_id + "A", client.client_secret),
        ):
            with refused(InvalidClientException):
                service.authenticate_client(client_id, client_secret)
    world.clock.advance(90 * DAY - 1)
    service.authenticate_client(client.client_id, client.client_secret)
    world.clock.advance(1)
    with refused(InvalidClientException, "expired"):
        service.authenticate_client(client.client_id, client.client_secret)


async def test_a_page_identifies_only_current_clients(world: World) -> None:
    client = await world.register()
    assert world.service.identify_client(client.client_id).name == "botocore-client-demo"
    world.service.revoked_clients = frozenset([client_digest(client.client_id)])
    with refused(InvalidClientException, "revoked"):
        world.service.identify_client(client.client_id)


async def test_a_key_that_left_the_ring_ends_what_was_proven_with_it(world: World) -> None:
    client, service = await world.register(), world.service
    service.authenticate_client(client.client_id, client.client_secret)
    old = service.ring.active.key_id
    successor = new_key_record(MASTER, created_at=world.now, activates_at=world.now)
    await world.store.ensure_ring_key(successor, unless_newer_than=world.now)
    await world.store.remove_ring_keys([old])
    await service.renew()
    with refused(InvalidClientException, "not issued by this server"):
        service.authenticate_client(client.client_id, client.client_secret)


@pytest.mark.parametrize(
    "scopes, redirect_uris, named, grants",
    [
        ((), (), (), {DEVICE_CODE}),
        (("sso-portal:*",), (), (), {DEVICE_CODE}),
        (("sso:account:access",), (), (), {DEVICE_CODE, REFRESH_TOKEN}),
        ((), ("http://127.0.0.1/c",), (), {DEVICE_CODE, AUTHORIZATION_CODE}),
        (("sso:account:access",), ("http://127.0.0.1/c",), (), {DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN}),
        (("sso:account:access",), (), (DEVICE_CODE,), {DEVICE_CODE}),
        ((), (), (DEVICE_CODE, REFRESH_TOKEN), {DEVICE_CODE, REFRESH_TOKEN}),
        (("sso:account:access",), ("http://127.0.0.1/c",), (AUTHORIZATION_CODE,), {AUTHORIZATION_CODE}),
    ],
)
def test_grants_that_a_client_may_use(
    scopes: tuple[str, ...], redirect_uris: tuple[str, ...], named: tuple[str, ...], grants: set[str]
) -> None:
    registration = msgspec.structs.replace(
        REGISTRATION, scopes=scopes, redirect_uris=redirect_uris, named_grant_types=named
    )
    assert set(registration.grant_types) == grants
    assert registration.issues_refresh_token is (REFRESH_TOKEN in grants)
