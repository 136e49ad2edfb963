"""QR codes for a terminal: two rows of modules to a line, drawn with half blocks."""

from collections.abc import Iterator

_QUIET = 2  # modules around the symbol; the standard asks for 4, readers do with 2, and 80 columns are few
_BLOCKS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
_WHITE_ON_BLACK = "\x1b[38;5;231;48;5;16m"
_RESET = "\x1b[0m"


def half_blocks(text: str, *, columns: int, encoding: str, color: bool) -> str | None:
    """The symbol that says ``text``, or None if it does not fit ``columns`` or ``encoding``, or is too much for one.

    What is drawn are the light modules: without ``color`` that takes a terminal of light text on dark, or a reader that
    knows inverted symbols, as those of phones do.
    """
    if not _has_blocks(encoding):
        return None
    rows = _modules(text)
    if rows is None or len(rows[0]) > columns:
        return None
    lines = (_line(upper, lower) for upper, lower in _pairs(rows))
    if color:
        lines = (f"{_WHITE_ON_BLACK}{line}{_RESET}" for line in lines)
    return "\n".join(lines)


def _has_blocks(encoding: str) -> bool:
    try:
        "█▀▄".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _modules(text: str) -> list[list[bool]] | None:
    """Rows of modules with the quiet zone, True for the dark ones."""
    import segno

    try:
        symbol = segno.make(text, error="l", micro=False)
    except segno.DataOverflowError:
        return None
    return [[module == 1 for module in row] for row in symbol.matrix_iter(border=_QUIET)]


def _pairs(rows: list[list[bool]]) -> Iterator[tuple[list[bool], list[bool]]]:
    """Two rows to a line of text; below an odd last row all is light."""
    for index in range(0, len(rows), 2):
        yield rows[index], rows[index + 1] if index + 1 < len(rows) else [False] * len(rows[index])


def _line(upper: list[bool], lower: list[bool]) -> str:
    return "".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
