"""How figures are printed: tables in Markdown, ratios with their spread."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(ratios: Sequence[float]) -> str:
    """Median, least and greatest."""
    return f"{ratio(statistics.median(ratios))} ({ratio(min(ratios))}-{ratio(max(ratios))})"


def ratio(value: float) -> str:
    """Two digits that say something."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f}"


def json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()
