"""What Date.*, Time.*, DateTime.* and DateTimeZone.* share: kinds they take, options of their texts.

The conversions between kinds are here too; text itself is in ``culture/dates.py`` and
``culture/date_parse.py``.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind, options
from mlang.values.kinds import is_number
from mlang.values.temporal import (
    DAY,
    OLE_DAY,
    SECOND,
    Date,
    DateTime,
    DateTimeZone,
    Duration,
    Time,
    date_of,
    datetime_of,
    zoned_of,
)

_FIELDS: dict[str, Any] = {"Format": None, "Culture": None}


def dated(value: Any) -> Any:
    """A date, datetime or datetimezone; anything else is an error."""
    kind = value.__class__
    if kind is Date or kind is DateTime or kind is DateTimeZone:
        return value
    raise errors.cannot_convert(value, "Date")


def clocked(value: Any, wanted: str = "Time") -> Any:
    """A time, datetime or datetimezone; anything else is an error."""
    kind = value.__class__
    if kind is Time or kind is DateTime or kind is DateTimeZone:
        return value
    raise errors.cannot_convert(value, wanted)


def with_days(value: Any, days: int) -> Any:
    """The same kind, time of day and offset on another day."""
    kind = value.__class__
    if kind is Date:
        return date_of(days)
    return at_ticks(value, days * DAY + value.time_ticks)


def at_ticks(value: Any, ticks: int) -> Any:
    """A datetime, or a datetimezone of the same offset, at other ticks of its clock."""
    return datetime_of(ticks) if value.__class__ is DateTime else zoned_of(ticks, value.offset)


def local_ticks(value: Any) -> int:
    """Ticks of a datetime, or of a datetimezone as the session's clock shows that instant (CVT-116)."""
    if value.__class__ is DateTime:
        return int(value.ticks)
    from mlang.culture.zones import to_local

    return to_local(value.utc_ticks)


def seconds(value: Any) -> float:
    """Seconds with their fraction."""
    return float((value.second * SECOND + value.fraction) / 1e7)


def whole(number: Any) -> float:
    """A whole number as M has it."""
    return float(number)


# ---------------------------------------------------------------- texts


def reading(choice: Any, function: str) -> tuple[str | None, str | None]:
    """Format and culture of a ``FromText``: a record of options, or (older programs) the culture alone."""
    if choice is None or choice.__class__ is str:
        return None, choice
    return _fields(choice, function)


def writing(choice: Any, culture: str | None, function: str) -> tuple[str | None, str | None]:
    """Format and culture of a ``ToText``: a record of options, or (older programs) a format and a culture."""
    if choice is None or choice.__class__ is str:
        return choice, culture
    return _fields(choice, function)


def _fields(choice: Any, function: str) -> tuple[str | None, str | None]:
    chosen = options(of_kind(choice, "record"), function, _FIELDS)
    for value in chosen.values():
        if value is not None:
            of_kind(value, "text")
    return chosen["Format"], chosen["Culture"]


def to_text(value: Any, choice: Any, culture: str | None, function: str) -> str:
    """What all ``ToText`` functions of dates and times do."""
    from mlang.culture.dates import format_temporal

    format, name = writing(choice, culture, function)
    return format_temporal(value, format, name)


# ---------------------------------------------------------------- conversions


def to_date(value: Any, culture: str | None) -> Date | None:
    """``Date.From`` of anything but null."""
    kind = value.__class__
    if kind is Date:
        return value  # type: ignore[no-any-return]
    if kind is DateTime or kind is DateTimeZone:
        return Date(local_ticks(value) // DAY)
    if kind is str:
        from mlang.culture.date_parse import parse_date

        return parse_date(value, culture)
    return _of_number(value, "date", "Date")  # type: ignore[no-any-return]


def to_time(value: Any, culture: str | None) -> Time | None:
    """``Time.From`` of anything but null."""
    kind = value.__class__
    if kind is Time:
        return value  # type: ignore[no-any-return]
    if kind is DateTime or kind is DateTimeZone:
        return Time(local_ticks(value) % DAY)
    if kind is str:
        from mlang.culture.date_parse import parse_time

        return parse_time(value, culture)
    return _of_number(value, "time", "Time")  # type: ignore[no-any-return]


def to_datetime(value: Any, culture: str | None) -> DateTime | None:
    """``DateTime.From`` of anything but null."""
    kind = value.__class__
    if kind is DateTime:
        return value  # type: ignore[no-any-return]
    if kind is DateTimeZone:
        return DateTime(local_ticks(value))
    if kind is Date or kind is Time:
        return DateTime(_moment(value))
    if kind is str:
        from mlang.culture.date_parse import parse_datetime

        return parse_datetime(value, culture)
    return _of_number(value, "datetime", "DateTime")  # type: ignore[no-any-return]


def to_datetimezone(value: Any, culture: str | None) -> DateTimeZone | None:
    """``DateTimeZone.From`` of anything but null; what has no offset gets the local one (CVT-115)."""
    kind = value.__class__
    if kind is DateTimeZone:
        return value  # type: ignore[no-any-return]
    if kind is str:
        from mlang.culture.date_parse import parse_datetimezone

        return parse_datetimezone(value, culture)
    if kind is DateTime or kind is Date or kind is Time:
        from mlang.culture.zones import offset_at_local

        ticks = value.ticks if kind is DateTime else _moment(value)
        return zoned_of(ticks, offset_at_local(ticks))
    return _of_number(value, "datetimezone", "DateTimeZone")  # type: ignore[no-any-return]


def to_duration(value: Any) -> Duration | None:
    """``Duration.From`` of anything but null; a number counts days (CVT-125)."""
    from mlang.values.temporal import duration_of

    if value.__class__ is Duration:
        return value
    if value.__class__ is str:
        from mlang.culture.duration_parse import parse_duration

        return parse_duration(value)
    if not is_number(value):
        raise errors.cannot_convert(value, "Duration")
    try:
        return duration_of(round(value * 864e9) if value.__class__ is float else round(value * DAY))
    except (ValueError, OverflowError):  # NaN and infinities
        raise errors.temporal_out_of_range("Duration") from None


def _moment(value: Any) -> int:
    """Ticks of a date at midnight, or of a time on the day 1899-12-30 (CVT-111)."""
    return int(value.days * DAY) if value.__class__ is Date else int(OLE_DAY * DAY + value.ticks)


def _of_number(value: Any, kind: str, shown: str) -> Any:
    if not is_number(value):
        raise errors.cannot_convert(value, shown)
    from mlang.culture.dates import from_ole

    return from_ole(value, kind)
