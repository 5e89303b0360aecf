"""Time.*: the parts of a time of day, the hour around it, its text."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.moments import at_ticks, clocked, reading, seconds, to_text, to_time, whole
from mlang.registry import builtin
from mlang.values.temporal import DAY, HOUR, Time


@builtin("Time.Hour(dateTime as any) as nullable number", null="dateTime")
def hour(value: Any) -> float:
    """The hour of a time, datetime or datetimezone, 0 to 23 (24 only for 24:00:00)."""
    return whole(clocked(value).hour)


@builtin("Time.Minute(dateTime as any) as nullable number", null="dateTime")
def minute(value: Any) -> float:
    """The minute of a time, datetime or datetimezone."""
    return whole(clocked(value).minute)


@builtin("Time.Second(dateTime as any) as nullable number", null="dateTime")
def second(value: Any) -> float:
    """The second of a time, datetime or datetimezone, with its fraction."""
    return seconds(clocked(value))


def _within(value: Any, ticks: int) -> Any:
    """The same kind at another moment of the day."""
    if value.__class__ is not Time:
        return at_ticks(value, value.days * DAY + ticks)
    if ticks > DAY:
        raise errors.temporal_out_of_range("Time")
    return Time(ticks)


@builtin("Time.StartOfHour(dateTime as any) as any", null="dateTime")
def start_of_hour(value: Any) -> Any:
    """The first moment of the hour around a time, datetime or datetimezone."""
    return _within(value, clocked(value).hour * HOUR)


@builtin("Time.EndOfHour(dateTime as any) as any", null="dateTime")
def end_of_hour(value: Any) -> Any:
    """The last moment of the hour around a time, datetime or datetimezone."""
    return _within(value, clocked(value).hour * HOUR + HOUR - 1)


@builtin("Time.From(value as any, optional culture as nullable text) as nullable time", null="value")
def time_from(value: Any, culture: str | None = None) -> Time | None:
    """The time of day of a text, a datetime, a datetimezone (in local time) or a part of a day (0 to 1)."""
    return to_time(value, culture)


@builtin("Time.FromText(text as nullable text, optional options as any) as nullable time", null="text")
def time_from_text(text: str, choice: Any = None) -> Time | None:
    """The time of day that a text says.

    ``options`` is a record: with Format the text must follow that format, without it ISO
    times and the culture's usual ways of writing are understood.  A text instead of the
    record is the culture.
    """
    from mlang.culture.date_parse import parse_time

    format, culture = reading(choice, "Time.FromText")
    return parse_time(text, culture, format)


@builtin(
    "Time.ToText(time as nullable time, optional options as any, optional culture as nullable text) "
    "as nullable text",
    null="time",
)
def time_to_text(time: Time, choice: Any = None, culture: str | None = None) -> str:
    """The text of a time: the culture's short time, or the Format in the options record."""
    return to_text(time, choice, culture, "Time.ToText")


@builtin("Time.ToRecord(time as time) as record")
def time_to_record(time: Time) -> dict[str, Any]:
    """The hour, minute and second of a time as a record."""
    return {"Hour": float(time.hour), "Minute": float(time.minute), "Second": seconds(time)}
