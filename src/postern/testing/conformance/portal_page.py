"""What the portal page asks of a store: all that a person may be, and an end to all other sign-ins."""

import pytest

from postern.api.errors import InvalidGrantException
from postern.core.directory.records import AssignedRole
from postern.core.records import User
from postern.core.store import ConfigurationChange, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_approved, add_person, configure, require_family, sign_in
from postern.testing.samples import NOW

ADMIN, READER = samples.permission_set("Admin"), samples.permission_set("Reader")
FIRST, SECOND, THIRD = (samples.account(f"{number:012d}") for number in range(1, 4))


class PortalPages(Suite):
    async def test_all_roles_of_a_person_are_those_of_each_account_in_order_and_once(
        self, store: Store, mira: User
    ) -> None:
        analysts, noor = samples.group("analysts"), await add_person(store, "noor")
        namesake = samples.group("namesake", group_id=mira.user_id)
        await configure(store, analysts, namesake, samples.membership(analysts, mira), FIRST, SECOND, THIRD)
        await configure(store, ADMIN, READER)
        await configure(
            store,
            samples.account_assignment(SECOND, READER, mira),
            samples.account_assignment(SECOND, ADMIN, mira),
            samples.account_assignment(SECOND, ADMIN, analysts),
            samples.account_assignment(FIRST, READER, analysts),
            samples.account_assignment(FIRST, ADMIN, noor),
            samples.account_assignment(THIRD, ADMIN, namesake),
            samples.account_assignment(FIRST, ADMIN, namesake),
        )
        found = await store.list_all_assigned_roles(mira.user_id)
        assert found == [
            AssignedRole(account=account, permission_set=permission_set)
            for account, permission_set in ((FIRST, READER), (SECOND, ADMIN), (SECOND, READER))
        ]
        assert await store.list_all_assigned_roles("nobody") == []
        await store.change_configuration(ConfigurationChange(remove=(FIRST, ADMIN)))
        assert [each.permission_set for each in await store.list_all_assigned_roles(mira.user_id)] == [READER]

    async def test_all_other_sign_ins_end_and_one_browser_stays(self, store: Store, mira: User) -> None:
        noor = await add_person(store, "noor")
        ended, others = await sign_in(store, mira), await sign_in(store, noor)
        approved, code = await add_approved(store, mira), samples.authorization_code(mira)
        await store.create_authorization_code(code)
        here, elsewhere = samples.browser_session(mira, "here"), samples.browser_session(mira, "elsewhere")
        of_noor = samples.browser_session(noor, "of noor")
        for session in (here, elsewhere, of_noor):
            await store.create_browser_session(session, None)
        keeps = here.session_digest
        assert await store.end_other_sign_ins(mira.user_id, keeps, "all ended", NOW) == [ended]
        assert await store.end_other_sign_ins(mira.user_id, keeps, "all ended again", NOW + 1) == []
        assert (await require_family(store, ended)).revocation_reason == "all ended"
        assert await store.list_token_families(noor.user_id, NOW) == [others]
        assert await store.find_browser_session(keeps) == here
        assert await store.find_browser_session(elsewhere.session_digest) is None
        assert await store.find_browser_session(of_noor.session_digest) == of_noor
        with pytest.raises(InvalidGrantException):
            await store.redeem_device_authorization(samples.device_redemption(approved))
        with pytest.raises(InvalidGrantException):
            await store.redeem_authorization_code(samples.code_redemption(code))

    async def test_the_browser_of_another_person_is_not_kept(self, store: Store, mira: User) -> None:
        noor = await add_person(store, "noor")
        of_noor, of_mira = samples.browser_session(noor, "of noor"), samples.browser_session(mira, "of mira")
        for session in (of_noor, of_mira):
            await store.create_browser_session(session, None)
        assert await store.end_other_sign_ins(mira.user_id, of_noor.session_digest, "all ended", NOW) == []
        assert await store.find_browser_session(of_mira.session_digest) is None
        assert await store.find_browser_session(of_noor.session_digest) == of_noor
