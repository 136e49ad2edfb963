"""Trust policies of others: which conditions hold for a call, and what is not known here."""

import json
from typing import Any

import msgspec
import pytest

from postern.core.role_credentials.token_checks import SOURCE_IDENTITY, TAGS
from postern.core.role_credentials.trust_policies import (
    ExplainedCondition,
    ExplainedTrust,
    InvalidTrustPolicy,
    TrustCall,
    Verdict,
    assume_role_call,
    explain_trust,
    web_identity_call,
)

YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN
ISSUER = "https://sso.example.org/here"
KEY = "sso.example.org/here"
ACCOUNT = "111122223333"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{KEY}"
CLAIMS: dict[str, object] = {
    "iss": ISSUER,
    "sub": "an-id",
    "aud": "sts.amazonaws.com",
    "exp": 301,
    "email": "mira@example.org",
    "groups": ["analysts", "writers"],
}
TAG_CLAIM: dict[str, object] = {"principal_tags": {"team": ["blue"], "Unit": ["7"]}, "transitive_tag_keys": ["team"]}
WEB, TAG, IDENTITY = "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"


def call(profile: str = "aws", **claims: object) -> TrustCall:
    return web_identity_call(CLAIMS | claims, profile=profile, account_id=ACCOUNT, session_name="mira", issuer=ISSUER)


def tagged(profile: str = "aws") -> TrustCall:
    claim = [TAG_CLAIM] if profile == "ceph" else TAG_CLAIM
    made = call(profile)
    with_tags = web_identity_call(
        CLAIMS | {TAGS: claim, SOURCE_IDENTITY: "mira"},
        profile=profile,
        account_id=ACCOUNT,
        session_name="mira",
        issuer=ISSUER,
    )
    return msgspec.structs.replace(made, actions=with_tags.actions, values=with_tags.values)


SIGNED = assume_role_call(
    account_id=ACCOUNT,
    session_name="mira",
    external_id="postern",
    tags={"team": "blue"},
    transitive_tag_keys=("team",),
    source_identity="",
)


def explain(of: TrustCall, *statements: dict[str, Any]) -> ExplainedTrust:
    good = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:*"}
    policy = {"Version": "2012-10-17", "Statement": [good | each for each in statements]}
    return explain_trust(json.dumps(policy), of)


def condition(of: TrustCall, operator: str, key: str, wanted: object) -> ExplainedCondition:
    (statement,) = explain(of, {"Condition": {operator: {key: wanted}}}).statements
    (found,) = statement.conditions
    return found


@pytest.mark.parametrize(
    "operator, key, wanted, holds",
    [
        ("StringEquals", f"{KEY}:aud", "sts.amazonaws.com", YES),
        ("StringEquals", f"{KEY.upper()}:AUD", "sts.amazonaws.com", YES),
        ("StringEquals", f"{KEY}:aud", ["another", "sts.amazonaws.com"], YES),
        ("StringEquals", f"{KEY}:aud", "another", NO),
        ("StringNotEquals", f"{KEY}:aud", "another", YES),
        ("StringEquals", f"{KEY}:sub", "an-id", YES),
        ("StringLike", f"{KEY}:sub", "an-*", YES),
        ("StringEquals", "another.example.org:aud", "sts.amazonaws.com", NO),
        ("StringEqualsIfExists", "another.example.org:aud", "x", YES),
        ("StringEquals", "sts:RoleSessionName", "mira", YES),
        ("StringLike", "sts:RoleSessionName", "j*", NO),
        ("StringEquals", "sts:SourceIdentity", "mira", YES),
        ("StringEquals", "aws:RequestTag/team", "blue", YES),
        ("StringEquals", "aws:RequestTag/TEAM", "blue", YES),
        ("StringEquals", "aws:RequestTag/team", "green", NO),
        ("NumericLessThan", "aws:RequestTag/Unit", "8", YES),
        ("NumericLessThan", "aws:RequestTag/team", "8", NO),
        ("StringEquals", "aws:RequestTag/other", "x", NO),
        ("Null", "aws:RequestTag/other", "true", YES),
        ("Null", "aws:RequestTag/team", True, NO),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "Unit"], YES),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], NO),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], YES),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["other"], NO),
        ("ForAllValues:StringEquals", "sts:TransitiveTagKeys", ["team"], YES),
        ("StringEquals", "sts:ExternalId", "postern", NO),
        ("ForAllValues:StringEquals", "sts:ExternalId", "postern", YES),
        ("ForAnyValue:StringEquals", "sts:ExternalId", "postern", NO),
    ],
)
def test_a_condition_of_the_call_holds_or_not(operator: str, key: str, wanted: object, holds: Verdict) -> None:
    assert condition(tagged(), operator, key, wanted).holds is holds


@pytest.mark.parametrize(
    "operator, key, wanted, remark",
    [
        ("IpAddress", "aws:SourceIp", "192.0.2.0/24", "not known here"),
        ("StringEquals", "aws:ResourceTag/team", "blue", "not known here"),
        ("StringEquals", "aws:RequestTag/team", "${aws:ResourceTag/team}", "variables are not supported"),
        ("StringMatches", "sts:RoleSessionName", "mira", "the operator is not one of"),
        ("DateLessThan", "aws:CurrentTime", "tomorrow", "not one of the operator's kind"),
    ],
)
def test_what_is_not_known_is_said_to_be_unknown(operator: str, key: str, wanted: str, remark: str) -> None:
    found = condition(tagged(), operator, key, wanted)
    assert found.holds is UNKNOWN
    assert remark in found.remark


def test_the_values_of_the_call_are_shown() -> None:
    assert condition(tagged(), "StringEquals", "aws:RequestTag/team", "green").actual == ("blue",)
    assert condition(call("plain"), "StringEquals", f"{KEY}:groups", "x").actual == ("analysts", "writers")


def test_aws_makes_keys_of_few_claims_and_says_so() -> None:
    found = condition(call("aws"), "StringEquals", f"{KEY}:email", "mira@example.org")
    assert found.holds is NO
    assert "aud, sub, amr, azp" in found.remark
    assert condition(call("ceph"), "StringEquals", f"{KEY}:email", "mira@example.org").holds is YES


def test_a_key_of_another_issuer_is_pointed_out() -> None:
    assert f"{KEY}:" in condition(call(), "StringEquals", "example.org:aud", "sts.amazonaws.com").remark


def test_ceph_calls_the_audience_app_id_too() -> None:
    assert condition(call("ceph"), "StringEquals", f"{KEY}:app_id", "sts.amazonaws.com").holds is YES
    assert condition(call("aws"), "StringEquals", f"{KEY}:app_id", "sts.amazonaws.com").holds is NO


def test_seaweedfs_calls_the_claims_by_oidc() -> None:
    assert condition(call("seaweedfs"), "StringEquals", "oidc:groups", "writers").holds is YES
    assert condition(call("seaweedfs"), "StringNotEquals", "oidc:groups", "writers").holds is NO
    assert condition(call("aws"), "StringEquals", "oidc:aud", "sts.amazonaws.com").holds is NO


def test_tags_of_ceph_are_read_out_of_their_list() -> None:
    assert condition(tagged("ceph"), "StringEquals", "aws:RequestTag/team", "blue").holds is YES


@pytest.mark.parametrize(
    "principal, verdict",
    [
        ({"Federated": PROVIDER}, YES),
        ({"Federated": ["arn:aws:iam::111122223333:saml-provider/x", PROVIDER]}, YES),
        ({"Federated": f"arn:aws:iam:::oidc-provider/{KEY}"}, YES),
        ({"Federated": f"arn:aws:iam::444455556666:oidc-provider/{KEY}"}, NO),
        ({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/sso.example.org"}, NO),
        ({"Federated": "a-name-of-the-stores-own"}, UNKNOWN),
        ({"AWS": "arn:aws:iam::111122223333:root"}, NO),
        ({"AWS": "*"}, YES),
        ("*", YES),
        ({}, NO),
    ],
    ids=str,
)
def test_the_principal_of_a_token_is_the_provider_of_its_issuer(principal: object, verdict: Verdict) -> None:
    (statement,) = explain(call(), {"Principal": principal}).statements
    assert statement.principal is verdict


def test_whose_an_access_key_is_is_not_known() -> None:
    assert explain(SIGNED, {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}).allowed["sts:AssumeRole"] is UNKNOWN
    assert explain(SIGNED, {"Principal": {"Federated": PROVIDER}}).allowed["sts:AssumeRole"] is NO
    assert explain(SIGNED, {"Principal": "*"}).allowed["sts:AssumeRole"] is YES


def test_an_external_id_is_compared() -> None:
    assert condition(SIGNED, "StringEquals", "sts:ExternalId", "postern").holds is YES
    assert condition(SIGNED, "StringEquals", "sts:ExternalId", "another").holds is NO
    assert "no token" in condition(SIGNED, "StringEquals", f"{KEY}:aud", "x").remark


def test_a_call_with_tags_and_identity_needs_more_actions() -> None:
    assert explain(tagged(), {"Action": WEB}).allowed == {WEB: YES, TAG: NO, IDENTITY: NO}
    assert explain(tagged(), {"Action": [WEB, "STS:tagsession"]}).allowed == {WEB: YES, TAG: YES, IDENTITY: NO}
    assert explain(tagged(), {"Action": WEB}, {"Action": [TAG, IDENTITY]}).allowed == dict.fromkeys(
        (WEB, TAG, IDENTITY), YES
    )
    assert explain(call(), {"Action": WEB}).allowed == {WEB: YES}
    assert SIGNED.actions == ("sts:AssumeRole", TAG)


@pytest.mark.parametrize(
    "statements, allowed",
    [
        ([{}], YES),
        ([{"Action": "sts:AssumeRole"}], NO),
        ([{"NotAction": "sts:AssumeRole", "Action": None}], YES),
        ([{"Effect": "Deny"}], NO),
        ([{}, {"Effect": "Deny"}], NO),
        ([{}, {"Effect": "Deny", "Condition": {"StringNotEquals": {f"{KEY}:aud": "sts.amazonaws.com"}}}], YES),
        ([{}, {"Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}], UNKNOWN),
        ([{"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}], UNKNOWN),
        ([{"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, {}], YES),
        ([{"Condition": {"StringEquals": {f"{KEY}:aud": "x"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}], NO),
    ],
    ids=lambda value: str(value)[:70],
)
def test_what_comes_of_the_statements(statements: list[dict[str, Any]], allowed: Verdict) -> None:
    assert explain(call(), *statements).allowed == {WEB: allowed}


def test_a_single_statement_may_stand_without_a_list() -> None:
    policy = {"Statement": {"Sid": "One", "Effect": "Allow", "Principal": "*", "Action": WEB}}
    (statement,) = explain_trust(json.dumps(policy), call()).statements
    assert (statement.name, statement.applies) == ("One", YES)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"Statement": []}', '{"Statement": ["x"]}', "[" * 100_000, '"' + "x" * 70_000 + '"']
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(InvalidTrustPolicy):
        explain_trust(text, call())


@pytest.mark.parametrize(
    "odd",
    [{"Condition": "x"}, {"Condition": []}, {"Condition": {"StringEquals": "x"}}, {"Principal": 7}],
    ids=str,
)
def test_what_is_not_understood_is_not_passed_over(odd: dict[str, Any]) -> None:
    assert explain(call(), odd).allowed == {WEB: UNKNOWN}
