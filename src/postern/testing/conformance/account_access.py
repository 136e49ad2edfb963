"""What people may be where: by themselves or by a group, in order, page by page, and of their own instance alone."""

import pytest

from postern.core.directory.records import AccountAssignment, AssignedRole, Group
from postern.core.records import User
from postern.core.store import ConfigurationChange, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_person, configure

ADMIN = samples.permission_set("Admin")
READER = samples.permission_set("Reader")
BUILDER = samples.permission_set("builder")
ACCOUNTS = [samples.account(f"{number:012d}") for number in range(1, 31)]


class AccountAccess(Suite):
    @pytest.fixture
    async def analysts(self, store: Store, mira: User) -> Group:
        """A group that Mira is in; and there are accounts and permission sets."""
        analysts = samples.group("analysts")
        await configure(store, analysts, samples.membership(analysts, mira), *ACCOUNTS, ADMIN, READER, BUILDER)
        return analysts

    async def test_nobody_has_an_account_that_is_not_assigned(self, store: Store, mira: User, analysts: Group) -> None:
        other = await add_person(store, "noor")
        await configure(store, samples.account_assignment(ACCOUNTS[0], ADMIN, other))
        assert await store.list_assigned_accounts(mira.user_id, "", 10) == []
        assert await store.list_assigned_roles(mira.user_id, ACCOUNTS[0].account_id) == []
        assert await store.find_assigned_role(mira.user_id, ACCOUNTS[0].account_id, "Admin") is None
        assert await store.list_assigned_accounts("nobody", "", 10) == []
        assert await store.list_assigned_roles("nobody", ACCOUNTS[0].account_id) == []
        assert await store.find_assigned_role("nobody", ACCOUNTS[0].account_id, "Admin") is None

    async def test_own_assignments_and_those_of_groups_count_and_once(
        self, store: Store, mira: User, analysts: Group
    ) -> None:
        first, second, third = ACCOUNTS[:3]
        await configure(
            store,
            samples.account_assignment(second, ADMIN, mira),
            samples.account_assignment(second, READER, mira),
            samples.account_assignment(second, ADMIN, analysts),
            samples.account_assignment(first, READER, analysts),
            samples.account_assignment(third, BUILDER, analysts),
        )
        assert await store.list_assigned_accounts(mira.user_id, "", 10) == [first, second, third]
        assert await store.list_assigned_roles(mira.user_id, second.account_id) == [ADMIN, READER]
        assert await store.list_assigned_roles(mira.user_id, first.account_id) == [READER]
        assert await store.find_assigned_role(mira.user_id, second.account_id, "Admin") == AssignedRole(
            account=second, permission_set=ADMIN
        )
        assert await store.find_assigned_role(mira.user_id, first.account_id, "Admin") is None
        for name in ("admin", "", "Admin ", "%", "Builder"):
            assert await store.find_assigned_role(mira.user_id, second.account_id, name) is None

    @pytest.mark.parametrize("limit", [1, 3, 7, 29, 30, 100])
    async def test_page_by_page_is_the_whole_in_order(
        self, store: Store, mira: User, analysts: Group, limit: int
    ) -> None:
        assignments = [
            samples.account_assignment(account, role, (mira, analysts)[(number + half) % 2])
            for number, account in enumerate(reversed(ACCOUNTS))
            for half, role in enumerate((ADMIN, READER))
            if number % 3 or not half
        ]
        await configure(store, *assignments)
        found, after = [], ""
        while page := await store.list_assigned_accounts(mira.user_id, after, limit):
            assert len(page) <= limit
            found += page
            after = page[-1].account_id
        assert found == ACCOUNTS

    async def test_who_leaves_a_group_has_nothing_of_it(self, store: Store, mira: User, analysts: Group) -> None:
        await configure(store, samples.account_assignment(ACCOUNTS[0], ADMIN, analysts))
        await store.change_configuration(ConfigurationChange(remove=(samples.membership(analysts, mira),)))
        assert await store.list_assigned_accounts(mira.user_id, "", 10) == []
        assert await store.find_assigned_role(mira.user_id, ACCOUNTS[0].account_id, "Admin") is None

    async def test_a_group_with_the_id_of_a_person_is_not_that_person(
        self, store: Store, mira: User, analysts: Group
    ) -> None:
        namesake = samples.group("namesake", group_id=mira.user_id)
        await configure(store, namesake, samples.account_assignment(ACCOUNTS[0], ADMIN, namesake))
        assert await store.list_assigned_accounts(mira.user_id, "", 10) == []
        assert await store.list_assigned_roles(mira.user_id, ACCOUNTS[0].account_id) == []

    async def test_the_groups_of_a_person_are_listed_by_name(self, store: Store, mira: User, analysts: Group) -> None:
        builders, others = samples.group("Builders"), samples.group("others")
        await configure(store, others, builders, samples.membership(builders, mira))
        assert await store.list_groups_of(mira.user_id) == [builders, analysts]
        assert await store.list_groups_of("nobody") == []

    async def test_an_account_that_is_gone_hides_no_later_one(self, store: Store, mira: User, analysts: Group) -> None:
        """Another person's view of the same rows goes on too."""
        await configure(store, *(samples.account_assignment(account, ADMIN, mira) for account in ACCOUNTS[:5]))
        await store.change_configuration(ConfigurationChange(remove=(ACCOUNTS[1], ACCOUNTS[2])))
        assert await store.list_assigned_accounts(mira.user_id, "", 2) == [ACCOUNTS[0], ACCOUNTS[3]]
        assert await store.list_assigned_roles(mira.user_id, ACCOUNTS[1].account_id) == []
        left = await store.list_configuration(AccountAssignment)
        assert {each.account_id for each in left} == {ACCOUNTS[place].account_id for place in (0, 3, 4)}
