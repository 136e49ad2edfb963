"""ListAccounts, ListAccountRoles and GetRoleCredentials: statements 130 to 134 of the security design."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from postern.api.errors import (
    ForbiddenException,
    PortalInvalidRequestException,
    TooManyRequestsException,
    UnauthorizedException,
)
from postern.api.portal import (
    GetRoleCredentialsRequest,
    ListAccountRolesRequest,
    ListAccountRolesResponse,
    ListAccountsRequest,
    ListAccountsResponse,
    LogoutRequest,
    RoleCredentials,
)
from postern.core.audit import EventName
from postern.core.clients import JWT_BEARER
from postern.core.directory.records import AccessScope, ApplicationGrants, Status
from postern.core.get_role_credentials import credentials_of, get_role_credentials
from postern.core.iam.access_keys import open_session_token
from postern.core.list_account_roles import list_account_roles
from postern.core.list_accounts import list_accounts
from postern.core.logout import logout
from postern.core.pacing import Pacer
from postern.core.policy import DAY, HOUR
from postern.core.portal_access import PortalAccess
from postern.core.records import UserStatus
from postern.core.role_credentials.session_names import session_name
from postern.core.scopes import LEGACY_PORTAL
from postern.core.store import ConfigurationChange
from postern.testing import samples
from tests.core.application_world import add_application, change, open_issuer, with_iam
from tests.core.application_world import assign as assign_application
from tests.core.portal_world import ACCOUNT_ID, OTHER_ACCOUNT_ID, add_group, add_portal, assign, create, remove
from tests.core.world import ACCOUNT_ACCESS, LAPTOP, World, present, refused


class Visitor:
    """Somebody at the portal with an access token."""

    def __init__(self, world: World, access_token: str) -> None:
        self.world = world
        self.access_token = access_token

    async def accounts(self, max_results: int | None = None, next_token: str | None = None) -> ListAccountsResponse:
        request = ListAccountsRequest(access_token=self.access_token, max_results=max_results, next_token=next_token)
        return await list_accounts(self.world.service, request, LAPTOP)

    async def roles(
        self, account_id: str = ACCOUNT_ID, max_results: int | None = None, next_token: str | None = None
    ) -> ListAccountRolesResponse:
        request = ListAccountRolesRequest(
            access_token=self.access_token, account_id=account_id, max_results=max_results, next_token=next_token
        )
        return await list_account_roles(self.world.service, request, LAPTOP)

    async def credentials(self, role_name: str = "Admin", account_id: str = ACCOUNT_ID) -> RoleCredentials:
        request = GetRoleCredentialsRequest(access_token=self.access_token, role_name=role_name, account_id=account_id)
        return present((await get_role_credentials(self.world.service, request, LAPTOP)).role_credentials)


async def visit(world: World, **registration: object) -> Visitor:
    client = await world.register(**registration)  # type: ignore[arg-type]
    return Visitor(world, present((await world.signed_in(client)).access_token))


@pytest.fixture
async def visitor(world: World) -> Visitor:
    """The person, who is Admin and Reader in one account."""
    await add_portal(world, "Admin", "Reader")
    return await visit(world)


Call = Callable[[Visitor], Awaitable[object]]
CALLS: dict[str, Call] = {
    "ListAccounts": Visitor.accounts,
    "ListAccountRoles": Visitor.roles,
    "GetRoleCredentials": Visitor.credentials,
}
EACH = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


# 130: who is let in


@EACH
async def test_130_a_live_access_token_is_let_in(visitor: Visitor, call: Call) -> None:
    await call(visitor)


@EACH
async def test_130_anything_else_is_not(world: World, visitor: Visitor, call: Call) -> None:
    client = await world.register()
    signed_in, started = await world.signed_in(client), await world.start(client)
    for other in (
        present(signed_in.refresh_token),
        present(started.device_code),
        await world.code(client),
        client.client_secret,
        visitor.access_token[:-1],
        visitor.access_token.swapcase(),
        "x",
    ):
        with refused(UnauthorizedException) as refusal:
            await call(Visitor(world, other))
        assert refusal.value.message == "Session token not found or invalid"


@EACH
async def test_130_a_token_that_expired_is_not(world: World, visitor: Visitor, call: Call) -> None:
    world.clock.advance(HOUR)
    with refused(UnauthorizedException, "expired"):
        await call(visitor)


@EACH
async def test_130_nor_one_of_a_person_who_was_disabled(world: World, visitor: Visitor, call: Call) -> None:
    await world.disable()
    with refused(UnauthorizedException):
        await call(visitor)


@EACH
async def test_130_not_even_if_the_sign_in_had_outlived_the_person(
    world: World, visitor: Visitor, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As between a node's read of the family and its read of the person."""
    disabled = msgspec.structs.replace(world.person, status=UserStatus.DISABLED)

    async def find_user(user_id: str) -> object:
        return disabled

    monkeypatch.setattr(world.store, "find_user", find_user)
    with refused(UnauthorizedException, "the person is disabled"):
        await call(visitor)


@EACH
async def test_133_after_logout_nothing_is_answered(world: World, visitor: Visitor, call: Call) -> None:
    await logout(world.service, LogoutRequest(access_token=visitor.access_token), LAPTOP)
    with refused(UnauthorizedException, "ended"):
        await call(visitor)


@EACH
async def test_429_who_asks_too_often_is_told_to_come_again(world: World, visitor: Visitor, call: Call) -> None:
    world.service.portal_pacer = Pacer(60, 2)
    other = await visit(world)
    await call(visitor)
    await call(visitor)
    with refused(TooManyRequestsException, "too many calls"):
        await call(visitor)
    await call(other)
    world.clock.advance(60)
    await call(visitor)


# 131: for what


@EACH
@pytest.mark.parametrize("scopes", [("codewhisperer:completions",), ("openid", "aws"), ("sso:account:access2",)])
async def test_131_the_scope_for_accounts_is_needed(
    world: World, visitor: Visitor, call: Call, scopes: tuple[str, ...]
) -> None:
    with refused(ForbiddenException, "has not the scope"):
        await call(await visit(world, scopes=scopes))


@EACH
@pytest.mark.parametrize("scopes", [None, (LEGACY_PORTAL,), (ACCOUNT_ACCESS,), ("openid", ACCOUNT_ACCESS)])
async def test_131_clients_older_than_scopes_are_honoured(
    world: World,
    visitor: Visitor,
    call: Call,
    scopes: tuple[str, ...] | None,
) -> None:
    await call(await visit(world, scopes=scopes))


@EACH
async def test_131_a_token_that_was_asked_for_with_fewer_scopes_has_fewer(
    world: World, visitor: Visitor, call: Call
) -> None:
    client = await world.register(scopes=(ACCOUNT_ACCESS, "openid"))
    device_code = await world.approved(client)
    narrow = await world.poll(client, device_code, ("openid",))
    with refused(ForbiddenException, "has not the scope"):
        await call(Visitor(world, present(narrow.access_token)))


@EACH
async def test_131_a_role_that_was_taken_away_is_gone_at_once(world: World, visitor: Visitor, call: Call) -> None:
    await call(visitor)
    await remove(world, samples.account(ACCOUNT_ID))
    if call is Visitor.accounts:
        assert (await visitor.accounts()).account_list == ()
        return
    with refused(ForbiddenException):
        await call(visitor)


async def test_131_one_role_of_two_is_taken_away(world: World, visitor: Visitor) -> None:
    admin = samples.permission_set("Admin")
    await remove(world, samples.account_assignment(samples.account(ACCOUNT_ID), admin, world.person))
    assert [role.role_name for role in present((await visitor.roles()).role_list)] == ["Reader"]
    with refused(ForbiddenException, "not assigned"):
        await visitor.credentials("Admin")
    await visitor.credentials("Reader")


async def test_131_a_role_of_a_group_ends_with_the_membership(world: World) -> None:
    group = await add_group(world, "builders", world.person)
    account, role = samples.account(ACCOUNT_ID), samples.permission_set("Admin")
    await create(world, account, role)
    await assign(world, account, [role], group)
    visitor = await visit(world)
    await visitor.credentials()
    await remove(world, samples.membership(group, world.person))
    with refused(ForbiddenException, "not assigned"):
        await visitor.credentials()


# 132: what is not theirs is as if it were not there


async def test_132_roles_and_accounts_of_others_are_answered_like_those_that_do_not_exist(
    world: World, visitor: Visitor
) -> None:
    other, theirs = await world.add_person("noor"), samples.account(OTHER_ACCOUNT_ID)
    secret_role = samples.permission_set("Secret")
    await create(world, theirs, secret_role)
    await assign(world, theirs, [secret_role], other)
    await assign(world, samples.account(ACCOUNT_ID), [secret_role], other)
    answers = set()
    for role_name, account_id in (
        ("Secret", OTHER_ACCOUNT_ID),
        ("Secret", ACCOUNT_ID),
        ("Nothing", ACCOUNT_ID),
        ("Admin", OTHER_ACCOUNT_ID),
        ("Admin", "999999999999"),
    ):
        with refused(ForbiddenException) as refusal:
            await visitor.credentials(role_name, account_id)
        answers.add((refusal.value.status, *refusal.value.members().values()))
    for account_id in (OTHER_ACCOUNT_ID, "999999999999"):
        with refused(ForbiddenException) as refusal:
            await visitor.roles(account_id)
        answers.add((refusal.value.status, *refusal.value.members().values()))
    assert answers == {(403, "No access", "com.amazonaws.switchboard.portal#ForbiddenException")}


@pytest.mark.parametrize(
    "account_id", ["1", "11112222333", "1111222233334", "11112222333a", "١١١١٢٢٢٢٣٣٣٣", " 11112222333"]
)
async def test_an_account_id_is_twelve_digits(visitor: Visitor, account_id: str) -> None:
    with refused(PortalInvalidRequestException, "account_id"):
        await visitor.roles(account_id)
    with refused(PortalInvalidRequestException, "account_id"):
        await visitor.credentials(account_id=account_id)


@pytest.mark.parametrize("role_name", ["a b", "a/b", "é", "a" * 65, "a\n"])
async def test_a_role_name_is_one(visitor: Visitor, role_name: str) -> None:
    with refused(PortalInvalidRequestException, "role_name"):
        await visitor.credentials(role_name)


# 134 and what is answered


async def test_134_credentials_end_with_the_session_that_the_permission_set_grants(world: World) -> None:
    account, role = samples.account(ACCOUNT_ID), samples.permission_set("Long", session_duration=4 * HOUR)
    await create(world, account, role)
    await assign(world, account, [role])
    got = await (await visit(world)).credentials("Long")
    assert got.expiration == (world.now + 4 * HOUR) * 1000
    session = present(open_session_token(world.service.ring, present(got.session_token)))
    assert session.expires_at == world.now + 4 * HOUR
    assert session.access_key_id == got.access_key_id
    digits = role.permission_set_id.removeprefix("ps-")
    assert session.principal_arn == f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/AWSReservedSSO_Long_{digits}/Mira"
    assert session.role_arn == (
        f"arn:aws:iam::{ACCOUNT_ID}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Long_{digits}"
    )


async def test_two_calls_get_two_sets_of_credentials(visitor: Visitor) -> None:
    first, second = await visitor.credentials(), await visitor.credentials()
    assert first.access_key_id != second.access_key_id
    assert first.secret_access_key != second.secret_access_key


@pytest.mark.parametrize(
    "user_name, name",
    [
        ("mira", "mira"),
        ("Mira.Example@example.org", "Mira.Example@example.org"),
        ("a", None),
        ("has space", None),
        ("é" * 3, None),
        ("x" * 65, None),
        ("x" * 64, "x" * 64),
    ],
)
def test_the_session_is_called_by_the_user_name_where_that_can_be(user_name: str, name: str | None) -> None:
    user = samples.user(user_name=user_name, user_id="0c9bd3f2-0000-4000-8000-000000000000")
    assert session_name(user) == (name or user.user_id)


async def test_what_was_done_is_written_down(world: World, visitor: Visitor) -> None:
    world.events.clear()
    await visitor.accounts()
    await visitor.roles()
    got = await visitor.credentials()
    assert world.event_names() == [
        EventName.LIST_ACCOUNTS,
        EventName.LIST_ACCOUNT_ROLES,
        EventName.GET_ROLE_CREDENTIALS,
    ]
    event = world.events[-1]
    assert (event.user_id, event.account_id, event.role_name) == (world.person.user_id, ACCOUNT_ID, "Admin")
    assert event.access_key_id == got.access_key_id
    written = msgspec.json.encode(world.events).decode()
    for secret in (got.secret_access_key, got.session_token, visitor.access_token):
        assert present(secret) not in written


@pytest.mark.parametrize(
    "account_id, role_name", [(ACCOUNT_ID, "Auditor"), ("999988887777", "Admin")], ids=["role", "account"]
)
async def test_what_was_refused_is_written_down(
    world: World, visitor: Visitor, account_id: str, role_name: str
) -> None:
    with refused(ForbiddenException, "not assigned"):
        await visitor.credentials(role_name, account_id)
    event = world.events[-1]
    assert (event.event_name, event.outcome) == (EventName.GET_ROLE_CREDENTIALS, "Failure")
    assert (event.user_id, event.account_id, event.role_name) == (world.person.user_id, account_id, role_name)
    assert event.reason == "the role is not assigned to the person, or there is none"
    assert event.access_key_id is None


async def test_what_is_no_role_is_not_repeated_in_the_log(world: World) -> None:
    """A form of the pages may name anything."""
    access = PortalAccess(world.person)
    with refused(ForbiddenException, "not assigned"):
        await credentials_of(world.service, access, "<script>", "a" * 1000, LAPTOP)
    event = world.events[-1]
    assert (event.outcome, event.account_id, event.role_name) == ("Failure", None, None)


async def test_accounts_are_shown_with_name_and_address(visitor: Visitor) -> None:
    (shown,) = present((await visitor.accounts()).account_list)
    assert (shown.account_id, shown.account_name, shown.email_address) == (
        ACCOUNT_ID,
        f"Account {ACCOUNT_ID}",
        f"{ACCOUNT_ID}@example.org",
    )


async def test_who_has_nothing_gets_an_empty_list(world: World) -> None:
    answer = await (await visit(world)).accounts()
    assert (answer.account_list, answer.next_token) == ((), None)


# Page by page


async def walk(visitor: Visitor, size: int) -> list[list[str]]:
    pages, token = [], None
    while True:
        answer = await visitor.accounts(size, token)
        pages.append([present(each.account_id) for each in present(answer.account_list)])
        token = answer.next_token
        if token is None:
            return pages


async def add_accounts(world: World, number: int) -> list[str]:
    """So many, of which a third is there twice: by a group and by name."""
    group, role = await add_group(world, "everybody", world.person), samples.permission_set("Admin")
    accounts = [samples.account(f"{7 * index:012d}") for index in range(1, number + 1)]
    await create(world, role, *accounts)
    by_group = [samples.account_assignment(each, role, group) for each in accounts]
    by_name = [samples.account_assignment(each, role, world.person) for each in accounts[::3]]
    await create(world, *by_group, *by_name)
    return [each.account_id for each in accounts]


@pytest.mark.parametrize("size", [1, 7, 50, 99, 100])
async def test_the_pages_are_the_whole_in_order(world: World, size: int) -> None:
    ids = await add_accounts(world, 100)
    pages = await walk(await visit(world), size)
    assert [account_id for page in pages for account_id in page] == ids
    assert {len(page) for page in pages[:-1]} <= {size}


async def test_a_thousand_accounts_come_in_ten_pages(world: World) -> None:
    ids = await add_accounts(world, 1000)
    pages = await walk(await visit(world), 100)
    assert [len(page) for page in pages] == [100] * 10
    assert [account_id for page in pages for account_id in page] == ids


async def test_what_changes_on_the_way_neither_repeats_nor_hides_others(world: World) -> None:
    ids = await add_accounts(world, 20)
    visitor = await visit(world)
    first = await visitor.accounts(10)
    seen = [each.account_id for each in present(first.account_list)]
    await remove(world, samples.account(ids[9]), samples.account(ids[12]))
    second = await visitor.accounts(100, first.next_token)
    seen += [each.account_id for each in present(second.account_list)]
    assert seen == [each for each in ids if each != ids[12]]
    assert second.next_token is None


async def test_roles_come_page_by_page_too(world: World) -> None:
    names = sorted(f"Role-{number:02}" for number in range(25))
    await add_portal(world, *reversed(names))
    visitor, seen, token = await visit(world), [], None
    while True:
        answer = await visitor.roles(max_results=10, next_token=token)
        seen += [present(each.role_name) for each in present(answer.role_list)]
        assert all(each.account_id == ACCOUNT_ID for each in present(answer.role_list))
        token = answer.next_token
        if token is None:
            break
    assert seen == names


@pytest.mark.parametrize("size", [0, -1, 101, 10**9])
async def test_a_page_has_one_to_a_hundred(visitor: Visitor, size: int) -> None:
    for call in (visitor.accounts(size), visitor.roles(max_results=size)):
        with refused(PortalInvalidRequestException, "max_result"):
            await call


async def test_a_next_token_is_good_for_one_person_and_one_list(world: World) -> None:
    ids = await add_accounts(world, 5)
    account = samples.account(ids[0])
    more_roles = [samples.permission_set(name) for name in ("Builder", "Reader")]
    await create(world, *more_roles)
    await assign(world, account, more_roles)
    await assign(world, samples.account(ids[1]), more_roles)
    visitor = await visit(world)
    of_accounts = present((await visitor.accounts(2)).next_token)
    of_roles = present((await visitor.roles(ids[0], 1)).next_token)
    noor = await world.add_person("noor")
    await assign(world, account, more_roles, noor)
    client = await world.register()
    started = await world.start(client)
    await world.decide(present(started.user_code), active=await world.browser(noor))
    theirs = Visitor(world, present((await world.poll(client, present(started.device_code))).access_token))
    for call in (
        visitor.roles(ids[0], next_token=of_accounts),
        visitor.accounts(next_token=of_roles),
        visitor.roles(ids[1], next_token=of_roles),
        theirs.accounts(next_token=of_accounts),
        theirs.roles(ids[0], next_token=of_roles),
    ):
        with refused(PortalInvalidRequestException, "next_token"):
            await call
    again = await visit(world)
    assert present((await again.accounts(2, of_accounts)).account_list)[0].account_id == ids[2]


async def test_a_next_token_is_refused_when_it_is_altered(world: World) -> None:
    ids = await add_accounts(world, 3)
    visitor = await visit(world)
    token = present((await visitor.accounts(1)).next_token)
    assert ids[0] not in token
    altered = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token))
    ]
    for other in (
        *altered,
        token[:-1],
        token + "A",
        token + "=",
        "",
        "x",
        "é",
        "A" * 5000,
        ids[0],
        visitor.access_token,
    ):
        if other == "":
            continue  # absent
        with refused(PortalInvalidRequestException, "next_token"):
            await visitor.accounts(1, other)


async def test_a_next_token_outlives_a_rotation_of_the_key(world: World) -> None:
    ids = await add_accounts(world, 3)
    visitor = await visit(world)
    token = present((await visitor.accounts(1)).next_token)
    world.clock.advance(2)
    await world.rotate_keys()
    answer = await visitor.accounts(1, token)
    assert present(answer.account_list)[0].account_id == ids[1]


async def test_an_application_s_token_needs_the_scope_too(world: World) -> None:
    """It has none of its own by which it would be one of the old clients."""
    await add_portal(world, "Admin")
    client = await world.register(scopes=None)
    response = await world.signed_in(client)
    old = await world.family_of(response)
    application_family = msgspec.structs.replace(old, application_arn=samples.APPLICATION_ARN)
    world.store._rows.put(application_family)  # type: ignore[attr-defined]
    with refused(ForbiddenException, "has not the scope"):
        await Visitor(world, present(response.access_token)).accounts()


@pytest.mark.parametrize("ending", ["the assignment is taken away", "it is disabled", "it is removed", "no grant"])
async def test_an_application_s_token_ends_here_with_what_it_was_issued_for(world: World, ending: str) -> None:
    await add_portal(world, "Admin")
    issuer = await open_issuer(world)
    application = await add_application(world, access_scopes=(AccessScope(scope=ACCOUNT_ACCESS),), assigned=False)
    assignment = await assign_application(world, application)
    answer = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    visitor = Visitor(world, present(answer.access_token))
    await visitor.credentials()
    if ending == "the assignment is taken away":
        await remove(world, assignment)
    elif ending == "it is disabled":
        await change(world, application, status=Status.DISABLED)
    elif ending == "it is removed":
        await remove(world, application)
    else:
        await change(world, application, grants=ApplicationGrants())
    with refused(UnauthorizedException, "may not have the token any more"):
        await visitor.credentials()


async def test_a_source_that_is_gone_gives_nothing(world: World) -> None:
    account = samples.account(ACCOUNT_ID, credential_source="gone")
    role = samples.permission_set("Admin")
    await world.store.change_configuration(ConfigurationChange(create=(account, role)))
    await assign(world, account, [role])
    with refused(ForbiddenException, "does not exist"):
        await (await visit(world)).credentials()


async def test_a_registration_of_ninety_days_lists_on_the_last_day(world: World) -> None:
    await add_portal(world, "Admin")
    client = await world.register()
    world.clock.advance(90 * DAY - HOUR)
    visitor = Visitor(world, present((await world.signed_in(client)).access_token))
    assert len(present((await visitor.accounts()).account_list)) == 1
