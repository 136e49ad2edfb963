"""What each consumer of web identity tokens takes, and what it refuses for which reason."""

from collections.abc import Mapping

import msgspec
import pytest

from postern.core.directory.records import LocalSource, WebIdentitySource
from postern.core.role_credentials.token_checks import SOURCE_IDENTITY, TAGS, PresentedToken
from postern.core.role_credentials.token_profiles import PROFILES, algorithm_of, algorithms_of, wants_rsa
from postern.testing import samples

ISSUER = "https://sso.example.org"
RSA_KEY = {"kid": "r", "kty": "RSA", "alg": "RS256", "x5c": ["a certificate"]}
EC_KEY = {"kid": "e", "kty": "EC", "alg": "ES256"}
ROLE_ARN = "arn:aws:iam::111122223333:role/Admin"
GOOD: Mapping[str, object] = {"iss": ISSUER, "sub": "a-user-id", "aud": "sts", "iat": 1, "exp": 301}
MORE: Mapping[str, Mapping[str, object]] = {"minio": {"policy": "readwrite"}, "rustfs": {"groups": ["readwrite"]}}


def presented(profile: str, *, header: Mapping[str, object] | None = None, **changes: object) -> PresentedToken:
    """A token that is good for the profile, but for ``changes``: members of it, or claims."""
    algorithm = PROFILES[profile].algorithms[0]
    token = PresentedToken(
        header={"alg": algorithm, "kid": "r" if algorithm == "RS256" else "e"} | dict(header or {}),
        claims={**GOOD, **MORE.get(profile, {})},
        length=900,
        issuer=ISSUER,
        jwks=(RSA_KEY, EC_KEY),
        role_arn="" if profile == "minio" else ROLE_ARN,
    )
    members = {name: changes.pop(name) for name in ("length", "issuer", "jwks", "role_arn") if name in changes}
    claims = {name: value for name, value in {**token.claims, **changes}.items() if value is not None}
    return msgspec.structs.replace(token, claims=claims, **members)


def parts(profile: str, token: PresentedToken) -> list[str]:
    return [finding.part for finding in PROFILES[profile].check(token)]


def with_claims(profile: str, claims: Mapping[str, object]) -> list[str]:
    token = presented(profile)
    return parts(profile, msgspec.structs.replace(token, claims={**token.claims, **claims}))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_token_is_accepted(profile: str) -> None:
    assert parts(profile, presented(profile)) == []


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "part, changes",
    [
        ("iat", {"iat": None}),
        ("iat", {"iat": 1.0}),
        ("exp", {"exp": "301"}),
        ("exp", {"exp": True}),
        ("aud", {"aud": ["sts"]}),
        ("aud", {"aud": ""}),
        ("aud", {"aud": "a" * 256}),
        ("sub", {"sub": None}),
        ("sub", {"sub": "j\N{LATIN SMALL LETTER O WITH DIAERESIS}rg"}),
        ("sub", {"sub": "s" * 256}),
        ("iss", {"iss": "https://another.example.org"}),
        ("token", {"length": 20_001}),
        ("alg", {"header": {"alg": "EdDSA"}}),
        ("alg", {"header": {"alg": "none"}}),
        ("kid", {"header": {"kid": "another"}}),
        ("kid", {"header": {"kid": None}}),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value)[:40],
)
def test_all_refuse(profile: str, part: str, changes: dict[str, object]) -> None:
    assert part in parts(profile, presented(profile, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://sso.example.org",
        "https://sso.example.org:8443",
        "https://sso.example.org:443",
        "https://[2001:db8::1]:1/",
        "https://sso.example.org?a=b",
        "https://sso.example.org#a",
    ],
)
def test_aws_wants_an_issuer_with_https_and_without_port_and_query(issuer: str) -> None:
    assert parts("aws", presented("aws", issuer=issuer, iss=issuer)) == ["iss"]
    assert parts("plain", presented("plain", issuer=issuer, iss=issuer)) == []


def test_an_issuer_may_have_a_path() -> None:
    issuer = "https://example.org/sign-in"
    assert parts("aws", presented("aws", issuer=issuer, iss=issuer)) == []


def test_aws_takes_100_keys_of_a_kind() -> None:
    assert parts("aws", presented("aws", jwks=[EC_KEY] * 100 + [RSA_KEY] * 100)) == []
    assert parts("aws", presented("aws", jwks=[EC_KEY] * 101)) == ["jwks"]


def tags(*values: str, key: str = "team", **more: object) -> dict[str, object]:
    return {"principal_tags": {key: list(values)}, **more}


@pytest.mark.parametrize(
    "claim",
    [
        tags("blue"),
        tags("a:b c/d=e+f@g.h-i_j"),
        tags("\N{LATIN SMALL LETTER E WITH ACUTE}quipe"),
        tags("v" * 256),
        tags(""),
        tags("blue", transitive_tag_keys=["team"]),
    ],
    ids=str,
)
def test_aws_takes_session_tags_as_an_object_and_ceph_in_a_list(claim: object) -> None:
    assert with_claims("aws", {TAGS: claim}) == []
    assert with_claims("aws", {TAGS: [claim]}) == [TAGS]
    assert with_claims("ceph", {TAGS: [claim]}) == []
    assert with_claims("ceph", {TAGS: claim}) == [TAGS]


@pytest.mark.parametrize(
    "claim",
    [
        "team=blue",
        {},
        {"principal_tags": []},
        {"principal_tags": {"team": "blue"}},
        {"principal_tags": {"team": []}},
        {"principal_tags": {"team": [7]}},
        {"principal_tags": {f"k{number}": ["v"] for number in range(51)}},
        tags("v" * 257),
        tags("a,b"),
        tags("v", key="k" * 129),
        tags("v", key=""),
        tags("v", key="aws:team"),
        tags("v", key="AWS:team"),
        tags("blue", transitive_tag_keys=["another"]),
        tags("blue", transitive_tag_keys="team"),
    ],
    ids=lambda claim: str(claim)[:40],
)
def test_neither_takes_what_are_no_session_tags(claim: object) -> None:
    assert with_claims("aws", {TAGS: claim}) == [TAGS]
    assert with_claims("ceph", {TAGS: [claim]}) == [TAGS]


def test_a_tag_of_several_values_is_for_ceph_only() -> None:
    assert with_claims("aws", {TAGS: tags("blue", "green")}) == [TAGS]
    assert with_claims("ceph", {TAGS: [tags("blue", "green")]}) == []


@pytest.mark.parametrize("identity", ["a", "i" * 65, "mira example", "aws:mira", 7, ["mira"]], ids=str)
def test_aws_refuses_what_is_no_source_identity(identity: object) -> None:
    assert with_claims("aws", {SOURCE_IDENTITY: identity}) == [SOURCE_IDENTITY]
    assert with_claims("aws", {SOURCE_IDENTITY: "mira@example.org"}) == []


def test_ceph_wants_a_certificate_with_the_key_and_so_rs256() -> None:
    bare = {name: value for name, value in RSA_KEY.items() if name != "x5c"}
    assert parts("ceph", presented("ceph", jwks=[bare])) == ["x5c"]
    assert parts("ceph", presented("ceph", header={"alg": "ES256", "kid": "e"})) == ["x5c", "alg"]


@pytest.mark.parametrize("profile", ["aws", "ceph"])
def test_a_role_is_asked_for_where_the_sts_has_roles(profile: str) -> None:
    assert parts(profile, presented(profile, role_arn="")) == ["role_arn"]
    assert parts(profile, presented(profile, role_arn=None)) == []


@pytest.mark.parametrize(
    "policy, role_arn, found",
    [
        ("readwrite", "", []),
        (["readwrite", "diagnostics"], "", []),
        ("readwrite", None, []),
        (None, "arn:minio:iam:::role/x", []),
        ("readwrite", "arn:minio:iam:::role/x", ["role_arn"]),
        (None, "", ["policy"]),
        (None, None, ["policy"]),
        ([], "", ["policy"]),
        ("", "", ["policy"]),
        ("one,two", "", ["policy"]),
        ([7], "", ["policy"]),
    ],
    ids=str,
)
def test_minio_takes_policies_from_the_claim_or_a_role_but_not_both(
    policy: object, role_arn: str | None, found: list[str]
) -> None:
    assert parts("minio", presented("minio", policy=policy, role_arn=role_arn)) == found


def test_minio_takes_a_short_token_only() -> None:
    assert parts("minio", presented("minio", length=2048)) == []
    assert parts("minio", presented("minio", length=2049)) == ["token"]


def test_a_rustfs_session_without_groups_and_policy_can_do_nothing() -> None:
    assert parts("rustfs", presented("rustfs", groups=None)) == ["groups"]
    assert parts("rustfs", presented("rustfs", groups=None, policy="readonly")) == []


@pytest.mark.parametrize("profile, algorithm", [("aws", "ES256"), ("plain", "ES256"), ("ceph", "RS256")])
def test_an_algorithm_is_that_of_the_source_or_else_of_its_profile(profile: str, algorithm: str) -> None:
    options = WebIdentitySource(endpoint="https://sts.example.org", audience="sts", token_profile=profile)
    assert algorithm_of(options) == algorithm
    assert algorithm_of(msgspec.structs.replace(options, algorithm="RS256")) == "RS256"


def test_rsa_keys_are_wanted_where_a_source_is_signed_for_with_them() -> None:
    of_aws = samples.credential_source("aws")
    local = samples.credential_source("local", options=LocalSource())
    options = WebIdentitySource(endpoint="https://s3.example.org", audience="s3", token_profile="minio")
    of_minio = samples.credential_source("minio", options=options)
    assert not wants_rsa([of_aws, local])
    assert wants_rsa([of_aws, of_minio])
    assert algorithms_of([of_aws, of_minio, local]) == {"ES256", "RS256"}


def test_a_source_of_a_profile_that_is_not_known_here_stops_nobody() -> None:
    options = WebIdentitySource(endpoint="https://s3.example.org", audience="s3", token_profile="of a newer version")
    assert algorithms_of([samples.credential_source(options=options)]) == frozenset()
