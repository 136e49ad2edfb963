"""Scopes: grammar, admission, narrowing."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.api.errors import InvalidScopeException
from postern.core import scopes
from postern.core.policy import ClientPolicy
from tests.core.world import refused

ADMITTED = ClientPolicy().scopes


@pytest.mark.parametrize(
    "scope",
    [
        "sso:account:access",
        "sso-portal:*",
        "codewhisperer:completions",
        "codewhisperer:analysis",
        "codecatalyst:read_write",
        "openid",
        "aws",
        "sts:identity_context",
        "redshift:connect",
        "s3:access_grants",
    ],
)
def test_what_real_clients_ask_for_is_admitted(scope: str) -> None:
    assert scopes.validate((scope,), ADMITTED) == (scope,)


@pytest.mark.parametrize(
    "scope",
    [
        "",
        " ",
        "unknown",
        "unknown:thing",
        "sso",
        "sso:",
        ":sso",
        "sso::access",
        "sso:*",
        "sso:account:*",
        "sso-portal:",
        "sso-portal:x",
        "sso-portal",
        "SSO:account:access",
        "sso:a:b:c",
        "sso:" + "a" * 51,
        "sso:account:access ",
        " sso:account:access",
        "sso:account access",
        "sso:account:access,openid",
        "sso:account:access openid",
        "sso:account:access\n",
        "sso:account:access\x00",
        "sso:\xe4",
        "sso:\u0661",
        'sso:"',
        "openid2",
        "aws:x",
        "redshift:connect2",
        "*",
    ],
)
def test_the_requested_scope_is_invalid_unknown_or_malformed(scope: str) -> None:
    with refused(InvalidScopeException):
        scopes.validate((scope,), ADMITTED)


def test_repetitions_count_once() -> None:
    assert scopes.validate(("openid", "aws", "openid") * 20, ADMITTED) == ("openid", "aws")


def test_at_most_25_scopes() -> None:
    many = tuple(f"sso:scope_{number}" for number in range(26))
    assert scopes.validate(many[:25], ADMITTED) == many[:25]
    with refused(InvalidScopeException, "more than 25"):
        scopes.validate(many, ADMITTED)


def test_a_hundred_thousand_scopes_are_refused_in_linear_time() -> None:
    many = tuple(f"sso:scope_{number}" for number in range(100_000))
    begin = time.thread_time()
    with refused(InvalidScopeException):
        scopes.validate(many, ADMITTED)
    assert time.thread_time() - begin < 0.5


def test_no_scopes_are_none() -> None:
    assert scopes.validate(None, ADMITTED) == scopes.validate((), ADMITTED) == ()


def test_the_settings_say_what_is_admitted() -> None:
    with refused(InvalidScopeException):
        scopes.validate(("openid",), ("sso:*",))
    with refused(InvalidScopeException):
        scopes.validate((scopes.LEGACY_PORTAL,), ("sso:*",))
    assert scopes.validate(("my:own:scope",), ("my:*",)) == ("my:own:scope",)


GRANTED = ("openid", "aws", "sso:account:access")


@pytest.mark.parametrize(
    "requested, narrowed",
    [
        (None, GRANTED),
        ((), GRANTED),
        (("aws",), ("aws",)),
        (("sso:account:access", "openid"), ("openid", "sso:account:access")),
        (("aws",) * 10_000, ("aws",)),
        (GRANTED, GRANTED),
    ],
)
def test_narrowing(requested: tuple[str, ...] | None, narrowed: tuple[str, ...]) -> None:
    assert scopes.within(requested, GRANTED)
    assert scopes.unmask(scopes.mask(requested, GRANTED), GRANTED) == narrowed


@pytest.mark.parametrize("requested", [("other",), ("aws", "other"), ("AWS",), ("aws ",), ("",), ("openid aws",)])
def test_beyond_what_was_granted(requested: tuple[str, ...]) -> None:
    assert not scopes.within(requested, GRANTED)


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{1,5}:[a-z]{1,5}", fullmatch=True), unique=True, max_size=25), st.data())
def test_a_mask_says_exactly_which_scopes(granted: list[str], data: st.DataObject) -> None:
    requested = tuple(data.draw(st.permutations(granted))[: data.draw(st.integers(0, len(granted)))])
    bits = scopes.mask(requested, tuple(granted))
    assert bits < 2**25
    assert set(scopes.unmask(bits, tuple(granted))) == set(requested or granted)


@pytest.mark.parametrize(
    "text, parsed",
    [
        ("", ()),
        (" , ,", ()),
        ("openid", ("openid",)),
        ("openid aws", ("openid", "aws")),
        ("openid,aws", ("openid", "aws")),
        ("openid, aws", ("openid", "aws")),
        (" openid  aws,,openid ", ("openid", "aws")),
        ("openid\taws", ("openid\taws",)),
    ],
)
def test_some_clients_separate_with_spaces_and_some_with_commas(text: str, parsed: tuple[str, ...]) -> None:
    assert scopes.parse(text) == parsed


@pytest.mark.parametrize(
    "registered, legacy",
    [((), True), (("sso-portal:*",), True), (("sso:account:access",), False), (("sso-portal:*", "aws"), False)],
)
def test_legacy_clients_have_no_scopes_or_only_the_portals(registered: tuple[str, ...], legacy: bool) -> None:
    assert scopes.is_legacy(registered) is legacy


def test_every_scope_has_words_that_a_person_understands() -> None:
    assert scopes.plain_words("openid") == "Know who you are"
    assert "my:own" in scopes.plain_words("my:own")
