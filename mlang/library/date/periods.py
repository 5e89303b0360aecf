"""Date.*, periods: whether a value lies in the current, the next or the previous days, weeks, months …

Today is the local date of the evaluation, frozen like ``DateTime.FixedLocalNow``; a
datetimezone counts with the local date of its instant.  Next and previous periods
leave out the current one (DTM-11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.library.around_now import declare
from mlang.library.date.weeks import first_day, since_first
from mlang.library.moments import dated, local_ticks
from mlang.registry import builtin
from mlang.values.temporal import DAY, Date

#: A running number of the period that a day lies in.
Ordinal = Callable[[Any], int]


def _day(date: Date) -> int:
    return int(date.days)


def _week(date: Date) -> int:
    return int(date.days) - since_first(date.days, first_day())


def _month(date: Date) -> int:
    return date.year * 12 + date.month


def _quarter(date: Date) -> int:
    return date.year * 4 + (date.month - 1) // 3


def _year(date: Date) -> int:
    return date.year


_ORDINALS: dict[str, tuple[Ordinal, int]] = {
    "Day": (_day, 1), "Week": (_week, 7), "Month": (_month, 1), "Quarter": (_quarter, 1), "Year": (_year, 1),
}  # fmt: skip


def _today() -> Date:
    from mlang.culture.zones import today

    return Date(today())


def _local_date(value: Any) -> Date:
    return dated(value) if value.__class__ is Date else Date(local_ticks(dated(value)) // DAY)


def distance(value: Any, unit: str) -> int:
    """How many days, weeks, months … a value's period is after the current one."""
    ordinal, step = _ORDINALS[unit]
    return (ordinal(_local_date(value)) - ordinal(_today())) // step


declare("Date", "a value", _ORDINALS, distance)


@builtin("Date.IsInYearToDate(dateTime as any) as nullable logical", null="dateTime")
def is_in_year_to_date(value: Any) -> bool:
    """Says whether a value lies in the current year, today or earlier."""
    return distance(value, "Year") == 0 and distance(value, "Day") <= 0
