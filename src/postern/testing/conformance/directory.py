"""People found by their attributes, how they stand to applications, and the RSA halves of ring keys."""

import pytest

from postern.core.directory.records import ApplicationStanding, PrincipalType
from postern.core.records import User, UserStatus
from postern.core.store import ConfigurationChange, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_person, configure, race
from postern.testing.samples import NOW

MIRA = samples.user("mira")


class Attributes(Suite):
    @pytest.fixture
    async def noor(self, store: Store) -> User:
        noor = await add_person(store, "noor")
        await configure(
            store, samples.external_id(noor, external_id="N-1"), samples.external_id(noor, external_id="n-1")
        )
        return noor

    @pytest.mark.parametrize(
        "path, value",
        [
            ("userName", "noor"),
            ("emails.value", "noor@example.org"),
            ("externalIds.id", "N-1"),
            ("externalIds.id", "n-1"),
        ],
    )
    async def test_a_person_is_found_by_an_attribute(
        self, store: Store, mira: User, noor: User, path: str, value: str
    ) -> None:
        assert await store.find_users_by_attribute(samples.INSTANCE_ID, path, value) == [noor]

    @pytest.mark.parametrize(
        "path, value",
        [
            ("userName", "Noor"),
            ("userName", "noor "),
            ("userName", "noor@example.org"),
            ("emails.value", "noor@example.or"),
            ("emails.value", "Noor@example.org"),
            ("emails.value", "%"),
            ("emails.value", "noor"),
            ("externalIds.id", "noor"),
            ("externalIds.id", "N-2"),
            ("userName", ""),
            ("emails.value", ""),
            ("externalIds.id", ""),
            ("email", "noor@example.org"),
            ("user_id", "id of noor"),
            ("", "noor"),
        ],
    )
    async def test_nobody_is_found_by_anything_else(
        self, store: Store, mira: User, noor: User, path: str, value: str
    ) -> None:
        await store.create_user(samples.user("without an address", email=""))
        assert await store.find_users_by_attribute(samples.INSTANCE_ID, path, value) == []

    async def test_two_with_the_same_address_are_both_found_and_no_more(self, store: Store, mira: User) -> None:
        twin = samples.user("twin", email=mira.email)
        await store.create_user(twin)
        assert set(await store.find_users_by_attribute(samples.INSTANCE_ID, "emails.value", mira.email)) == {mira, twin}
        await store.create_user(samples.user("triplet", email=mira.email))
        assert len(await store.find_users_by_attribute(samples.INSTANCE_ID, "emails.value", mira.email)) == 2

    async def test_an_external_id_of_nobody_finds_nobody(self, store: Store) -> None:
        await configure(store, samples.external_id(MIRA))
        assert (
            await store.find_users_by_attribute(
                samples.INSTANCE_ID, "externalIds.id", samples.external_id(MIRA).external_id
            )
            == []
        )

    async def test_a_disabled_person_is_found_as_one(self, store: Store, mira: User) -> None:
        await store.set_user_status(mira.user_id, UserStatus.DISABLED, NOW)
        (found,) = await store.find_users_by_attribute(samples.INSTANCE_ID, "emails.value", mira.email)
        assert not found.enabled


class Standing(Suite):
    async def test_to_an_application_that_is_not_there_nobody_is_assigned(self, store: Store, mira: User) -> None:
        await configure(store, samples.assignment(samples.application(), mira))
        standing = await store.find_standing(samples.APPLICATION_ARN, mira.user_id)
        assert standing == ApplicationStanding(application=None, is_assigned=False)

    async def test_nobody_is_assigned_at_first(self, store: Store, mira: User) -> None:
        application, group = samples.application(), samples.group()
        await configure(
            store,
            application,
            group,
            samples.membership(group, mira),
            samples.assignment(samples.application(2), mira),
            samples.assignment(application, samples.user("noor")),
            samples.assignment(application, samples.group("other")),
            samples.assignment(application, samples.group("namesake", group_id=mira.user_id)),
            samples.assignment(application, samples.user("namesake", user_id=group.group_id)),
        )
        assert await store.find_standing(application.application_arn, mira.user_id) == ApplicationStanding(
            application=application, is_assigned=False
        )

    @pytest.mark.parametrize("kind", PrincipalType)
    async def test_a_person_is_assigned_alone_or_with_a_group(
        self, store: Store, mira: User, kind: PrincipalType
    ) -> None:
        application, group = samples.application(), samples.group()
        principal = mira if kind is PrincipalType.USER else group
        assignment = samples.assignment(application, principal)
        await configure(store, application, group, samples.membership(group, mira), assignment)
        standing = await store.find_standing(application.application_arn, mira.user_id)
        assert standing == ApplicationStanding(application=application, is_assigned=True)
        await store.change_configuration(ConfigurationChange(remove=(assignment,)))
        assert not (await store.find_standing(application.application_arn, mira.user_id)).is_assigned

    async def test_who_leaves_one_of_two_groups_is_still_assigned(self, store: Store, mira: User) -> None:
        application, groups = samples.application(), [samples.group("one"), samples.group("two")]
        members = [samples.membership(group, mira) for group in groups]
        await configure(
            store, application, *groups, *members, *(samples.assignment(application, each) for each in groups)
        )
        await store.change_configuration(ConfigurationChange(remove=(members[1],)))
        assert (await store.find_standing(application.application_arn, mira.user_id)).is_assigned
        await store.change_configuration(ConfigurationChange(remove=(members[0],)))
        assert not (await store.find_standing(application.application_arn, mira.user_id)).is_assigned

    async def test_where_no_assignment_is_required_everybody_is_assigned(self, store: Store, mira: User) -> None:
        application = samples.application(assignment_required=False)
        await configure(store, application)
        for user_id in (mira.user_id, "nobody"):
            standing = await store.find_standing(application.application_arn, user_id)
            assert standing == ApplicationStanding(application=application, is_assigned=True)


class RsaKeys(Suite):
    async def test_a_ring_key_has_one_rsa_half(self, store: Store) -> None:
        ring_key = samples.ring_key(key_id=2**32 - 1)
        first = samples.rsa_key(ring_key, wrapped_private_key=bytes(range(256)))
        await store.ensure_rsa_key(first)
        await store.ensure_rsa_key(samples.rsa_key(ring_key))
        assert await store.list_rsa_keys() == [first]

    async def test_of_rival_halves_one_is_added(self, store: Store) -> None:
        ring_key, numbers = samples.ring_key(), iter(range(100))
        outcomes = await race(
            lambda: store.ensure_rsa_key(samples.rsa_key(ring_key, wrapped_private_key=bytes([next(numbers)])))
        )
        assert set(outcomes) == {None}
        assert len(await store.list_rsa_keys()) == 1

    async def test_a_half_goes_with_its_ring_key(self, store: Store) -> None:
        gone, kept, bare = (samples.ring_key(activates_at=NOW + number) for number in range(3))
        for key in (gone, kept, bare):
            await store.ensure_ring_key(key, unless_newer_than=key.activates_at - 1)
        for key in (gone, kept):
            await store.ensure_rsa_key(samples.rsa_key(key))
        await store.remove_ring_keys([gone.key_id, bare.key_id])
        assert await store.list_ring_keys() == [kept]
        assert await store.list_rsa_keys() == [samples.rsa_key(kept)]
