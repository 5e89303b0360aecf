"""Date.*, boundaries: the first and the last moment of the day, week, month, quarter or year around a value.

A date gives a date; a datetime gives midnight, or the last 100 ns of the last day; a
datetimezone keeps its offset (DTM-07, DTM-08).
"""

from __future__ import annotations

from typing import Any

from mlang.library.date.weeks import first_day, since_first
from mlang.library.moments import at_ticks, dated
from mlang.registry import builtin
from mlang.values.temporal import DAY, Date, date_of, days_in_month, days_of


def _start(value: Any, days: int) -> Any:
    return date_of(days) if value.__class__ is Date else at_ticks(value, days * DAY)


def _end(value: Any, days: int) -> Any:
    return date_of(days) if value.__class__ is Date else at_ticks(value, days * DAY + DAY - 1)


@builtin("Date.StartOfDay(dateTime as any) as any", null="dateTime")
def start_of_day(value: Any) -> Any:
    """Midnight of the same day."""
    return _start(dated(value), value.days)


@builtin("Date.EndOfDay(dateTime as any) as any", null="dateTime")
def end_of_day(value: Any) -> Any:
    """The last moment of the same day."""
    return _end(dated(value), value.days)


@builtin(
    "Date.StartOfWeek(dateTime as any, optional firstDayOfWeek as nullable number) as any", null="dateTime"
)
def start_of_week(value: Any, first: Any = None) -> Any:
    """The first day of the week; weeks begin with ``firstDayOfWeek``, or as the culture has them."""
    return _start(dated(value), value.days - since_first(value.days, first_day(first)))


@builtin(
    "Date.EndOfWeek(dateTime as any, optional firstDayOfWeek as nullable number) as any", null="dateTime"
)
def end_of_week(value: Any, first: Any = None) -> Any:
    """The last moment of the week; weeks begin with ``firstDayOfWeek``, or as the culture has them."""
    return _end(dated(value), value.days - since_first(value.days, first_day(first)) + 6)


@builtin("Date.StartOfMonth(dateTime as any) as any", null="dateTime")
def start_of_month(value: Any) -> Any:
    """The first day of the month."""
    year, month, _ = dated(value).ymd
    return _start(value, days_of(year, month, 1))


@builtin("Date.EndOfMonth(dateTime as any) as any", null="dateTime")
def end_of_month(value: Any) -> Any:
    """The last moment of the month."""
    year, month, _ = dated(value).ymd
    return _end(value, days_of(year, month, days_in_month(year, month)))


@builtin("Date.StartOfQuarter(dateTime as any) as any", null="dateTime")
def start_of_quarter(value: Any) -> Any:
    """The first day of the quarter."""
    year, month, _ = dated(value).ymd
    return _start(value, days_of(year, (month - 1) // 3 * 3 + 1, 1))


@builtin("Date.EndOfQuarter(dateTime as any) as any", null="dateTime")
def end_of_quarter(value: Any) -> Any:
    """The last moment of the quarter."""
    year, month, _ = dated(value).ymd
    last = (month + 2) // 3 * 3
    return _end(value, days_of(year, last, days_in_month(year, last)))


@builtin("Date.StartOfYear(dateTime as any) as any", null="dateTime")
def start_of_year(value: Any) -> Any:
    """1 January of the year."""
    return _start(dated(value), days_of(value.year, 1, 1))


@builtin("Date.EndOfYear(dateTime as any) as any", null="dateTime")
def end_of_year(value: Any) -> Any:
    """The last moment of 31 December of the year."""
    return _end(dated(value), days_of(value.year, 12, 31))
