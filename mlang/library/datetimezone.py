"""DateTimeZone.*: parts, zones and text of a datetimezone, and the clock."""

from __future__ import annotations

from typing import Any

from mlang.library.datetime import file_time
from mlang.library.moments import reading, seconds, to_datetimezone, to_text
from mlang.registry import builtin
from mlang.values.temporal import MINUTE, DateTime, DateTimeZone, zoned_of


def _zone_parts(value: DateTimeZone) -> tuple[float, float]:
    """Hours and minutes from UTC; both carry the sign."""
    sign = -1.0 if value.offset < 0 else 1.0
    hours, minutes = divmod(abs(value.offset), 60)
    return sign * hours + 0.0, sign * minutes + 0.0


def _local(utc_ticks: int) -> DateTimeZone:
    from mlang.culture.zones import local_offset

    offset = local_offset(utc_ticks)
    return zoned_of(utc_ticks + offset * MINUTE, offset)


@builtin(
    "DateTimeZone.ZoneHours(dateTimeZone as nullable datetimezone) as nullable number", null="dateTimeZone"
)
def zone_hours(value: DateTimeZone) -> float:
    """The whole hours between UTC and the value's clock."""
    return _zone_parts(value)[0]


@builtin(
    "DateTimeZone.ZoneMinutes(dateTimeZone as nullable datetimezone) as nullable number", null="dateTimeZone"
)
def zone_minutes(value: DateTimeZone) -> float:
    """The minutes, beyond whole hours, between UTC and the value's clock."""
    return _zone_parts(value)[1]


@builtin(
    "DateTimeZone.SwitchZone(dateTimeZone as nullable datetimezone, timezoneHours as number, "
    "optional timezoneMinutes as nullable number) as nullable datetimezone",
    null="dateTimeZone",
)
def switch_zone(value: DateTimeZone, hours: Any, minutes: Any = None) -> DateTimeZone:
    """The same instant on the clock of another distance from UTC."""
    from mlang.library.constructors import offset_minutes

    offset = offset_minutes(hours, minutes or 0)
    return zoned_of(value.utc_ticks + offset * MINUTE, offset)


@builtin(
    "DateTimeZone.ToLocal(dateTimeZone as nullable datetimezone) as nullable datetimezone",
    null="dateTimeZone",
)
def to_local(value: DateTimeZone) -> DateTimeZone:
    """The same instant on the local clock, daylight saving at that instant included."""
    return _local(value.utc_ticks)


@builtin(
    "DateTimeZone.ToUtc(dateTimeZone as nullable datetimezone) as nullable datetimezone", null="dateTimeZone"
)
def to_utc(value: DateTimeZone) -> DateTimeZone:
    """The same instant on the UTC clock."""
    return zoned_of(value.utc_ticks, 0)


@builtin(
    "DateTimeZone.RemoveZone(dateTimeZone as nullable datetimezone) as nullable datetime", null="dateTimeZone"
)
def remove_zone(value: DateTimeZone) -> DateTime:
    """What the value's clock shows, without its distance from UTC."""
    return DateTime(value.ticks)


@builtin("DateTimeZone.LocalNow() as datetimezone")
def local_now() -> DateTimeZone:
    """The local date, time and offset, read from the clock at each call."""
    from mlang.session import current

    return _local(current().now_utc())


@builtin("DateTimeZone.FixedLocalNow() as datetimezone")
def fixed_local_now() -> DateTimeZone:
    """The local date, time and offset, the same during the whole evaluation."""
    from mlang.culture.zones import fixed_now

    return _local(fixed_now())


@builtin("DateTimeZone.UtcNow() as datetimezone")
def utc_now() -> DateTimeZone:
    """The date and time in UTC, read from the clock at each call."""
    from mlang.session import current

    return zoned_of(current().now_utc(), 0)


@builtin("DateTimeZone.FixedUtcNow() as datetimezone")
def fixed_utc_now() -> DateTimeZone:
    """The date and time in UTC, the same during the whole evaluation."""
    from mlang.culture.zones import fixed_now

    return zoned_of(fixed_now(), 0)


@builtin("DateTimeZone.FromFileTime(fileTime as nullable number) as nullable datetimezone", null="fileTime")
def from_file_time(value: Any) -> DateTimeZone:
    """The instant of a Windows file time (100 ns since 1601-01-01 in UTC), on the local clock."""
    return _local(file_time(value))


@builtin(
    "DateTimeZone.From(value as any, optional culture as nullable text) as nullable datetimezone",
    null="value",
)
def datetimezone_from(value: Any, culture: str | None = None) -> DateTimeZone | None:
    """The datetimezone of a text, date, time, datetime or number; without an offset it gets the local one."""
    return to_datetimezone(value, culture)


@builtin(
    "DateTimeZone.FromText(text as nullable text, optional options as any) as nullable datetimezone",
    null="text",
)
def datetimezone_from_text(text: str, choice: Any = None) -> DateTimeZone | None:
    """The datetimezone that a text says; without an offset it gets the local one.

    ``options`` is a record: with Format the text must follow that format, without it ISO
    forms and the culture's usual ways of writing are understood.  A text instead of the
    record is the culture.
    """
    from mlang.culture.date_parse import parse_datetimezone

    format, culture = reading(choice, "DateTimeZone.FromText")
    return parse_datetimezone(text, culture, format)


@builtin(
    "DateTimeZone.ToText(dateTimeZone as nullable datetimezone, optional options as any, "
    "optional culture as nullable text) as nullable text",
    null="dateTimeZone",
)
def datetimezone_to_text(value: DateTimeZone, choice: Any = None, culture: str | None = None) -> str:
    """The text of a datetimezone: short date, long time and offset, or the Format in the options record."""
    return to_text(value, choice, culture, "DateTimeZone.ToText")


@builtin("DateTimeZone.ToRecord(dateTimeZone as datetimezone) as record")
def datetimezone_to_record(value: DateTimeZone) -> dict[str, Any]:
    """The parts of a datetimezone as a record, the zone's hours and minutes at the end."""
    year, month, day = value.ymd
    zone_hours, zone_minutes = _zone_parts(value)
    return {
        "Year": float(year), "Month": float(month), "Day": float(day),
        "Hour": float(value.hour), "Minute": float(value.minute), "Second": seconds(value),
        "ZoneHours": zone_hours, "ZoneMinutes": zone_minutes,
    }  # fmt: skip
