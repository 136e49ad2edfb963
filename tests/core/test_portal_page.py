"""What the portal page shows: the person's own accounts, in order, searched and page by page."""

import msgspec
import pytest

from postern.core import portal_page
from postern.core.portal_page import PAGE_SIZE, PortalPage, find_accounts
from postern.testing import samples
from tests.core.portal_world import add_group, assign, create, remove
from tests.core.world import World

ADMIN, READER = samples.permission_set("Admin"), samples.permission_set("ReadOnly")


async def found(world: World, query: str = "", number: int = 1) -> PortalPage:
    return await find_accounts(world.service, world.person, query, number)


def shown(page: PortalPage) -> dict[str, list[str]]:
    return {each.account.name: [role.name for role in each.roles] for each in page.accounts}


@pytest.fixture
async def company(world: World) -> World:
    """Three accounts by themselves or by a group, and one that is not the person's."""
    names = {"web-prod 1-2": "111122223333", "Web-Test": "111122224444", "data prod": "555566667777", "Other": "9" * 12}
    web, test, data, other = (samples.account(number, name=name) for name, number in names.items())
    await create(world, web, test, data, other, ADMIN, READER)
    await assign(world, web, [ADMIN, READER])
    await assign(world, test, [READER])
    group = await add_group(world, "analysts", world.person)
    await assign(world, data, [ADMIN], group)
    await assign(world, web, [ADMIN], group)
    return world


async def test_the_persons_own_accounts_are_there_by_name_and_each_role_once(company: World) -> None:
    page = await found(company)
    assert shown(page) == {"data prod": ["Admin"], "web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}
    assert (page.number, page.last, page.found, page.total) == (1, 1, 3, 3)


@pytest.mark.parametrize(
    "query, expected",
    [
        ("", {"data prod": ["Admin"], "web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}),
        ("   ", {"data prod": ["Admin"], "web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}),
        ("WEB", {"web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}),
        ("ｗｅｂ", {"web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}),  # noqa: RUF001
        ("prod web", {"web-prod 1-2": ["Admin", "ReadOnly"]}),
        ("1-2", {"web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}),
        ("5555-6666-7777", {"data prod": ["Admin"]}),
        ("55556666", {"data prod": ["Admin"]}),
        ("5555 6666", {"data prod": ["Admin"]}),
        ("admin", {"data prod": ["Admin"], "web-prod 1-2": ["Admin"]}),
        ("prod read", {"web-prod 1-2": ["ReadOnly"]}),
        ("admin read", {}),
        ("other", {}),
        ("-", {"web-prod 1-2": ["Admin", "ReadOnly"], "Web-Test": ["ReadOnly"]}),
        ("%", {}),
        (".*", {}),
        ("prod" + " x" * 500, {}),
    ],
)
async def test_each_word_is_found_in_the_account_or_in_the_role(
    company: World, query: str, expected: dict[str, list[str]]
) -> None:
    page = await found(company, query)
    assert shown(page) == expected
    assert (page.found, page.total) == (len(expected), 3)
    assert len(page.query) <= 128


async def test_pages_together_are_the_whole_and_a_number_beyond_them_is_the_nearest(world: World) -> None:
    accounts = [samples.account(f"{number:012d}", name=f"account {number:03d}") for number in range(2 * PAGE_SIZE + 1)]
    await create(world, *accounts, ADMIN)
    for account in accounts:
        await assign(world, account, [ADMIN])
    pages = [await found(world, "account", number) for number in (1, 2, 3)]
    assert [name for page in pages for name in shown(page)] == [account.name for account in accounts]
    assert [page.last for page in pages] == [3, 3, 3]
    assert (await found(world, "account", 999_999)) == pages[2]
    assert (await found(world, "account", 0)) == pages[0]


async def test_nobody_else_and_nothing_that_was_taken_away_is_shown(company: World) -> None:
    stranger = msgspec.structs.replace(company.person, user_id="somebody else")
    assert (await find_accounts(company.service, stranger, "", 1)).total == 0
    await remove(company, ADMIN)
    assert shown(await found(company)) == {"web-prod 1-2": ["ReadOnly"], "Web-Test": ["ReadOnly"]}


async def test_many_words_look_no_longer_at_a_name_than_one(company: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    folded = portal_page._folded

    def counting(text: str) -> str:
        looked_at.append(text)
        return folded(text)

    monkeypatch.setattr(portal_page, "_folded", counting)
    await found(company, "admin")
    of_one = looked_at.count("Admin")
    looked_at.clear()
    assert shown(await found(company, "a d m i n " * 12)) == {"data prod": ["Admin"], "web-prod 1-2": ["Admin"]}
    assert looked_at.count("Admin") == of_one
