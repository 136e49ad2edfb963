"""Explanations of tokens and roles: true to what would be sent, and without the secrets."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from postern.core.contexts import AUDIENCE as CONTEXT_AUDIENCE
from postern.core.directory.records import (
    AssignedRole,
    AssumeRoleSource,
    CredentialSource,
    WebIdentitySource,
)
from postern.core.role_credentials.explain import ExplainedRole, NoToken, explain_role, explain_token
from postern.core.role_credentials.port import SourceFaulty
from postern.core.role_credentials.secrets import seal_secret
from postern.core.role_credentials.sources import LOCAL
from postern.core.role_credentials.token_profiles import PROFILES
from postern.core.role_credentials.trust_policies import Verdict
from postern.core.role_credentials.web_identity import LIFETIME, write_token
from postern.testing import samples
from tests.core.portal_world import add_group, create
from tests.core.world import MASTER, World

ROLE = AssignedRole(account=samples.account(), permission_set=samples.permission_set("Admin"))
SECRET = "a secret access key"


async def source_for(world: World, profile: str, **options: Any) -> CredentialSource:
    made = WebIdentitySource(endpoint="https://sts.example.org", audience="sts", token_profile=profile, **options)
    source = samples.credential_source(profile, options=made)
    await create(world, source)
    await world.service.renew()
    return source


def assume_role_source(**options: Any) -> CredentialSource:
    made = AssumeRoleSource(
        endpoint="https://sts.example.org",
        region="eu-central-1",
        access_key_id="AKIAEXAMPLE",
        sealed_secret=seal_secret(MASTER, "lab", "AKIAEXAMPLE", SECRET),
        **options,
    )
    return samples.credential_source("lab", options=made)


async def explained(world: World, source: CredentialSource, trust_policy: str | None = None) -> ExplainedRole:
    groups = await world.store.list_groups_of(world.person.user_id)
    return explain_role(world.service, world.person, groups, ROLE, source, trust_policy)


def accepted(verdicts: Any) -> set[str]:
    return {verdict.name for verdict in verdicts if verdict.accepts}


# A token


async def test_a_good_token_is_shown_with_who_would_take_it(world: World) -> None:
    source = await source_for(world, "ceph", session_tags={"team": "blue"})
    found = explain_token(world.service, await write_token(world.service, world.person, ROLE, source))
    assert found.faults == ()
    assert found.header["alg"] == "RS256"
    assert found.claims["sub"] == world.person.user_id
    assert accepted(found.profiles) == {"ceph", "seaweedfs", "plain"}
    assert [verdict.name for verdict in found.profiles] == list(PROFILES)


async def test_one_that_expired_is_not_good(world: World) -> None:
    source = await source_for(world, "aws")
    token = await write_token(world.service, world.person, ROLE, source)
    world.clock.advance(LIFETIME)
    assert [fault.part for fault in explain_token(world.service, token).faults] == ["exp"]


async def test_nor_is_one_whose_time_has_not_come(world: World) -> None:
    source = await source_for(world, "aws")
    token = await write_token(world.service, world.person, ROLE, source)
    world.clock.advance(-60)
    assert [fault.part for fault in explain_token(world.service, token).faults] == ["iat"]


async def test_a_changed_token_has_no_good_signature(world: World) -> None:
    source = await source_for(world, "aws")
    header, payload, signature = (await write_token(world.service, world.person, ROLE, source)).split(".")
    other = (await write_token(world.service, world.person, ROLE, source)).split(".")
    for text in (f"{header}.{other[1]}.{signature}", f"{header}.{payload}.{other[2]}", f"{header}.{payload}."):
        (fault,) = explain_token(world.service, text).faults
        assert (fault.part, "not the signature" in fault.text) == ("signature", True)


async def test_a_token_of_others_is_shown_and_said_not_to_be_verified(world: World) -> None:
    token = jwt({"alg": "RS256", "kid": "theirs"}, {"iss": "https://other.example.org", "aud": ["a", "b"]})
    found = explain_token(world.service, token)
    assert found.claims["iss"] == "https://other.example.org"
    assert "not verified" in found.faults[0].text
    assert accepted(found.profiles) == set()


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
async def test_no_algorithm_but_the_keys_own_verifies(world: World, algorithm: str) -> None:
    source = await source_for(world, "aws")
    _, payload, signature = (await write_token(world.service, world.person, ROLE, source)).split(".")
    kid = world.service.signing_keys.active.kid  # type: ignore[union-attr]
    header = b64({"alg": algorithm, "kid": kid})
    assert [fault.part for fault in explain_token(world.service, f"{header}.{payload}.{signature}").faults] == [
        "signature"
    ]


def b64(members: object) -> str:
    return urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def jwt(header: object, claims: object) -> str:
    return f"{b64(header)}.{b64(claims)}.c2ln"


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "three parts"),
        ("aoa-something:else", "three parts"),
        ("a.b.c.d.e", "encrypted"),
        ("a.b.c", "header"),
        (f"{b64({})}.!.c", "payload"),
        (f"{b64([])}.{b64({})}.c", "not a JSON object"),
        (f"{b64({})}.{b64('text')}.c", "not a JSON object"),
        (f"{urlsafe_b64encode(b'[' * 9999).decode()}.{b64({})}.c", "header"),
        ("x" * 70_000, "characters"),
    ],
    ids=lambda text: text[:20],
)
async def test_what_is_no_token_is_said_to_be_none(world: World, text: str, why: str) -> None:
    with pytest.raises(NoToken, match=why):
        explain_token(world.service, text)


async def test_odd_members_do_not_break_it(world: World) -> None:
    odd = {"iss": 7, "sub": [], "aud": {}, "exp": "soon", "iat": None, "policy": [[]], "groups": {}}
    found = explain_token(world.service, jwt({"alg": 7, "kid": []}, odd | {"https://aws.amazon.com/tags": 7}))
    assert accepted(found.profiles) == set()
    assert CONTEXT_AUDIENCE not in str(found)


# A role


async def test_the_token_that_would_be_sent_is_the_one_that_is_shown(world: World) -> None:
    await add_group(world, "analysts", world.person)
    source = await source_for(world, "aws", session_tags={"team": "{groups}"}, source_identity="{user_name}")
    found = await explained(world, source)
    written = explain_token(world.service, await write_token(world.service, world.person, ROLE, source))
    assert found.claims is not None
    assert {**found.claims, "jti": ""} == {**written.claims, "jti": ""}
    assert found.call == {
        "action": "AssumeRoleWithWebIdentity",
        "endpoint": "https://sts.example.org",
        "role_arn": "arn:aws:iam::111122223333:role/Admin",
        "session_name": "Mira",
        "duration": 3600,
        "token_profile": "aws",
        "algorithm": "ES256",
    }
    assert found.faults == ()
    assert found.profiles[0].name == "aws"
    assert found.profiles[0].accepts


async def test_others_are_asked_as_if_the_source_had_their_profile(world: World) -> None:
    found = await explained(world, await source_for(world, "aws", session_tags={"team": "blue"}))
    assert accepted(found.profiles) == {"aws", "ceph", "minio", "seaweedfs", "plain"}
    (rustfs,) = (verdict for verdict in found.profiles if verdict.name == "rustfs")
    assert [finding.part for finding in rustfs.findings] == ["groups"]


async def test_minio_with_policies_and_a_role_is_refused(world: World) -> None:
    found = await explained(world, await source_for(world, "minio", policies=("readwrite",)))
    assert [finding.part for finding in found.profiles[0].findings] == ["role_arn"]


async def test_a_token_that_would_be_too_long_is_said_to_be(world: World) -> None:
    groups = [samples.group(f"a-group-with-a-rather-long-name-{number:04d}") for number in range(60)]
    await create(world, *groups, *(samples.membership(group, world.person) for group in groups))
    found = await explained(world, await source_for(world, "minio", role_arn="", policies=("{groups}",)))
    assert [finding.part for finding in found.profiles[0].findings] == ["token"]


async def test_it_is_said_to_be_too_long_when_it_is_not_sent_and_not_before(world: World) -> None:
    source = await source_for(world, "minio", role_arn="", policies=("{groups}",))
    sent: list[bool] = []
    for number in range(100):
        group = samples.group(f"group-{number:03d}")
        await create(world, group, samples.membership(group, world.person))
        sent.append(await is_sent(world, source))
        assert (await explained(world, source)).profiles[0].accepts is sent[-1]
    assert set(sent) == {True, False}


async def is_sent(world: World, source: CredentialSource) -> bool:
    try:
        await write_token(world.service, world.person, ROLE, source)
    except SourceFaulty:
        return False
    return True


@pytest.mark.parametrize(
    "profile, lost",
    [
        ("aws", ["policies"]),
        ("ceph", ["source_identity", "policies"]),
        ("minio", ["session_tags", "source_identity"]),
        ("plain", []),
    ],
)
async def test_what_the_consumer_is_never_told_is_pointed_out(world: World, profile: str, lost: list[str]) -> None:
    source = await source_for(
        world, profile, session_tags={"team": "blue"}, source_identity="{user_name}", policies=("readwrite",)
    )
    assert [fault.part for fault in (await explained(world, source)).faults] == lost


async def test_a_name_that_cannot_stand_in_an_arn_is_a_fault(world: World) -> None:
    source = await source_for(world, "aws", role_arn="arn:aws:iam::{account_id}:role/{display_name}{email}")
    assert [fault.part for fault in (await explained(world, source)).faults] == ["role_arn"]


async def test_a_policy_that_cannot_be_one_is_a_finding(world: World) -> None:
    await add_group(world, "one, two", world.person)
    found = await explained(world, await source_for(world, "minio", role_arn="", policies=("{groups}",)))
    assert [finding.part for finding in found.profiles[0].findings] == ["source"]


async def test_a_profile_that_there_is_none_of_is_a_fault(world: World) -> None:
    found = await explained(world, await source_for(world, "of a newer version"))
    assert [fault.part for fault in found.faults] == ["token_profile"]


async def test_assume_role_is_shown_without_its_secret(world: World) -> None:
    source = assume_role_source(external_id="postern", session_tags={"team": "{role_name}"}, source_identity="{email}")
    found = await explained(world, source)
    assert found.kind == "assume-role"
    assert found.claims is None
    assert found.call["session_tags"] == {"team": "Admin"}
    assert found.call["external_id"] == "postern"
    assert found.call["source_identity"] == world.person.user_id
    assert SECRET not in str(found)
    assert "sealed" not in str(found)


async def test_the_local_source_asks_nobody(world: World) -> None:
    found = await explained(world, LOCAL)
    assert (found.kind, found.profiles, found.trust) == ("local", (), None)
    assert "AWSReservedSSO_Admin" in str(found.call["role_arn"])


TRUST = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/sso.example.com", "AWS": "*"},
            "Action": ["sts:AssumeRole*", "sts:TagSession"],
            "Condition": {"StringEquals": {"aws:RequestTag/team": "Admin"}},
        }
    }
)


async def test_a_trust_policy_is_asked_about_the_very_call(world: World) -> None:
    web = await explained(world, await source_for(world, "aws", session_tags={"team": "{role_name}"}), TRUST)
    signed = await explained(world, assume_role_source(session_tags={"team": "{role_name}"}), TRUST)
    other = await explained(world, await source_for(world, "ceph", session_tags={"team": "another"}), TRUST)
    assert web.trust is not None
    assert signed.trust is not None
    assert other.trust is not None
    assert web.trust.allowed == {"sts:AssumeRoleWithWebIdentity": Verdict.YES, "sts:TagSession": Verdict.YES}
    assert signed.trust.allowed == {"sts:AssumeRole": Verdict.YES, "sts:TagSession": Verdict.YES}
    assert set(other.trust.allowed.values()) == {Verdict.NO}
