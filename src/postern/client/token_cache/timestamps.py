"""Times as cache files have them: written as the AWS CLI does, read in all forms that it and the SDKs have written."""

import re
import time

_LATEST = 253_402_300_799  # the last second of the year 9999
_FORM = (
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?"  # a date and a time of day
    r"\s*(?:[Zz]|UTC|GMT|([+-])(\d\d):?(\d\d))?"  # a zone; without one it is UTC
)


def write(at: float) -> str:
    """Unix seconds as ``2026-01-31T12:00:00Z``; a fraction is cut off, so that nothing lives longer than it does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(min(max(at, 0), _LATEST))))


def read(text: str) -> float:
    """Unix seconds of a time with ``Z``, ``UTC``, an offset, or none of them.

    Raises:
        ValueError: it is not a time.
    """
    found = re.fullmatch(_FORM, text.strip(), re.ASCII)
    if found is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60):
        raise ValueError("not a time")
    if not 1 <= day <= _length(year, month):
        raise ValueError("no such day")
    midnight = 86_400 * _days(year, month, day)
    fraction, sign, offset_hours, offset_minutes = found.groups()[6:]
    offset = 3600 * int(offset_hours or 0) + 60 * int(offset_minutes or 0)
    at = midnight + 3600 * hour + 60 * minute + second + float(fraction or 0)
    return at + offset if sign == "-" else at - offset


def _length(year: int, month: int) -> int:
    """Days of a month. `time` knows no year before 1970 on Windows, and Go's zero time is in year 1."""
    following = _days(year, month + 1, 1) if month < 12 else _days(year + 1, 1, 1)
    return following - _days(year, month, 1)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar. PERF: `datetime` costs 3 ms of a start-up."""
    if month <= 2:
        year -= 1
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469
