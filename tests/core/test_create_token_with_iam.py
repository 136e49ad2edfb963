"""CreateTokenWithIAM: which members are in which answer, who may ask, and what stops every grant."""

from collections.abc import Callable

import msgspec
import pytest

from postern.api.errors import (
    AccessDeniedException,
    InvalidClientException,
    InvalidGrantException,
    InvalidRequestException,
    InvalidRequestRegionException,
    InvalidScopeException,
    SsoOidcError,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
)
from postern.core import regions
from postern.core.audit import EventName
from postern.core.authorize import AuthorizationRefused
from postern.core.caller import Caller, Principal
from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE
from postern.core.directory import applications
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationAssignment,
    ApplicationGrants,
    AuthorizationCodeOptions,
    Status,
)
from postern.core.grants import APPLICATION_GRANTS
from postern.core.grants.base import refusal_to_issue
from postern.core.policy import HOUR
from postern.core.scopes import MAX_SCOPES
from postern.core.store import ConfigurationChange
from tests.core.application_world import (
    ACCOUNT,
    ALL_GRANTS,
    APPLICATION_CALLER,
    DEFAULT_SCOPES,
    REDIRECT_URI,
    Issuer,
    add_application,
    assign,
    change,
    code_of,
    family_of,
    members_for,
    open_issuer,
    subject,
    with_iam,
    with_iam_as,
)
from tests.core.world import VERIFIER, World, present, refused

GRANT_TYPES = (AUTHORIZATION_CODE, REFRESH_TOKEN, JWT_BEARER, TOKEN_EXCHANGE)
every_grant = pytest.mark.parametrize(
    "grant_type", GRANT_TYPES, ids=["authorization code", "refresh token", "jwt bearer", "token exchange"]
)
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:refresh_token"


@pytest.fixture
async def issuer(world: World) -> Issuer:
    return await open_issuer(world)


@pytest.fixture
async def application(world: World) -> Application:
    return await add_application(world)


def present_members(answer: msgspec.Struct) -> set[str]:
    return {name for name in answer.__struct_fields__ if getattr(answer, name) is not None}


def test_the_grants_of_applications_are_these_four() -> None:
    assert tuple(APPLICATION_GRANTS) == GRANT_TYPES


ALWAYS = {"access_token", "token_type", "expires_in", "issued_token_type", "scope"}


@pytest.mark.parametrize(
    "grant_type, more, issued",
    [
        (AUTHORIZATION_CODE, {"id_token", "refresh_token", "aws_additional_details"}, REFRESH_TOKEN_TYPE),
        (REFRESH_TOKEN, {"refresh_token"}, REFRESH_TOKEN_TYPE),
        (JWT_BEARER, {"id_token", "refresh_token", "aws_additional_details"}, REFRESH_TOKEN_TYPE),
        (TOKEN_EXCHANGE, {"id_token", "aws_additional_details"}, ACCESS_TOKEN_TYPE),
    ],
)
async def test_each_answer_has_the_members_of_the_reference(
    world: World, application: Application, issuer: Issuer, grant_type: str, more: set[str], issued: str
) -> None:
    members = await members_for(world, application, issuer, grant_type)
    answer = await with_iam(world, application, grant_type, **members)
    assert present_members(answer) == ALWAYS | more
    assert answer.token_type == "Bearer"
    assert answer.expires_in == HOUR
    assert answer.scope == DEFAULT_SCOPES
    assert answer.issued_token_type == issued


@every_grant
async def test_what_is_issued_is_the_persons_and_the_applications(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    members = await members_for(world, application, issuer, grant_type)
    family = await family_of(world, await with_iam(world, application, grant_type, **members))
    assert (family.user_id, family.application_arn) == (world.person.user_id, application.application_arn)


@every_grant
async def test_the_audit_names_application_and_principal(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    members = await members_for(world, application, issuer, grant_type)
    world.events.clear()
    await with_iam(world, application, grant_type, **members)
    events = [event for event in world.events if event.event_name is EventName.CREATE_TOKEN_WITH_IAM]
    if grant_type == REFRESH_TOKEN:  # a rotation is no new sign-in
        assert events == []
        return
    assert [(event.application_arn, event.principal_arn, event.outcome) for event in events] == [
        (application.application_arn, f"arn:aws:iam::{ACCOUNT}:role/reports", "Success")
    ]


@every_grant
async def test_scope_narrows_the_token(world: World, application: Application, issuer: Issuer, grant_type: str) -> None:
    members = await members_for(world, application, issuer, grant_type)
    answer = await with_iam(world, application, grant_type, **members, scope=("aws",))
    assert answer.scope == ("aws",)
    assert answer.id_token is None
    assert answer.aws_additional_details is None


@every_grant
async def test_a_scope_beyond_the_applications_is_refused_and_consumes_nothing(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    members = await members_for(world, application, issuer, grant_type)
    with refused(InvalidScopeException):
        await with_iam(world, application, grant_type, **members, scope=("s3:access_grants",))
    assert (await with_iam(world, application, grant_type, **members)).access_token


@every_grant
async def test_the_members_of_each_grant_are_required(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    """Statement 108: what is left out never leads to a weaker check."""
    members = await members_for(world, application, issuer, grant_type)
    for name in members:
        with refused(InvalidRequestException):
            await with_iam(world, application, grant_type, **{**members, name: None})
    assert (await with_iam(world, application, grant_type, **members)).access_token


@pytest.mark.parametrize("grant_type", [DEVICE_CODE, "password", "client_credentials", "refresh_token "])
async def test_an_unknown_grant_type_is_unsupported(world: World, application: Application, grant_type: str) -> None:
    with refused(UnsupportedGrantTypeException):
        await with_iam(world, application, grant_type)


# Who may ask (statements 89 and 91)


STRANGER = Caller(
    address="203.0.113.66", principal=Principal(arn="arn:aws:iam::999988887777:user/eve", access_key_id="AKIDEVE")
)
COLLEAGUE = Caller(
    address="192.0.2.45", principal=Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/other", access_key_id="AKIDOTHER")
)


@every_grant
async def test_statement_89_a_principal_that_the_actor_policy_does_not_name_is_denied(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    members = await members_for(world, application, issuer, grant_type)
    with refused(AccessDeniedException, "does not allow"):
        await with_iam_as(COLLEAGUE, world, application, grant_type, **members)
    assert (await with_iam(world, application, grant_type, **members)).access_token


async def test_statement_91_strangers_hear_the_same_of_an_application_that_is_there_and_of_one_that_is_not(
    world: World, application: Application
) -> None:
    gone = msgspec.structs.replace(application, application_arn=application.application_arn[:-4] + "ffff")
    heard = []
    for asked in (application, gone):
        with refused(InvalidClientException) as refusal:
            await with_iam_as(STRANGER, world, asked, JWT_BEARER, assertion="x")
        heard.append((refusal.value.members(), refusal.value.status))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("client_id", ["", "x", "arn:aws:sso::1:application/a/b", "\ud800", "a" * 10_000])
async def test_what_names_no_application_is_an_invalid_client(
    world: World, application: Application, client_id: str
) -> None:
    with refused(InvalidClientException):
        await with_iam(
            world, msgspec.structs.replace(application, application_arn=client_id), JWT_BEARER, assertion="x"
        )


@pytest.mark.parametrize("refused_by", ["the actor policy", "the grant", "the assertion"])
async def test_every_refusal_is_told_to_the_audit(
    world: World, application: Application, issuer: Issuer, refused_by: str
) -> None:
    world.events.clear()
    caller = COLLEAGUE if refused_by == "the actor policy" else APPLICATION_CALLER
    grant_type = "password" if refused_by == "the grant" else JWT_BEARER
    with pytest.raises(SsoOidcError) as refusal:
        await with_iam_as(caller, world, application, grant_type, assertion="not one")
    (event,) = world.events
    assert (event.event_name, event.outcome) == (EventName.CREATE_TOKEN_WITH_IAM, "Failure")
    assert event.principal_arn == present(caller.principal).arn
    assert event.application_arn == application.application_arn
    assert event.grant_type == (JWT_BEARER if refused_by == "the assertion" else None)
    assert event.reason == f"{refusal.value.wire_name()}: {refusal.value.reason}"


async def test_what_is_no_application_and_no_grant_is_not_written_down(world: World) -> None:
    """A secret may have been put in its place."""
    nobody = Application(application_arn="aoaAsecret", name="x", created_at=0)
    with refused(InvalidClientException):
        await with_iam(world, nobody, "aorAsecret")
    assert "secret" not in repr(world.events)


async def test_an_application_without_an_actor_policy_lets_nobody_in(world: World) -> None:
    application = await add_application(world, actor_policy="")
    with refused(AccessDeniedException):
        await with_iam(world, application, JWT_BEARER, assertion="x")


# The one function that decides (attack 43)


Stop = Callable[[World, Application], object]


async def disable_person(world: World, application: Application) -> None:
    await world.disable()


async def disable_application(world: World, application: Application) -> None:
    await change(world, application, status=Status.DISABLED)


async def unassign(world: World, application: Application) -> None:
    mine = await world.store.list_configuration(ApplicationAssignment)
    gone = tuple(each for each in mine if each.application_arn == application.application_arn)
    assert gone
    await world.store.change_configuration(ConfigurationChange(remove=gone))


async def take_grants(world: World, application: Application) -> None:
    await change(world, application, grants=ApplicationGrants())


STOPS = {
    "the person is disabled": (disable_person, InvalidGrantException),
    "the application is disabled": (disable_application, InvalidClientException),
    "the person is not assigned": (unassign, AccessDeniedException),
    "the grant was taken away": (take_grants, UnauthorizedClientException),
}


@every_grant
@pytest.mark.parametrize("stop", STOPS)
async def test_no_grant_gets_past_what_stops_it(
    world: World, application: Application, issuer: Issuer, grant_type: str, stop: str
) -> None:
    act, error = STOPS[stop]
    members = await members_for(world, application, issuer, grant_type)
    await act(world, application)
    with refused(error):
        await with_iam(world, application, grant_type, **members)


def nothing_refused(user: object, standing: object, grant_type: str, description: str) -> SsoOidcError | None:
    return None


@every_grant
async def test_without_the_one_function_every_grant_would_issue_for_people_who_are_not_assigned(
    world: World, application: Application, issuer: Issuer, grant_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one function: taking its body away opens each grant, and the test above would fail for each."""
    members = await members_for(world, application, issuer, grant_type)
    await unassign(world, application)
    with refused(AccessDeniedException, "run `postern application assign`"):
        await with_iam(world, application, grant_type, **members)
    monkeypatch.setattr(refusal_to_issue, "__code__", nothing_refused.__code__)
    assert (await with_iam(world, application, grant_type, **members)).access_token


async def test_whoever_is_not_assigned_is_told_of_in_the_audit_with_what_to_do(world: World, issuer: Issuer) -> None:
    application = await add_application(world, assigned=False)
    with refused(AccessDeniedException):
        await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    event = world.events[-1]
    assert (event.event_name, event.outcome) == (EventName.CREATE_TOKEN_WITH_IAM, "Failure")
    assert "postern application assign" in present(event.reason)


async def test_where_no_assignment_is_required_everybody_may(world: World, issuer: Issuer) -> None:
    application = await add_application(world, assigned=False, assignment_required=False)
    assert (await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))).access_token


async def test_a_refusal_consumes_neither_assertion_nor_code(world: World, issuer: Issuer) -> None:
    application = await add_application(world)
    assertion, code = issuer.assertion(world), await code_of(world, application)
    await unassign(world, application)
    exchange = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    with refused(AccessDeniedException):
        await with_iam(world, application, JWT_BEARER, assertion=assertion)
    with refused(AccessDeniedException):
        await with_iam(world, application, AUTHORIZATION_CODE, **exchange)
    await assign(world, application)
    assert (await with_iam(world, application, JWT_BEARER, assertion=assertion)).access_token
    assert (await with_iam(world, application, AUTHORIZATION_CODE, **exchange)).access_token


# One client's grant in another's hands (attacks 11 and 25)


@pytest.mark.parametrize("grant_type", [AUTHORIZATION_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE])
async def test_what_was_issued_to_one_application_is_no_good_to_another(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    other = await add_application(world)
    members = await members_for(world, application, issuer, grant_type)
    with refused(InvalidGrantException):
        await with_iam(world, other, grant_type, **members)
    assert (await with_iam(world, application, grant_type, **members)).access_token


async def test_a_public_clients_grants_are_no_good_to_an_application(world: World, application: Application) -> None:
    client = await world.register()
    signed_in = await world.signed_in(client)
    code = await world.code(client)
    with refused(InvalidGrantException, "another client"):
        await with_iam(world, application, REFRESH_TOKEN, refresh_token=signed_in.refresh_token)
    with refused(InvalidGrantException, "another client"):
        await with_iam(
            world, application, AUTHORIZATION_CODE, code=code, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
        )


async def test_an_applications_refresh_token_is_no_good_to_a_public_client(
    world: World, application: Application, issuer: Issuer
) -> None:
    answer = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    with refused(InvalidGrantException, "another client"):
        await world.refresh(await world.register(), present(answer.refresh_token))


# PKCE


async def test_pkce_is_required_of_an_application_too(world: World, application: Application) -> None:
    with pytest.raises(AuthorizationRefused, match="code_challenge"):
        await code_of(world, application, code_challenge="", code_challenge_method="")


@pytest.fixture
async def lenient(world: World) -> Application:
    code = AuthorizationCodeOptions(redirect_uris=(REDIRECT_URI,), pkce_required=False)
    return await add_application(world, grants=msgspec.structs.replace(ALL_GRANTS, authorization_code=code))


async def test_an_application_may_be_configured_to_do_without_pkce(world: World, lenient: Application) -> None:
    code = await code_of(world, lenient, code_challenge="", code_challenge_method="")
    answer = await with_iam(world, lenient, AUTHORIZATION_CODE, code=code, redirect_uri=REDIRECT_URI)
    assert answer.id_token


async def test_a_verifier_without_a_challenge_is_refused(world: World, lenient: Application) -> None:
    """Statement 65."""
    code = await code_of(world, lenient, code_challenge="", code_challenge_method="")
    members = {"code": code, "redirect_uri": REDIRECT_URI}
    with refused(InvalidGrantException, "although there was no challenge"):
        await with_iam(world, lenient, AUTHORIZATION_CODE, **members, code_verifier=VERIFIER)


async def test_a_challenge_binds_though_none_is_required(world: World, lenient: Application) -> None:
    """Statement 64: whoever sent a challenge must send the verifier."""
    code = await code_of(world, lenient)
    with refused(InvalidGrantException, "does not fit"):
        await with_iam(world, lenient, AUTHORIZATION_CODE, code=code, redirect_uri=REDIRECT_URI)


@pytest.mark.parametrize("method", ["plain", ""])
async def test_a_challenge_that_is_not_s256_is_refused_though_none_is_required(
    world: World, lenient: Application, method: str
) -> None:
    with pytest.raises(AuthorizationRefused, match="code_challenge"):
        await code_of(world, lenient, code_challenge_method=method)


# Regions


SIBLINGS = ("eu-west-1=https://sso.eu.example.org",)


@pytest.mark.parametrize("grant_type", [AUTHORIZATION_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE])
async def test_a_token_of_another_region_is_answered_with_endpoint_and_region(
    world: World, application: Application, issuer: Issuer, grant_type: str
) -> None:
    world.service.ring.active.region_tag = regions.tag("eu-west-1")  # as the server of that region would mint
    members = await members_for(world, application, issuer, grant_type)
    world.change("instance", sibling_regions=SIBLINGS)
    world.service.sibling_regions = regions.siblings(world.service.policy)
    # The application that the token was made for is the other region's: it need not be known here.
    elsewhere = msgspec.structs.replace(application, application_arn=f"{application.application_arn[:-4]}beef")
    with refused(InvalidRequestRegionException) as refusal:
        await with_iam(world, elsewhere, grant_type, **members)
    assert refusal.value.members() == {
        "error": "invalid_request",
        "error_description": "Invalid region",
        "endpoint": "https://sso.eu.example.org",
        "region": "eu-west-1",
    }


async def test_a_token_of_a_region_that_is_no_sibling_is_just_invalid(world: World, application: Application) -> None:
    world.change("instance", sibling_regions=SIBLINGS)
    world.service.sibling_regions = regions.siblings(world.service.policy)
    with refused(InvalidGrantException):
        await with_iam(world, application, REFRESH_TOKEN, refresh_token="aor" + "A" * 40 + ":" + "A" * 43)


# Sub-scopes of the application


async def test_an_applications_own_scopes_come_after_the_default_ones(world: World, issuer: Issuer) -> None:
    application = await add_application(world, access_scopes=(AccessScope(scope="reports:read"),))
    answer = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    assert answer.scope == (*DEFAULT_SCOPES, "reports:read")


async def test_all_scopes_of_an_application_may_be_asked_for(world: World, issuer: Issuer) -> None:
    application = await add_application(
        world, access_scopes=tuple(AccessScope(scope=f"a:{number}") for number in range(MAX_SCOPES - 3))
    )
    applications.require_valid(msgspec.structs.replace(application, actor_policy=""))
    first = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    again = await with_iam(world, application, REFRESH_TOKEN, refresh_token=first.refresh_token, scope=first.scope)
    assert again.scope == first.scope


async def test_an_application_without_the_refresh_grant_gets_no_refresh_token(world: World, issuer: Issuer) -> None:
    application = await add_application(world, grants=msgspec.structs.replace(ALL_GRANTS, refresh_token=None))
    answer = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    assert answer.refresh_token is None
    assert answer.issued_token_type == ACCESS_TOKEN_TYPE
    family = await family_of(world, answer)
    assert family.expires_at == family.access_expires_at


async def test_statement_19_a_token_of_one_kind_is_never_taken_for_another(
    world: World, application: Application, issuer: Issuer
) -> None:
    answer = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
    for text in (answer.access_token, answer.refresh_token):
        for grant_type, member in ((JWT_BEARER, "assertion"), (AUTHORIZATION_CODE, "code")):
            members = {member: text, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
            with refused(InvalidGrantException):
                await with_iam(world, application, grant_type, **members)
    with refused(InvalidGrantException):
        await with_iam(world, application, REFRESH_TOKEN, refresh_token=answer.access_token)
    with refused(InvalidGrantException):
        token = present(answer.refresh_token)
        await with_iam(world, application, TOKEN_EXCHANGE, **subject(token))
