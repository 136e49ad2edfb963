"""Horizontal bars as SVG, in groups and panels, readable on light and dark pages. A panel's scale starts at zero, or is
logarithmic where its values span more than a decade and a half.
"""

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import msgspec

_WIDTH, _MARGIN, _LABELS, _VALUES = 760, 16, 170, 70
_SCALE = _WIDTH - 2 * _MARGIN - _LABELS - _VALUES
_BAR, _STEP, _LINE, _GAP = 12, 18, 22, 10
_DIGITS_BELOW = 10
_LOGARITHMIC_FROM = 30.0
_TICKS = 5
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.panel { fill: #59636e; }
.group { font-weight: 600; }
.tick { font-size: 10px; fill: #59636e; }
.grid { stroke: #d1d9e0; }
.bar { fill: #8c959f; }
.own { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .panel, .tick { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .bar { fill: #6e7681; }
  .own { fill: #4493f8; }
}
"""


class Bar(msgspec.Struct, frozen=True):
    """``value`` is not negative; our own bars stand out."""

    label: str
    value: float
    is_own: bool = False


class Group(msgspec.Struct, frozen=True):
    title: str
    bars: Sequence[Bar]


class Panel(msgspec.Struct, frozen=True):
    """Groups with one scale, in the unit that ``title`` says."""

    title: str
    groups: Sequence[Group]


class Chart(msgspec.Struct, frozen=True):
    """``description`` is for those who do not see it."""

    title: str
    description: str
    panels: Sequence[Panel]


class Scale(msgspec.Struct, frozen=True):
    """From the least to the greatest value that is shown, in pixels from the axis."""

    least: float
    greatest: float
    is_logarithmic: bool

    def position(self, value: float) -> float:
        if not self.is_logarithmic:
            return value / self.greatest * _SCALE
        span = math.log10(self.greatest / self.least)
        return math.log10(max(value, self.least) / self.least) / span * _SCALE

    def ticks(self) -> list[float]:
        if self.is_logarithmic:
            first, last = round(math.log10(self.least)), round(math.log10(self.greatest))
            return [10.0**power for power in range(first, last + 1)]
        step = _round_step(self.greatest / _TICKS)
        return [step * number for number in range(int(self.greatest / step + 1e-9) + 1)]


def scale_of(values: Sequence[float]) -> Scale:
    """One that holds all values. Those that are not positive do not make it logarithmic."""
    positive = [value for value in values if value > 0] or [1.0]
    least, greatest = min(positive), max(positive)
    if greatest / least <= _LOGARITHMIC_FROM:
        return Scale(0.0, greatest, is_logarithmic=False)
    return Scale(10.0 ** math.floor(math.log10(least)), 10.0 ** math.ceil(math.log10(greatest)), is_logarithmic=True)


def svg(chart: Chart) -> str:
    drawing = [_text(_MARGIN, _MARGIN + 8, chart.title, "title")]
    top = _MARGIN + 8.0 + _LINE
    for panel in chart.panels:
        shapes, top = _panel(panel, top)
        drawing += shapes
    height = round(top + _MARGIN - _GAP)
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(chart.title)}</title>',
            f'<desc id="description">{escape(chart.description)}</desc>',
            f"<style>{_STYLE}</style>",
            *drawing,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, top: float) -> tuple[list[str], float]:
    """Its shapes, and where the next one begins."""
    scale = scale_of([bar.value for group in panel.groups for bar in group.bars])
    axis = top + _LINE
    end = axis + sum(_LINE + _STEP * len(group.bars) + _GAP for group in panel.groups)
    shapes = [_text(_MARGIN, top, panel.title, "panel"), *_grid(scale, axis, end)]
    place = axis
    for group in panel.groups:
        shapes.append(_text(_MARGIN, place + _LINE - 8, group.title, "group"))
        place += _LINE
        for bar in group.bars:
            shapes += _bar(bar, scale, place)
            place += _STEP
        place += _GAP
    return shapes, end + 2 * _LINE


def _grid(scale: Scale, top: float, bottom: float) -> Iterator[str]:
    for tick in scale.ticks():
        x = _MARGIN + _LABELS + scale.position(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>'
        yield _text(x, bottom + 12, number(tick), "tick", "middle")


def _bar(bar: Bar, scale: Scale, top: float) -> list[str]:
    left, length = _MARGIN + _LABELS, max(scale.position(bar.value), 1.0)
    kind, middle = "own" if bar.is_own else "bar", top + _BAR - 2
    place = f'x="{left}" y="{top:.1f}" width="{length:.1f}" height="{_BAR}"'
    return [
        _text(left - 8, middle, bar.label, "label", "end"),
        f'<rect class="{kind}" {place} rx="2"/>',
        _text(left + length + 6, middle, number(bar.value), "value"),
    ]


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def number(value: float) -> str:
    """Whole with commas, or with one digit behind the point where it is small."""
    return f"{value:.1f}".removesuffix(".0") if value < _DIGITS_BELOW else f"{value:,.0f}"


def _round_step(rough: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough * 0.999)
