"""Figures in a page: what the command writes, and what it leaves."""

from pathlib import Path

import pytest

from bench import pages, plot
from bench.__main__ import main
from bench.cases import SECTIONS
from bench.pages import Section

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
CHART = plot.Chart("Rates", "of all", [plot.Panel("a second", [plot.Group("poll", [plot.Bar("Postern", 3.0)])])])


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- bench:peers -->\nold\n<!-- /bench:peers -->\nafter\n")
    return page


def test_a_section_is_replaced_and_the_rest_stays(page: Path) -> None:
    pages.write(page, Section("peers", "peers", "| a table |"), pairs=3, seconds=2)
    text = page.read_text()
    assert text.startswith("before\n<!-- bench:peers -->\n")
    assert text.endswith("\n| a table |\n<!-- /bench:peers -->\nafter\n")
    assert "python -m bench peers" in text
    assert "3 rounds of 2 s" in text
    assert "old" not in text


def test_writing_again_changes_nothing(page: Path) -> None:
    section = Section("peers", "peers", "| a table |", CHART)
    pages.write(page, section, pairs=3, seconds=2)
    once = page.read_text()
    pages.write(page, section, pairs=3, seconds=2)
    assert page.read_text() == once


def test_a_plot_stands_beside_the_page(page: Path) -> None:
    pages.write(page, Section("peers", "peers", "| a table |", CHART), pairs=3, seconds=2)
    assert "![Rates](performance-peers.svg)" in page.read_text()
    assert page.with_name("performance-peers.svg").read_text() == plot.svg(CHART)


def test_a_page_without_a_place_is_left_as_it_is(page: Path) -> None:
    before = page.read_text()
    with pytest.raises(ValueError, match="no place for figures"):
        pages.write(page, Section("client", "client", "| a table |"), pairs=3, seconds=2)
    assert page.read_text() == before


def test_the_page_has_a_place_for_each_section() -> None:
    pages.require(PERFORMANCE, ["client", "footprint", "peers", "stores", "workers", *SECTIONS])


@pytest.mark.parametrize(
    "arguments",
    [
        ["peers", "--peer", "Authlib"],
        ["peers", "--only", "refresh"],
        ["client", "--only", "cold"],
        ["server", "--only", "refresh"],
        ["stores", "--only", "refresh"],
        ["growth"],
    ],
    ids=" ".join,
)
def test_half_a_section_is_not_written(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*arguments, "--write", str(PERFORMANCE)])
    assert "--write wants all" in capsys.readouterr().err


def test_a_page_without_a_place_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(SystemExit):
        main(["peers", "--write", str(page)])
    assert "no place for figures" in capsys.readouterr().err
