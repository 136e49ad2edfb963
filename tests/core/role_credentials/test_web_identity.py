"""Web identity tokens: what they say to whom, and that nothing of ours takes one for anything else."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from postern.api.errors import InvalidGrantException, UnauthorizedException
from postern.core import access_tokens, assertions
from postern.core.contexts import ContextKind, ContextRefused, open_context
from postern.core.directory.credential_sources import new_credential_source
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import (
    AssignedRole,
    CredentialSource,
    WebIdentitySource,
)
from postern.core.records import User
from postern.core.role_credentials.port import SourceFaulty
from postern.core.role_credentials.token_checks import SOURCE_IDENTITY, TAGS, PresentedToken
from postern.core.role_credentials.token_profiles import PROFILES
from postern.core.role_credentials.web_identity import LIFETIME, write_token
from postern.testing import samples
from tests.core.application_world import AUDIENCE, ISSUER_URL, add_application, open_issuer
from tests.core.portal_world import add_group, create
from tests.core.world import PUBLIC_URL, World, refused

ROLE = AssignedRole(account=samples.account(), permission_set=samples.permission_set("Admin"))
TAGGED: dict[str, Any] = {
    "session_tags": {"user": "{user_id}", "groups": "{groups}", "role": "{role_name}"},
    "transitive_tag_keys": ("user",),
    "source_identity": "{user_name}",
    "policies": ("readwrite", "team-{role_name}"),
}


async def source_for(world: World, profile: str, **options: Any) -> CredentialSource:
    made = WebIdentitySource(
        endpoint="https://sts.example.org", audience="an audience", token_profile=profile, **options
    )
    source = samples.credential_source(profile, options=made)
    await create(world, source)
    await world.service.renew()
    return source


async def token_for(world: World, profile: str, user: User | None = None, **options: Any) -> str:
    source = await source_for(world, profile, **options)
    return await write_token(world.service, user or world.person, ROLE, source)


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    return header


def verified(world: World, token: str) -> dict[str, Any]:
    """The claims, by the published keys."""
    keys = KeySet.import_key_set(json.loads(world.service.signing_keys.jwks))
    return dict(jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims)


def presented(world: World, token: str, role_arn: str) -> PresentedToken:
    return PresentedToken(
        header=header_of(token),
        claims=verified(world, token),
        length=len(token),
        issuer=world.service.policy.public_url,
        jwks=json.loads(world.service.signing_keys.jwks)["keys"],
        role_arn=role_arn,
    )


async def with_email(world: World) -> User:
    return msgspec.structs.replace(world.person, display_name="Mira Example", email="mira@example.org")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("options", [TAGGED, {"policies": ("readwrite",)}], ids=["much", "little"])
async def test_what_is_written_for_a_profile_its_check_accepts(
    world: World, profile: str, options: dict[str, Any]
) -> None:
    await add_group(world, "analysts", world.person)
    token = await token_for(world, profile, await with_email(world), **options)
    role_arn = "" if profile == "minio" else "arn:aws:iam::111122223333:role/Admin"
    assert PROFILES[profile].check(presented(world, token, role_arn)) == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_it_says_who_for_whom_and_for_how_long(world: World, profile: str) -> None:
    token = await token_for(world, profile, policies=("readwrite",))
    claims = verified(world, token)
    expected = {"iss": PUBLIC_URL, "sub": world.person.user_id, "aud": "an audience"}
    assert {name: claims[name] for name in expected} == expected
    assert (claims["iat"], claims["exp"]) == (world.now, world.now + LIFETIME)
    assert "nbf" not in claims
    assert header_of(token)["typ"] == "JWT"
    assert header_of(token)["alg"] == PROFILES[profile].algorithms[0]


async def test_no_two_are_alike(world: World) -> None:
    source = await source_for(world, "aws")
    one, other = [verified(world, await write_token(world.service, world.person, ROLE, source)) for _ in range(2)]
    assert one["jti"] != other["jti"]


@pytest.mark.parametrize(
    "profile, personal",
    [
        ("aws", set()),
        ("ceph", {"preferred_username", "name", "email", "groups"}),
        ("minio", {"preferred_username", "email"}),
        ("plain", {"preferred_username", "name", "email", "groups"}),
    ],
)
async def test_a_consumer_is_told_of_the_person_only_what_it_can_read(
    world: World, profile: str, personal: set[str]
) -> None:
    await add_group(world, "analysts", world.person)
    claims = verified(world, await token_for(world, profile, await with_email(world)))
    assert {"preferred_username", "name", "email", "groups"} & set(claims) == personal


async def test_groups_are_the_names_of_the_persons_own(world: World) -> None:
    await add_group(world, "writers", world.person)
    await add_group(world, "analysts", world.person)
    await add_group(world, "others")
    assert verified(world, await token_for(world, "rustfs"))["groups"] == ["analysts", "writers"]


async def test_a_group_is_never_read_as_several(world: World) -> None:
    """RustFS splits each of them at its commas, and one of the pieces may be the name of a policy."""
    await add_group(world, "guests,consoleAdmin", world.person)
    with pytest.raises(SourceFaulty, match="has a comma"):
        await token_for(world, "rustfs")
    assert verified(world, await token_for(world, "seaweedfs"))["groups"] == ["guests,consoleAdmin"]


async def test_session_tags_are_an_object_for_aws_and_in_a_list_for_ceph(world: World) -> None:
    await add_group(world, "analysts", world.person)
    tags = {
        "principal_tags": {"user": [world.person.user_id], "groups": ["analysts"], "role": ["Admin"]},
        "transitive_tag_keys": ["user"],
    }
    assert verified(world, await token_for(world, "aws", **TAGGED))[TAGS] == tags
    assert verified(world, await token_for(world, "ceph", **TAGGED))[TAGS] == [tags]


@pytest.mark.parametrize(
    "profile, claims",
    [
        ("aws", {TAGS, SOURCE_IDENTITY}),
        ("ceph", {TAGS}),
        ("minio", {"policy"}),
        ("rustfs", {"policy"}),
        ("seaweedfs", {"policy"}),
        ("plain", {TAGS, SOURCE_IDENTITY, "policy"}),
    ],
)
async def test_what_a_consumer_does_not_know_is_not_written(world: World, profile: str, claims: set[str]) -> None:
    token = await token_for(world, profile, **TAGGED)
    assert {TAGS, SOURCE_IDENTITY, "policy"} & set(verified(world, token)) == claims


@pytest.mark.parametrize(
    "policies, claim",
    [
        (("readwrite",), "readwrite"),
        (("readwrite", "{role_name}"), ["readwrite", "Admin"]),
        (("{groups}",), ["analysts", "writers"]),
        (("writers", "{groups}"), ["writers", "analysts"]),
    ],
    ids=str,
)
async def test_one_policy_is_a_text_and_several_are_a_list(
    world: World, policies: tuple[str, ...], claim: object
) -> None:
    await add_group(world, "analysts", world.person)
    await add_group(world, "writers", world.person)
    assert verified(world, await token_for(world, "minio", policies=policies))["policy"] == claim


async def test_somebody_in_no_group_has_no_policy_of_theirs(world: World) -> None:
    assert "policy" not in verified(world, await token_for(world, "minio", policies=("{groups}",)))


async def test_the_source_may_choose_the_algorithm(world: World) -> None:
    assert header_of(await token_for(world, "aws", algorithm="RS256"))["alg"] == "RS256"


async def test_a_token_that_its_consumer_would_not_read_is_not_sent(world: World) -> None:
    groups = [samples.group(f"a-group-with-a-rather-long-name-{number:04d}") for number in range(60)]
    await create(world, *groups, *(samples.membership(group, world.person) for group in groups))
    with pytest.raises(SourceFaulty, match="longer than its consumer takes"):
        await token_for(world, "minio", policies=("{groups}",))


async def test_a_profile_that_there_is_none_of_is_the_sources_fault(world: World) -> None:
    with pytest.raises(SourceFaulty, match="token profile"):
        await token_for(world, "of a newer version")


async def test_a_key_that_is_not_made_yet_is_the_sources_fault(world: World) -> None:
    options = WebIdentitySource(endpoint="https://sts.example.org", audience="sts", token_profile="ceph")
    with pytest.raises(SourceFaulty, match="still to be made"):
        await write_token(world.service, world.person, ROLE, samples.credential_source(options=options))


async def test_a_new_key_signs_after_a_rotation_and_the_old_one_stays_published(world: World) -> None:
    source = await source_for(world, "ceph")
    before = await write_token(world.service, world.person, ROLE, source)
    keys = world.service.policy.keys
    world.clock.advance(keys.rotation_interval)
    await world.service.renew()
    world.clock.advance(keys.publish_lead + 1)
    await world.service.renew()
    after = await write_token(world.service, world.person, ROLE, source)
    assert header_of(before)["kid"] != header_of(after)["kid"]
    published = {key["kid"] for key in json.loads(world.service.signing_keys.jwks)["keys"]}
    assert {header_of(before)["kid"], header_of(after)["kid"]} <= published


# Statement 19: a value of one kind is never accepted as another kind.


async def test_19_it_is_no_access_token(world: World) -> None:
    token = await token_for(world, "plain")
    with refused(UnauthorizedException):
        await access_tokens.verify(world.service, token)


@pytest.mark.parametrize("kind", ContextKind)
async def test_19_it_is_no_context(world: World, kind: ContextKind) -> None:
    with pytest.raises(ContextRefused):
        open_context(world.service, await token_for(world, "plain"), kind)


async def test_19_it_is_no_assertion_even_if_somebody_trusts_this_server_as_an_issuer(world: World) -> None:
    application, issuer = await add_application(world), await open_issuer(world)
    await assertions.verify(world.service, application.application_arn, issuer.assertion(world))
    world.service.policy = msgspec.structs.replace(world.service.policy, public_url=ISSUER_URL)
    options = WebIdentitySource(endpoint="https://sts.example.org", audience=AUDIENCE, token_profile="plain")
    token = await write_token(world.service, world.person, ROLE, samples.credential_source(options=options))
    with refused(InvalidGrantException, "this server"):
        await assertions.verify(world.service, application.application_arn, token)


def test_19_it_is_no_id_token_since_it_is_for_no_application() -> None:
    application = samples.application()
    options = WebIdentitySource(endpoint="https://sts.example.org", audience=application.application_arn)
    with pytest.raises(InvalidDirectoryRecord, match="ID token"):
        new_credential_source(name="aws", options=options, now=1)
