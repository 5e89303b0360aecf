"""Dates, times and durations: 100 ns ticks, years 1 to 9999 (OP-58, OP-59).

`Date` counts days and the others count ticks since 0001-01-01 (or midnight, or
nothing, for `Time` and `Duration`).  The classes know their parts and their order
within one kind; arithmetic is in ``operators.py``, text in ``culture/dates.py``.
Python's datetime ends at microseconds, so it is only used for calendar arithmetic.
"""

from __future__ import annotations

from datetime import date as _pydate

from mlang import errors

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

SECOND = 10_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: Days from 0001-01-01 to 9999-12-31, inclusive.
DAYS = 3_652_059
MAX_TICKS = DAYS * DAY - 1
#: 1899-12-30, day zero of OLE automation serials (CVT-112).
OLE_DAY = 693_593
#: What .NET Framework multiplies by in TimeSpan.TotalDays.
DAYS_PER_TICK = 1.0 / 864e9


def days_of(year: int, month: int, day: int) -> int:
    """Days since 0001-01-01; ValueError for no such date."""
    return _pydate(year, month, day).toordinal() - 1


def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


class _Temporal:
    """Comparison within one kind by the single number that a value is."""

    __slots__ = ()

    def _key(self) -> int:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return self.__class__ is other.__class__ and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.__class__, self._key()))

    def __lt__(self, other: Any) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        return bool(self._key() < other._key())

    def __le__(self, other: Any) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        return bool(self._key() <= other._key())


class _DatePart(_Temporal):
    """Year, month, day of anything that has ``days``."""

    __slots__ = ()
    days: Any

    @property
    def ymd(self) -> tuple[int, int, int]:
        d = _pydate.fromordinal(self.days + 1)
        return d.year, d.month, d.day

    @property
    def year(self) -> int:
        return self.ymd[0]

    @property
    def month(self) -> int:
        return self.ymd[1]

    @property
    def day(self) -> int:
        return self.ymd[2]

    @property
    def weekday(self) -> int:
        """0 is Sunday (Day.Sunday)."""
        return int((self.days + 1) % 7)


class _TimePart(_Temporal):
    """Hour, minute, second of anything that has ``time_ticks`` (ticks since midnight)."""

    __slots__ = ()
    time_ticks: Any

    @property
    def hour(self) -> int:
        return int(self.time_ticks // HOUR)

    @property
    def minute(self) -> int:
        return int(self.time_ticks // MINUTE % 60)

    @property
    def second(self) -> int:
        """Whole seconds."""
        return int(self.time_ticks // SECOND % 60)

    @property
    def fraction(self) -> int:
        """Ticks below the second, 0 to 9,999,999."""
        return int(self.time_ticks % SECOND)


class Date(_DatePart):
    """``days`` since 0001-01-01."""

    __slots__ = ("days",)
    m_kind = "date"

    def __init__(self, days: int) -> None:
        self.days = days

    def _key(self) -> int:
        return int(self.days)

    def __repr__(self) -> str:
        return "#date({}, {}, {})".format(*self.ymd)


class Time(_TimePart):
    """``ticks`` since midnight, 0 to `DAY` (24:00:00 is allowed, OP-54)."""

    __slots__ = ("ticks",)
    m_kind = "time"

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def _key(self) -> int:
        return self.ticks

    @property
    def time_ticks(self) -> int:
        return self.ticks

    def __repr__(self) -> str:
        return f"#time({self.hour}, {self.minute}, {seconds_text(self)})"


class DateTime(_DatePart, _TimePart):
    """``ticks`` since 0001-01-01."""

    __slots__ = ("ticks",)
    m_kind = "datetime"

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def _key(self) -> int:
        return self.ticks

    @property
    def days(self) -> int:
        return self.ticks // DAY

    @property
    def time_ticks(self) -> int:
        return self.ticks % DAY

    def __repr__(self) -> str:
        y, m, d = self.ymd
        return f"#datetime({y}, {m}, {d}, {self.hour}, {self.minute}, {seconds_text(self)})"


class DateTimeZone(_DatePart, _TimePart):
    """``ticks`` of the local clock since 0001-01-01 and the ``offset`` from UTC in minutes.

    Parts are those of the local clock; equality and order are those of the instant (OP-08).
    """

    __slots__ = ("offset", "ticks")
    m_kind = "datetimezone"

    def __init__(self, ticks: int, offset: int) -> None:
        self.ticks, self.offset = ticks, offset

    @property
    def utc_ticks(self) -> int:
        return self.ticks - self.offset * MINUTE

    def _key(self) -> int:
        return self.ticks - self.offset * MINUTE

    @property
    def days(self) -> int:
        return self.ticks // DAY

    @property
    def time_ticks(self) -> int:
        return self.ticks % DAY

    def __repr__(self) -> str:
        y, m, d = self.ymd
        sign = -1 if self.offset < 0 else 1
        hours, minutes = divmod(abs(self.offset), 60)
        clock = f"{self.hour}, {self.minute}, {seconds_text(self)}"
        return f"#datetimezone({y}, {m}, {d}, {clock}, {sign * hours}, {sign * minutes})"


class Duration(_Temporal):
    """``ticks``, signed."""

    __slots__ = ("ticks",)
    m_kind = "duration"

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def _key(self) -> int:
        return self.ticks

    @property
    def parts(self) -> tuple[int, int, int, int, int]:
        """Days, hours, minutes, seconds, ticks below the second; all carry the sign (DTM-22)."""
        sign = -1 if self.ticks < 0 else 1
        t = abs(self.ticks)
        days, hours, minutes = t // DAY, t // HOUR % 24, t // MINUTE % 60
        return sign * days, sign * hours, sign * minutes, sign * (t // SECOND % 60), sign * (t % SECOND)

    def __repr__(self) -> str:
        d, h, m, s, f = self.parts
        return f"#duration({d}, {h}, {m}, {with_fraction(s, f)})"


def with_fraction(seconds: int, ticks: int) -> str:
    """Seconds and ticks below the second as the shortest decimal text."""
    if ticks == 0:
        return str(seconds)
    sign = "-" if seconds < 0 or ticks < 0 else ""
    return f"{sign}{abs(seconds)}." + f"{abs(ticks):07d}".rstrip("0")


def seconds_text(value: _TimePart) -> str:
    """The seconds of a clock value as M source text."""
    return with_fraction(value.second, value.fraction)


def seconds_ticks(seconds: Any) -> int:
    """A number of seconds (maybe with a fraction) in ticks, rounded to the nearest."""
    if seconds.__class__ is int:
        return int(seconds) * SECOND
    whole = int(seconds)
    return int(whole * SECOND + round((seconds - whole) * SECOND))


# ---------------------------------------------------------------- values within their range


def date_of(days: int) -> Date:
    """A date; the engine's error outside the years 1 to 9999."""
    if not 0 <= days < DAYS:
        raise errors.temporal_out_of_range("Date")
    return Date(days)


def datetime_of(ticks: int) -> DateTime:
    """A datetime; the engine's error outside the years 1 to 9999."""
    if not 0 <= ticks <= MAX_TICKS:
        raise errors.temporal_out_of_range("DateTime")
    return DateTime(ticks)


def zoned_of(ticks: int, offset: int) -> DateTimeZone:
    """A datetimezone; the local clock and the instant both lie within the years 1 to 9999."""
    if not (0 <= ticks <= MAX_TICKS and 0 <= ticks - offset * MINUTE <= MAX_TICKS):
        raise errors.temporal_out_of_range("DateTimeZone")
    return DateTimeZone(ticks, offset)


def duration_of(ticks: int) -> Duration:
    """A duration; its ticks fit into 64 bits (OP-58)."""
    if not -(2**63) <= ticks < 2**63:
        raise errors.temporal_out_of_range("Duration")
    return Duration(ticks)
