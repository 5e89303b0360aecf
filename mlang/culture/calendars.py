"""Year, month and day as a culture's calendar counts them (CVT-103), and back to days.

All values of M are Gregorian; other calendars only show up in text.  ``buddhist`` counts
years from 543 BC, ``persian`` is the solar Hijri one, ``umalqura`` the lunar one of Saudi
Arabia, which follows a published table (``umalqura.py``).
"""

from __future__ import annotations

from datetime import date

from mlang import errors
from mlang.values.temporal import days_in_month, days_of

_BUDDHIST = 543
#: Where the pattern of Persian leap years (8 in 33) starts anew.
_PERSIAN_BREAKS = (
    -61, 9, 38, 199, 426, 686, 756, 818, 1111, 1181, 1210, 1635, 2060, 2097, 2192, 2262, 2324, 2394, 2456,
    3178,
)  # fmt: skip
#: The last year that two digits stand for (this one and the 99 before it).
TWO_DIGIT_YEAR_MAX = {"gregorian": 2049, "buddhist": 2592, "persian": 1410, "umalqura": 1451}


def parts(days: int, calendar: str) -> tuple[int, int, int]:
    """Year, month and day of a day."""
    if calendar == "persian":
        return _persian(days)
    if calendar == "umalqura":
        from mlang.culture.umalqura import parts as lunar

        return lunar(days)
    moment = date.fromordinal(days + 1)
    return moment.year + _shift(calendar), moment.month, moment.day


def to_days(year: int, month: int, day: int, calendar: str) -> int:
    """Days since 0001-01-01; ValueError for no such date."""
    if calendar == "persian":
        return _from_persian(year, month, day)
    if calendar == "umalqura":
        from mlang.culture.umalqura import to_days as lunar

        return lunar(year, month, day)
    year -= _shift(calendar)
    if not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        raise ValueError(day)
    return days_of(year, month, day)


def _shift(calendar: str) -> int:
    if calendar == "gregorian":
        return 0
    if calendar == "buddhist":
        return _BUDDHIST
    raise errors.not_supported("Culture", f"the {calendar} calendar")


def full_year(year: int, calendar: str) -> int:
    """The year that two digits mean."""
    last = TWO_DIGIT_YEAR_MAX.get(calendar, 2049)
    century = last - last % 100
    return century + year if year <= last % 100 else century - 100 + year


# ---------------------------------------------------------------- the Persian calendar


def _persian_new_year(year: int) -> tuple[int, bool]:
    """Days since 0001-01-01 of the first day of a Persian year, and whether the year is a leap year."""
    if not 1 <= year < _PERSIAN_BREAKS[-1]:
        raise ValueError(year)
    leaps, previous, gap = -14, _PERSIAN_BREAKS[0], 0
    for at in _PERSIAN_BREAKS[1:]:
        gap = at - previous
        if year < at:
            break
        leaps += gap // 33 * 8 + gap % 33 // 4
        previous = at
    n = year - previous
    leaps += n // 33 * 8 + (n % 33 + 3) // 4
    if gap % 33 == 4 and gap - n == 4:
        leaps += 1
    gregorian = year + 621
    march = 20 + leaps - (gregorian // 4 - (gregorian // 100 + 1) * 3 // 4 - 150)
    if gap - n < 6:
        n = n - gap + (gap + 4) // 33 * 33
    cycle = ((n + 1) % 33 - 1) % 4
    return days_of(gregorian, 3, 1) + march - 1, cycle == 0


def _persian(days: int) -> tuple[int, int, int]:
    year = date.fromordinal(days + 1).year - 621
    start = 0
    for candidate in (year, year - 1):
        try:
            start, _ = _persian_new_year(candidate)
        except ValueError:
            raise errors.temporal_out_of_range("Date") from None
        if start <= days:
            year = candidate
            break
    n = days - start
    if n < 186:
        return year, n // 31 + 1, n % 31 + 1
    return year, (n - 186) // 30 + 7, (n - 186) % 30 + 1


def _from_persian(year: int, month: int, day: int) -> int:
    start, leap = _persian_new_year(year)
    if not 1 <= month <= 12 or not 1 <= day <= (31 if month <= 6 else 30 if month <= 11 or leap else 29):
        raise ValueError(day)
    before = (month - 1) * 31 if month <= 7 else 186 + (month - 7) * 30
    return start + before + day - 1
