"""Date.*, conversion: from values and text, to text and records."""

from __future__ import annotations

from typing import Any

from mlang.library.moments import reading, to_date, to_text
from mlang.registry import builtin
from mlang.values.temporal import Date


@builtin("Date.From(value as any, optional culture as nullable text) as nullable date", null="value")
def date_from(value: Any, culture: str | None = None) -> Date | None:
    """The date of a text, a datetime, a datetimezone (in local time) or a number.

    A number counts days from 30 December 1899; its fraction, the time of day, is dropped.
    """
    return to_date(value, culture)


@builtin("Date.FromText(text as nullable text, optional options as any) as nullable date", null="text")
def date_from_text(text: str, choice: Any = None) -> Date | None:
    """The date that a text says.

    ``options`` is a record: with Format the text must follow that format, without it ISO
    dates and the culture's usual ways of writing are understood; Culture names the
    language and order.  A text instead of the record is the culture.
    """
    from mlang.culture.date_parse import parse_date

    format, culture = reading(choice, "Date.FromText")
    return parse_date(text, culture, format)


@builtin(
    "Date.ToText(date as nullable date, optional options as any, optional culture as nullable text) "
    "as nullable text",
    null="date",
)
def date_to_text(date: Date, choice: Any = None, culture: str | None = None) -> str:
    """The text of a date: the culture's short date, or the Format in the options record."""
    return to_text(date, choice, culture, "Date.ToText")


@builtin("Date.ToRecord(date as date) as record")
def date_to_record(date: Date) -> dict[str, Any]:
    """The year, month and day of a date as a record."""
    year, month, day = date.ymd
    return {"Year": float(year), "Month": float(month), "Day": float(day)}
