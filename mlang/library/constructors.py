"""The ``#`` constructors: dates, times, durations, tables and binaries from their parts.

``#shared`` and ``#sections`` belong to the compiler; what the values are stands in
``values/temporal.py`` and ``tables/plan.py``.  ``Table.FromRows`` and its family
build on `table_of_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from mlang import errors
from mlang.registry import builtin
from mlang.values import temporal
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.temporal import Date, DateTime, DateTimeZone, Duration, Time, duration_of, zoned_of
from mlang.values.thunk import force

#: Offsets from UTC reach 14 hours either way (OP-56).
_MAX_OFFSET = 14 * 60


def whole(value: Any, kind: str) -> int:
    """A part that must be a whole number; anything else is outside what the kind allows."""
    try:
        number = int(value)
    except (ValueError, OverflowError):  # NaN and infinities
        raise errors.temporal_out_of_range(kind) from None
    if number != value:
        raise errors.temporal_out_of_range(kind)
    return number


def _days(year: Any, month: Any, day: Any, kind: str) -> int:
    try:
        return temporal.days_of(whole(year, kind), whole(month, kind), whole(day, kind))
    except (ValueError, OverflowError):
        raise errors.temporal_out_of_range(kind) from None


def _clock(hour: Any, minute: Any, second: Any, kind: str) -> int:
    """Ticks since midnight; the hour is 0 to 23, seconds may have a fraction."""
    hours, minutes = whole(hour, kind), whole(minute, kind)
    if not (0 <= hours <= 23 and 0 <= minutes <= 59 and 0 <= second < 60):
        raise errors.temporal_out_of_range(kind)
    ticks = min(temporal.seconds_ticks(second), temporal.MINUTE - 1)
    return hours * temporal.HOUR + minutes * temporal.MINUTE + ticks


def offset_minutes(hours: Any, minutes: Any, kind: str = "DateTimeZone") -> int:
    """The offset of hours (maybe with a fraction) and minutes from UTC, in whole minutes."""
    total = float(hours) * 60 + float(minutes)
    if not -_MAX_OFFSET <= total <= _MAX_OFFSET:
        raise errors.temporal_out_of_range(kind)
    return whole(total, kind)


@builtin("#date(year as number, month as number, day as number) as date")
def date(year: Any, month: Any, day: Any) -> Date:
    """The date of a year (1 to 9999), month and day, all whole numbers."""
    return Date(_days(year, month, day, "Date"))


@builtin("#time(hour as number, minute as number, second as number) as time")
def time(hour: Any, minute: Any, second: Any) -> Time:
    """The time of day of an hour, minute and second; 24:00:00 is the only time with hour 24."""
    if hour == 24 and minute == 0 and second == 0:
        return Time(temporal.DAY)
    return Time(_clock(hour, minute, second, "Time"))


@builtin(
    "#datetime(year as number, month as number, day as number, hour as number, minute as number, "
    "second as number) as datetime"
)
def datetime(year: Any, month: Any, day: Any, hour: Any, minute: Any, second: Any) -> DateTime:
    """The moment of a date and a time of day, seconds maybe with a fraction of up to seven digits."""
    days = _days(year, month, day, "DateTime")
    return DateTime(days * temporal.DAY + _clock(hour, minute, second, "DateTime"))


@builtin(
    "#datetimezone(year as number, month as number, day as number, hour as number, minute as number, "
    "second as number, offsetHours as number, offsetMinutes as number) as datetimezone"
)
def datetimezone(
    year: Any, month: Any, day: Any, hour: Any, minute: Any, second: Any, hours: Any, minutes: Any
) -> DateTimeZone:
    """The local moment of a date and time of day, and its distance from UTC in hours and minutes."""
    days = _days(year, month, day, "DateTimeZone")
    if not -60 < minutes < 60:
        raise errors.temporal_out_of_range("DateTimeZone")
    ticks = days * temporal.DAY + _clock(hour, minute, second, "DateTimeZone")
    return zoned_of(ticks, offset_minutes(hours, minutes))


@builtin("#duration(days as number, hours as number, minutes as number, seconds as number) as duration")
def duration(days: Any, hours: Any, minutes: Any, seconds: Any) -> Duration:
    """The sum of days, hours, minutes and seconds, each of any size and sign (OP-57)."""
    parts = whole(days, "Duration") * temporal.DAY + whole(hours, "Duration") * temporal.HOUR
    parts += whole(minutes, "Duration") * temporal.MINUTE
    try:
        return duration_of(parts + temporal.seconds_ticks(seconds))
    except (ValueError, OverflowError):
        raise errors.temporal_out_of_range("Duration") from None


# ---------------------------------------------------------------- binaries


@builtin("#binary(value as any) as any")
def binary(value: Any) -> bytes | None:
    """A binary from a list of bytes (numbers 0 to 255) or from base 64 text."""
    kind = kind_of(value)
    if kind == "null":
        return None
    if kind == "text":
        return _base64(value)
    if kind != "list":
        raise errors.cannot_convert(value, "Binary")
    return bytes(_byte(strip(item)) for item in forced(value))


def _base64(text: str) -> bytes:
    import base64
    import binascii

    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise errors.bad_binary_text(text) from None


def _byte(value: Any) -> int:
    if not is_number(value):
        raise errors.cannot_convert(value, "Number")
    if not 0 <= value <= 255 or int(value) != value:
        raise errors.integer_out_of_range(0, value)
    return int(value)


# ---------------------------------------------------------------- tables


@builtin("#table(columns as any, rows as any) as any")
def table(columns: Any, rows: Any) -> Any:
    """A table of rows (lists of cells), under column names, a table type, a number of columns, or null.

    Cells are evaluated when they are read.  A row with too few or too many cells is an
    error when that row is read.
    """
    if kind_of(rows) != "list":
        raise errors.cannot_convert(rows, "List")
    return table_of_rows(columns, rows, "#table")


def table_of_rows(columns: Any, rows: Any, name: str) -> Any:
    """The table of a list of lists; ``columns`` as for ``#table``, ``name`` is the step's name."""
    Rows, Values, Table = _classes()[:3]
    schema = _schema(columns, rows)
    width = len(schema.names)
    if rows.__class__ is list and all(row.__class__ is list and len(row) == width for row in rows):
        cells = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
        return Table(Values(schema, cells, len(rows)))
    return Table(Rows(schema, _reader(rows, width), name))


@cache
def _classes() -> tuple[Any, ...]:
    """What tables are made of.

    Imported once: an import statement raises and drops an error inside CPython, which takes time that
    grows with the generators around it, and tables nest as deep as a recursion goes.
    """
    from mlang.tables.plan import Rows, Values
    from mlang.tables.table import Table
    from mlang.values.types import TableType, non_nullable, table_type

    return Rows, Values, Table, TableType, non_nullable, table_type


def _reader(rows: Any, width: int) -> Callable[[], Iterator[Any]]:
    """Enumerates the rows anew at each call; a row's list is looked at when it is reached."""

    def read() -> Iterator[Any]:
        for item in rows:
            yield _cells(item, width)

    return read


def _cells(item: Any, width: int) -> list[Any]:
    row = strip(force(item))
    if kind_of(row) != "list":
        raise errors.cannot_convert(row, "List")
    cells = row if row.__class__ is list else list(row)
    if len(cells) != width:
        raise errors.wrong_row_length(width, len(cells), cells)
    return cells


def _schema(columns: Any, rows: Any) -> Any:
    """The table type that the first argument stands for (TBL-01)."""
    TableType, non_nullable, table_type = _classes()[3:]
    kind = kind_of(columns)
    if kind == "type":
        given = non_nullable(columns)
        if isinstance(given, TableType):
            return given
        raise errors.cannot_convert(columns, "List")
    if kind == "null":
        return table_type(_numbered(_first_width(rows)))
    if kind == "number":
        from mlang.library.arguments import as_width

        return table_type(_numbered(as_width(columns, "columns")))
    if kind != "list":
        raise errors.cannot_convert(columns, "List")
    return table_type(_names(columns))


def _first_width(rows: Any) -> int:
    for item in rows:
        row = strip(force(item))
        if kind_of(row) != "list":
            raise errors.cannot_convert(row, "List")
        return sum(1 for _ in row)
    return 0


def _numbered(count: int) -> list[str]:
    return [f"Column{i}" for i in range(1, count + 1)]


def _names(columns: Any) -> list[str]:
    names: list[str] = []
    seen: set[str] = set()
    for item in forced(columns):
        name = strip(item)
        if name.__class__ is not str:
            raise errors.cannot_convert(name, "Text")
        if name in seen:
            raise errors.column_exists(name)
        seen.add(name)
        names.append(name)
    return names
