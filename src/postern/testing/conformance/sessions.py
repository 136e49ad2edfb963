"""What administrators ask of a store: all sign-ins that live, and an end to those of a client."""

import pytest

from postern.api.errors import InvalidGrantException
from postern.core.records import User
from postern.core.store import Store
from postern.testing import samples
from postern.testing.conformance.exchanges import exchange
from postern.testing.conformance.impediments import ApplicationSuite, subject_of
from postern.testing.conformance.suite import Suite, add_approved, add_person, race, require_family, sign_in
from postern.testing.samples import CLIENT, FAMILY_LIFE, NOW, OTHER_CLIENT

REASON = "ended by an administrator"


class Sessions(Suite):
    async def test_all_live_families_are_listed_newest_first(self, store: Store, mira: User) -> None:
        noor = await add_person(store, "noor")
        families = [await sign_in(store, person) for person in (mira, noor, mira)]
        ended = await sign_in(store, noor)
        await store.revoke_token_family(ended.family_id, REASON, NOW)
        assert await store.list_all_token_families(NOW + FAMILY_LIFE - 1) == families[::-1]
        assert await store.list_all_token_families(NOW + FAMILY_LIFE) == []

    async def test_sign_ins_of_a_client_end_and_no_others(self, store: Store, mira: User) -> None:
        noor = await add_person(store, "noor")
        ended = [await sign_in(store, person) for person in (mira, noor)]
        other = await sign_in(store, mira, client_digest=OTHER_CLIENT)
        assert await store.end_sign_ins_of_client(CLIENT, REASON, NOW) == ended[::-1]
        for family in ended:
            after = await require_family(store, family)
            assert (after.revoked_at, after.revocation_reason) == (NOW, REASON)
        assert await store.list_all_token_families(NOW) == [other]
        assert await store.end_sign_ins_of_client(CLIENT, "again", NOW + 1) == []
        assert (await require_family(store, ended[0])).revocation_reason == REASON

    async def test_what_people_approved_for_the_client_is_withdrawn(self, store: Store, mira: User) -> None:
        approved, code = await add_approved(store, mira), samples.authorization_code(mira)
        others, other_code = (
            await add_approved(store, mira, client_digest=OTHER_CLIENT),
            samples.authorization_code(mira, client_digest=OTHER_CLIENT),
        )
        for each in (code, other_code):
            await store.create_authorization_code(each)
        assert await store.end_sign_ins_of_client(CLIENT, REASON, NOW) == []
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved))
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))
        await store.redeem_device_authorization(samples.device_redemption(others, client_digest=OTHER_CLIENT))
        await store.redeem_authorization_code(samples.code_redemption(other_code, client_digest=OTHER_CLIENT))

    async def test_the_client_may_ask_people_anew(self, store: Store, mira: User) -> None:
        await sign_in(store, mira)
        await store.end_sign_ins_of_client(CLIENT, REASON, NOW)
        again = await sign_in(store, mira)
        assert await store.list_all_token_families(NOW) == [again]

    async def test_of_rival_ends_one_ends_a_family(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        outcomes = await race(lambda: store.end_sign_ins_of_client(CLIENT, REASON, NOW))
        assert sorted(map(repr, outcomes)) == sorted(map(repr, [[family], *[[]] * (len(outcomes) - 1)]))


class SessionsOfApplications(ApplicationSuite):
    async def test_what_was_made_of_the_client_s_sign_ins_ends_with_them(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        made = await exchange(store, subject)
        assert await store.list_all_token_families(NOW) == [made, subject]
        assert await store.end_sign_ins_of_client(subject.client_digest, REASON, NOW) == [subject]
        assert await store.list_all_token_families(NOW) == []
        assert await store.end_sign_ins_of_client(made.client_digest, REASON, NOW) == []
