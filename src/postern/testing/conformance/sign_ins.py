"""Token families: rotated once per generation, ended for good, and with the person or the client all at once."""

import asyncio
from functools import partial

import pytest

from postern.api.errors import InvalidGrantException, InvalidScopeException
from postern.core.records import RevokedClient, TokenFamily, User, UserStatus
from postern.core.store import NotFound, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_approved, add_person, race, require_family, sign_in
from postern.testing.samples import FAMILY_LIFE, IDLE_LIFE, NOW, OTHER_CLIENT, SCOPES, WINDOW

REVOCATIONS = ["revoke_token_family", "set_user_status", "set_password", "revoke_client"]


async def revoke(store: Store, how: str, family: TokenFamily, now: int = NOW) -> None:
    """End a family in one of the ways there are."""
    if how == "revoke_token_family":
        await store.revoke_token_family(family.family_id, "signed out", now)
    elif how == "set_user_status":
        await store.set_user_status(family.user_id, UserStatus.DISABLED, now)
    elif how == "set_password":
        await store.set_password(family.user_id, "another hash", now)
    else:
        await store.revoke_client(
            RevokedClient(client_digest=family.client_digest, revoked_at=now, expires_at=now + FAMILY_LIFE)
        )


class Rotation(Suite):
    async def test_a_rotation_makes_the_next_generation(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        rotated = await store.rotate_refresh_token(samples.rotation(family, now=NOW + 100))
        assert rotated == await require_family(store, family)
        assert (rotated.generation, rotated.rotated_at) == (1, NOW + 100)
        assert rotated.access_expires_at == NOW + 100 + samples.ACCESS_LIFE
        assert rotated.idle_expires_at == NOW + 100 + IDLE_LIFE
        assert (rotated.expires_at, rotated.scopes, rotated.key_id) == (family.expires_at, SCOPES, family.key_id)

    async def test_of_rival_rotations_one_rotates_and_all_get_its_successor(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        outcomes = await race(lambda: store.rotate_refresh_token(samples.rotation(family)))
        assert {repr(outcome) for outcome in outcomes} == {repr(await require_family(store, family))}
        assert (await require_family(store, family)).generation == 1

    async def test_within_the_window_the_same_successor_comes_again(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        successor = await store.rotate_refresh_token(samples.rotation(family))
        assert await store.rotate_refresh_token(samples.rotation(family, now=NOW + WINDOW)) == successor
        assert await require_family(store, family) == successor

    @pytest.mark.parametrize("later", [WINDOW + 1, -WINDOW - 1])
    async def test_outside_the_window_a_rotated_token_ends_the_family(
        self, store: Store, mira: User, later: int
    ) -> None:
        """Also when the clock has stepped back: a rotated token never becomes good again."""
        family = await sign_in(store, mira)
        await store.rotate_refresh_token(samples.rotation(family))
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family, now=NOW + later))
        ended = await require_family(store, family)
        assert (ended.revoked_at, ended.generation) == (NOW + later, 1)

    @pytest.mark.parametrize("generation", [0, 3])
    async def test_an_older_or_unknown_generation_ends_the_family(
        self, store: Store, mira: User, generation: int
    ) -> None:
        """One that is ahead comes from before a restore."""
        family = await sign_in(store, mira)
        second = await store.rotate_refresh_token(samples.rotation(family))
        await store.rotate_refresh_token(samples.rotation(second))
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family, generation=generation))
        assert (await require_family(store, family)).revoked_at == NOW

    async def test_a_rotation_never_moves_the_absolute_end(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        last = await store.rotate_refresh_token(samples.rotation(family, now=NOW + IDLE_LIFE - 1))
        for _ in range(4):
            last = await store.rotate_refresh_token(samples.rotation(last, now=last.idle_expires_at - 1))
        assert last.expires_at == last.idle_expires_at == last.access_expires_at == NOW + FAMILY_LIFE
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(last, now=NOW + FAMILY_LIFE))
        assert await require_family(store, family) == last

    async def test_an_idle_family_does_not_rotate(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family, now=NOW + IDLE_LIFE))
        assert await require_family(store, family) == family

    @pytest.mark.parametrize("generation", [-1, 0, 1, 2])
    async def test_another_client_rotates_nothing_and_harms_nothing(
        self, store: Store, mira: User, generation: int
    ) -> None:
        family = await store.rotate_refresh_token(samples.rotation(await sign_in(store, mira)))
        stranger = samples.rotation(family, client_digest=OTHER_CLIENT, generation=generation, now=NOW + WINDOW + 1)
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(stranger)
        assert await require_family(store, family) == family

    async def test_more_scopes_than_granted_rotate_nothing(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        with pytest.raises(InvalidScopeException):
            await store.rotate_refresh_token(samples.rotation(family, requested_scopes=(*SCOPES, "openid")))
        assert await require_family(store, family) == family
        narrowed = await store.rotate_refresh_token(samples.rotation(family, requested_scopes=SCOPES[:1]))
        assert narrowed.scopes == SCOPES

    async def test_an_unknown_family_does_not_rotate(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family, family_id=1))


class Revocation(Suite):
    @pytest.mark.parametrize("how", REVOCATIONS)
    async def test_what_is_revoked_neither_rotates_nor_is_redeemed(self, store: Store, mira: User, how: str) -> None:
        approved = await add_approved(store, mira)
        family = await store.redeem_device_authorization(samples.device_redemption(approved))
        await revoke(store, how, family)
        await store.set_user_status(mira.user_id, UserStatus.ENABLED, NOW)
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family))
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved))
        ended = await require_family(store, family)
        assert (ended.revoked_at, bool(ended.revocation_reason)) == (NOW, True)
        assert await store.list_token_families(mira.user_id, NOW) == []

    async def test_a_family_is_revoked_once(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        outcomes = await race(lambda: store.revoke_token_family(family.family_id, "signed out", NOW))
        assert outcomes.count(True) == 1
        assert await store.revoke_token_family(family.family_id, "again", NOW + 1) is False
        assert await store.revoke_token_family(1, "never was", NOW) is False
        assert (await require_family(store, family)).revocation_reason == "signed out"

    @pytest.mark.parametrize("how", REVOCATIONS)
    async def test_a_clock_that_steps_back_revives_nothing(self, store: Store, mira: User, how: str) -> None:
        """The revocation came while the clock was two days ahead, where the family had expired by itself."""
        family = await sign_in(store, mira)
        await revoke(store, how, family, now=NOW + 172_800)
        assert not (await require_family(store, family)).is_live(NOW)

    @pytest.mark.parametrize("how", REVOCATIONS)
    async def test_nothing_is_live_after_a_revocation_returned(self, store: Store, mira: User, how: str) -> None:
        family = await sign_in(store, mira)

        async def rotate_until_refused() -> list[TokenFamily | BaseException]:
            """Four at a time with the same token: one that fell two behind would be taken for theft."""
            last = family
            while True:
                outcomes = await race(partial(store.rotate_refresh_token, samples.rotation(last)), 4)
                rotated = [outcome for outcome in outcomes if isinstance(outcome, TokenFamily)]
                if len(rotated) < len(outcomes):
                    return outcomes
                last = rotated[0]

        async def revoke_and_look() -> TokenFamily:
            await asyncio.sleep(0.002)
            await revoke(store, how, family)
            return await require_family(store, family)

        after, outcomes = await asyncio.gather(revoke_and_look(), rotate_until_refused())
        assert after.revoked_at == NOW
        assert after.revocation_reason != "refresh token presented again"
        assert {type(each) for each in outcomes if not isinstance(each, TokenFamily)} == {InvalidGrantException}
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(after))
        assert await require_family(store, family) == after

    @pytest.mark.parametrize("how", ["set_user_status", "set_password"])
    async def test_an_approval_of_before_is_withdrawn(self, store: Store, mira: User, how: str) -> None:
        """Who knew the old password may have approved a device that has not polled yet."""
        family, approved, code = (
            await sign_in(store, mira),
            await add_approved(store, mira),
            samples.authorization_code(mira),
        )
        await store.create_authorization_code(code)
        await revoke(store, how, family)
        await store.set_user_status(mira.user_id, UserStatus.ENABLED, NOW)
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved))
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))

    @pytest.mark.parametrize("how", ["set_user_status", "set_password"])
    async def test_everything_of_a_person_ends_and_nothing_of_others(self, store: Store, mira: User, how: str) -> None:
        other = await add_person(store, "other")
        mine = [await sign_in(store, mira) for _ in range(3)]
        theirs, approved = await sign_in(store, other), await add_approved(store, other)
        await store.create_browser_session(samples.browser_session(mira, "mine"), replaces=None)
        await store.create_browser_session(samples.browser_session(other, "theirs"), replaces=None)
        await revoke(store, how, mine[0])
        assert [(await require_family(store, family)).revoked_at for family in mine] == [NOW] * 3
        assert await store.find_browser_session(samples.digest("mine")) is None
        assert await store.find_browser_session(samples.digest("theirs")) is not None
        assert await require_family(store, theirs) == theirs
        await store.redeem_device_authorization(samples.device_redemption(approved))

    async def test_a_revoked_client_ends_its_families_and_no_others(self, store: Store, mira: User) -> None:
        mine, theirs = await sign_in(store, mira), await sign_in(store, mira, client_digest=OTHER_CLIENT)
        await revoke(store, "revoke_client", mine)
        assert await store.list_token_families(mira.user_id, NOW) == [theirs]
        assert [entry.client_digest for entry in await store.list_revoked_clients(NOW)] == [mine.client_digest]

    async def test_a_disabled_person_is_enabled_again(self, store: Store, mira: User) -> None:
        await store.set_user_status(mira.user_id, UserStatus.DISABLED, NOW)
        found = await store.find_user(mira.user_id)
        assert found is not None
        assert not found.enabled
        await store.set_user_status(mira.user_id, UserStatus.ENABLED, NOW)
        assert await store.find_user(mira.user_id) == mira
        await sign_in(store, mira)

    async def test_a_new_password_changes_nothing_else_of_the_person(self, store: Store, mira: User) -> None:
        await store.set_password(mira.user_id, "a new hash", NOW)
        assert await store.find_user(mira.user_id) == samples.user("mira", password_hash="a new hash")

    async def test_there_is_nobody_to_change(self, store: Store) -> None:
        with pytest.raises(NotFound):
            await store.set_user_status("nobody", UserStatus.DISABLED, NOW)
        with pytest.raises(NotFound):
            await store.set_password("nobody", "a hash", NOW)

    async def test_live_families_are_listed_newest_first(self, store: Store, mira: User) -> None:
        families = [await sign_in(store, mira) for _ in range(3)]
        await revoke(store, "revoke_token_family", families[1])
        assert await store.list_token_families(mira.user_id, NOW + FAMILY_LIFE - 1) == [families[2], families[0]]
        assert await store.list_token_families(mira.user_id, NOW + FAMILY_LIFE) == []
