"""What administrators ask of a store: all sign-ins that live, and an end to those of a client."""

import asyncio

import pytest

from postern.api.errors import AccessDeniedException, AuthorizationPendingException, InvalidGrantException
from postern.core.records import BrowserSession, DeviceStatus, User
from postern.core.store import NotFound, Store
from postern.testing import samples
from postern.testing.conformance.exchanges import exchange
from postern.testing.conformance.impediments import ApplicationSuite, subject_of
from postern.testing.conformance.suite import (
    Suite,
    add_approved,
    add_pending,
    add_person,
    race,
    require_family,
    sign_in,
)
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


class BrowserSessionRaces(Suite):
    """A session that is begun or kept beside the end of all sessions is ended too, or whoever began it sees why not."""

    async def test_no_session_of_the_old_password_outlives_its_change(self, store: Store, mira: User) -> None:
        for number in range(8):
            kept = samples.browser_session(mira, session_digest=samples.digest(f"kept {number}"))
            await store.create_browser_session(kept, None)
            begun = samples.browser_session(mira, session_digest=samples.digest(f"begun {number}"))
            password_hash = f"hash {number}"

            async def begin(session: BrowserSession) -> User | None:
                await store.create_browser_session(session, None)
                return await store.find_user(session.user_id)

            beginning = asyncio.ensure_future(begin(begun))
            await asyncio.gather(
                store.set_password(mira.user_id, password_hash, NOW),
                beginning,
                *(store.end_other_sign_ins(mira.user_id, kept.session_digest, REASON, NOW) for _ in range(3)),
            )
            assert await store.find_browser_session(kept.session_digest) is None
            if await store.find_browser_session(begun.session_digest) is not None:
                seen = await beginning
                assert seen is not None
                assert seen.password_hash == password_hash

    async def test_nothing_is_approved_in_a_session_that_has_ended(self, store: Store, mira: User) -> None:
        session = samples.browser_session(mira)
        await store.create_browser_session(session, None)
        digest = session.session_digest
        approved, pending = [await add_pending(store) for _ in range(2)]
        decided = await store.decide_device_authorization(samples.decision(approved, mira, session_digest=digest))
        assert decided.status is DeviceStatus.APPROVED
        code = samples.authorization_code(mira)
        await store.create_authorization_code(code, digest)
        await store.end_browser_session(digest)
        with pytest.raises(AccessDeniedException):
            await store.decide_device_authorization(samples.decision(pending, mira, session_digest=digest))
        assert await store.find_device_authorization(pending.authorization_id) == pending
        late = samples.authorization_code(mira)
        with pytest.raises(NotFound):
            await store.create_authorization_code(late, digest)
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(late))
        await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_what_is_approved_beside_a_change_of_the_password_is_withdrawn_or_refused(
        self, store: Store, mira: User
    ) -> None:
        for number in range(8):
            session = samples.browser_session(mira, session_digest=samples.digest(f"approving {number}"))
            await store.create_browser_session(session, None)
            pending, code = await add_pending(store), samples.authorization_code(mira)
            await asyncio.gather(
                store.set_password(mira.user_id, f"hash {number}", NOW),
                store.decide_device_authorization(
                    samples.decision(pending, mira, session_digest=session.session_digest)
                ),
                store.create_authorization_code(code, session.session_digest),
                return_exceptions=True,
            )
            with pytest.raises((InvalidGrantException, AuthorizationPendingException)):
                await store.redeem_device_authorization(samples.device_redemption(pending))
            with pytest.raises(InvalidGrantException):
                await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_a_session_that_was_ended_beside_all_others_stays_ended(self, store: Store, mira: User) -> None:
        for number in range(8):
            session = samples.browser_session(mira, session_digest=samples.digest(f"session {number}"))
            await store.create_browser_session(session, None)
            await asyncio.gather(
                store.end_browser_session(session.session_digest),
                *(store.end_other_sign_ins(mira.user_id, session.session_digest, REASON, NOW) for _ in range(3)),
            )
            assert await store.find_browser_session(session.session_digest) is None


class SessionsOfApplications(ApplicationSuite):
    async def test_what_was_made_of_the_client_s_sign_ins_ends_with_them(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        made = await exchange(store, subject)
        assert await store.list_all_token_families(NOW) == [made, subject]
        assert await store.end_sign_ins_of_client(subject.client_digest, REASON, NOW) == [subject]
        assert await store.list_all_token_families(NOW) == []
        assert await store.end_sign_ins_of_client(made.client_digest, REASON, NOW) == []
