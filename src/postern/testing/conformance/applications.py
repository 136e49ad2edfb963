"""Tokens of applications: an assertion becomes one token family, and nobody gets tokens through an application that may
not hand them out to this person at this very moment.
"""

import asyncio

import pytest

from postern.api.errors import InvalidGrantException
from postern.core.clients import JWT_BEARER, client_digest
from postern.core.records import AuthorizationCode, TokenFamily, User, UserStatus
from postern.core.store import AcceptAssertion, ConfigurationChange, Store
from postern.testing import samples
from postern.testing.conformance.impediments import (
    APPLICATION,
    ASSIGNMENT,
    ISSUER,
    OF_ASSERTIONS,
    OF_CODES,
    OF_ROTATIONS,
    SOURCE,
    ApplicationSuite,
    Impediment,
    each_of,
)
from postern.testing.conformance.suite import add_person, configure, race, require_family
from postern.testing.conformance.upkeep import sweep_all
from postern.testing.samples import ACCESS_LIFE, FAMILY_LIFE, IDLE_LIFE, NOW, WINDOW

ASSERTION = samples.digest("an assertion")


def acceptance(member: User, **changes: object) -> AcceptAssertion:
    return samples.acceptance(APPLICATION, member, **changes)


async def redeem(store: Store, code: AuthorizationCode, **changes: object) -> TokenFamily:
    own: dict[str, object] = {"client_digest": code.client_digest, "application_arn": code.application_arn}
    return await store.redeem_authorization_code(samples.code_redemption(code, **own | changes))


class Assertions(ApplicationSuite):
    async def test_an_assertion_becomes_a_family(self, store: Store, member: User) -> None:
        command = acceptance(member, now=NOW + 5)
        family = await store.accept_assertion(command)
        assert family == await require_family(store, family)
        assert family == TokenFamily(
            family_id=command.family.family_id,
            key_id=command.family.key_id,
            user_id=member.user_id,
            client_digest=client_digest(APPLICATION.application_arn),
            client_name=APPLICATION.name,
            scopes=command.scopes,
            issues_refresh_token=True,
            grant_type=JWT_BEARER,
            created_at=NOW + 5,
            expires_at=NOW + 5 + FAMILY_LIFE,
            rotated_at=NOW + 5,
            access_expires_at=NOW + 5 + ACCESS_LIFE,
            idle_expires_at=NOW + 5 + IDLE_LIFE,
            application_arn=APPLICATION.application_arn,
            authenticated_at=NOW - 60,
        )

    async def test_what_an_assertion_leaves_open_stays_open(self, store: Store, member: User) -> None:
        command = acceptance(member, scopes=(), issues_refresh_token=False, authenticated_at=None)
        family = await store.accept_assertion(command)
        assert family == await require_family(store, family)
        assert (family.scopes, family.issues_refresh_token, family.authenticated_at) == ((), False, None)

    async def test_of_rivals_with_one_assertion_one_gets_a_family(self, store: Store, member: User) -> None:
        outcomes = await race(lambda: store.accept_assertion(acceptance(member, assertion_digest=ASSERTION)))
        assert sum(isinstance(outcome, InvalidGrantException) for outcome in outcomes) == len(outcomes) - 1
        made = [outcome for outcome in outcomes if isinstance(outcome, TokenFamily)]
        assert made == await store.list_token_families(member.user_id, NOW)
        assert len(made) == 1

    @pytest.mark.parametrize("later", [-1_000, 0, 1, samples.ASSERTION_LIFE, FAMILY_LIFE])
    async def test_an_assertion_is_never_accepted_again(self, store: Store, member: User, later: int) -> None:
        """No window is open for it, and no other application or person gets anything for it either."""
        family = await store.accept_assertion(acceptance(member, assertion_digest=ASSERTION))
        noor = await add_person(store, "noor")
        changes = {"assertion_digest": ASSERTION, "now": NOW + later}
        for command in (
            acceptance(member, **changes),
            samples.acceptance(SOURCE, member, **changes),
            samples.acceptance(SOURCE, noor, **changes),
        ):
            with pytest.raises(InvalidGrantException):
                await store.accept_assertion(command)
        assert await require_family(store, family) == family
        assert await store.list_token_families(noor.user_id, NOW) == []

    async def test_a_revoked_family_does_not_free_its_assertion(self, store: Store, member: User) -> None:
        family = await store.accept_assertion(acceptance(member, assertion_digest=ASSERTION))
        await store.revoke_token_family(family.family_id, "signed out", NOW)
        with pytest.raises(InvalidGrantException):
            await store.accept_assertion(acceptance(member, assertion_digest=ASSERTION))

    async def test_each_assertion_becomes_a_family_of_its_own(self, store: Store, member: User) -> None:
        outcomes = await race(lambda: store.accept_assertion(acceptance(member)))
        assert len({outcome.family_id for outcome in outcomes if isinstance(outcome, TokenFamily)}) == len(outcomes)

    async def test_an_assertion_is_remembered_until_its_end(self, store: Store, member: User) -> None:
        end = NOW + 100
        command = acceptance(member, assertion_digest=ASSERTION, assertion_expires_at=end)
        await store.accept_assertion(command)
        assert await sweep_all(store, end - 1, 10) == 0
        with pytest.raises(InvalidGrantException):
            await store.accept_assertion(command)
        assert await sweep_all(store, end, 10) == 1
        await store.accept_assertion(acceptance(member, assertion_digest=ASSERTION))

    async def test_many_assertions_are_swept(self, store: Store, member: User) -> None:
        for number in range(30):
            await store.accept_assertion(acceptance(member, assertion_expires_at=NOW + (10 if number % 3 else 1_000)))
        assert await sweep_all(store, NOW + 10, 4) == 20
        assert await sweep_all(store, NOW + 1_000, 4) == 10

    @each_of(OF_ASSERTIONS)
    async def test_an_assertion_that_is_refused_is_not_used_up(
        self, store: Store, member: User, impediment: Impediment
    ) -> None:
        command = acceptance(member)
        await store.change_configuration(impediment.prevent)
        with pytest.raises(impediment.error):
            await store.accept_assertion(command)
        assert await store.find_token_family(command.family.family_id) is None
        await store.change_configuration(impediment.allow)
        await store.accept_assertion(command)

    async def test_a_disabled_person_gets_nothing_and_uses_nothing_up(self, store: Store, member: User) -> None:
        command = acceptance(member)
        await store.set_user_status(member.user_id, UserStatus.DISABLED, NOW)
        with pytest.raises(InvalidGrantException):
            await store.accept_assertion(command)
        await store.set_user_status(member.user_id, UserStatus.ENABLED, NOW)
        await store.accept_assertion(command)

    async def test_an_assertion_about_nobody_gives_nothing(self, store: Store, member: User) -> None:
        command = samples.acceptance(SOURCE, samples.user("nobody"))
        with pytest.raises(InvalidGrantException):
            await store.accept_assertion(command)
        assert await store.find_token_family(command.family.family_id) is None

    async def test_a_person_who_is_assigned_alone_is_enough(self, store: Store, member: User) -> None:
        noor = await add_person(store, "noor")
        await configure(store, samples.assignment(APPLICATION, noor))
        await store.accept_assertion(samples.acceptance(APPLICATION, noor))

    @pytest.mark.parametrize("gone", [APPLICATION, ASSIGNMENT, ISSUER], ids=["application", "assignment", "issuer"])
    async def test_nothing_is_accepted_after_the_configuration_has_changed(
        self, store: Store, member: User, gone: object
    ) -> None:
        error = next(each.error for each in OF_ASSERTIONS.values() if gone in each.prevent.remove)
        change = next(each.prevent for each in OF_ASSERTIONS.values() if gone in each.prevent.remove)

        async def keep_accepting() -> None:
            while True:
                await store.accept_assertion(acceptance(member))
                await asyncio.sleep(0)

        async def change_and_look() -> list[TokenFamily]:
            await asyncio.sleep(0.002)
            await store.change_configuration(change)
            return await store.list_token_families(member.user_id, NOW)

        after, *others = await asyncio.gather(
            change_and_look(), *(keep_accepting() for _ in range(4)), return_exceptions=True
        )
        assert {type(outcome) for outcome in others} == {error}
        assert isinstance(after, list)
        in_the_end = await store.list_token_families(member.user_id, NOW)
        assert len(in_the_end) - len(after) <= (len(others) if self.verbs_run_side_by_side else 0)


class ApplicationRotation(ApplicationSuite):
    async def test_an_application_rotates_its_family(self, store: Store, member: User) -> None:
        family = await store.accept_assertion(acceptance(member))
        rotated = await store.rotate_refresh_token(samples.application_rotation(family, now=NOW + 100))
        assert rotated == await require_family(store, family)
        assert (rotated.generation, rotated.application_arn) == (1, APPLICATION.application_arn)
        assert (rotated.authenticated_at, rotated.grant_type) == (NOW - 60, JWT_BEARER)

    @each_of(OF_ROTATIONS)
    async def test_a_rotation_that_is_refused_changes_nothing(
        self, store: Store, member: User, impediment: Impediment
    ) -> None:
        family = await store.accept_assertion(acceptance(member))
        rotated = await store.rotate_refresh_token(samples.application_rotation(family))
        await store.change_configuration(impediment.prevent)
        for presented in (family, rotated):
            with pytest.raises(impediment.error):
                await store.rotate_refresh_token(samples.application_rotation(presented))
        assert await require_family(store, family) == rotated
        await store.change_configuration(impediment.allow)
        assert await store.rotate_refresh_token(samples.application_rotation(family)) == rotated

    async def test_an_issuer_that_is_gone_stops_no_rotation(self, store: Store, member: User) -> None:
        family = await store.accept_assertion(acceptance(member))
        await store.change_configuration(ConfigurationChange(remove=(ISSUER,)))
        assert (await store.rotate_refresh_token(samples.application_rotation(family))).generation == 1


class ApplicationCodes(ApplicationSuite):
    @pytest.fixture
    async def application_code(self, store: Store, member: User) -> AuthorizationCode:
        code = samples.authorization_code(
            member,
            client_digest=client_digest(APPLICATION.application_arn),
            client_name=APPLICATION.name,
            application_arn=APPLICATION.application_arn,
            authenticated_at=NOW - 5,
            nonce="a nonce ' \u202e %",
        )
        await store.create_authorization_code(code)
        return code

    async def test_a_family_knows_what_its_code_knew(self, store: Store, application_code: AuthorizationCode) -> None:
        family = await redeem(store, application_code)
        assert family == await require_family(store, family)
        assert (family.application_arn, family.authenticated_at, family.nonce, family.parent_family_id) == (
            APPLICATION.application_arn,
            NOW - 5,
            application_code.nonce,
            None,
        )

    async def test_rotation_keeps_what_the_family_knows(
        self, store: Store, application_code: AuthorizationCode
    ) -> None:
        family = await redeem(store, application_code)
        rotated = await store.rotate_refresh_token(samples.application_rotation(family))
        assert rotated == await require_family(store, family)
        assert (rotated.application_arn, rotated.authenticated_at, rotated.nonce) == (
            family.application_arn,
            family.authenticated_at,
            family.nonce,
        )

    @each_of(OF_CODES)
    async def test_a_code_that_is_refused_is_not_used_up(
        self, store: Store, member: User, application_code: AuthorizationCode, impediment: Impediment
    ) -> None:
        await store.change_configuration(impediment.prevent)
        with pytest.raises(impediment.error):
            await redeem(store, application_code)
        assert await store.list_token_families(member.user_id, NOW) == []
        await store.change_configuration(impediment.allow)
        await redeem(store, application_code)

    @each_of(OF_CODES)
    async def test_a_redeemed_code_that_comes_again_is_refused_without_harm(
        self, store: Store, application_code: AuthorizationCode, impediment: Impediment
    ) -> None:
        family = await redeem(store, application_code)
        await store.change_configuration(impediment.prevent)
        with pytest.raises(impediment.error):
            await redeem(store, application_code)
        await store.change_configuration(impediment.allow)
        assert await redeem(store, application_code, now=NOW + WINDOW) == family

    @pytest.mark.parametrize("verifier", [samples.VERIFIER, "w" * 43])
    async def test_a_code_without_challenge_takes_no_verifier(self, store: Store, member: User, verifier: str) -> None:
        bare = samples.authorization_code(member, code_challenge="", application_arn=APPLICATION.application_arn)
        await store.create_authorization_code(bare)
        with pytest.raises(InvalidGrantException):
            await redeem(store, bare, code_verifier=verifier)
        family = await redeem(store, bare, code_verifier="")
        assert (family.authenticated_at, family.nonce) == (None, None)
