"""Date.*, addition: days, weeks, months, quarters and years later or earlier.

Months and years keep the day of the month, or take the month's last one (DTM-05).
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import as_int
from mlang.library.moments import dated, with_days
from mlang.registry import builtin
from mlang.values.temporal import days_in_month, days_of


def add_months(value: Any, count: int) -> Any:
    """The value ``count`` months later."""
    year, month, day = value.ymd
    year, month = divmod(year * 12 + month - 1 + count, 12)
    if not 1 <= year <= 9999:
        raise errors.temporal_out_of_range(errors.kind_name(value))
    return with_days(value, days_of(year, month + 1, min(day, days_in_month(year, month + 1))))


@builtin("Date.AddDays(dateTime as any, numberOfDays as number) as any", null="dateTime")
def add_days(value: Any, count: Any) -> Any:
    """The date, datetime or datetimezone that many days later; negative numbers go back."""
    return with_days(dated(value), value.days + as_int(count))


@builtin("Date.AddWeeks(dateTime as any, numberOfWeeks as number) as any", null="dateTime")
def add_weeks(value: Any, count: Any) -> Any:
    """The date, datetime or datetimezone that many weeks later."""
    return with_days(dated(value), value.days + 7 * as_int(count))


@builtin("Date.AddMonths(dateTime as any, numberOfMonths as number) as any", null="dateTime")
def add_months_to(value: Any, count: Any) -> Any:
    """The same day that many months later, or the last one of a shorter month."""
    return add_months(dated(value), as_int(count))


@builtin("Date.AddQuarters(dateTime as any, numberOfQuarters as number) as any", null="dateTime")
def add_quarters(value: Any, count: Any) -> Any:
    """The same day that many times three months later, or the last one of a shorter month."""
    return add_months(dated(value), 3 * as_int(count))


@builtin("Date.AddYears(dateTime as any, numberOfYears as number) as any", null="dateTime")
def add_years(value: Any, count: Any) -> Any:
    """The same day that many years later; from 29 February 28 February where there is none."""
    return add_months(dated(value), 12 * as_int(count))
