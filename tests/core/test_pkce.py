"""Proof Key for Code Exchange: RFC 7636."""

import pytest

from postern.core import pkce
from tests.core.world import CHALLENGE, VERIFIER, challenge_of


def test_the_pair_of_rfc_7636_appendix_b_verifies() -> None:
    assert pkce.is_verifier(VERIFIER)
    assert pkce.is_challenge(CHALLENGE)
    assert pkce.verifies(VERIFIER, CHALLENGE)


@pytest.mark.parametrize("position", range(43))
def test_a_verifier_that_differs_in_one_character_does_not_verify(position: int) -> None:
    other = "A" if VERIFIER[position] != "A" else "B"
    assert not pkce.verifies(VERIFIER[:position] + other + VERIFIER[position + 1 :], CHALLENGE)


@pytest.mark.parametrize(
    "verifier",
    [
        "a" * 43,
        "Z" * 128,
        "0123456789" * 5,
        "-._~" * 11,
        "~" * 43,
        "." * 128,
    ],
)
def test_a_verifier_has_43_to_128_unreserved_characters(verifier: str) -> None:
    assert pkce.is_verifier(verifier)
    assert pkce.verifies(verifier, challenge_of(verifier))


@pytest.mark.parametrize(
    "verifier",
    [
        "",
        "a",
        "a" * 42,
        "a" * 129,
        "a" * 4096,
        "a" * 43 + "\n",
        "\n" + "a" * 43,
        " " + "a" * 43,
        "a" * 43 + " ",
        "a" * 42 + "=",
        "a" * 42 + "+",
        "a" * 42 + "/",
        "a" * 42 + "%",
        "a" * 40 + "%41",
        "a" * 42 + "\x00",
        "a" * 42 + "é",
        "a" * 42 + "\uff21",
        "a" * 42 + "\u0661",
        "a" * 42 + "\ud800",
        "a" * 42 + "!",
        "a" * 42 + "*",
        "a" * 42 + ":",
        "a" * 42 + '"',
        "a" * 42 + "\\",
    ],
)
def test_anything_else_is_no_verifier(verifier: str) -> None:
    assert not pkce.is_verifier(verifier)


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "a" * 42,
        "a" * 44,
        CHALLENGE + "=",
        CHALLENGE[:-1] + "+",
        CHALLENGE[:-1] + "/",
        CHALLENGE + "\n",
        CHALLENGE[:-1] + "é",
        VERIFIER * 2,
    ],
)
def test_anything_but_an_s256_digest_is_no_challenge(challenge: str) -> None:
    assert not pkce.is_challenge(challenge)


def test_a_plain_challenge_does_not_verify() -> None:
    """RFC 7636 7.2: ``plain`` is not offered, so a challenge equal to its verifier is no match."""
    assert not pkce.verifies(VERIFIER, VERIFIER)


def test_only_s256_is_offered() -> None:
    assert pkce.METHOD == "S256"
