"""Several instances in one server: the people of one get nothing of another, and hear of it no more than of what is
not there.
"""

import json
from collections.abc import Awaitable, Callable

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from msgspec.structs import replace

from postern.api.errors import (
    AccessDeniedException,
    InvalidGrantException,
    InvalidRequestException,
    ModelledError,
)
from postern.api.oauth import IntrospectTokenRequest
from postern.core import approve_device, authorize, decide_device, instances, sign_in
from postern.core.approve_device import UserCodeRefused
from postern.core.authorize import AuthorizationRefused
from postern.core.clients import JWT_BEARER, TOKEN_EXCHANGE
from postern.core.contexts import ContextKind, open_context
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationGrants,
    ApplicationStanding,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    TokenExchangeOptions,
    TrustedTokenIssuer,
    account_key,
)
from postern.core.grants import jwt_bearer
from postern.core.introspect_token import introspect_token
from postern.core.policy import Policy
from postern.core.records import DeviceStatus, Instance, User
from postern.core.service import new_instance
from postern.core.sign_in import ActiveSession, SignInRefused, TooManyAttempts
from postern.core.start_urls import own_start_url
from postern.core.store import ConfigurationChange, DecideDeviceAuthorization, NotFound
from postern.testing import samples
from tests.core import application_world
from tests.core.application_world import ACCOUNT, APPLICATION_CALLER, AUDIENCE, ISSUER_URL, Issuer, subject, with_iam
from tests.core.portal_world import ACCOUNT_ID, add_portal, assign, create
from tests.core.test_create_token import APPROVED, NOW
from tests.core.world import (
    ACCOUNT_ACCESS,
    CHALLENGE,
    PASSWORD,
    PHONE,
    PUBLIC_URL,
    World,
    authorization_query,
    present,
    refused,
)

READ = "reports:read"


@pytest.fixture
async def outpost(world: World) -> Instance:
    """The other instance. The world's person, Mira, is of the primary one."""
    return await world.add_instance("outpost")


@pytest.fixture
async def bela(world: World, outpost: Instance) -> User:
    """A person of the other instance."""
    return await world.add_person("Bela", outpost)


@pytest.fixture
async def issuer(world: World) -> Issuer:
    """The primary instance trusts it."""
    return await application_world.open_issuer(world)


@pytest.fixture
def start_url(world: World, outpost: Instance) -> str:
    return own_start_url(world.service.policy, outpost)


# Which instance is meant


def test_the_first_of_two_instances_with_one_alias_has_it() -> None:
    alias = "https://d-9999999999.awsapps.com/start"
    first = new_instance(1)
    second = new_instance(1, name="second", start_url_aliases=(alias,))
    third = new_instance(1, name="third", start_url_aliases=(f"{alias}/",))
    known = instances.snapshot(Policy(public_url=PUBLIC_URL), (first, second, third))
    assert known.named_by(alias) is second
    assert known.primary is first


@pytest.mark.parametrize(
    "form",
    [
        "{public_url}/start/{instance_id}",
        "{public_url}/start/{instance_id}/#/",
        "https://{identity_store_id}.awsapps.com/start",
        "https://{instance_id}.awsapps.com/start",
        "https://identitycenter.amazonaws.com/{instance_id}",
        "https://{instance_id}.portal.us-east-1.app.aws",
    ],
)
async def test_each_start_url_names_its_own_instance(world: World, outpost: Instance, form: str) -> None:
    for instance in (outpost, world.service.instance):
        own = form.replace("/start/{instance_id}", "/start") if instance.is_primary else form
        url = own.format(
            public_url=PUBLIC_URL, instance_id=instance.instance_id, identity_store_id=instance.identity_store_id
        )
        assert world.service.instances.named_by(url) == instance


@pytest.mark.parametrize("path", ["/start/ssoins-0000000000000000", "/start/outpost", "/outpost"])
async def test_no_other_start_url_names_one(world: World, outpost: Instance, path: str) -> None:
    with refused(InvalidRequestException, "not one of this server's instances"):
        world.service.instances.named_by(f"{PUBLIC_URL}{path}")


# People


async def test_two_instances_may_have_people_of_one_name(world: World, outpost: Instance) -> None:
    namesake = await world.add_person(world.person.user_name, outpost)
    for person in (namesake, world.person):
        assert (await world.browser(person)).user == person


async def test_a_password_is_good_in_its_own_instance_only(world: World, outpost: Instance, bela: User) -> None:
    for person, elsewhere in ((bela, world.service.instance), (world.person, outpost)):
        with pytest.raises(SignInRefused):
            await sign_in.sign_in(
                world.service,
                user_name=person.user_name,
                password=PASSWORD,
                caller=PHONE,
                replaces=None,
                instance=elsewhere,
            )


async def test_guesses_at_a_namesake_do_not_count(world: World, outpost: Instance) -> None:
    namesake = await world.add_person(world.person.user_name, outpost)
    for _ in range(2):
        with pytest.raises(SignInRefused):
            await sign_in.sign_in(
                world.service, user_name="Mira", password="wrong", caller=PHONE, replaces=None, instance=outpost
            )
    assert (await world.browser()).user == world.person
    with pytest.raises(TooManyAttempts):
        await world.browser(namesake)


# Devices


async def test_a_device_is_approved_by_the_people_of_its_start_url(
    world: World, outpost: Instance, bela: User, start_url: str
) -> None:
    client = await world.register()
    started = await world.start(client, start_url)
    assert started.verification_uri == f"{PUBLIC_URL}/device/{outpost.instance_id}"
    assert present(started.verification_uri_complete).startswith(f"{started.verification_uri}?user_code=")
    await world.decide(present(started.user_code), active=await world.browser(bela))
    response = await world.poll(client, present(started.device_code))
    assert (await world.family_of(response)).user_id == bela.user_id


async def test_a_code_of_another_instance_is_answered_as_an_unknown_one(world: World, start_url: str) -> None:
    active = await world.browser()
    code = present((await world.start(await world.register(), start_url)).user_code)
    answers = []
    for typed in (code, "BBBB-BBBB"):
        with pytest.raises(UserCodeRefused) as refusal:
            await approve_device.find_pending(world.service, active, typed, PHONE)
        answers.append(repr(refusal.value))
    assert answers[0] == answers[1]


async def test_a_code_of_another_instance_counts_as_a_miss(world: World, start_url: str) -> None:
    active = await world.browser()
    code = present((await world.start(await world.register(), start_url)).user_code)
    for _ in range(5):
        with pytest.raises(UserCodeRefused):
            await approve_device.find_pending(world.service, active, code, PHONE)
    with pytest.raises(TooManyAttempts):
        await approve_device.find_pending(world.service, active, code, PHONE)


@pytest.mark.parametrize("approve", [True, False])
async def test_a_code_of_another_instance_is_not_decided(world: World, start_url: str, approve: bool) -> None:
    code = present((await world.start(await world.register(), start_url)).user_code)
    with pytest.raises(UserCodeRefused):
        await world.decide(code, approve=approve)
    assert (await world.authorization_of(code)).status is DeviceStatus.PENDING


def test_the_transaction_itself_lets_nobody_of_another_instance_decide() -> None:
    pending = replace(APPROVED, status=DeviceStatus.PENDING, user_id=None, decided_at=None)
    stranger = samples.user("stranger", instance_id="ssoins-2222222222222222")
    command = DecideDeviceAuthorization(
        authorization_id=pending.authorization_id,
        user_id=stranger.user_id,
        approve=True,
        approver_address="",
        now=NOW,
    )
    with refused(AccessDeniedException, "another instance"):
        decide_device.decide(command, pending, stranger)


# Public clients


async def approved(world: World, active: ActiveSession, query: dict[str, str]) -> str:
    """Where the browser goes after the approval."""
    return await authorize.approve(world.service, active, await authorize.validate(world.service, query), PHONE)


async def test_a_client_that_names_an_instance_is_for_its_people(world: World, bela: User, start_url: str) -> None:
    client = await world.register(issuer_url=start_url)
    query = authorization_query(client)
    asked = await authorize.validate(world.service, query)
    assert present(asked.instance).instance_id == bela.instance_id
    assert "code=" in await approved(world, await world.browser(bela), query)


async def test_a_client_that_names_another_instance_gets_no_code(world: World, start_url: str) -> None:
    client = await world.register(issuer_url=start_url)
    url = await approved(world, await world.browser(), authorization_query(client))
    assert "error=access_denied" in url
    assert "code=" not in url
    assert world.events[-1].outcome == "Failure"


async def test_a_client_that_names_none_is_for_whoever_is_signed_in(world: World, bela: User) -> None:
    client = await world.register()
    assert (await authorize.validate(world.service, authorization_query(client))).instance is None
    for person in (bela, world.person):
        assert "code=" in await approved(world, await world.browser(person), authorization_query(client))


async def test_a_client_whose_instance_is_gone_goes_no_further(world: World, outpost: Instance, start_url: str) -> None:
    client = await world.register(issuer_url=start_url)
    await world.store.change_configuration(ConfigurationChange(remove=(outpost,)))
    await world.service.renew()
    with pytest.raises(AuthorizationRefused) as refusal:
        await authorize.validate(world.service, authorization_query(client))
    assert refusal.value.return_url is None


# Applications


async def add_open_application(world: World, instance: Instance, **changes: object) -> Application:
    """An application of the instance that asks nobody for an assignment."""
    changes = {"assignment_required": False} | changes
    return await application_world.add_application(world, instance, assigned=False, **changes)


async def trust(world: World, instance: Instance) -> TrustedTokenIssuer:
    """The issuer as the instance knows it."""
    known = samples.trusted_token_issuer(
        trusted_token_issuer_arn=f"arn:aws:sso::{ACCOUNT}:trustedTokenIssuer/{instance.instance_id}/tti-2",
        name=f"issuer of {instance.name}",
        issuer_url=ISSUER_URL,
        claim_attribute_path="preferred_username",
        identity_store_attribute_path="userName",
    )
    await create(world, known)
    return known


def grants(*trusted: TrustedTokenIssuer) -> ApplicationGrants:
    authorized = tuple(
        AuthorizedTokenIssuer(trusted_token_issuer_arn=each.trusted_token_issuer_arn, authorized_audiences=(AUDIENCE,))
        for each in trusted
    )
    return ApplicationGrants(
        authorization_code=AuthorizationCodeOptions(redirect_uris=(application_world.REDIRECT_URI,)),
        jwt_bearer=JwtBearerOptions(authorized_token_issuers=authorized),
        token_exchange=TokenExchangeOptions(accepted_scopes=(ACCOUNT_ACCESS,)),
    )


async def test_an_application_serves_its_own_instances_people(
    world: World, outpost: Instance, bela: User, issuer: Issuer
) -> None:
    application = await add_open_application(world, outpost, grants=grants(await trust(world, outpost)))
    assertion = issuer.assertion(world, preferred_username="Bela")
    response = await with_iam(world, application, JWT_BEARER, assertion=assertion)
    keys = KeySet.import_key_set(json.loads(world.service.signing_keys.jwks))
    claims = jwt.decode(present(response.id_token), keys, algorithms=["ES256"]).claims
    identity_store_arn = f"arn:aws:identitystore::{outpost.owner_account_id}:identitystore/{outpost.identity_store_id}"
    assert claims["sub"] == bela.user_id
    assert claims["aws:identity_store_id"] == outpost.identity_store_id
    assert claims["aws:identity_store_arn"] == identity_store_arn
    assert claims["aws:instance_arn"] == outpost.arn
    assert claims["aws:instance_account"] == outpost.owner_account_id
    context = open_context(world.service, claims["sts:identity_context"], ContextKind.IDENTITY)
    assert (context.instance_arn, context.identity_store_arn) == (outpost.arn, identity_store_arn)


async def test_people_are_looked_up_in_the_instance_of_the_issuer(
    world: World, outpost: Instance, issuer: Issuer
) -> None:
    """Both instances trust one issuer, and both have a Mira."""
    namesake = await world.add_person("Mira", outpost)
    there = await add_open_application(world, outpost, grants=grants(await trust(world, outpost)))
    here = await add_open_application(world, world.service.instance)
    for application, person in ((there, namesake), (here, world.person)):
        response = await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))
        assert (await application_world.family_of(world, response)).user_id == person.user_id


Attempt = Callable[[World, Instance, Issuer], Awaitable[object]]


async def by_consent(world: World, outpost: Instance, issuer: Issuer) -> None:
    """The refusal goes to the application by way of the browser; here it is raised, to be compared."""
    application = await add_open_application(world, outpost, grants=grants())
    query = {
        "response_type": "code",
        "client_id": application.application_arn,
        "redirect_uri": application_world.REDIRECT_URI,
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
    }
    url = await approved(world, await world.browser(), query)
    assert "error=access_denied" in url
    assert "code=" not in url
    raise AccessDeniedException(reason=world.events[-1].reason or "")


async def by_an_issuer_of_the_other(world: World, outpost: Instance, issuer: Issuer) -> object:
    application = await add_open_application(world, outpost, grants=grants(await trust(world, outpost)))
    return await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))


async def by_an_issuer_of_this_one(world: World, outpost: Instance, issuer: Issuer) -> object:
    application = await add_open_application(world, outpost)
    return await with_iam(world, application, JWT_BEARER, assertion=issuer.assertion(world))


async def by_a_public_clients_token(world: World, outpost: Instance, issuer: Issuer) -> object:
    application = await add_open_application(world, outpost, grants=grants())
    response = await world.signed_in(await world.register())
    return await with_iam(world, application, TOKEN_EXCHANGE, **subject(present(response.access_token)))


async def by_a_token_that_names_it(world: World, outpost: Instance, issuer: Issuer) -> object:
    application = await add_open_application(world, outpost, grants=grants())
    token = await token_for(world, issuer, application.application_arn)
    return await with_iam(world, application, TOKEN_EXCHANGE, **subject(token))


async def by_a_token_that_names_its_instance(world: World, outpost: Instance, issuer: Issuer) -> object:
    application = await add_open_application(world, outpost, grants=grants())
    token = await token_for(world, issuer, outpost.arn)
    return await with_iam(world, application, TOKEN_EXCHANGE, **subject(token))


async def by_a_token_that_names_the_primary_instance(world: World, outpost: Instance, issuer: Issuer) -> object:
    application = await add_open_application(world, outpost, grants=grants())
    token = await token_for(world, issuer, world.service.instance.arn)
    return await with_iam(world, application, TOKEN_EXCHANGE, **subject(token))


async def token_for(world: World, issuer: Issuer, target: str) -> str:
    """Mira's access token of an application of the primary instance, with a scope that names ``target``."""
    scope = AccessScope(scope=READ, authorized_targets=(target,))
    front = await application_world.add_application(world, access_scopes=(scope,))
    response = await with_iam(world, front, JWT_BEARER, assertion=issuer.assertion(world))
    return present(response.access_token)


@pytest.mark.parametrize(
    "attempt, error, because",
    [
        (by_consent, AccessDeniedException, "another instance"),
        (by_an_issuer_of_the_other, InvalidGrantException, "nobody has the userName"),
        (by_an_issuer_of_this_one, InvalidGrantException, "not an issuer that the application trusts"),
        (by_a_public_clients_token, AccessDeniedException, "another instance"),
        (by_a_token_that_names_it, InvalidGrantException, "names this application as a target"),
        (by_a_token_that_names_its_instance, InvalidGrantException, "names this application as a target"),
        (by_a_token_that_names_the_primary_instance, InvalidGrantException, "names this application as a target"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_nobody_gets_tokens_of_another_instances_application(
    world: World, outpost: Instance, issuer: Issuer, attempt: Attempt, error: type[ModelledError], because: str
) -> None:
    """Not even of one that everybody may use."""
    with refused(error, because):
        await attempt(world, outpost, issuer)


async def test_the_refusal_is_that_of_somebody_who_is_not_assigned(
    world: World, outpost: Instance, issuer: Issuer
) -> None:
    unassigned = await application_world.add_application(world, assigned=False, grants=grants())
    response = await world.signed_in(await world.register())
    descriptions = []
    for application in (unassigned, await add_open_application(world, outpost, grants=grants())):
        with refused(AccessDeniedException) as refusal:
            await with_iam(world, application, TOKEN_EXCHANGE, **subject(present(response.access_token)))
        descriptions.append(refusal.value.description)
    assert descriptions[0] == descriptions[1]


async def test_the_keys_of_another_instances_issuer_are_not_asked_for(
    world: World, outpost: Instance, issuer: Issuer
) -> None:
    with refused(InvalidGrantException):
        await by_an_issuer_of_this_one(world, outpost, issuer)
    assert issuer.asked == 0


def test_the_transaction_itself_takes_no_issuer_of_another_instance() -> None:
    foreign = samples.trusted_token_issuer(
        trusted_token_issuer_arn=f"arn:aws:sso::{ACCOUNT}:trustedTokenIssuer/ssoins-2222222222222222/tti-1"
    )
    application, person = samples.application(grants=grants(foreign)), samples.user()
    standing = ApplicationStanding(application=application, is_assigned=True)
    command = samples.acceptance(application, person, trusted_token_issuer_arn=foreign.trusted_token_issuer_arn)
    answer = jwt_bearer.decide(command, None, foreign, person, standing).answer
    assert isinstance(answer, InvalidGrantException)


async def test_the_instance_as_a_target_means_its_own_applications(
    world: World, outpost: Instance, bela: User, issuer: Issuer
) -> None:
    trusted = grants(await trust(world, outpost))
    scope = AccessScope(scope=READ, authorized_targets=(outpost.arn,))
    front = await add_open_application(world, outpost, grants=trusted, access_scopes=(scope,))
    assertion = issuer.assertion(world, preferred_username="Bela")
    token = present((await with_iam(world, front, JWT_BEARER, assertion=assertion)).access_token)
    back = await add_open_application(world, outpost, grants=trusted)
    response = await with_iam(world, back, TOKEN_EXCHANGE, **subject(token))
    assert (await application_world.family_of(world, response)).user_id == bela.user_id
    assert await is_active(world, back, token)


async def is_active(world: World, application: Application, token: str) -> bool:
    request = IntrospectTokenRequest(token=token, client_id=application.application_arn)
    return (await introspect_token(world.service, request, APPLICATION_CALLER)).active


async def test_an_application_is_told_nothing_of_another_instances_public_tokens(
    world: World, outpost: Instance
) -> None:
    token = present((await world.signed_in(await world.register())).access_token)
    assert await is_active(world, await add_open_application(world, world.service.instance, grants=grants()), token)
    assert not await is_active(world, await add_open_application(world, outpost, grants=grants()), token)


@pytest.mark.parametrize("target", ["the application", "its instance", "the primary instance"])
async def test_an_application_is_told_nothing_of_another_instances_application_tokens(
    world: World, outpost: Instance, issuer: Issuer, target: str
) -> None:
    application = await add_open_application(world, outpost)
    arns = {
        "the application": application.application_arn,
        "its instance": outpost.arn,
        "the primary instance": world.service.instance.arn,
    }
    assert not await is_active(world, application, await token_for(world, issuer, arns[target]))


# The portal


async def test_an_account_with_the_same_id_is_another_one(world: World, outpost: Instance, bela: User) -> None:
    await add_portal(world, "ReadOnly")
    key, arn = account_key(outpost.instance_id, ACCOUNT_ID), f"arn:aws:sso:::permissionSet/{outpost.instance_id}/ps-1"
    there = samples.account(ACCOUNT_ID, account_key=key, instance_id=outpost.instance_id, name="Account there")
    role = samples.permission_set("Admin", permission_set_arn=arn, instance_id=outpost.instance_id)
    await create(world, there, role)
    assert await roles_of(world, bela) == []
    await assign(world, there, [role], bela)
    assert await roles_of(world, bela) == [("Account there", "Admin")]
    assert await roles_of(world, world.person) == [(f"Account {ACCOUNT_ID}", "ReadOnly")]


async def test_nobody_is_assigned_in_another_instance(world: World, outpost: Instance, bela: User) -> None:
    account, roles = await add_portal(world, "ReadOnly")
    with pytest.raises(NotFound):
        await assign(world, account, roles, bela)
    assert await roles_of(world, bela) == []


async def roles_of(world: World, person: User) -> list[tuple[str, str]]:
    return [
        (account.name, role.name)
        for account in await world.store.list_assigned_accounts(person.user_id, "", 10)
        for role in await world.store.list_assigned_roles(person.user_id, account.account_id)
    ]
