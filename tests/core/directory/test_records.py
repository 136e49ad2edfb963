"""What may be kept in the directory: applications, trusted token issuers, groups, external ids."""

import json

import msgspec
import pytest

from postern.core.caller import Caller, Principal
from postern.core.directory import applications, groups, trusted_token_issuers
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationGrants,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    PrincipalType,
    RefreshTokenOptions,
    TokenExchangeOptions,
)
from postern.core.iam import actor_policy
from postern.core.iam.actor_policy import Action, Effect
from postern.core.store import ConfigurationChange, NotFound
from tests.core.world import World

NOW = 1_790_000_000
ISSUER_ARN = "arn:aws:sso::111122223333:trustedTokenIssuer/ssoins-1111111111111111/tti-1"
TARGET = "arn:aws:sso::111122223333:application/ssoins-1111111111111111/apl-2222222222222222"


def code(*uris: str) -> ApplicationGrants:
    return ApplicationGrants(authorization_code=AuthorizationCodeOptions(redirect_uris=uris))


def trusting(*audiences: str, arn: str = ISSUER_ARN, times: int = 1) -> ApplicationGrants:
    issuer = AuthorizedTokenIssuer(trusted_token_issuer_arn=arn, authorized_audiences=audiences)
    return ApplicationGrants(jwt_bearer=JwtBearerOptions(authorized_token_issuers=(issuer,) * times))


def new(world: World, **members: object) -> Application:
    base = applications.new_application(world.service.instance, name="reports", now=NOW)
    return applications.require_valid(msgspec.structs.replace(base, **members))


def test_an_application_has_an_arn_of_its_own_in_the_instances_account(world: World) -> None:
    instance = world.service.instance
    one, other = (applications.new_application(instance, name=name, now=NOW) for name in ("a", "b"))
    assert one.application_arn != other.application_arn
    assert one.application_arn.startswith(
        f"arn:aws:sso::{instance.owner_account_id}:application/{instance.instance_id}/apl-"
    )
    assert one.account_id == instance.owner_account_id
    assert one.assignment_required


@pytest.mark.parametrize(
    "members",
    [
        {"name": "n" * 100, "description": "d" * 128},
        {"grants": code(*(f"https://app.example/{number}" for number in range(10)))},
        {"grants": code("http://127.0.0.1/callback", "http://[::1]:8400/")},
        {"grants": trusting("a" * 512, *"bcdefghij")},
        {"grants": ApplicationGrants(jwt_bearer=JwtBearerOptions(authorized_token_issuers=()))},
        {"grants": ApplicationGrants(token_exchange=TokenExchangeOptions(accepted_scopes=("sso:account:access",)))},
        {"access_scopes": tuple(AccessScope(scope=f"a:{number}") for number in range(22))},
        {"access_scopes": (AccessScope(scope="a", authorized_targets=(TARGET,)),)},
        {
            "access_scopes": (
                AccessScope(scope="a", authorized_targets=("arn:aws:sso:::instance/ssoins-1111111111111111",)),
            )
        },
        {"actor_policy": applications.actor_policy_for(["arn:aws:iam::111122223333:role/a"])},
    ],
)
def test_an_application_may_be_so(world: World, members: dict[str, object]) -> None:
    assert new(world, **members).created_at == NOW


@pytest.mark.parametrize(
    "members, because",
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "arn:aws:a"}, "name"),
        ({"name": TARGET}, "name"),
        ({"description": "d" * 129}, "description"),
        ({"grants": code()}, "redirect URIs"),
        ({"grants": code(*(f"https://app.example/{number}" for number in range(11)))}, "redirect URIs"),
        ({"grants": code("http://app.example/")}, "https"),
        ({"grants": code("javascript:alert(1)")}, "https"),
        ({"grants": code("https://app.example/#fragment")}, "https"),
        ({"grants": code("https://*.example/")}, "https"),
        ({"grants": trusting()}, "audiences"),
        ({"grants": trusting(*"abcdefghijk")}, "audiences"),
        ({"grants": trusting("")}, "audience"),
        ({"grants": trusting("a" * 513)}, "audience"),
        ({"grants": trusting("a", arn="issuer")}, "ARN"),
        ({"grants": trusting("a", times=2)}, "twice"),
        ({"grants": ApplicationGrants(token_exchange=TokenExchangeOptions(accepted_scopes=("a b",)))}, "scope"),
        ({"access_scopes": (AccessScope(scope="a b"),)}, "scope"),
        ({"access_scopes": (AccessScope(scope="a"),) * 2}, "twice"),
        ({"access_scopes": tuple(AccessScope(scope=f"a:{number}") for number in range(23))}, "more than 25"),
        ({"access_scopes": (AccessScope(scope="a", authorized_targets=("*",)),)}, "ARN"),
        ({"access_scopes": (AccessScope(scope="a", authorized_targets=(TARGET,) * 11),)}, "targets"),
        ({"actor_policy": "{}"}, "actor policy"),
        ({"application_arn": "arn:aws:iam::1:user/a"}, "ARN"),
    ],
)
def test_an_application_may_not_be_so(world: World, members: dict[str, object], because: str) -> None:
    with pytest.raises(InvalidDirectoryRecord, match=because):
        new(world, **members)


def test_the_plain_policy_lets_those_principals_do_everything_and_nobody_else() -> None:
    arn = "arn:aws:iam::111122223333:role/a"
    policy = actor_policy.parse(applications.actor_policy_for([arn]))
    for principal, effect in ((arn, Effect.ALLOW), ("arn:aws:iam::111122223333:role/b", None)):
        caller = Caller(address="", principal=Principal(arn=principal, access_key_id="AKID"))
        assert {actor_policy.decide(policy, action, TARGET, caller, NOW, secure=False) for action in Action} == {effect}


async def test_an_application_is_found_by_name_and_by_arn(world: World) -> None:
    application = new(world, grants=ApplicationGrants(refresh_token=RefreshTokenOptions()))
    mine = applications.assignment(application, PrincipalType.USER, world.person.user_id)
    await world.store.change_configuration(ConfigurationChange(create=(application, mine)))
    for text in (application.name, application.application_arn):
        assert await applications.find_by_name_or_arn(world.store, text) == application
    assert await applications.assignments_of(world.store, application) == [mine]
    with pytest.raises(NotFound, match="'other'"):
        await applications.find_by_name_or_arn(world.store, "other")


ISSUER: dict[str, object] = {
    "name": "example",
    "issuer_url": "https://issuer.example/v2.0",
    "claim_attribute_path": "email",
    "identity_store_attribute_path": "emails.value",
}


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"issuer_url": "http://127.0.0.1:9000"},
        {"claim_attribute_path": "preferred_username", "identity_store_attribute_path": "userName"},
        {"claim_attribute_path": "identity.user.name", "identity_store_attribute_path": "externalIds.id"},
        {"algorithms": trusted_token_issuers.ALGORITHMS},
    ],
)
async def test_a_trusted_token_issuer_may_be_so(world: World, members: dict[str, object]) -> None:
    issuer = trusted_token_issuers.new_trusted_token_issuer(world.service.instance, now=NOW, **ISSUER | members)  # type: ignore[arg-type]
    await world.store.change_configuration(ConfigurationChange(create=(issuer,)))
    assert await trusted_token_issuers.find_by_name_or_arn(world.store, "example") == issuer
    assert await trusted_token_issuers.find_by_name_or_arn(world.store, issuer.trusted_token_issuer_arn) == issuer


@pytest.mark.parametrize(
    "members, because",
    [
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "arn:aws:a"}, "name"),
        ({"issuer_url": "issuer.example"}, "URL"),
        ({"issuer_url": "ftp://issuer.example"}, "URL"),
        ({"issuer_url": "HTTPS://issuer.example"}, "URL"),
        ({"issuer_url": "https://"}, "URL"),
        ({"issuer_url": "https://a@issuer.example"}, "URL"),
        ({"issuer_url": "https://issuer.example?x"}, "URL"),
        ({"issuer_url": "https://issuer.example#x"}, "URL"),
        ({"issuer_url": "https://issuer.example:99999"}, "URL"),
        ({"issuer_url": "https://issuer.example/" + "x" * 500}, "URL"),
        ({"claim_attribute_path": ""}, "claim"),
        ({"claim_attribute_path": "a.b.c.d"}, "claim"),
        ({"claim_attribute_path": "$.email"}, "claim"),
        ({"identity_store_attribute_path": "name.familyName"}, "userName, emails.value, externalIds.id"),
        ({"algorithms": ()}, "algorithm"),
        ({"algorithms": ("RS256", "RS256")}, "twice"),
        ({"algorithms": ("HS256",)}, "HS256"),
        ({"algorithms": ("none",)}, "none"),
    ],
)
def test_a_trusted_token_issuer_may_not_be_so(world: World, members: dict[str, object], because: str) -> None:
    with pytest.raises(InvalidDirectoryRecord, match=because):
        trusted_token_issuers.new_trusted_token_issuer(world.service.instance, now=NOW, **ISSUER | members)  # type: ignore[arg-type]


async def test_a_group_is_found_by_name_and_by_id(world: World) -> None:
    group = groups.new_group(world.service.instance, display_name="Engineers", now=NOW)
    member = groups.membership(group, world.person)
    await world.store.change_configuration(ConfigurationChange(create=(group, member)))
    for text in ("Engineers", group.group_id):
        assert await groups.find_by_name_or_id(world.store, text, world.service.instance) == group
    with pytest.raises(NotFound):
        await groups.find_by_name_or_id(world.store, "engineers", world.service.instance)


@pytest.mark.parametrize("impostor_first", [True, False])
async def test_an_id_is_the_group_that_has_it(world: World, *, impostor_first: bool) -> None:
    group = groups.new_group(world.service.instance, display_name="Engineers", now=NOW)
    impostor = groups.new_group(world.service.instance, display_name=group.group_id, now=NOW)
    both = (impostor, group) if impostor_first else (group, impostor)
    await world.store.change_configuration(ConfigurationChange(create=both))
    assert await groups.find_by_name_or_id(world.store, group.group_id, world.service.instance) == group
    assert await groups.find_by_name_or_id(world.store, impostor.group_id, world.service.instance) == impostor


@pytest.mark.parametrize("impostor_first", [True, False])
async def test_an_arn_is_the_application_that_has_it(world: World, *, impostor_first: bool) -> None:
    """A name like that could have been kept before names were refused for it."""
    application = new(world)
    impostor = msgspec.structs.replace(new(world), name=application.application_arn)
    both = (impostor, application) if impostor_first else (application, impostor)
    await world.store.change_configuration(ConfigurationChange(create=both))
    assert await applications.find_by_name_or_arn(world.store, application.application_arn) == application


@pytest.mark.parametrize("name, description", [("", ""), (" ", ""), ("a\x1b", ""), ("a" * 1025, ""), ("a", "b\n")])
def test_a_group_may_not_be_so(world: World, name: str, description: str) -> None:
    with pytest.raises(InvalidDirectoryRecord):
        groups.new_group(world.service.instance, display_name=name, description=description, now=NOW)


@pytest.mark.parametrize("issuer, id_", [("", "a"), ("a", ""), ("a", "b\x00"), ("a" * 513, "b")])
def test_an_external_id_may_not_be_so(world: World, issuer: str, id_: str) -> None:
    with pytest.raises(InvalidDirectoryRecord):
        groups.external_id(world.person, issuer, id_)


def test_a_policy_is_json_that_others_read_too() -> None:
    document = json.loads(applications.actor_policy_for(["arn:aws:iam::111122223333:user/a"]))
    assert document["Statement"][0]["Principal"] == {"AWS": ["arn:aws:iam::111122223333:user/a"]}
