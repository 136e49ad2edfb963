"""After a restore nothing that may have been used or ended since the back-up comes back to life."""

import pytest

from postern.api.errors import ExpiredTokenException, InvalidGrantException
from postern.core.attempts import Schedule
from postern.core.records import Epoch, TokenFamily, User
from postern.core.store import Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_approved, add_pending, configure, require_family, sign_in
from postern.testing.samples import NOW

LATER = NOW + 3_600


class Epochs(Suite):
    async def test_a_store_that_was_never_restored_has_no_epoch(self, store: Store) -> None:
        assert await store.find_epoch() is None
        assert not await store.enter_service(NOW)
        assert await store.find_epoch() is None

    async def test_the_latest_epoch_is_found(self, store: Store) -> None:
        for moment in (NOW + 5, NOW + 9, NOW + 9, NOW + 7):
            await store.begin_epoch(moment)
        assert await store.find_epoch() == Epoch(restored_at=NOW + 9)

    async def test_no_refresh_token_of_before_is_good(self, store: Store, mira: User) -> None:
        families = [await sign_in(store, mira) for _ in range(3)]
        families.append(await store.rotate_refresh_token(samples.rotation(families[0])))
        await store.begin_epoch(NOW + 1)
        for family in families:
            with pytest.raises(InvalidGrantException):
                await store.rotate_refresh_token(samples.rotation(family, now=NOW + 1))

    async def test_a_code_that_was_just_redeemed_is_not_answered_again(self, store: Store, mira: User) -> None:
        """Without an epoch that would be a client that repeats itself; nor is it a thief, who would end the sign-in."""
        approved, code = await add_approved(store, mira), samples.authorization_code(mira)
        await store.create_authorization_code(code)
        of_device = await store.redeem_device_authorization(samples.device_redemption(approved))
        of_code = await store.redeem_authorization_code(samples.code_redemption(code))
        await store.begin_epoch(NOW + 1)
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved))
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))
        for family in (of_device, of_code):
            assert (await require_family(store, family)).revoked_at is None

    async def test_nor_when_the_clock_steps_back(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        await store.begin_epoch(LATER)
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family, now=NOW))

    async def test_a_refresh_token_of_before_ends_nothing(self, store: Store, mira: User) -> None:
        """It may be an older one than the client has: that client is no thief."""
        family = await sign_in(store, mira)
        await store.rotate_refresh_token(samples.rotation(family))
        await store.begin_epoch(NOW + 1)
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family, now=LATER))
        assert (await require_family(store, family)).revoked_at is None

    async def test_sign_ins_of_before_live_on(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        await store.begin_epoch(NOW + 1)
        found = await require_family(store, family)
        assert found.is_live(NOW + 1)
        assert (found.access_expires_at, found.expires_at) == (family.access_expires_at, family.expires_at)

    async def test_sign_ins_of_before_are_ended_on_demand(self, store: Store, mira: User) -> None:
        family, ended = await sign_in(store, mira), await sign_in(store, mira)
        await store.revoke_token_family(ended.family_id, "signed out", NOW)
        await store.begin_epoch(LATER, end_sign_ins=True)
        assert (await require_family(store, family)).revoked_at == LATER
        assert (await require_family(store, ended)).revoked_at == NOW
        assert await store.list_token_families(mira.user_id, NOW) == []

    async def test_a_sign_in_of_before_cannot_be_exchanged(self, store: Store, mira: User) -> None:
        first, second = samples.application(1), samples.application(2)
        issuer = samples.trusted_token_issuer()
        assigned = (samples.assignment(first, mira), samples.assignment(second, mira))
        await configure(store, issuer, first, second, *assigned)
        subject = await store.accept_assertion(samples.acceptance(first, mira))
        assert isinstance(await store.exchange_token(samples.exchange(subject, second)), TokenFamily)
        await store.begin_epoch(NOW + 1)
        with pytest.raises(InvalidGrantException):
            await store.exchange_token(samples.exchange(subject, second, now=NOW + 1))

    @pytest.mark.parametrize("now", [NOW, NOW + 1], ids=["a clock that stepped back", "at once"])
    async def test_an_approved_device_gets_nothing(self, store: Store, mira: User, now: int) -> None:
        approved = await add_approved(store, mira)
        await store.begin_epoch(NOW + 1)
        with pytest.raises(ExpiredTokenException):
            await store.redeem_device_authorization(samples.device_redemption(approved, now=now))

    async def test_a_pending_device_cannot_be_approved(self, store: Store, mira: User) -> None:
        pending = await add_pending(store)
        await store.begin_epoch(NOW + 1)
        with pytest.raises(ExpiredTokenException):
            await store.decide_device_authorization(samples.decision(pending, mira, now=NOW + 1))

    async def test_a_code_is_void(self, store: Store, mira: User) -> None:
        code = samples.authorization_code(mira)
        await store.create_authorization_code(code)
        await store.begin_epoch(NOW + 1)
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_what_was_redeemed_is_still_known(self, store: Store, mira: User) -> None:
        """So that it ends its sign-in when it comes again."""
        approved = await add_approved(store, mira)
        family = await store.redeem_device_authorization(samples.device_redemption(approved))
        await store.begin_epoch(NOW + 1)
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved, now=LATER))
        assert (await require_family(store, family)).revoked_at == LATER

    async def test_browser_sessions_end(self, store: Store, mira: User) -> None:
        session = samples.browser_session(mira, "a browser")
        await store.create_browser_session(session, replaces=None)
        await store.begin_epoch(NOW + 1)
        assert await store.find_browser_session(session.session_digest) is None

    async def test_guesses_are_still_counted(self, store: Store) -> None:
        counter, schedule = samples.digest("a counter"), Schedule((), last_delay=60, window=600)
        await store.reserve_attempt(counter, schedule, NOW)
        await store.begin_epoch(NOW + 1)
        assert await store.reserve_attempt(counter, schedule, NOW + 1) == 59

    async def test_people_and_keys_stay(self, store: Store, mira: User) -> None:
        key = samples.ring_key()
        await store.ensure_ring_key(key, unless_newer_than=-1)
        await store.begin_epoch(NOW + 1, end_sign_ins=True)
        assert await store.list_users() == [mira]
        assert await store.list_ring_keys() == [key]

    async def test_sign_ins_of_after_are_like_any_other(self, store: Store, mira: User) -> None:
        await store.begin_epoch(NOW)
        family = await sign_in(store, mira)
        assert (await store.rotate_refresh_token(samples.rotation(family))).generation == 1
