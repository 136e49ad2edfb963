"""Times as tools have written them."""

import math
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.client.token_cache import timestamps

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text, at",
    [
        pytest.param("2026-01-31T12:00:00Z", NOON, id="AWS CLI, botocore, Go"),
        pytest.param("2026-01-31T12:00:00UTC", NOON, id="older botocore"),
        pytest.param("2026-01-31T12:00:00.250Z", NOON + 0.25, id="SDKs for JavaScript"),
        pytest.param("2026-01-31T12:00:00.123456789Z", NOON + 0.123456789, id="nanoseconds"),
        pytest.param("2026-01-31T12:00:00+00:00", NOON, id="offset of nothing"),
        pytest.param("2026-01-31T14:00:00+02:00", NOON, id="east of Greenwich"),
        pytest.param("2026-01-31T06:30:00-0530", NOON, id="west of Greenwich"),
        pytest.param("2026-01-31 12:00:00", NOON, id="no zone"),
        pytest.param("2026-01-31t12:00:00z", NOON, id="lower case"),
        pytest.param(" 2026-01-31T12:00:00 GMT\n", NOON, id="space around"),
        pytest.param("2026-01-31T11:59:60Z", NOON, id="leap second"),
        pytest.param("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC).timestamp(), id="leap day"),
        pytest.param("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC).timestamp(), id="Go's zero"),
    ],
)
def test_every_form_is_read(text: str, at: float) -> None:
    assert timestamps.read(text) == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-01-31",
        "2026-02-30T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-12-32T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00X",
        "٢٠٢٦-01-31T12:00:00Z",
        "1769860800",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        timestamps.read(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0000-02-29T00:00:00Z"])
def test_times_before_1970_are_not_asked_of_a_machine_that_knows_none(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(seconds: float) -> None:
        raise OSError(22, "Invalid argument")  # as on Windows

    monkeypatch.setattr(time, "gmtime", refuse)

    assert timestamps.read(text) < 0


@given(date=st.dates())
def test_every_day_of_the_calendar_is_one(date: date) -> None:
    midnight = datetime(date.year, date.month, date.day, tzinfo=UTC)

    assert timestamps.read(f"{date.isoformat()}T00:00:00Z") == midnight.timestamp()


@given(at=st.integers(min_value=0, max_value=253_402_300_799))
def test_what_is_written_is_what_the_calendar_says_and_is_read_back(at: int) -> None:
    text = timestamps.write(at)

    assert text == datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert timestamps.read(text) == at


@pytest.mark.parametrize(
    "at, text", [(-5.0, "1970-01-01T00:00:00Z"), (1e30, "9999-12-31T23:59:59Z"), (math.inf, "9999-12-31T23:59:59Z")]
)
def test_times_out_of_reach_are_the_nearest_that_can_be_written(at: float, text: str) -> None:
    assert timestamps.write(at) == text
