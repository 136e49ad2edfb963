"""The plots beside docs/performance.md."""

from xml.etree import ElementTree

import pytest

from bench import plot
from bench.plot import Bar, Chart, Group, Panel

SVG = "{http://www.w3.org/2000/svg}"
GROUPS = [
    Group("poll", [Bar("Postern", 30_000.0, is_own=True), Bar("a < b & c", 470.0)]),
    Group("register", [Bar("Postern", 9_000.0, is_own=True), Bar("slow", 3.2)]),
]


def drawn(*panels: Panel) -> ElementTree.Element:
    return ElementTree.fromstring(plot.svg(Chart("a <title>", "what is seen", panels)))


def test_a_chart_says_what_it_is_to_those_who_do_not_see_it() -> None:
    root = drawn(Panel("requests a second", GROUPS))
    named = {each.get("id"): each.text for each in root if each.get("id")}
    assert root.get("role") == "img"
    assert [named[name] for name in (root.get("aria-labelledby") or "").split()] == ["a <title>", "what is seen"]


def test_each_bar_has_its_label_and_its_value() -> None:
    root = drawn(Panel("requests a second", GROUPS))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {"poll", "register", "a < b & c", "30,000", "470", "3.2"} <= set(texts)
    assert [bar.get("class") for bar in root.iter(f"{SVG}rect")] == ["own", "bar", "own", "bar"]


def test_nothing_is_drawn_outside() -> None:
    root = drawn(Panel("requests a second", GROUPS), Panel("milliseconds", GROUPS[:1]))
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for bar in root.iter(f"{SVG}rect"):
        assert float(bar.get("x", "0")) + float(bar.get("width", "0")) < width
    assert all(0 < float(text.get("y", "0")) < height for text in root.iter(f"{SVG}text"))


def test_colours_follow_the_page() -> None:
    (style,) = drawn(Panel("requests a second", GROUPS)).iter(f"{SVG}style")
    assert "prefers-color-scheme: dark" in (style.text or "")


def test_values_of_one_order_begin_at_zero() -> None:
    scale = plot.scale_of([900.0, 4_300.0])
    assert scale.ticks() == [0, 1_000, 2_000, 3_000, 4_000]
    assert scale.position(2_150.0) == pytest.approx(scale.position(4_300.0) / 2)


def test_values_of_several_orders_are_set_out_by_their_logarithms() -> None:
    scale = plot.scale_of([3.0, 25_000.0])
    assert scale.ticks() == [1, 10, 100, 1_000, 10_000, 100_000]
    assert scale.position(1.0) == 0
    assert scale.position(100.0) - scale.position(10.0) == pytest.approx(scale.position(10.0))


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 12.0]])
def test_a_scale_is_found_for_few_values(values: list[float]) -> None:
    scale = plot.scale_of(values)
    assert all(scale.position(value) >= 0 for value in values)
    assert scale.ticks()[0] == 0


@pytest.mark.parametrize("value,text", [(0.0, "0"), (3.25, "3.2"), (5.0, "5"), (58.4, "58"), (29_100.0, "29,100")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert plot.number(value) == text
