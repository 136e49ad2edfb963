"""QR codes out of half blocks."""

import segno

from postern.client.sign_in.qr import half_blocks

URL = "https://sso.example.test/device?user_code=BRCJ-PDVT"
_LIGHT = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}


def modules(text: str) -> list[list[bool]]:
    """Rows of modules as a reader sees them, True for the dark ones."""
    rows: list[list[bool]] = []
    for line in text.split("\n"):
        pairs = [_LIGHT[character] for character in line]
        rows += [[not upper for upper, _ in pairs], [not lower for _, lower in pairs]]
    return rows


def test_the_blocks_are_the_modules_of_the_symbol_with_a_quiet_zone() -> None:
    text = half_blocks(URL, columns=80, encoding="utf-8", color=False)
    assert text is not None
    symbol = [[bool(module) for module in row] for row in segno.make(URL, error="l", micro=False).matrix]
    quiet = [False] * (len(symbol) + 4)
    framed = [quiet, quiet, *([False, False, *row, False, False] for row in symbol), quiet, quiet]
    assert modules(text)[: len(framed)] == framed
    assert modules(text)[len(framed) :] == [quiet]


def test_it_is_as_wide_as_it_must_be_and_half_as_high() -> None:
    text = half_blocks(URL, columns=80, encoding="utf-8", color=False)
    assert text is not None
    lines = text.split("\n")
    assert {len(line) for line in lines} == {33}
    assert len(lines) == 17


def test_with_colour_it_is_white_on_black_whatever_the_terminal_is() -> None:
    text = half_blocks(URL, columns=80, encoding="utf-8", color=True)
    assert text is not None
    assert all(line.startswith("\x1b[38;5;231;48;5;16m") and line.endswith("\x1b[0m") for line in text.split("\n"))


def test_where_it_does_not_fit_there_is_none() -> None:
    assert half_blocks(URL, columns=32, encoding="utf-8", color=False) is None
    assert half_blocks(URL, columns=80, encoding="ascii", color=False) is None
    assert half_blocks(URL, columns=80, encoding="no-such-encoding", color=False) is None


def test_what_is_too_much_for_a_symbol_has_none() -> None:
    assert half_blocks(f"{URL}{'x' * 4000}", columns=500, encoding="utf-8", color=False) is None
