"""Actor policies: what they allow, that deny wins, and what is refused when one is read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.core.caller import Caller, Principal
from postern.core.iam.actor_policy import MAX_LENGTH, Action, Effect, InvalidPolicy, Policy, decide, parse
from postern.core.iam.patterns import matches

ACCOUNT = "111122223333"
ARN = f"arn:aws:sso::{ACCOUNT}:application/ssoins-1111111111111111/apl-2222222222222222"
USER = Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/ann", access_key_id="AKIDANN")
SESSION = Principal(
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/reports/nightly",
    access_key_id="ASIDNIGHTLY",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/reports",
)
STRANGER = Principal(arn="arn:aws:iam::999988887777:user/ann", access_key_id="AKIDEVE")
CREATE = Action.CREATE_TOKEN_WITH_IAM
NOW = 1_790_000_000  # 2026-09-21T14:13:20Z


def statement(**members: object) -> dict[str, object]:
    good: dict[str, object] = {"Effect": "Allow", "Principal": "*", "Action": "sso-oauth:CreateTokenWithIAM"}
    return {name: value for name, value in (good | members).items() if value is not None}


def text_of(*statements: object, **members: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | members)


def said(
    policy: str,
    principal: Principal = USER,
    action: Action = CREATE,
    *,
    address: str = "192.0.2.44",
    secure: bool = True,
    agent: str = "Boto3/1.40",
) -> Effect | None:
    caller = Caller(address=address, user_agent=agent, principal=principal)
    return decide(parse(policy), action, ARN, caller, NOW, secure=secure)


def test_what_a_policy_allows_is_allowed() -> None:
    assert said(text_of(statement())) is Effect.ALLOW


def test_what_no_statement_speaks_of_is_not_allowed() -> None:
    assert said(text_of(statement(Principal={"AWS": STRANGER.arn}))) is None


def test_an_empty_condition_asks_for_nothing() -> None:
    assert said(text_of(statement(Condition={}))) is Effect.ALLOW


def test_one_statement_need_not_be_a_list() -> None:
    assert said(json.dumps({"Version": "2012-10-17", "Id": "a", "Statement": statement(Sid="b")})) is Effect.ALLOW


def test_a_whole_surrogate_pair_is_a_character() -> None:
    text = text_of(statement(Sid="\N{GRINNING FACE}"))
    assert r"\ud83d\ude00" in text
    assert said(text) is Effect.ALLOW


@pytest.mark.parametrize("deny_first", [True, False])
def test_a_deny_wins_wherever_it_stands(*, deny_first: bool) -> None:
    both = [statement(Effect="Deny"), statement()]
    assert said(text_of(*(both if deny_first else reversed(both)))) is Effect.DENY


def test_a_caller_without_a_principal_is_let_do_nothing() -> None:
    assert decide(parse(text_of(statement())), CREATE, ARN, Caller(address=""), NOW, secure=True) is None


@pytest.mark.parametrize(
    "named, principal, means",
    [
        ("*", STRANGER, True),
        ({"AWS": "*"}, STRANGER, True),
        ({"AWS": ACCOUNT}, USER, True),
        ({"AWS": ACCOUNT}, SESSION, True),
        ({"AWS": ACCOUNT}, STRANGER, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, USER, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, STRANGER, False),
        ({"AWS": USER.arn}, USER, True),
        ({"AWS": USER.arn}, SESSION, False),
        ({"AWS": [STRANGER.arn, USER.arn]}, USER, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/reports"}, SESSION, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/report"}, SESSION, False),
        ({"AWS": SESSION.arn}, SESSION, True),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/reports/daily"}, SESSION, False),
        ({"AWS": USER.arn.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("USER", "user")}, USER, False),
    ],
)
def test_a_principal_is_itself_its_account_its_role_or_everybody(
    named: object, principal: Principal, *, means: bool
) -> None:
    assert (said(text_of(statement(Principal=named)), principal) is Effect.ALLOW) is means


def test_not_principal_denies_all_others() -> None:
    policy = text_of(statement(), statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": USER.arn}))
    assert (said(policy, USER), said(policy, SESSION)) == (Effect.ALLOW, Effect.DENY)


ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    "spared, principal, denied",
    [
        (ROOT, USER, False),
        (ACCOUNT, SESSION, False),
        (ACCOUNT, STRANGER, True),
        ([USER.arn, ROOT], USER, False),
        ([USER.arn, ROOT], SESSION, True),
        ([SESSION.role_arn, ACCOUNT], SESSION, False),
        ([SESSION.role_arn, ACCOUNT], USER, True),
        ([STRANGER.arn, ROOT], USER, False),
    ],
    ids=[
        "an account",
        "an account, for a role's session",
        "an account, for others",
        "a user beside its account",
        "a user beside its account, for others of the account",
        "a role beside its account",
        "a role beside its account, for others of the account",
        "an account beside a principal of another",
    ],
)
def test_not_principal_spares_an_account_unless_it_names_some_of_it(
    spared: object, principal: Principal, *, denied: bool
) -> None:
    policy = text_of(statement(), statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": spared}))
    assert said(policy, principal) is (Effect.DENY if denied else Effect.ALLOW)


@pytest.mark.parametrize(
    "pattern, action, fits",
    [
        ("*", CREATE, True),
        ("sso-oauth:*", CREATE, True),
        ("SSO-OAuth:createtokenwithiam", CREATE, True),
        ("sso-oauth:Create*", Action.INTROSPECT_TOKEN_WITH_IAM, False),
        ("sso-oauth:??????TokenWithIAM", CREATE, True),
        (["sso-oauth:RevokeTokenWithIAM", "sso-oauth:IntrospectTokenWithIAM"], Action.REVOKE_TOKEN_WITH_IAM, True),
    ],
)
def test_actions_are_patterns_in_any_case(pattern: object, action: Action, *, fits: bool) -> None:
    assert (said(text_of(statement(Action=pattern)), action=action) is Effect.ALLOW) is fits


def test_not_action_means_all_others() -> None:
    policy = text_of(statement(Action=None, NotAction="sso-oauth:RevokeTokenWithIAM"))
    assert said(policy, action=CREATE) is Effect.ALLOW
    assert said(policy, action=Action.REVOKE_TOKEN_WITH_IAM) is None


@pytest.mark.parametrize(
    "members, applies",
    [
        ({"Resource": "*"}, True),
        ({"Resource": ARN}, True),
        ({"Resource": f"{ARN[:-4]}*"}, True),
        ({"Resource": ARN[:-1]}, False),
        ({"Resource": ["arn:aws:sso::999988887777:application/*", ARN]}, True),
        ({"Resource": f"arn:*:*:*:{ACCOUNT}:app*"}, True),
        ({"Resource": f"arn:aws:sso::{ACCOUNT}:*/apl-222222222222222?"}, True),
        ({"Resource": "arn:aws:sso::99*:application/*"}, False),
        ({"NotResource": ARN}, False),
        ({"NotResource": "arn:aws:sso::999988887777:application/*"}, True),
    ],
)
def test_resources_are_patterns(members: dict[str, object], *, applies: bool) -> None:
    assert (said(text_of(statement(**members))) is Effect.ALLOW) is applies


CONDITIONS: list[tuple[str, object, bool]] = [
    ("StringEquals", {"aws:PrincipalAccount": ACCOUNT}, True),
    ("StringEquals", {"aws:PrincipalAccount": ["999988887777", ACCOUNT]}, True),
    ("StringEquals", {"aws:PrincipalAccount": "999988887777"}, False),
    ("StringEquals", {"AWS:principalaccount": ACCOUNT}, True),
    ("StringEquals", {"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalType": "Account"}, False),
    ("StringEquals", {"aws:PrincipalType": "User"}, True),
    ("StringNotEquals", {"aws:PrincipalAccount": ["999988887777", "000000000000"]}, True),
    ("StringNotEquals", {"aws:PrincipalAccount": ["999988887777", ACCOUNT]}, False),
    ("StringEqualsIgnoreCase", {"aws:UserAgent": "BOTO3/1.40"}, True),
    ("StringNotEqualsIgnoreCase", {"aws:UserAgent": "BOTO3/1.40"}, False),
    ("StringLike", {"aws:UserAgent": "Boto3/*"}, True),
    ("StringLike", {"aws:UserAgent": "boto3/*"}, False),
    ("StringNotLike", {"aws:UserAgent": "Boto3/*"}, False),
    ("ArnEquals", {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}, True),
    ("ArnLike", {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/a?n"}, True),
    ("ArnLike", {"aws:PrincipalArn": "arn:*:user/ann:x:y:z"}, False),
    ("ArnLike", {"aws:PrincipalArn": "arn:aws:*:*:*:user/ann"}, True),
    ("ArnNotLike", {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}, True),
    ("ArnNotEquals", {"aws:PrincipalArn": USER.arn}, False),
    ("Bool", {"aws:SecureTransport": "true"}, True),
    ("Bool", {"aws:SecureTransport": True}, True),
    ("Bool", {"aws:SecureTransport": "false"}, False),
    ("IpAddress", {"aws:SourceIp": "192.0.2.0/24"}, True),
    ("IpAddress", {"aws:SourceIp": ["198.51.100.0/24", "2001:db8::/32"]}, False),
    ("NotIpAddress", {"aws:SourceIp": "192.0.2.44"}, False),
    ("DateLessThan", {"aws:CurrentTime": "2026-09-21T14:13:21Z"}, True),
    ("DateLessThan", {"aws:CurrentTime": "2026-09-21T14:13:20Z"}, False),
    ("DateLessThanEquals", {"aws:CurrentTime": "2026-09-21T14:13:20Z"}, True),
    ("DateGreaterThan", {"aws:CurrentTime": "2026-09-21T16:13:19+02:00"}, True),
    ("DateGreaterThanEquals", {"aws:EpochTime": str(NOW)}, True),
    ("DateEquals", {"aws:CurrentTime": str(NOW)}, True),
    ("DateNotEquals", {"aws:CurrentTime": str(NOW)}, False),
    ("NumericGreaterThan", {"aws:EpochTime": NOW - 1}, True),
    ("NumericLessThan", {"aws:EpochTime": NOW}, False),
    ("NumericEquals", {"aws:EpochTime": NOW}, True),
    ("NumericNotEquals", {"aws:EpochTime": NOW}, False),
    ("NumericLessThanEquals", {"aws:EpochTime": NOW}, True),
    ("NumericGreaterThanEquals", {"aws:EpochTime": NOW + 1}, False),
    ("Null", {"aws:PrincipalArn": "false"}, True),
    ("Null", {"aws:PrincipalArn": True}, False),
]


@pytest.mark.parametrize("operator, keys, holds", CONDITIONS)
def test_a_statement_applies_when_its_condition_holds(operator: str, keys: object, *, holds: bool) -> None:
    assert (said(text_of(statement(Condition={operator: keys}))) is Effect.ALLOW) is holds


def test_all_operators_of_a_condition_must_hold() -> None:
    good, bad = {"Bool": {"aws:SecureTransport": "true"}}, {"StringEquals": {"aws:PrincipalAccount": "999988887777"}}
    assert said(text_of(statement(Condition=good))) is Effect.ALLOW
    assert said(text_of(statement(Condition=good | bad))) is None


def test_a_deny_without_https_denies_without_https_only() -> None:
    policy = text_of(statement(), statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": False}}))
    assert (said(policy, secure=True), said(policy, secure=False)) == (Effect.ALLOW, Effect.DENY)


@pytest.mark.parametrize("operator, holds", [("IpAddress", False), ("NotIpAddress", True)])
def test_an_address_that_is_none_is_in_no_network(operator: str, *, holds: bool) -> None:
    policy = text_of(statement(Condition={operator: {"aws:SourceIp": "0.0.0.0/0"}}))
    assert (said(policy, address="unknown") is Effect.ALLOW) is holds


def test_the_arn_of_a_roles_session_is_that_of_its_role() -> None:
    policy = text_of(statement(Condition={"ArnEquals": {"aws:PrincipalArn": SESSION.role_arn}}))
    assert said(policy, SESSION) is Effect.ALLOW


REFUSED: list[tuple[str, str]] = [
    ("", "not JSON"),
    ("[]", "not an object"),
    ("null", "not an object"),
    ("{}", "Version"),
    ('{"Version": NaN}', "not JSON"),
    ("[" * 100_000, "more than"),
    ("[" * 9000, "not JSON"),
    (text_of(statement(), Version="2020-01-01"), "Version"),
    (text_of(), "statements"),
    (text_of(*[statement()] * 101), "statements"),
    (text_of(statement(), Extra=1), "'Extra' is not supported"),
    (text_of(statement(), Id=1), "Id"),
    (text_of("x"), r"Statement\[0\]: it is not an object"),
    (text_of(statement(), statement(Effect="allow")), r"Statement\[1\].Effect"),
    (text_of(statement(Effect=None)), "Effect"),
    (text_of(statement(Sid=1)), "Sid"),
    (text_of(statement(Sid="a"), statement(Sid="a", Effect="Deny")), "same Sid"),
    (text_of(statement(Principal=None)), "Principal and NotPrincipal"),
    (text_of(statement(NotPrincipal="*")), "Principal and NotPrincipal"),
    (text_of(statement(Principal=None, NotPrincipal={"AWS": USER.arn})), "NotPrincipal"),
    (text_of(statement(Effect="Deny", Principal=None, NotPrincipal="*")), "leaves nobody"),
    (text_of(statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": ["*", USER.arn]})), "leaves nobody"),
    (text_of(statement(Principal=["*"])), r"Statement\[0\].Principal: it is not an object"),
    (text_of(statement(Principal="arn:aws:iam::1:root")), "Principal"),
    (text_of(statement(Principal={"Service": "ec2.amazonaws.com"})), "'Service' is not supported"),
    (text_of(statement(Principal={"AWS": []})), "strings"),
    (text_of(statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"})), "entry"),
    (text_of(statement(Principal={"AWS": "ann"})), "entry"),
    (text_of(statement(Action=None)), "Action and NotAction"),
    (text_of(statement(Action="s3:GetObject")), "fits no action"),
    (text_of(statement(Action="sso-oauth:CreateToken")), "fits no action"),
    (text_of(statement(Action=None, NotAction="*")), r"Statement\[0\].NotAction: it leaves no action"),
    (text_of(statement(Action=None, NotAction=[*Action])), "leaves no action"),
    (text_of(statement(Action=["sso-oauth:*", 1])), "strings"),
    (text_of(statement(Action="")), "strings"),
    (text_of(statement(Resource="apl-1")), "ARN"),
    (text_of(statement(Resource="arn:aws:sso")), "ARN"),
    (text_of(statement(Resource="arn:*")), "ARN"),
    (text_of(statement(Resource="arn:aws:s3:::x")), "an application can have"),
    (text_of(statement(Resource="arn:aws:sso:::instance/ssoins-1111111111111111")), "an application can have"),
    (text_of(statement(Resource="arn:aws:sso:us-east-1:1:application/x")), "an application can have"),
    (text_of(statement(Resource="arn:aws:sso::1:app")), "an application can have"),
    (text_of(statement(NotResource="arn:aws:sso::1:application/x:y")), "an application can have"),
    (text_of(statement(Resource="arn:${aws:PrincipalAccount}")), "variables"),
    (text_of(statement(Resource="*", NotResource="*")), "Resource and NotResource"),
    (text_of(statement(Condition=[])), "not an object"),
    (text_of(statement(Condition={"StringEquals": {}})), r"Statement\[0\].Condition.StringEquals: it names no key"),
    (text_of(statement(Condition={"StringMatches": {"aws:UserAgent": "x"}})), "operator"),
    (text_of(statement(Condition={"ForAnyValue:StringEquals": {"aws:UserAgent": "x"}})), "operator"),
    (text_of(statement(Condition={"stringequals": {"aws:UserAgent": "x"}})), "operator"),
    (text_of(statement(Condition={"StringEquals": {"aws:SourceVpc": "x"}})), "key is not one of"),
    (text_of(statement(Condition={"StringEquals": {"aws:SourceIp": "192.0.2.0/24"}})), "not compared"),
    (text_of(statement(Condition={"StringEquals": {"aws:UserAgent": []}})), "values"),
    (text_of(statement(Condition={"StringEquals": {"aws:PrincipalAccount": 12345}})), "12 digits"),
    (text_of(statement(Condition={"StringNotEqualsIfExists": {"aws:PrincipalAccount": "1"}})), "12 digits"),
    (text_of(statement(Condition={"StringEquals": {"aws:PrincipalType": "Role"}})), "AssumedRole"),
    (text_of(statement(Condition={"ArnLike": {"aws:PrincipalArn": SESSION.arn}})), "role's ARN"),
    (text_of(statement(Condition={"StringEquals": {"aws:UserAgent": [None]}})), "value"),
    (text_of(statement(Condition={"StringEquals": {"aws:UserAgent": "${x}"}})), "variables"),
    (text_of(statement(Condition={"IpAddress": {"aws:SourceIp": "300.0.0.0/8"}})), "kind, address"),
    (text_of(statement(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/255.255.255.0"}})), "kind, address"),
    (text_of(statement(Condition={"IpAddress": {"aws:SourceIp": "::ffff:192.0.2.0/120"}})), "kind, address"),
    (text_of(statement(Condition={"DateLessThan": {"aws:CurrentTime": "tomorrow"}})), "kind, date"),
    *(
        (text_of(statement(Condition={"DateLessThan": {"aws:CurrentTime": date}})), "kind, date")
        for date in ("2026", "20261231", "2026-W01", "2026-12-31T00:00", "2026-13-01", "1790000000000", 1)
    ),
    *(
        (text_of(statement(Condition={"NumericEquals": {"aws:EpochTime": number}})), "kind, number")
        for number in ("nan", "--1", "1e9", "", 10**15, True)
    ),
    (text_of(statement(Condition={"Bool": {"aws:SecureTransport": "yes"}})), "kind, truth"),
    (text_of(statement(Condition={"ArnLike": {"aws:PrincipalArn": "*"}})), "kind, ARN"),
    (text_of(statement(Condition={"Null": {"aws:PrincipalArn": "maybe"}})), "true or false"),
    (text_of(statement(Condition={"NullIfExists": {"aws:PrincipalArn": "true"}})), "IfExists"),
    (text_of(statement())[:-1] + ', "Version": "2012-10-17"}', "'Version' is there twice"),
    (text_of(statement()).replace('"Principal": "*"', '"Principal": {"AWS": "*", "AWS": "1"}'), "'AWS' is there twice"),
    (text_of(statement(Sid="x" * MAX_LENGTH)), "more than"),
    (text_of(statement(Sid="\ud800")), "half of a surrogate pair"),
    (text_of(statement(Condition={"StringEquals": {"aws:UserAgent": "\udfff"}})), "half of a surrogate pair"),
    (text_of(statement(Sid="s")).replace('"s"', '"\udc00"'), "half of a surrogate pair"),
]


@pytest.mark.parametrize("text, because", REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_understood_is_refused_when_it_is_read(text: str, because: str) -> None:
    with pytest.raises(InvalidPolicy, match=because):
        parse(text)


@pytest.mark.parametrize(
    "operator, keys, holds_without, holds_with",
    [
        ("StringEquals", {"aws:UserAgent": "x"}, False, False),
        ("StringLike", {"aws:UserAgent": "*"}, False, True),
        ("StringEqualsIfExists", {"aws:UserAgent": "x"}, True, False),
        ("StringNotEquals", {"aws:UserAgent": "Boto3/1.40"}, True, False),
        ("StringNotEqualsIfExists", {"aws:UserAgent": "Boto3/1.40"}, True, False),
        ("Null", {"aws:UserAgent": "true"}, True, False),
        ("Null", {"aws:UserAgent": "false"}, False, True),
        ("IpAddress", {"aws:SourceIp": "0.0.0.0/0"}, False, True),
        ("IpAddressIfExists", {"aws:SourceIp": "198.51.100.0/24"}, True, False),
        ("NotIpAddress", {"aws:SourceIp": "192.0.2.0/24"}, True, False),
        ("Null", {"aws:SourceIp": "true"}, True, False),
    ],
)
def test_a_key_that_the_request_does_not_have(
    operator: str, keys: object, *, holds_without: bool, holds_with: bool
) -> None:
    policy = text_of(statement(Condition={operator: keys}))
    assert (said(policy, address="unknown", agent="") is Effect.ALLOW) is holds_without
    assert (said(policy) is Effect.ALLOW) is holds_with


@pytest.mark.parametrize("operator, holds", [("IpAddress", True), ("NotIpAddress", False)])
def test_an_ipv4_mapped_address_is_the_ipv4_one(operator: str, *, holds: bool) -> None:
    policy = text_of(statement(Condition={operator: {"aws:SourceIp": "192.0.2.0/24"}}))
    assert (said(policy, address="::ffff:192.0.2.44") is Effect.ALLOW) is holds


@pytest.mark.parametrize(
    "pattern, text, fits",
    [
        ("", "", True),
        ("*", "", True),
        ("?", "", False),
        ("a*b*c", "aXXbYYc", True),
        ("a*b*c", "aXXbYY", False),
        ("*a", "aaa", True),
        ("a?c", "abc", True),
        ("**", "x", True),
        ("a", "A", False),
        ("[a]", "a", False),
    ],
)
def test_patterns(pattern: str, text: str, *, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_a_pattern_of_stars_takes_no_exponential_time() -> None:
    assert not matches("*a" * 40 + "b", "a" * 4000)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["*", "Allow", ARN]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["AWS", "StringEquals", "aws:SourceIp", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition"]),
    VALUES,
)


@settings(deadline=None, max_examples=200)
@given(MEMBERS, VALUES)
def test_whatever_is_read_is_a_policy_or_refused(members: dict[str, Any], extra: object) -> None:
    for document in (text_of(statement(**members)), json.dumps(extra), text_of(members)):
        try:
            policy = parse(document)
        except InvalidPolicy:
            continue
        assert isinstance(policy, Policy)
        assert said(document) in (None, Effect.ALLOW, Effect.DENY)


OPERATORS = sorted({operator for operator, _, _ in CONDITIONS})
KEYS = ["PrincipalArn", "PrincipalAccount", "SourceIp", "CurrentTime", "EpochTime", "SecureTransport", "UserAgent"]
CONDITION_VALUES = (
    st.booleans()
    | st.integers()
    | st.text(alphabet="0123456789-:.TZ/+*?", max_size=24)
    | st.dates().map(str)
    | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    | st.ip_addresses().map(str)
    | st.sampled_from(["true", USER.arn, "arn:*:*:*:*:*", "192.0.2.0/24", "9" * 400, "1e400", "::ffff:192.0.2.0/120"])
)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(OPERATORS),
    st.sampled_from(["", "IfExists"]),
    st.sampled_from(KEYS),
    st.lists(CONDITION_VALUES, min_size=1, max_size=3),
    st.sampled_from(["192.0.2.44", "::ffff:192.0.2.44", "2001:db8::1", "fe80::1%eth0", "unknown", ""]),
)
def test_a_condition_is_refused_when_it_is_read_or_never(
    operator: str, suffix: str, key: str, values: list[object], address: str
) -> None:
    document = text_of(statement(Condition={operator + suffix: {f"aws:{key}": values}}))
    try:
        parse(document)
    except InvalidPolicy:
        return
    assert said(document, address=address, agent="") in (None, Effect.ALLOW)


@settings(deadline=None, max_examples=200)
@given(st.text() | st.text(alphabet='{}[]",:\\u0d8*', max_size=40))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicy):
        parse(text)
