"""Token exchange: what is made from a sign-in ends with it, whatever ends it."""

import asyncio

import msgspec
import pytest

from postern.api.errors import InvalidGrantException
from postern.core.clients import TOKEN_EXCHANGE, client_digest
from postern.core.directory.records import AccessScope, TokenExchangeOptions
from postern.core.grants.token_exchange import MAX_LINEAGE
from postern.core.records import TokenFamily, User, UserStatus
from postern.core.store import ConfigurationChange, Store
from postern.testing import samples
from postern.testing.conformance.impediments import (
    APPLICATION,
    OF_EXCHANGES,
    OF_ROTATIONS,
    SOURCE,
    ApplicationSuite,
    Impediment,
    each_of,
    subject_of,
    with_grant,
)
from postern.testing.conformance.sign_ins import REVOCATIONS, revoke
from postern.testing.conformance.suite import race, require_family, sign_in
from postern.testing.conformance.upkeep import sweep_all
from postern.testing.samples import ACCESS_LIFE, FAMILY_LIFE, IDLE_LIFE, NOW, SCOPES, WINDOW


async def exchange(store: Store, subject: TokenFamily, **changes: object) -> TokenFamily:
    """By the application that the subject is not of."""
    by = SOURCE if subject.application_arn == APPLICATION.application_arn else APPLICATION
    return await store.exchange_token(samples.exchange(subject, by, **changes))


async def longest_lineage(store: Store, member: User) -> list[TokenFamily]:
    """As many families, each made from the next one, as there can be."""
    lineage = [await subject_of(store, member)]
    while len(lineage) < MAX_LINEAGE:
        lineage.insert(0, await exchange(store, lineage[0]))
    return lineage


class Exchanges(ApplicationSuite):
    async def test_a_token_becomes_a_family_of_the_other_application(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        terms = samples.family_terms(grant_type=TOKEN_EXCHANGE, family_lifetime=FAMILY_LIFE - 10)
        family = await exchange(store, subject, family=terms, now=NOW + 5)
        assert family == await require_family(store, family)
        assert family == TokenFamily(
            family_id=terms.family_id,
            key_id=terms.key_id,
            user_id=member.user_id,
            client_digest=client_digest(APPLICATION.application_arn),
            client_name=APPLICATION.name,
            scopes=(samples.APPLICATION_SCOPE,),
            issues_refresh_token=True,
            grant_type=TOKEN_EXCHANGE,
            created_at=NOW + 5,
            expires_at=NOW + FAMILY_LIFE - 5,
            rotated_at=NOW + 5,
            access_expires_at=NOW + 5 + ACCESS_LIFE,
            idle_expires_at=NOW + 5 + IDLE_LIFE,
            application_arn=APPLICATION.application_arn,
            parent_family_id=subject.family_id,
            authenticated_at=subject.authenticated_at,
        )
        assert await require_family(store, subject) == subject

    async def test_a_token_may_be_exchanged_as_often_as_it_is_presented(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        outcomes = await race(lambda: exchange(store, subject))
        assert len({outcome.family_id for outcome in outcomes if isinstance(outcome, TokenFamily)}) == len(outcomes)

    @pytest.mark.parametrize("life", [1, 100, ACCESS_LIFE + 1, IDLE_LIFE])
    async def test_nothing_of_an_exchanged_family_outlives_the_sign_in(
        self, store: Store, member: User, life: int
    ) -> None:
        end = NOW + life
        subject = await subject_of(store, member, family=samples.family_terms(family_lifetime=life))
        family = await exchange(store, subject, now=end - 1)
        grandchild = await exchange(store, family, now=end - 1)
        for made in (family, grandchild):
            assert (made.expires_at, made.access_expires_at, made.idle_expires_at) == (end, end, end)
            rotated = await store.rotate_refresh_token(samples.application_rotation(made, now=end - 1))
            assert (rotated.expires_at, rotated.access_expires_at, rotated.idle_expires_at) == (end, end, end)
            with pytest.raises(InvalidGrantException):
                await store.rotate_refresh_token(samples.application_rotation(rotated, now=end))

    @pytest.mark.parametrize(
        "change",
        [
            {"subject_family_id": 1},
            {"now": NOW + FAMILY_LIFE},
            {"subject_scopes": ()},
            {"subject_scopes": ("openid", *SCOPES)},
            {"instance_arn": f"{samples.INSTANCE_ARN}2"},
            {"client_digest": client_digest(SOURCE.application_arn)},
        ],
        ids=lambda change: next(iter(change)),
    )
    async def test_an_exchange_that_is_not_meant_is_refused(
        self, store: Store, member: User, change: dict[str, object]
    ) -> None:
        subject = await subject_of(store, member)
        with pytest.raises(InvalidGrantException):
            await exchange(store, subject, **change)
        assert await store.list_token_families(member.user_id, NOW) == [subject]

    @each_of(OF_EXCHANGES)
    async def test_an_impeded_exchange_makes_nothing(self, store: Store, member: User, impediment: Impediment) -> None:
        subject = await subject_of(store, member)
        await store.change_configuration(impediment.prevent)
        with pytest.raises(impediment.error):
            await exchange(store, subject)
        assert await store.list_token_families(member.user_id, NOW) == [subject]
        await store.change_configuration(impediment.allow)
        await exchange(store, subject)

    @each_of(OF_ROTATIONS)
    async def test_an_impeded_rotation_of_an_exchanged_family_changes_nothing(
        self, store: Store, member: User, impediment: Impediment
    ) -> None:
        family = await exchange(store, await subject_of(store, member))
        await store.change_configuration(impediment.prevent)
        with pytest.raises(impediment.error):
            await store.rotate_refresh_token(samples.application_rotation(family))
        assert await require_family(store, family) == family

    async def test_a_token_for_one_application_is_not_for_another(self, store: Store, member: User) -> None:
        third = samples.application(3, assignment_required=False)
        scope = AccessScope(scope=samples.APPLICATION_SCOPE, authorized_targets=(APPLICATION.application_arn,))
        narrowed = samples.application(4, access_scopes=(scope,))
        await store.change_configuration(
            ConfigurationChange(create=(third, narrowed, samples.assignment(narrowed, member)))
        )
        subject = await store.accept_assertion(samples.acceptance(narrowed, member))
        await store.exchange_token(samples.exchange(subject, APPLICATION))
        with pytest.raises(InvalidGrantException):
            await store.exchange_token(samples.exchange(subject, third))

    @pytest.mark.parametrize("accepted, exchanged", [(SCOPES[:1], True), (("openid",), False), ((), False)])
    async def test_a_token_of_a_public_client_is_for_who_accepts_its_scopes(
        self, store: Store, member: User, accepted: tuple[str, ...], exchanged: bool
    ) -> None:
        accepting = with_grant(APPLICATION, token_exchange=TokenExchangeOptions(accepted_scopes=accepted))
        await store.change_configuration(ConfigurationChange(replace=((APPLICATION, accepting),)))
        subject = await sign_in(store, member)
        if exchanged:
            family = await exchange(store, subject)
            assert (family.parent_family_id, family.authenticated_at) == (subject.family_id, subject.authenticated_at)
        else:
            with pytest.raises(InvalidGrantException):
                await exchange(store, subject)


class Lineages(ApplicationSuite):
    async def test_a_lineage_begins_with_the_family_and_ends_with_the_sign_in(self, store: Store, member: User) -> None:
        lineage = await longest_lineage(store, member)
        for place, family in enumerate(lineage):
            assert await store.find_lineage(family.family_id) == lineage[place:]
        assert await store.find_lineage(1) == []

    async def test_a_lineage_has_an_end(self, store: Store, member: User) -> None:
        lineage = await longest_lineage(store, member)
        with pytest.raises(InvalidGrantException):
            await exchange(store, lineage[0])
        assert await store.list_token_families(member.user_id, NOW) == lineage
        rotated = await store.rotate_refresh_token(samples.application_rotation(lineage[0]))
        assert await store.find_lineage(rotated.family_id) == [rotated, *lineage[1:]]

    @pytest.mark.parametrize("place", range(1, MAX_LINEAGE))
    async def test_what_was_made_from_a_family_ends_with_it(self, store: Store, member: User, place: int) -> None:
        lineage = await longest_lineage(store, member)
        assert await store.revoke_token_family(lineage[place].family_id, "signed out", NOW)
        for family in lineage[:place]:
            with pytest.raises(InvalidGrantException):
                await store.rotate_refresh_token(samples.application_rotation(family))
            with pytest.raises(InvalidGrantException):
                await exchange(store, family)
        assert await store.list_token_families(member.user_id, NOW) == lineage[place + 1 :]
        for family in lineage[place + 1 :]:
            await store.rotate_refresh_token(samples.application_rotation(family))

    async def test_what_has_ended_with_its_origin_is_not_ended_again(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        family = await exchange(store, subject)
        await store.revoke_token_family(subject.family_id, "signed out", NOW)
        assert await store.revoke_token_family(family.family_id, "signed out", NOW) is False

    async def test_the_origin_outlives_what_was_made_from_it(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        family = await exchange(store, subject)
        assert await store.revoke_token_family(family.family_id, "signed out", NOW)
        await store.rotate_refresh_token(samples.application_rotation(subject))
        await exchange(store, subject)

    @pytest.mark.parametrize("how", REVOCATIONS)
    async def test_every_way_to_end_a_sign_in_ends_what_was_made_from_it(
        self, store: Store, member: User, how: str
    ) -> None:
        subject = await subject_of(store, member)
        family = await exchange(store, subject)
        await revoke(store, how, subject)
        await store.set_user_status(member.user_id, UserStatus.ENABLED, NOW)
        with pytest.raises(InvalidGrantException):
            await exchange(store, subject)
        for later in (0, -FAMILY_LIFE):
            with pytest.raises(InvalidGrantException):
                await store.rotate_refresh_token(samples.application_rotation(family, now=NOW + later))
        assert await store.list_token_families(member.user_id, NOW) == []

    async def test_a_stolen_refresh_token_of_the_origin_ends_what_was_made_from_it(
        self, store: Store, member: User
    ) -> None:
        subject = await subject_of(store, member)
        family = await exchange(store, subject)
        await store.rotate_refresh_token(samples.application_rotation(subject))
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.application_rotation(subject, now=NOW + WINDOW + 1))
        with pytest.raises(InvalidGrantException):
            await store.rotate_refresh_token(samples.application_rotation(family))
        assert await require_family(store, family) == family

    async def test_a_lineage_whose_origin_was_swept_ends_early(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member, family=samples.family_terms(family_lifetime=100))
        family = await exchange(store, subject)
        assert family.expires_at == subject.expires_at
        await store.sweep(subject.expires_at, 1)
        assert await store.find_lineage(family.family_id) == [family]
        with pytest.raises(InvalidGrantException):
            await exchange(store, family, now=NOW)
        with pytest.raises(InvalidGrantException):  # though the clock steps back
            await store.rotate_refresh_token(samples.application_rotation(family))
        assert await store.list_token_families(member.user_id, NOW) == []
        await sweep_all(store, subject.expires_at, 10)
        assert await store.find_lineage(family.family_id) == []

    async def test_a_sign_in_that_was_idle_for_too_long_is_not_exchanged(self, store: Store, member: User) -> None:
        subject = await subject_of(store, member)
        await exchange(store, subject, now=NOW + IDLE_LIFE - 1)
        with pytest.raises(InvalidGrantException):
            await exchange(store, subject, now=NOW + IDLE_LIFE)

    async def test_an_origin_that_the_person_may_not_use_any_more_vouches_for_nothing(
        self, store: Store, member: User
    ) -> None:
        subject = await subject_of(store, member)
        source = await store.find_application(subject.application_arn or "")
        assert source is not None
        closed = msgspec.structs.replace(source, assignment_required=True)
        await store.change_configuration(ConfigurationChange(replace=((source, closed),)))
        with pytest.raises(InvalidGrantException):
            await exchange(store, subject)

    @pytest.mark.parametrize("how", REVOCATIONS)
    async def test_nothing_is_made_from_a_sign_in_after_its_revocation_returned(
        self, store: Store, member: User, how: str
    ) -> None:
        subject = await subject_of(store, member)
        made: list[TokenFamily] = []

        async def keep_exchanging() -> None:
            while True:
                made.append(await exchange(store, subject))
                await asyncio.sleep(0)

        async def revoke_and_look() -> list[TokenFamily]:
            await asyncio.sleep(0.002)
            await revoke(store, how, subject)
            return await store.list_token_families(member.user_id, NOW)

        after, *exchanges = await asyncio.gather(
            revoke_and_look(), *(keep_exchanging() for _ in range(4)), return_exceptions=True
        )
        assert after == []
        assert {type(outcome) for outcome in exchanges} == {InvalidGrantException}
        assert await store.list_token_families(member.user_id, NOW) == []
        for family in made[:3] + made[-3:]:
            with pytest.raises(InvalidGrantException):
                await store.rotate_refresh_token(samples.application_rotation(family))
