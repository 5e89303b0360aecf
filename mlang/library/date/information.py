"""Date.*, information: the parts of a date, its weeks, its names."""

from __future__ import annotations

from typing import Any

from mlang.library.date.weeks import first_day, since_first
from mlang.library.moments import dated, whole
from mlang.registry import builtin
from mlang.values.temporal import days_in_month, days_of


@builtin("Date.Year(dateTime as any) as nullable number", null="dateTime")
def year(value: Any) -> float:
    """The year of a date, datetime or datetimezone."""
    return whole(dated(value).year)


@builtin("Date.Month(dateTime as any) as nullable number", null="dateTime")
def month(value: Any) -> float:
    """The month of a date, datetime or datetimezone, 1 to 12."""
    return whole(dated(value).month)


@builtin("Date.Day(dateTime as any) as nullable number", null="dateTime")
def day(value: Any) -> float:
    """The day of the month of a date, datetime or datetimezone."""
    return whole(dated(value).day)


@builtin("Date.QuarterOfYear(dateTime as any) as nullable number", null="dateTime")
def quarter_of_year(value: Any) -> float:
    """The quarter that a date lies in, 1 to 4."""
    return whole((dated(value).month + 2) // 3)


@builtin("Date.DayOfYear(dateTime as any) as nullable number", null="dateTime")
def day_of_year(value: Any) -> float:
    """The number of the day in its year, 1 to 366."""
    return whole(dated(value).days - days_of(value.year, 1, 1) + 1)


@builtin("Date.DaysInMonth(dateTime as any) as nullable number", null="dateTime")
def days_in_month_of(value: Any) -> float:
    """How many days the month of a date has."""
    year, month, _ = dated(value).ymd
    return whole(days_in_month(year, month))


@builtin("Date.IsLeapYear(dateTime as any) as nullable logical", null="dateTime")
def is_leap_year(value: Any) -> bool:
    """Says whether the year of a date has a 29 February."""
    return days_in_month(dated(value).year, 2) == 29


@builtin(
    "Date.DayOfWeek(dateTime as any, optional firstDayOfWeek as nullable number) as nullable number",
    null="dateTime",
)
def day_of_week(value: Any, first: Any = None) -> float:
    """The number of the day in its week, 0 for the first day.

    ``firstDayOfWeek`` is a member of Day.Type; without it weeks begin as the culture has them.
    """
    return whole(since_first(dated(value).days, first_day(first)))


@builtin(
    "Date.WeekOfYear(dateTime as any, optional firstDayOfWeek as nullable number) as nullable number",
    null="dateTime",
)
def week_of_year(value: Any, first: Any = None) -> float:
    """The number of the week in its year, 1 to 54; week 1 is the one with 1 January (DTM-03)."""
    start = days_of(dated(value).year, 1, 1)
    return whole((value.days - start + since_first(start, first_day(first))) // 7 + 1)


@builtin(
    "Date.WeekOfMonth(dateTime as any, optional firstDayOfWeek as nullable number) as nullable number",
    null="dateTime",
)
def week_of_month(value: Any, first: Any = None) -> float:
    """The number of the week in its month, 1 to 6; week 1 is the one with the first day."""
    start = dated(value).days - value.day + 1
    return whole((value.days - start + since_first(start, first_day(first))) // 7 + 1)


@builtin("Date.DayOfWeekName(date as any, optional culture as nullable text) as nullable text", null="date")
def day_of_week_name(value: Any, culture: str | None = None) -> str:
    """The name of the day of the week, in the language of a culture."""
    from mlang.culture.data import culture as find

    weekday: int = dated(value).weekday
    return find(culture).day_names[weekday]


@builtin("Date.MonthName(date as any, optional culture as nullable text) as nullable text", null="date")
def month_name(value: Any, culture: str | None = None) -> str:
    """The name of the month, in the language and calendar of a culture."""
    from mlang.culture.calendars import parts
    from mlang.culture.data import culture as find

    info = find(culture)
    return info.month_names[parts(dated(value).days, info.calendar)[1] - 1]
