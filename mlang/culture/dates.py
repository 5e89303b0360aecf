"""Dates, times and durations as text, and as numbers of days.

`default_text` is what ``Text.From`` and a ``ToText`` without a format give;
`format_temporal` writes any format.  Parsing is in ``date_parse.py`` (as people write)
and ``date_exact.py`` (by a format); `ole_serial` and `from_ole` convert to and from the
numbers of days that spreadsheets use (CVT-112, CVT-113).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.culture import data
from mlang.culture.calendars import parts
from mlang.culture.data import CultureInfo
from mlang.culture.date_formats import UNIVERSAL, BadFormat, Token, beside_day_number, expand, tokens
from mlang.values.temporal import (
    DAY,
    DAYS,
    DAYS_PER_TICK,
    HOUR,
    MINUTE,
    OLE_DAY,
    SECOND,
    Date,
    DateTime,
    DateTimeZone,
    Duration,
    Time,
)

#: What the writers see: day number, ticks since midnight, offset in minutes (None: no zone).
Writer = Callable[[int, int, int | None], str]
_DISPLAY = {Date: "Date", Time: "Time", DateTime: "DateTime", DateTimeZone: "DateTimeZone"}
#: Without a format: short date, short time, date and long time (CVT-85).
_DEFAULT = {Date: "d", Time: "t", DateTime: "G", DateTimeZone: "G"}
_MILLISECOND = SECOND // 1000
#: What ``F`` writes for no digits.
_NO_FRACTION = "\0"
_DAY_MILLISECONDS = 86_400_000
#: 1 January 0100, the least date that has a serial.
_OLE_FIRST = 36_159


def info(culture: CultureInfo | str | None) -> CultureInfo:
    """The culture itself, that of a name, or the session's for None."""
    return culture if isinstance(culture, CultureInfo) else data.culture(culture)


def default_text(value: Any, culture: CultureInfo | str | None = None) -> str:
    """The text of a temporal value of any kind without a format (CVT-84, CVT-85, CVT-122)."""
    kind = value.__class__
    if kind is Duration:
        return duration_text(value)
    text = format_temporal(value, _DEFAULT[kind], culture)
    return f"{text} {_offset(value.offset)}" if kind is DateTimeZone else text


def duration_text(value: Duration) -> str:
    """``[-][d.]hh:mm:ss[.fffffff]``: no days when there are none, seven digits when there is a fraction."""
    days, hours, minutes, seconds, ticks = (abs(part) for part in value.parts)
    sign = "-" if value.ticks < 0 else ""
    lead = f"{days}." if days else ""
    tail = f".{ticks:07d}" if ticks else ""
    return f"{sign}{lead}{hours:02d}:{minutes:02d}:{seconds:02d}{tail}"


def format_temporal(value: Any, format: str | None, culture: CultureInfo | str | None = None) -> str:
    """A date, time, datetime or datetimezone in a format; null or "" is the default one."""
    if not format:
        return default_text(value, culture)
    chosen = info(culture)
    writers = _compiled.get((format, chosen.name, value.__class__))
    if writers is None:
        writers = _compile(format, chosen, value)
    days, ticks, offset = _view(value, format)
    text = "".join([write(days, ticks, offset) for write in writers])
    while _NO_FRACTION in text:  # the point before a fraction that is not written goes, too
        text = (
            text.replace("." + _NO_FRACTION, "", 1)
            if "." + _NO_FRACTION in text
            else text.replace(_NO_FRACTION, "")
        )
    return text


_compiled: dict[tuple[str, str, type], list[Writer]] = {}


def _view(value: Any, format: str) -> tuple[int, int, int | None]:
    kind = value.__class__
    if kind is Date:
        return value.days, 0, None
    if kind is Time:
        return 0, value.ticks % DAY, None
    if kind is DateTime:
        return value.days, value.time_ticks, None
    if format in UNIVERSAL:
        return value.utc_ticks // DAY, value.utc_ticks % DAY, 0
    return value.days, value.time_ticks, value.offset


def _compile(format: str, culture: CultureInfo, value: Any) -> list[Writer]:
    kind = value.__class__
    try:
        custom, used = expand(format, culture)
        found = tokens(custom)
    except BadFormat:
        raise errors.format_not_supported(_DISPLAY[kind], format) from None
    if kind is Time and any(token.letter in "dMyg" for token in found if token.letter):
        raise errors.format_not_supported("Time", format)
    writers = [_writer(token, found, index, used) for index, token in enumerate(found)]
    if len(_compiled) > 500:
        _compiled.clear()
    _compiled[format, culture.name, kind] = writers
    return writers


# ---------------------------------------------------------------- one specifier each


def _writer(token: Token, found: tuple[Token, ...], index: int, culture: CultureInfo) -> Writer:
    letter, count = token.letter, token.size
    if not letter:
        literal = token.literal
        return lambda days, ticks, offset: literal
    if letter in "dMyg":
        return _date_writer(letter, count, culture, beside_day_number(found, index))
    if letter == "F":
        return lambda days, ticks, offset: f"{ticks % SECOND:07d}"[:count].rstrip("0") or _NO_FRACTION
    if letter in "zK":
        return _zone_writer(letter, count)
    return _time_writer(letter, count, culture)


def _date_writer(letter: str, count: int, culture: CultureInfo, genitive: bool) -> Writer:
    calendar = culture.calendar
    if letter == "g":
        return lambda days, ticks, offset: culture.era
    if letter == "d":
        if count > 2:
            names = culture.day_names_abbreviated if count == 3 else culture.day_names
            return lambda days, ticks, offset: names[(days + 1) % 7]
        return lambda days, ticks, offset: str(parts(days, calendar)[2]).zfill(count)
    if letter == "M":
        if count > 2:
            full = culture.month_names_genitive if genitive else culture.month_names
            names = culture.month_names_abbreviated if count == 3 else full
            return lambda days, ticks, offset: names[parts(days, calendar)[1] - 1]
        return lambda days, ticks, offset: str(parts(days, calendar)[1]).zfill(count)
    if count <= 2:
        return lambda days, ticks, offset: str(parts(days, calendar)[0] % 100).zfill(count)
    return lambda days, ticks, offset: str(parts(days, calendar)[0]).zfill(count)


def _time_writer(letter: str, count: int, culture: CultureInfo) -> Writer:
    width = min(count, 2)
    if letter == "h":
        return lambda days, ticks, offset: str((ticks // HOUR + 11) % 12 + 1).zfill(width)
    if letter == "H":
        return lambda days, ticks, offset: str(ticks // HOUR).zfill(width)
    if letter == "m":
        return lambda days, ticks, offset: str(ticks // MINUTE % 60).zfill(width)
    if letter == "s":
        return lambda days, ticks, offset: str(ticks // SECOND % 60).zfill(width)
    if letter == "f":
        return lambda days, ticks, offset: f"{ticks % SECOND:07d}"[:count]
    if letter == "t":
        am, pm = (culture.am, culture.pm) if count > 1 else (culture.am[:1], culture.pm[:1])
        return lambda days, ticks, offset: am if ticks < 12 * HOUR else pm
    separator = culture.time_separator if letter == ":" else culture.date_separator
    return lambda days, ticks, offset: separator


def _zone_writer(letter: str, count: int) -> Writer:
    if letter == "K":
        return lambda days, ticks, offset: "" if offset is None else _offset(offset)

    def write(days: int, ticks: int, offset: int | None) -> str:
        if offset is None:  # no zone: the local one, as .NET does
            from mlang.culture.zones import offset_at_local

            offset = offset_at_local(days * DAY + ticks)
        sign = "-" if offset < 0 else "+"
        return _offset(offset) if count > 2 else sign + str(abs(offset) // 60).zfill(count)

    return write


def _offset(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


# ---------------------------------------------------------------- numbers of days


def ole_serial(value: Any) -> float:
    """Days since 1899-12-30 of a date, datetime or (in local time) datetimezone; part of a day of a time.

    Before that day the whole part counts back and the fraction still counts forward from
    midnight.  A duration is its number of days.
    """
    kind = value.__class__
    if kind is Date:
        return float(value.days - OLE_DAY)
    if kind is Time or kind is Duration:
        return float(value.ticks * DAYS_PER_TICK)
    ticks = value.ticks
    if kind is DateTimeZone:
        from mlang.culture.zones import to_local

        ticks = to_local(value.utc_ticks)
    days, rest = divmod(ticks - OLE_DAY * DAY, DAY)
    if days < 0 and rest:
        return -((-days * DAY + rest) / 864e9)  # type: ignore[no-any-return]
    return (days * DAY + rest) / 864e9  # type: ignore[no-any-return]


def from_ole(number: Any, kind: str = "datetime") -> Any:
    """The value of a number of days: ``kind`` is date, datetime, datetimezone or time (CVT-112 to CVT-115).

    Moments are rounded to the millisecond, as .NET reads such numbers.
    """
    if kind == "time":
        if not 0 <= number < 1:
            raise errors.temporal_out_of_range("Time")
        return Time(min(round(number * 864e9), DAY - 1) if number.__class__ is float else int(number * DAY))
    ticks = _ole_ticks(number, kind)
    if kind == "date":
        return Date(ticks // DAY)
    if kind == "datetime":
        return DateTime(ticks)
    from mlang.culture.zones import offset_at_local
    from mlang.values.temporal import zoned_of

    return zoned_of(ticks, offset_at_local(ticks))


def _ole_ticks(number: Any, kind: str) -> int:
    shown = {"date": "Date", "datetime": "DateTime", "datetimezone": "DateTimeZone"}[kind]
    serial = float(number)
    if not -657_435.0 < serial < 2_958_466.0:  # also NaN
        raise errors.temporal_out_of_range(shown)
    whole = int(serial * _DAY_MILLISECONDS + (0.5 if serial >= 0 else -0.5))
    if whole < 0:
        whole += 2 * (-whole % _DAY_MILLISECONDS)
    ticks = OLE_DAY * DAY + whole * _MILLISECOND
    if not _OLE_FIRST * DAY <= ticks < DAYS * DAY:
        raise errors.temporal_out_of_range(shown)
    return ticks
