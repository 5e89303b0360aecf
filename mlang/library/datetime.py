"""DateTime.*: parts, zones and text of a datetime, the clock, the hours, minutes and seconds around now."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import as_int64
from mlang.library.around_now import declare
from mlang.library.moments import (
    clocked,
    dated,
    local_ticks,
    reading,
    seconds,
    to_datetime,
    to_text,
)
from mlang.registry import builtin
from mlang.values.temporal import (
    DAY,
    HOUR,
    MAX_TICKS,
    MINUTE,
    SECOND,
    Date,
    DateTime,
    DateTimeZone,
    Time,
    days_of,
    zoned_of,
)

#: Ticks of 1601-01-01, where Windows file times begin.
FILE_TIME = days_of(1601, 1, 1) * DAY


def file_time(value: Any) -> int:
    """UTC ticks of a Windows file time."""
    ticks = as_int64(value)
    if not 0 <= ticks <= MAX_TICKS - FILE_TIME:
        raise errors.argument_out_of_range("fileTime", value)
    return FILE_TIME + ticks


@builtin("DateTime.Date(dateTime as any) as nullable date", null="dateTime")
def date_part(value: Any) -> Date:
    """The date of a date, datetime or datetimezone, as its own clock shows it."""
    return Date(dated(value).days)


@builtin("DateTime.Time(dateTime as any) as nullable time", null="dateTime")
def time_part(value: Any) -> Time:
    """The time of day of a time, datetime or datetimezone, as its own clock shows it."""
    return Time(clocked(value).time_ticks)


@builtin(
    "DateTime.AddZone(dateTime as nullable datetime, timezoneHours as number, "
    "optional timezoneMinutes as nullable number) as nullable datetimezone",
    null="dateTime",
)
def add_zone(value: DateTime, hours: Any, minutes: Any = None) -> DateTimeZone:
    """The datetime with a distance from UTC in hours and minutes; its clock does not change."""
    from mlang.library.constructors import offset_minutes

    return zoned_of(value.ticks, offset_minutes(hours, minutes or 0))


@builtin("DateTime.LocalNow() as datetime")
def local_now() -> DateTime:
    """The local date and time, read from the clock at each call."""
    from mlang.culture.zones import to_local
    from mlang.session import current

    return DateTime(to_local(current().now_utc()))


@builtin("DateTime.FixedLocalNow() as datetime")
def fixed_local_now() -> DateTime:
    """The local date and time, the same one during the whole evaluation."""
    from mlang.culture.zones import fixed_now, to_local

    return DateTime(to_local(fixed_now()))


@builtin("DateTime.FromFileTime(fileTime as nullable number) as nullable datetime", null="fileTime")
def from_file_time(value: Any) -> DateTime:
    """The local datetime of a Windows file time: 100 ns since 1601-01-01 in UTC."""
    from mlang.culture.zones import to_local

    return DateTime(to_local(file_time(value)))


@builtin("DateTime.From(value as any, optional culture as nullable text) as nullable datetime", null="value")
def datetime_from(value: Any, culture: str | None = None) -> DateTime | None:
    """The datetime of a text, date, time, datetimezone (in local time) or number.

    A date is taken at midnight, a time on 30 December 1899, a number counts days from there.
    """
    return to_datetime(value, culture)


@builtin(
    "DateTime.FromText(text as nullable text, optional options as any) as nullable datetime", null="text"
)
def datetime_from_text(text: str, choice: Any = None) -> DateTime | None:
    """The datetime that a text says.

    ``options`` is a record: with Format the text must follow that format, without it ISO
    forms and the culture's usual ways of writing are understood.  A text instead of the
    record is the culture.
    """
    from mlang.culture.date_parse import parse_datetime

    format, culture = reading(choice, "DateTime.FromText")
    return parse_datetime(text, culture, format)


@builtin(
    "DateTime.ToText(dateTime as nullable datetime, optional options as any, "
    "optional culture as nullable text) as nullable text",
    null="dateTime",
)
def datetime_to_text(value: DateTime, choice: Any = None, culture: str | None = None) -> str:
    """The text of a datetime: the culture's short date and long time, or the Format in the options record."""
    return to_text(value, choice, culture, "DateTime.ToText")


@builtin("DateTime.ToRecord(dateTime as datetime) as record")
def datetime_to_record(value: DateTime) -> dict[str, Any]:
    """The year, month, day, hour, minute and second of a datetime as a record."""
    year, month, day = value.ymd
    return {
        "Year": float(year), "Month": float(month), "Day": float(day),
        "Hour": float(value.hour), "Minute": float(value.minute), "Second": seconds(value),
    }  # fmt: skip


# ---------------------------------------------------------------- hours, minutes and seconds around now

_UNITS = {"Hour": HOUR, "Minute": MINUTE, "Second": SECOND}


def distance(value: Any, unit: str) -> int:
    """How many hours, minutes or seconds a value is after the current one, by the local clock."""
    from mlang.culture.zones import fixed_now, to_local

    if value.__class__ not in (DateTime, DateTimeZone):
        raise errors.cannot_convert(value, "DateTime")
    size = _UNITS[unit]
    return local_ticks(value) // size - to_local(fixed_now()) // size


declare("DateTime", "a datetime or datetimezone", _UNITS, distance)
