"""Guesses that are counted before they are made, sweeping, and callers that share a transaction without harm."""

import asyncio

import pytest

from postern.api.errors import InvalidGrantException
from postern.core.attempts import Schedule
from postern.core.records import RevokedClient, TokenFamily, User
from postern.core.store import REDEEMED_CODE_STAY, AlreadyExists, NotFound, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_approved, add_pending, race, require_family, sign_in
from postern.testing.samples import MAX_INTEGER, NOW

COUNTER = samples.digest("a counter")
THREE_TRIES = Schedule(((2, 0),), last_delay=60, window=600)


class Guesses(Suite):
    async def test_a_guess_is_refused_until_the_block_is_over(self, store: Store) -> None:
        schedule = Schedule((), last_delay=5, window=60)
        assert await store.reserve_attempt(COUNTER, schedule, NOW) == 0
        assert await store.reserve_attempt(COUNTER, schedule, NOW) == 5
        assert await store.reserve_attempt(COUNTER, schedule, NOW + 4) == 1
        assert await store.reserve_attempt(COUNTER, schedule, NOW + 5) == 0

    async def test_a_refused_guess_is_not_counted(self, store: Store) -> None:
        schedule = Schedule((), last_delay=5, window=60)
        await store.reserve_attempt(COUNTER, schedule, NOW)
        before = await store.find_attempts(COUNTER)
        await store.reserve_attempt(COUNTER, schedule, NOW + 1)
        assert await store.find_attempts(COUNTER) == before

    async def test_guesses_sent_side_by_side_do_not_outrun_the_counter(self, store: Store) -> None:
        outcomes = await race(lambda: store.reserve_attempt(COUNTER, THREE_TRIES, NOW))
        assert outcomes.count(0) == 3
        assert outcomes.count(60) == len(outcomes) - 3

    async def test_a_counter_starts_anew_after_its_window(self, store: Store) -> None:
        await race(lambda: store.reserve_attempt(COUNTER, THREE_TRIES, NOW))
        assert await store.reserve_attempt(COUNTER, THREE_TRIES, NOW + 600) == 0
        found = await store.find_attempts(COUNTER)
        assert found is not None
        assert found.failures == 1

    async def test_a_right_guess_is_given_back(self, store: Store) -> None:
        for _ in range(3):
            await store.reserve_attempt(COUNTER, THREE_TRIES, NOW)
        await store.return_attempt(COUNTER, forget=False)
        assert await store.reserve_attempt(COUNTER, THREE_TRIES, NOW) == 0
        assert await store.reserve_attempt(COUNTER, THREE_TRIES, NOW) == 60

    async def test_right_guesses_side_by_side_are_each_given_back(self, store: Store) -> None:
        generous = Schedule(((1_000, 0),), last_delay=60, window=600)
        await race(lambda: store.reserve_attempt(COUNTER, generous, NOW))
        await race(lambda: store.return_attempt(COUNTER, forget=False), racers=30)
        found = await store.find_attempts(COUNTER)
        assert found is not None
        assert found.failures == 2

    async def test_the_last_guess_given_back_forgets_the_counter(self, store: Store) -> None:
        await store.reserve_attempt(COUNTER, THREE_TRIES, NOW)
        await store.return_attempt(COUNTER, forget=False)
        assert await store.find_attempts(COUNTER) is None
        await store.return_attempt(COUNTER, forget=False)
        assert await store.find_attempts(COUNTER) is None

    async def test_a_counter_is_forgotten(self, store: Store) -> None:
        await race(lambda: store.reserve_attempt(COUNTER, THREE_TRIES, NOW))
        await store.return_attempt(COUNTER, forget=True)
        assert await store.find_attempts(COUNTER) is None

    async def test_counters_do_not_touch_one_another(self, store: Store) -> None:
        await race(lambda: store.reserve_attempt(COUNTER, THREE_TRIES, NOW))
        assert await store.reserve_attempt(samples.digest("another"), THREE_TRIES, NOW) == 0


async def fill(store: Store, mira: User, end: int) -> None:
    """One record of each kind that expires, all with the same end."""
    await add_pending(store, expires_at=end)
    await store.create_authorization_code(samples.authorization_code(mira, expires_at=end))
    await store.create_browser_session(samples.browser_session(mira, f"until {end}", expires_at=end), replaces=None)
    await store.revoke_client(RevokedClient(client_digest=samples.digest(f"until {end}"), revoked_at=0, expires_at=end))
    await store.reserve_attempt(samples.digest(f"until {end}"), Schedule((), 0, end - NOW), NOW)
    approved = await add_approved(store, mira, expires_at=end)
    terms = samples.family_terms(family_lifetime=end - NOW)
    await store.redeem_device_authorization(samples.device_redemption(approved, family=terms))


async def sweep_all(store: Store, now: int, limit: int) -> int:
    """Sweep until every row must have been met; how many were deleted."""
    return sum([await store.sweep(now, limit) for _ in range(200)])


class Sweeping(Suite):
    async def test_what_has_expired_is_deleted_and_nothing_else(self, store: Store, mira: User) -> None:
        for end in (NOW + 9, NOW + 10, NOW + 11, NOW + 1_000):
            await fill(store, mira, end)
        live = await store.list_token_families(mira.user_id, NOW + 10)
        assert await sweep_all(store, NOW + 10, 100) == 2 * 6
        assert await store.list_token_families(mira.user_id, NOW) == live
        for end, kept in ((NOW + 10, False), (NOW + 11, True)):
            name = samples.digest(f"until {end}")
            assert (await store.find_browser_session(name) is not None) is kept
            assert (await store.find_attempts(name) is not None) is kept
            listed = {entry.client_digest for entry in await store.list_revoked_clients(0)}
            assert (name in listed) is kept
        assert await store.find_user(mira.user_id) == mira

    async def test_an_authorization_code_outlives_its_end(self, store: Store, mira: User) -> None:
        await fill(store, mira, NOW + 1)
        assert await sweep_all(store, NOW + REDEEMED_CODE_STAY, 100) == 6
        assert await sweep_all(store, NOW + REDEEMED_CODE_STAY + 1, 100) == 1

    async def test_people_keys_and_instance_are_never_swept(self, store: Store, mira: User) -> None:
        key = samples.ring_key()
        await store.ensure_ring_key(key, unless_newer_than=-1)
        await sweep_all(store, MAX_INTEGER, 100)
        assert await store.list_ring_keys() == [key]
        assert await store.list_users() == [mira]

    async def test_a_sweep_deletes_up_to_its_limit_of_each_kind(self, store: Store) -> None:
        for _ in range(25):
            await add_pending(store, expires_at=NOW)
        assert await store.sweep(NOW, 10) == 10
        assert await sweep_all(store, NOW, 10) == 15

    async def test_sweeping_goes_round(self, store: Store) -> None:
        """What lives long stands before and between what has expired, and grows in number."""
        for number in range(60):
            await add_pending(store, expires_at=NOW if number % 3 == 2 else NOW + 1_000)
        assert await sweep_all(store, NOW, 4) == 20
        assert await sweep_all(store, NOW + 1_000, 4) == 40

    async def test_sweeping_keeps_pace_with_what_expires(self, store: Store) -> None:
        """Rows that all live equally long are deleted soon after their end, however many live ones there are."""
        for second in range(200):
            await add_pending(store, expires_at=NOW + second)
        deleted = 0
        for second in range(200):
            deleted += await store.sweep(NOW + second, 4)
            assert deleted >= second - 8

    async def test_a_swept_user_code_may_be_given_out_again(self, store: Store) -> None:
        old = await add_pending(store, expires_at=NOW)
        await sweep_all(store, NOW, 10)
        new = await add_pending(store, user_code_digest=old.user_code_digest)
        assert await store.find_device_authorization_by_user_code(old.user_code_digest) == new

    async def test_a_redemption_of_what_was_swept_is_refused(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        family = await sign_in(store, mira)
        await sweep_all(store, family.expires_at, 10)
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved))
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.rotation(family))


class Company(Suite):
    """Verbs sent at once may share a transaction; what befalls one is not the others' concern."""

    async def test_a_refusal_does_not_harm_the_others(self, store: Store, mira: User) -> None:
        approved, family = await add_approved(store, mira), await sign_in(store, mira)
        stolen = await sign_in(store, mira)
        await store.rotate_refresh_token(samples.rotation(stolen))
        outcomes = await asyncio.gather(
            store.create_user(mira),
            store.redeem_device_authorization(samples.device_redemption(approved)),
            store.set_password("nobody", "a hash", NOW),
            store.rotate_refresh_token(samples.rotation(stolen, now=NOW + 100)),
            store.create_user(samples.user("newcomer")),
            store.redeem_device_authorization(samples.device_redemption(approved, client_digest=samples.OTHER_CLIENT)),
            store.rotate_refresh_token(samples.rotation(family)),
            return_exceptions=True,
        )
        expected: tuple[type[object], ...] = (AlreadyExists, TokenFamily, NotFound, InvalidGrantException, type(None))
        assert all(isinstance(outcome, kind) for outcome, kind in zip(outcomes[:5], expected, strict=True))
        assert isinstance(outcomes[5], InvalidGrantException)
        assert isinstance(outcomes[6], TokenFamily)
        assert (await require_family(store, stolen)).revoked_at == NOW + 100
        assert (await require_family(store, family)).generation == 1
        assert await store.find_user_by_name(samples.INSTANCE_ID, "newcomer") is not None

    async def test_work_that_the_store_cannot_write_harms_its_caller_only(self, store: Store, mira: User) -> None:
        family = await sign_in(store, mira)
        unfit = samples.device_authorization(client_name="\ud800", expires_at=2**80)
        outcomes = await asyncio.gather(
            store.rotate_refresh_token(samples.rotation(family)),
            store.create_device_authorization(unfit),
            store.create_user(samples.user("newcomer")),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], TokenFamily)
        assert outcomes[2] is None

    async def test_a_caller_that_gave_up_does_not_stop_the_others(self, store: Store, mira: User) -> None:
        families = [await sign_in(store, mira) for _ in range(6)]
        tasks = [asyncio.ensure_future(store.rotate_refresh_token(samples.rotation(family))) for family in families]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, TokenFamily) for outcome in outcomes[1::2])
        # What was given up happened entirely or not at all, and the store goes on.
        for family in families[::2]:
            assert (await require_family(store, family)).generation in (0, 1)
            await store.rotate_refresh_token(samples.rotation(family))
