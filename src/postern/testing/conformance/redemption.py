"""Device authorizations and authorization codes: decided once, redeemed once, and no refusal consumes anything."""

import msgspec
import pytest

from postern.api.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    ExpiredTokenException,
    InvalidGrantException,
    InvalidScopeException,
)
from postern.core.records import AuthorizationCode, DeviceAuthorization, DeviceStatus, TokenFamily, User, UserStatus
from postern.core.store import Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_approved, add_pending, race, require_family
from postern.testing.samples import CODE_LIFE, DEVICE_LIFE, NOW, OTHER_CLIENT, WINDOW

BEYOND = ("sso:account:access", "s3:access_grants")


async def current(store: Store, authorization: DeviceAuthorization) -> DeviceAuthorization:
    found = await store.find_device_authorization(authorization.authorization_id)
    assert found is not None
    return found


async def redeem(store: Store, approved: DeviceAuthorization, **changes: object) -> TokenFamily:
    return await store.redeem_device_authorization(samples.device_redemption(approved, **changes))


class DeviceDecisions(Suite):
    @pytest.mark.parametrize("approve", [True, False])
    async def test_a_decision_is_remembered(self, store: Store, mira: User, approve: bool) -> None:
        pending = await add_pending(store)
        decided = await store.decide_device_authorization(
            samples.decision(pending, mira, approve=approve, now=pending.expires_at - 1)
        )
        assert decided == await current(store, pending)
        assert decided == msgspec.structs.replace(
            pending,
            status=DeviceStatus.APPROVED if approve else DeviceStatus.DENIED,
            user_id=mira.user_id,
            decided_at=pending.expires_at - 1,
            approver_address="198.51.100.7",
        )

    async def test_an_expired_authorization_is_not_decided(self, store: Store, mira: User) -> None:
        pending = await add_pending(store)
        with pytest.raises(ExpiredTokenException):
            await store.decide_device_authorization(samples.decision(pending, mira, now=pending.expires_at))
        assert await current(store, pending) == pending

    async def test_an_unknown_authorization_is_not_decided(self, store: Store, mira: User) -> None:
        with pytest.raises(ExpiredTokenException):
            await store.decide_device_authorization(samples.decision(samples.device_authorization(), mira))

    @pytest.mark.parametrize("gone", [True, False])
    async def test_a_disabled_person_does_not_decide(self, store: Store, mira: User, gone: bool) -> None:
        pending = await add_pending(store)
        await store.set_user_status(mira.user_id, UserStatus.DISABLED, NOW)
        with pytest.raises(AccessDeniedException):
            await store.decide_device_authorization(samples.decision(pending, samples.user("gone") if gone else mira))
        assert await current(store, pending) == pending

    async def test_of_rival_decisions_the_first_stands(self, store: Store, mira: User) -> None:
        pending = await add_pending(store)
        times = iter(range(NOW, NOW + 100))

        async def decide() -> DeviceAuthorization:
            now = next(times)
            return await store.decide_device_authorization(
                samples.decision(pending, mira, approve=bool(now % 2), now=now)
            )

        outcomes = await race(decide)
        assert {repr(outcome) for outcome in outcomes} == {repr(await current(store, pending))}

    async def test_an_authorization_that_was_redeemed_stays_decided(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        await redeem(store, approved)
        later = await store.decide_device_authorization(samples.decision(approved, mira, approve=False))
        assert later.status is DeviceStatus.REDEEMED


class DeviceRedemption(Suite):
    async def test_an_approved_authorization_becomes_a_family(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        terms = samples.family_terms()
        family = await redeem(store, approved, family=terms, now=NOW + 5)
        assert family == await require_family(store, family)
        assert family == TokenFamily(
            family_id=terms.family_id,
            key_id=terms.key_id,
            user_id=mira.user_id,
            client_digest=approved.client_digest,
            client_name=approved.client_name,
            scopes=approved.scopes,
            issues_refresh_token=True,
            grant_type=terms.grant_type,
            created_at=NOW + 5,
            expires_at=NOW + 5 + samples.FAMILY_LIFE,
            rotated_at=NOW + 5,
            access_expires_at=NOW + 5 + samples.ACCESS_LIFE,
            idle_expires_at=NOW + 5 + samples.IDLE_LIFE,
            authenticated_at=approved.decided_at,
        )
        redeemed = await current(store, approved)
        assert (redeemed.status, redeemed.family_id, redeemed.redeemed_at) == (
            DeviceStatus.REDEEMED,
            family.family_id,
            NOW + 5,
        )

    async def test_no_token_outlives_its_family(self, store: Store, mira: User) -> None:
        terms = samples.family_terms(family_lifetime=10)
        family = await redeem(store, await add_approved(store, mira), family=terms)
        assert (family.expires_at, family.access_expires_at, family.idle_expires_at) == (NOW + 10,) * 3

    async def test_of_rival_redeemers_one_makes_the_family_and_all_get_it(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        outcomes = await race(lambda: redeem(store, approved))
        assert all(isinstance(outcome, TokenFamily) for outcome in outcomes)
        assert len({repr(outcome) for outcome in outcomes}) == 1
        assert len(await store.list_token_families(mira.user_id, NOW)) == 1

    async def test_within_the_window_the_same_family_comes_again(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        family = await redeem(store, approved)
        assert await redeem(store, approved, now=NOW + WINDOW) == family

    async def test_after_the_window_a_redeemed_code_ends_the_family(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        family = await redeem(store, approved)
        with pytest.raises(InvalidGrantException):
            await redeem(store, approved, now=NOW + WINDOW + 1)
        assert (await require_family(store, family)).revoked_at == NOW + WINDOW + 1

    async def test_a_rotated_family_is_not_handed_out_for_its_code(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        family = await redeem(store, approved)
        await store.rotate_refresh_token(samples.rotation(family))
        with pytest.raises(InvalidGrantException):
            await redeem(store, approved)

    async def test_a_pending_authorization_is_pending_until_it_expires(self, store: Store, mira: User) -> None:
        pending = await add_pending(store)
        with pytest.raises(AuthorizationPendingException):
            await redeem(store, pending, now=pending.expires_at - 1)
        with pytest.raises(ExpiredTokenException):
            await redeem(store, pending, now=pending.expires_at)
        assert await current(store, pending) == pending

    async def test_an_approved_authorization_expires(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        with pytest.raises(ExpiredTokenException):
            await redeem(store, approved, now=approved.expires_at)
        await redeem(store, approved, now=approved.expires_at - 1)

    @pytest.mark.parametrize("later", [0, DEVICE_LIFE + 1])
    async def test_a_denied_authorization_is_denied_for_ever(self, store: Store, mira: User, later: int) -> None:
        pending = await add_pending(store)
        await store.decide_device_authorization(samples.decision(pending, mira, approve=False))
        with pytest.raises(AccessDeniedException):
            await redeem(store, pending, now=NOW + later)

    @pytest.mark.parametrize("later", [0, WINDOW + 1])
    async def test_another_client_redeems_nothing_and_harms_nothing(self, store: Store, mira: User, later: int) -> None:
        approved, redeemed = await add_approved(store, mira), await add_approved(store, mira)
        family = await redeem(store, redeemed)
        for authorization in (approved, redeemed, await add_pending(store), samples.device_authorization()):
            with pytest.raises(InvalidGrantException):
                await redeem(store, authorization, client_digest=OTHER_CLIENT, now=NOW + later)
        assert await current(store, approved) == approved
        assert await require_family(store, family) == family

    async def test_more_scopes_than_granted_consume_nothing(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        with pytest.raises(InvalidScopeException):
            await redeem(store, approved, requested_scopes=BEYOND)
        assert await current(store, approved) == approved
        assert (await redeem(store, approved, requested_scopes=BEYOND[:1])).scopes == samples.SCOPES

    async def test_approval_by_one_who_is_disabled_since_gives_nothing(self, store: Store, mira: User) -> None:
        approved = await add_approved(store, mira)
        await store.set_user_status(mira.user_id, UserStatus.DISABLED, NOW)
        with pytest.raises(InvalidGrantException):
            await redeem(store, approved)
        await store.set_user_status(mira.user_id, UserStatus.ENABLED, NOW)
        with pytest.raises(InvalidGrantException):
            await redeem(store, approved)
        assert await store.list_token_families(mira.user_id, NOW) == []


class CodeRedemption(Suite):
    @pytest.fixture
    async def code(self, store: Store, mira: User) -> AuthorizationCode:
        code = samples.authorization_code(mira)
        await store.create_authorization_code(code)
        return code

    async def test_of_rival_redeemers_of_a_code_one_makes_the_family(
        self, store: Store, mira: User, code: AuthorizationCode
    ) -> None:
        outcomes = await race(lambda: store.redeem_authorization_code(samples.code_redemption(code)))
        assert {repr(outcome) for outcome in outcomes} == {
            repr(family) for family in await store.list_token_families(mira.user_id, NOW)
        }

    async def test_a_code_comes_again_within_the_window_only(self, store: Store, code: AuthorizationCode) -> None:
        family = await store.redeem_authorization_code(samples.code_redemption(code, now=code.expires_at - 1))
        edge = code.expires_at - 1 + WINDOW
        assert await store.redeem_authorization_code(samples.code_redemption(code, now=edge)) == family
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code, now=edge + 1))
        assert (await require_family(store, family)).revoked_at == edge + 1

    @pytest.mark.parametrize(
        "change",
        [
            {"client_digest": OTHER_CLIENT},
            {"redirect_uri": samples.REDIRECT_URI + "/"},
            {"redirect_uri": samples.REDIRECT_URI.upper()},
            {"code_verifier": "w" * 43},
            {"now": NOW + CODE_LIFE},
            {"code_id": 1},
        ],
        ids=lambda change: next(iter(change)),
    )
    async def test_a_wrong_redemption_does_not_consume_the_code(
        self, store: Store, code: AuthorizationCode, change: dict[str, object]
    ) -> None:
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code, **change))
        await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_the_third_wrong_verifier_burns_the_code(self, store: Store, code: AuthorizationCode) -> None:
        for _ in range(3):
            with pytest.raises(InvalidGrantException):
                await store.redeem_authorization_code(samples.code_redemption(code, code_verifier="w" * 43))
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_wrong_verifiers_of_another_client_do_not_count(self, store: Store, code: AuthorizationCode) -> None:
        stranger = samples.code_redemption(code, code_verifier="w" * 43, client_digest=OTHER_CLIENT)
        outcomes = await race(lambda: store.redeem_authorization_code(stranger))
        assert {type(outcome) for outcome in outcomes} == {InvalidGrantException}
        await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_more_scopes_than_the_code_has_consume_nothing(self, store: Store, code: AuthorizationCode) -> None:
        with pytest.raises(InvalidScopeException):
            await store.redeem_authorization_code(samples.code_redemption(code, requested_scopes=BEYOND))
        await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_a_code_of_one_who_is_disabled_since_gives_nothing(
        self, store: Store, mira: User, code: AuthorizationCode
    ) -> None:
        for status in (UserStatus.DISABLED, UserStatus.ENABLED):
            await store.set_user_status(mira.user_id, status, NOW)
            with pytest.raises(InvalidGrantException):
                await store.redeem_authorization_code(samples.code_redemption(code))
        assert await store.list_token_families(mira.user_id, NOW) == []

    async def test_a_code_that_is_made_for_a_disabled_person_gives_nothing(self, store: Store, mira: User) -> None:
        await store.set_user_status(mira.user_id, UserStatus.DISABLED, NOW)
        code = samples.authorization_code(mira)
        await store.create_authorization_code(code)
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))
