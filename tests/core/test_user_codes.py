"""User codes: RFC 8628 6.1, 5.1."""

import pytest

from postern.core import user_codes
from postern.core.keys import Key, KeyRing


def test_a_user_code_has_eight_of_twenty_consonants() -> None:
    """RFC 8628 6.1: no vowels, so no words, and no letter that looks like a digit."""
    assert set(user_codes.ALPHABET) == set("BCDFGHJKLMNPQRSTVWXZ")
    for _ in range(200):
        code = user_codes.new_user_code()
        assert code[4] == "-"
        assert len(code) == 9
        assert set(code[:4] + code[5:]) <= set(user_codes.ALPHABET)


def test_all_letters_come_up_and_codes_do_not_repeat() -> None:
    codes = {user_codes.new_user_code() for _ in range(2000)}
    assert len(codes) >= 1999
    assert set("".join(codes)) == set(user_codes.ALPHABET + "-")


@pytest.mark.parametrize(
    "typed",
    [
        "BCDF-GHJK",
        "bcdf-ghjk",
        "BcDfGhJk",
        "BCDFGHJK",
        " bcdf ghjk ",
        "b c d f g h j k",
        "b-c-d-f-g-h-j-k",
        "BCDF\u2013GHJK",
        "BCDF\u2014GHJK",
        "BCDF\u00a0GHJK",
        "bcdf.ghjk",
        "BCDF_GHJK",
        "\tBCDF-GHJK\r\n",
        "\u201cBCDF-GHJK\u201d",
    ],
)
def test_case_and_punctuation_do_not_matter(typed: str) -> None:
    assert user_codes.normalise(typed) == "BCDF-GHJK"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "-",
        "BCDF-GHJ",
        "BCDF-GHJKL",
        "ACDF-GHJK",
        "BCDF-GHJ1",
        "BCDF-GHJY",
        "BCDF-GHJ\uff2b",
        "BCDF-GHJ\u041a",
        "BCDF-GHJ\ud800",
        "BCDF-GHJK' OR '1'='1",
        "<script>alert(1)</script>",
        "B" * 100_000,
        "-" * 64 + "BCDF-GHJK",
    ],
)
def test_anything_else_cannot_be_a_code(typed: str) -> None:
    assert user_codes.normalise(typed) is None


def test_the_store_sees_a_keyed_digest() -> None:
    first, second = Key(1, b"s" * 32, 1), Key(2, b"t" * 32, 2)
    assert user_codes.digest(first, "BCDF-GHJK") != user_codes.digest(second, "BCDF-GHJK")
    assert len(user_codes.digest(first, "BCDF-GHJK")) == 32


def test_a_code_from_before_a_rotation_is_found_and_the_newest_key_comes_first() -> None:
    old, new = Key(9, b"s" * 32, 1), Key(2, b"t" * 32, 2)
    candidates = user_codes.candidate_digests(KeyRing(new, {9: old, 2: new}), "BCDF-GHJK")
    assert candidates == [user_codes.digest(new, "BCDF-GHJK"), user_codes.digest(old, "BCDF-GHJK")]
