"""The page that figures are written into keeps what it says, and rows of runs that were not repeated."""

from pathlib import Path

import msgspec
import pytest

from postern.testing.faults import report
from postern.testing.faults.__main__ import main
from postern.testing.faults.trial import Row

HELD = Row(
    fault="F1",
    title="a fault",
    store="sqlite",
    dose="3 kills",
    acknowledged=1234,
    lost=0,
    double_spent=0,
    recovery=1.234,
    server_errors=0,
    faults=[],
    notes=["a note"],
    took=1.0,
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{report.BEGIN}\n{report.END}\n\nafter\n")
    return page


def rows_of(page: Path) -> list[str]:
    return [line for line in page.read_text().splitlines() if line.startswith("| F")]


def test_rows_are_written_between_the_markers(page: Path) -> None:
    report.write(page, [HELD])
    text = page.read_text()
    assert text.startswith(f"before\n\n{report.BEGIN}\n")
    assert text.endswith(f"{report.END}\n\nafter\n")
    assert "| F1 a fault | sqlite | 3 kills | 1,234 | 0 | 0 | 1.23 s | 0 | held; a note |" in text
    assert report.machine() in text


def test_a_later_run_replaces_its_own_row_only(page: Path) -> None:
    on_postgresql = msgspec.structs.replace(HELD, store="postgresql")
    report.write(page, [msgspec.structs.replace(HELD, fault="F10"), on_postgresql, HELD])
    report.write(page, [msgspec.structs.replace(HELD, fault="FAILOVER")])
    report.write(page, [msgspec.structs.replace(HELD, lost=2, faults=["it was lost", "it was lost", "slow"])])
    rows = rows_of(page)
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| F1 a fault", "postgresql"],
        ["| F1 a fault", "sqlite"],
        ["| F10 a fault", "sqlite"],
        ["| FAILOVER a fault", "sqlite"],
    ]
    assert "**FAULT** 2 times: it was lost; 1 times: slow" in rows[1]


def test_a_page_without_a_place_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="no place for figures"):
        report.write(page, [HELD])
    assert page.read_text() == "nothing here"


def test_the_list_says_what_each_fault_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["f1", "--list"]) == 0
    said = capsys.readouterr().out
    assert "F1 " in said
    assert "F2 " not in said
    assert "200 kills" in said


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["F99"])
    assert refused.value.code == 2
    assert "there is no fault F99" in capsys.readouterr().err
