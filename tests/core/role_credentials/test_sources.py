"""Where role credentials come from: which source, what it is asked, what becomes of its failures, and what is given out
again.
"""

from typing import Any

import msgspec
import pytest

from postern.api.errors import ForbiddenException, TooManyRequestsException
from postern.core.audit import EventName
from postern.core.directory.records import AssignedRole, CredentialSource, LocalSource
from postern.core.get_role_credentials import credentials_of
from postern.core.iam.access_keys import TemporaryCredentials, open_session_token
from postern.core.policy import HOUR
from postern.core.portal_access import PortalAccess
from postern.core.role_credentials.port import SessionTag, SourceFaulty, StsRefused, StsUnavailable
from postern.core.role_credentials.sources import LOCAL, source_of
from postern.core.store import ConfigurationChange
from postern.remote.credential_cache import CredentialCache
from postern.testing import samples
from tests.core.portal_world import ACCOUNT_ID, add_group, create, remove
from tests.core.role_credentials.sts_world import (
    OWN_KEY,
    OWN_SECRET,
    FakeSts,
    add_role,
    assume_role,
    local,
    open_sts,
    web_identity,
)
from tests.core.world import LAPTOP, World, refused


@pytest.fixture
def sts(world: World) -> FakeSts:
    return open_sts(world)


async def credentials(world: World) -> TemporaryCredentials:
    return await credentials_of(world.service, PortalAccess(world.person), ACCOUNT_ID, "Admin", LAPTOP)


async def replace(world: World, old: Any, **changes: Any) -> None:
    changed = msgspec.structs.replace(old, **changes)
    await world.store.change_configuration(ConfigurationChange(replace=((old, changed),), now=world.now))
    await world.service.renew()


# Which


@pytest.mark.parametrize(
    "of_role, of_account, name",
    [("", "", "local"), ("", "a", "a"), ("b", "a", "b"), ("b", "", "b"), ("local", "a", "local"), ("gone", "a", None)],
)
async def test_the_permission_sets_source_goes_before_the_accounts(
    world: World, of_role: str, of_account: str, name: str | None
) -> None:
    await create(world, samples.credential_source("a"), samples.credential_source("b"))
    await world.service.renew()
    role = AssignedRole(
        account=samples.account(credential_source=of_account),
        permission_set=samples.permission_set(credential_source=of_role),
    )
    source = source_of(world.service, role)
    assert (source.name if source else None) == name


async def test_the_local_source_may_be_given_a_console(world: World) -> None:
    await create(world, CredentialSource(name="local", description="ours", options=LocalSource(), created_at=0))
    await world.service.renew()
    role = AssignedRole(account=samples.account(), permission_set=samples.permission_set())
    source = source_of(world.service, role)
    assert source is not None
    assert source.description == "ours"


async def test_the_local_source_asks_nobody(world: World, sts: FakeSts) -> None:
    await add_role(world, local(), session_duration=2 * HOUR)
    got = await credentials(world)
    assert sts.calls == []
    session = open_session_token(world.service.ring, got.session_token)
    assert session is not None
    assert session.expires_at == world.now + 2 * HOUR


async def test_a_source_that_is_gone_gives_no_access(world: World, sts: FakeSts) -> None:
    source = await add_role(world, web_identity())
    world.service.credential_sources = {}
    with refused(ForbiddenException, "the credential source of the role does not exist"):
        await credentials(world)
    assert source.name != LOCAL.name
    assert sts.calls == []


# What is asked


async def test_a_web_identity_is_presented_for_the_role(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(allow_http=True), session_duration=2 * HOUR)
    await credentials(world)
    call = sts.the_call()
    assert (call.endpoint, call.allow_http) == ("https://sts.example.org", True)
    assert call.role_arn == f"arn:aws:iam::{ACCOUNT_ID}:role/Admin"
    assert (call.session_name, call.duration) == ("Mira", 2 * HOUR)
    assert call.web_identity_token.count(".") == 2


async def test_an_sts_that_wants_no_role_gets_none(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity(role_arn="", token_profile="minio", algorithm="RS256"))
    await credentials(world)
    assert sts.the_call().role_arn == ""


async def test_assume_role_says_of_the_session_what_the_templates_say(world: World, sts: FakeSts) -> None:
    await add_group(world, "analysts", world.person)
    options = assume_role(
        external_id="an external id",
        session_tags={"who": "{user_id}", "groups": "{groups}"},
        transitive_tag_keys=("who",),
        source_identity="{user_name}",
        role_arn="arn:aws:iam::{account_id}:role/path/{role_name}-{user_name}",
    )
    await add_role(world, options)
    await credentials(world)
    call = sts.the_call()
    assert (call.access_key_id, call.secret_access_key, call.region) == (OWN_KEY, OWN_SECRET, "eu-central-1")
    assert call.role_arn == f"arn:aws:iam::{ACCOUNT_ID}:role/path/Admin-Mira"
    assert (call.external_id, call.source_identity, call.session_name) == ("an external id", "Mira", "Mira")
    assert call.tags == (
        SessionTag(key="who", value=world.person.user_id),
        SessionTag(key="groups", value="analysts"),
    )
    assert call.transitive_tag_keys == ("who",)


async def test_where_nothing_is_to_be_said_nothing_is(world: World, sts: FakeSts) -> None:
    await add_role(world, assume_role())
    await credentials(world)
    call = sts.the_call()
    assert (call.external_id, call.source_identity, call.tags, call.transitive_tag_keys) == ("", "", (), ())


@pytest.mark.parametrize("options", [local(), web_identity(), assume_role()], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("wanted, given", [(1, 900), (900, 900), (12 * HOUR, 12 * HOUR), (13 * HOUR, 12 * HOUR)])
async def test_a_session_is_no_longer_than_an_sts_may_give(
    world: World, sts: FakeSts, options: Any, wanted: int, given: int
) -> None:
    await add_role(world, options, session_duration=wanted)
    assert (await credentials(world)).expires_at == world.now + given


# What goes wrong


@pytest.mark.parametrize("options", [web_identity(), assume_role()], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    "failure, error, because",
    [
        (StsRefused("AccessDenied", "sts.example.org: AccessDenied"), ForbiddenException, "refused: sts.example.org"),
        (StsUnavailable("sts.example.org: status 503"), TooManyRequestsException, "cannot be reached: sts.example.org"),
        (SourceFaulty("the endpoint is not https"), ForbiddenException, "is faulty: the endpoint"),
    ],
    ids=["refused", "unavailable", "faulty"],
)
async def test_the_log_learns_why_and_the_person_does_not(
    world: World, sts: FakeSts, options: Any, failure: Any, error: Any, because: str
) -> None:
    await add_role(world, options)
    sts.failure = failure
    world.events.clear()
    with refused(error, because) as refusal:
        await credentials(world)
    assert "sts.example.org" not in str(refusal.value.members())
    (event,) = world.events
    assert (event.outcome, event.reason, event.access_key_id) == ("Failure", refusal.value.reason, None)


async def test_a_secret_that_does_not_open_is_not_tried(world: World, sts: FakeSts) -> None:
    """As after the source was given another name without its secret."""
    await add_role(world, assume_role("another name"))
    with refused(ForbiddenException, "does not open under the master key"):
        await credentials(world)
    assert sts.calls == []


@pytest.mark.parametrize("kind", [web_identity, assume_role])
async def test_a_name_that_would_lead_to_another_role_gets_none(world: World, sts: FakeSts, kind: Any) -> None:
    await add_role(world, kind(role_arn="arn:aws:iam::{account_id}:role/{display_name}"))
    await replace(world, world.person, display_name="x/Admin")
    world.person = await world.store.find_user(world.person.user_id)  # type: ignore[assignment]
    with refused(ForbiddenException, "faulty: a value for the role's ARN"):
        await credentials(world)
    assert sts.calls == []


async def test_no_secret_is_written_down(world: World, sts: FakeSts) -> None:
    await add_role(world, assume_role())
    got = await credentials(world)
    assert world.event_names()[-1] is EventName.GET_ROLE_CREDENTIALS
    written = msgspec.json.encode(world.events).decode()
    assert got.access_key_id in written
    assert not [secret for secret in (got.secret_access_key, got.session_token, OWN_SECRET) if secret in written]
    assert OWN_SECRET not in repr(sts.calls)


# 134: what is given out again


@pytest.fixture
def remembered(world: World) -> None:
    """A service that remembers what an STS gave."""
    world.service.issued_credentials = CredentialCache(world.clock)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("options", [web_identity(), assume_role()], ids=lambda each: type(each).__name__)
async def test_134_credentials_are_given_out_again_for_half_their_life(
    world: World, sts: FakeSts, options: Any
) -> None:
    await add_role(world, options)
    first = await credentials(world)
    world.clock.advance(HOUR / 2 - 1)
    assert await credentials(world) == first
    assert [event.access_key_id for event in world.events[-2:]] == [first.access_key_id] * 2
    world.clock.advance(1)
    assert await credentials(world) != first
    assert len(sts.calls) == 2


@pytest.mark.usefixtures("remembered")
async def test_131_what_is_remembered_is_not_given_to_who_has_the_role_no_more(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity())
    await credentials(world)
    account, role = samples.account(ACCOUNT_ID), samples.permission_set("Admin")
    await remove(world, samples.account_assignment(account, role, world.person))
    with refused(ForbiddenException, "not assigned"):
        await credentials(world)


@pytest.mark.usefixtures("remembered")
async def test_what_they_were_made_of_has_to_be_as_it_was(world: World, sts: FakeSts) -> None:
    source = await add_role(world, web_identity())
    group = await add_group(world, "analysts")
    await credentials(world)
    await replace(world, source, options=web_identity(audience="another"))
    await credentials(world)
    assert len(sts.calls) == 2
    await replace(world, samples.permission_set("Admin"), session_duration=2 * HOUR)
    await credentials(world)
    assert len(sts.calls) == 3
    await create(world, samples.membership(group, world.person))
    await credentials(world)
    assert len(sts.calls) == 4
    await replace(world, world.person, email="new@example.org")
    world.person = await world.store.find_user(world.person.user_id)  # type: ignore[assignment]
    await credentials(world)
    await credentials(world)
    assert len(sts.calls) == 5


@pytest.mark.usefixtures("remembered")
async def test_two_people_never_share(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity())
    noor = await world.add_person("noor")
    assignment = samples.account_assignment(samples.account(ACCOUNT_ID), samples.permission_set("Admin"), noor)
    await create(world, assignment)
    mine = await credentials(world)
    theirs = await credentials_of(world.service, PortalAccess(noor), ACCOUNT_ID, "Admin", LAPTOP)
    assert mine.access_key_id != theirs.access_key_id


@pytest.mark.usefixtures("remembered")
async def test_those_of_the_local_source_are_new_each_time(world: World) -> None:
    await add_role(world, local())
    assert await credentials(world) != await credentials(world)


async def test_a_service_without_a_memory_asks_each_time(world: World, sts: FakeSts) -> None:
    await add_role(world, web_identity())
    await credentials(world)
    await credentials(world)
    assert len(sts.calls) == 2


async def test_a_server_that_calls_nobody_has_none(world: World) -> None:
    await add_role(world, web_identity())
    with refused(TooManyRequestsException, "this server calls no STS"):
        await credentials(world)
