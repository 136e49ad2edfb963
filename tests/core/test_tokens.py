"""Minting and opening: attack 36 (truncated and altered values), attack 12 (values without a type), key rotation."""

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.core import tokens
from postern.core.keys import Key, KeyRing
from postern.core.records import TokenFamily
from postern.core.tokens import ALL_SCOPES, Claims, Kind
from tests.core.world import present

NOW = 1_790_000_000
KEY = Key(0xC0FFEE01, b"s" * 32, NOW)
OTHER = Key(0xC0FFEE02, b"t" * 32, NOW)
RING = KeyRing(KEY, {KEY.key_id: KEY, OTHER.key_id: OTHER})
CLAIMS = Claims(row_id=2**62 + 12345, generation=7, scope_mask=0b101, expires_at=NOW + 3600)
ALPHABET = string.ascii_letters + string.digits + "-_"


@pytest.fixture(params=list(Kind), ids=lambda kind: str(kind.name))
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


def family(**changes: object) -> TokenFamily:
    members: dict[str, object] = {
        "family_id": 2**61,
        "key_id": KEY.key_id,
        "user_id": "u",
        "client_digest": bytes(32),
        "client_name": "c",
        "scopes": ("openid", "aws"),
        "issues_refresh_token": True,
        "grant_type": "g",
        "created_at": NOW,
        "expires_at": NOW + 28_800,
        "rotated_at": NOW,
        "access_expires_at": NOW + 3600,
        "idle_expires_at": NOW + 28_800,
    }
    return TokenFamily(**(members | changes))  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    st.sampled_from(list(Kind)),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**40 - 1),
    st.sampled_from([0, 1, 2**24 - 1]),
)
def test_what_was_minted_opens_to_the_same_claims(
    kind: Kind, row: int, generation: int, mask: int, expires: int, tag: int
) -> None:
    claims = Claims(row, generation, mask, expires)
    key = Key(KEY.key_id, b"s" * 32, 0, tag)
    text = tokens.mint(key, kind, claims)
    assert tokens.open_value(KeyRing(key, {key.key_id: key}), kind, text) == claims
    assert tokens.region_tag(kind, text) == tag


def test_an_end_beyond_the_year_36812_is_that_year() -> None:
    claims = Claims(1, 0, 0, 2**41)
    opened = tokens.open_value(RING, Kind.ACCESS_TOKEN, tokens.mint(KEY, Kind.ACCESS_TOKEN, claims))
    assert present(opened).expires_at == 2**40 - 1


def test_minting_again_gives_the_same_text(kind: Kind) -> None:
    """A retried rotation gets the identical successor, though no token is stored."""
    assert tokens.mint(KEY, kind, CLAIMS) == tokens.mint(Key(KEY.key_id, b"s" * 32, 0), kind, CLAIMS)


@pytest.mark.parametrize("asked", list(Kind), ids=lambda kind: f"asked as {kind.name}")
def test_a_value_of_one_kind_is_never_accepted_as_another_kind(kind: Kind, asked: Kind) -> None:
    opened = tokens.open_value(RING, asked, tokens.mint(KEY, kind, CLAIMS))
    assert (opened == CLAIMS) is (kind is asked)


@pytest.mark.parametrize("asked", list(Kind), ids=lambda kind: f"asked as {kind.name}")
def test_another_prefix_does_not_make_another_kind(kind: Kind, asked: Kind) -> None:
    renamed = asked.prefix + tokens.mint(KEY, kind, CLAIMS)[3:]
    assert (tokens.open_value(RING, asked, renamed) == CLAIMS) is (kind is asked)


def test_every_prefix_is_refused(kind: Kind) -> None:
    text = tokens.mint(KEY, kind, CLAIMS)
    assert not any(tokens.open_value(RING, kind, text[:end]) for end in range(len(text)))


def test_every_suffix_is_refused(kind: Kind) -> None:
    text = tokens.mint(KEY, kind, CLAIMS)
    assert not any(tokens.open_value(RING, kind, text[start:]) for start in range(1, len(text)))


def test_every_extension_is_refused(kind: Kind) -> None:
    text = tokens.mint(KEY, kind, CLAIMS)
    for more in (*ALPHABET, "=", "==", ":", " ", "\n", "\x00", "é", text):
        assert tokens.open_value(RING, kind, text + more) is None
        assert tokens.open_value(RING, kind, more + text) is None


def test_every_single_character_change_is_refused(kind: Kind) -> None:
    text = tokens.mint(KEY, kind, CLAIMS)
    for position, was in enumerate(text):
        for other in ALPHABET + ":=+/ \n\x00é\u0661\ud800":
            if other != was:
                assert tokens.open_value(RING, kind, text[:position] + other + text[position + 1 :]) is None


def test_every_changed_bit_of_the_mac_and_the_payload_is_refused(kind: Kind) -> None:
    left, _, right = tokens.mint(KEY, kind, CLAIMS).partition(":")
    payload, mac = base64.urlsafe_b64decode(left[3:]), base64.urlsafe_b64decode(right + "=")
    for bit in range(len(payload) * 8):
        changed = (int.from_bytes(payload, "big") ^ 1 << bit).to_bytes(len(payload), "big")
        text = f"{kind.prefix}{base64.urlsafe_b64encode(changed).decode()}:{right}"
        assert tokens.open_value(RING, kind, text) is None
    for bit in range(len(mac) * 8):
        changed = (int.from_bytes(mac, "big") ^ 1 << bit).to_bytes(len(mac), "big")
        text = f"{left}:{base64.urlsafe_b64encode(changed)[:43].decode()}"
        assert tokens.open_value(RING, kind, text) is None


def test_every_re_encoding_is_refused(kind: Kind) -> None:
    """Padding, the other alphabet, other case, spare bits, white space: one value has one text."""
    text = tokens.mint(KEY, kind, CLAIMS)
    left, _, right = text.partition(":")
    spare = ALPHABET[(ALPHABET.index(right[-1]) + 1) % 64]
    variants = {
        text + "=",
        text.replace(":", "=:"),
        text.swapcase(),
        text.upper(),
        text.lower(),
        text.replace("-", "+").replace("_", "/") + "",
        f"{left}:{right[:-1]}{spare}",
        f"{left} :{right}",
        f"{left}\n:{right}",
        f"{left}::{right[1:]}",
        f"{left}.{right}",
        f" {text}",
        f"{text} ",
        f"{left[:20]}\n{left[20:-1]}:{right}",
        text.replace(":", "%3A"),
    } - {text}
    for variant in variants:
        assert tokens.open_value(RING, kind, variant) is None


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(ALPHABET + ":", min_size=87, max_size=87)))
def test_any_text_is_refused_quietly(text: str) -> None:
    for kind in Kind:
        assert tokens.open_value(RING, kind, text) is None
        assert tokens.open_value(RING, kind, kind.prefix + text[3:]) is None


@pytest.mark.parametrize("count", [100])
def test_a_hundred_values_hold_against_truncation_and_change(count: int) -> None:
    for row in range(count):
        kind = list(Kind)[row % 4]
        text = tokens.mint(KEY, kind, Claims(row, 0, ALL_SCOPES, NOW))
        for position in range(len(text)):
            assert tokens.open_value(RING, kind, text[:position]) is None
            other = "A" if text[position] != "A" else "B"
            assert tokens.open_value(RING, kind, text[:position] + other + text[position + 1 :]) is None


def test_a_value_of_a_key_that_left_the_ring_is_refused(kind: Kind) -> None:
    assert tokens.open_value(KeyRing(OTHER, {OTHER.key_id: OTHER}), kind, tokens.mint(KEY, kind, CLAIMS)) is None


def test_a_value_of_another_secret_under_the_same_key_id_is_refused(kind: Kind) -> None:
    forged = tokens.mint(Key(KEY.key_id, b"forged" * 6, NOW), kind, CLAIMS)
    assert tokens.open_value(RING, kind, forged) is None


def test_a_value_of_another_version_is_refused(kind: Kind) -> None:
    """Signed by us, but of a form that this version does not read."""
    payload = tokens._PAYLOAD.pack(2, KEY.key_id, NOW, bytes(16))
    assert tokens.open_value(RING, kind, tokens._write(KEY, kind, payload)) is None


def test_a_rotation_of_keys_keeps_old_values_valid(kind: Kind) -> None:
    text = tokens.mint(KEY, kind, CLAIMS)
    rotated = KeyRing(OTHER, {KEY.key_id: KEY, OTHER.key_id: OTHER})
    assert tokens.open_value(rotated, kind, text) == CLAIMS


def test_values_look_as_those_of_aws_and_fit_a_header(kind: Kind) -> None:
    text = tokens.mint(KEY, kind, CLAIMS)
    assert text[:2] == "ao"
    assert text.count(":") == 1
    assert set(text) <= set(ALPHABET + ":")
    assert (Kind.ACCESS_TOKEN.prefix, Kind.REFRESH_TOKEN.prefix) == ("aoa", "aor")


def test_the_row_does_not_show(kind: Kind) -> None:
    lefts = [tokens.mint(KEY, kind, Claims(row, 0, 0, NOW)).partition(":")[0] for row in range(50)]
    blocks = {left[3 + 18 :] for left in lefts}
    assert len(blocks) == 50


# Issuing


def test_token_type_is_bearer_and_expires_in_is_what_remains() -> None:
    issued = present(tokens.issue(RING, family(), ALL_SCOPES, NOW + 10))
    assert issued.token_type == "Bearer"
    assert issued.expires_in == 3590


def test_expires_in_is_always_above_zero() -> None:
    assert present(tokens.issue(RING, family(), ALL_SCOPES, NOW + 99_999)).expires_in == 1


def test_there_is_never_an_id_token() -> None:
    assert present(tokens.issue(RING, family(), ALL_SCOPES, NOW)).id_token is None


def test_a_family_without_refresh_token_gets_none() -> None:
    assert present(tokens.issue(RING, family(issues_refresh_token=False), ALL_SCOPES, NOW)).refresh_token is None


def test_narrowing_narrows_only_the_access_token() -> None:
    """RFC 6749 6: the new refresh token has the scope of the old one."""
    wide = present(tokens.issue(RING, family(), ALL_SCOPES, NOW))
    narrow = present(tokens.issue(RING, family(), 0b01, NOW))
    assert wide.access_token != narrow.access_token
    assert wide.refresh_token == narrow.refresh_token


def test_each_generation_has_tokens_of_its_own() -> None:
    issued = [present(tokens.issue(RING, family(generation=number), ALL_SCOPES, NOW)) for number in range(5)]
    assert len({tokens_of.access_token for tokens_of in issued}) == 5
    assert len({tokens_of.refresh_token for tokens_of in issued}) == 5


def test_tokens_of_a_family_keep_its_key() -> None:
    rotated = KeyRing(OTHER, {KEY.key_id: KEY, OTHER.key_id: OTHER})
    assert tokens.issue(RING, family(), ALL_SCOPES, NOW) == tokens.issue(rotated, family(), ALL_SCOPES, NOW)


def test_nothing_is_issued_with_a_key_that_left_the_ring() -> None:
    assert tokens.issue(KeyRing(OTHER, {OTHER.key_id: OTHER}), family(), ALL_SCOPES, NOW) is None
