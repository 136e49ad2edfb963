"""How figures are printed: tables in Markdown, ratios with their spread."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

_DIGITS = ((100, 0), (10, 1), (0.1, 2))  # behind the point, from which value on


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(ratios: Sequence[float]) -> str:
    """Median, least and greatest."""
    return f"{ratio(statistics.median(ratios))} ({ratio(min(ratios))}-{ratio(max(ratios))})"


def ratio(value: float) -> str:
    """Two or three digits that say something."""
    digits = next((digits for least, digits in _DIGITS if value >= least), 3)
    return f"{value:,.{digits}f}"


def milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f}"


def json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()
