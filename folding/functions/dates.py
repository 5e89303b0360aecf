"""SQL forms of ``Date.*``, ``Time.*``, ``DateTime.*`` and ``Duration.*``."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed

TICKS_PER_DAY = 864_000_000_000


def _whole(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "number", "BIGINT", *parts, nonan=True, int53=True)


def _date(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "date", "DATE", *parts, **facts)


@folds("Date.Year", "Date.Month", "Date.Day", "Date.DayOfYear", "Date.QuarterOfYear")
def part(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    call.at_most(1)
    name = {
        "Date.Year": "year", "Date.Month": "month", "Date.Day": "day", "Date.DayOfYear": "dayofyear",
        "Date.QuarterOfYear": "quarter",
    }[call.name]  # fmt: skip
    return _whole(t.function(name, value.use), value)


def _since_first(sql: Any, first: int) -> Any:
    """0 for the first day of the week, 6 for the last."""
    shifted = t.binary(exp.Add, t.function("dayofweek", sql), t.whole(7 - first))
    return t.binary(exp.Mod, exp.Paren(this=shifted), t.whole(7))


def _first_day(call: Call, index: int = 1) -> int:
    """The first day of the week that was given; the culture's is not known here."""
    value = call.constant(index) if call.count > index else None
    if value is None:
        raise Unfoldable(f"{call.name} with the culture's first day of the week")
    if value not in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        raise Unfoldable(f"{call.name} with a day that is none")
    return int(value)


@folds("Date.DayOfWeek")
def day_of_week(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    return _whole(_since_first(value.use, _first_day(call)), value)


@folds("Date.WeekOfYear", "Date.WeekOfMonth")
def week(call: Call) -> Scalar:
    value, first = call.of(0, "date", "datetime"), _first_day(call)
    unit, number = ("year", "dayofyear") if call.name == "Date.WeekOfYear" else ("month", "day")
    start = t.function("date_trunc", exp.Literal.string(unit), value.use)
    passed = t.binary(exp.Sub, t.function(number, value.use), t.whole(1))
    days = t.binary(exp.Add, passed, _since_first(start, first))
    sql = t.binary(exp.Add, exp.Paren(this=t.binary(exp.IntDiv, days, t.whole(7))), t.whole(1))
    return _whole(sql, value)


@folds("Date.DaysInMonth")
def days_in_month(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    return _whole(t.function("day", t.function("last_day", value.use)), value)


@folds("Date.StartOfMonth", "Date.StartOfQuarter", "Date.StartOfYear")
def start(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    unit = call.name.removeprefix("Date.StartOf").lower()
    sql = t.function("date_trunc", exp.Literal.string(unit), value.use)
    return typed(t.cast(sql, value.storage), value.kind, value.storage, value)


@folds("Date.EndOfMonth", "Date.EndOfYear")
def end(call: Call) -> Scalar:
    """Of dates only: a datetime's end is finer than a microsecond."""
    value = call.of(0, "date")
    if call.name == "Date.EndOfMonth":
        return _date(t.function("last_day", value.use), value)
    december = t.function("make_date", t.function("year", value.use), t.whole(12), t.whole(31))
    return _date(december, value)


@folds("Date.StartOfWeek")
def start_of_week(call: Call) -> Scalar:
    value, first = call.of(0, "date"), _first_day(call)
    sql = t.binary(exp.Sub, value.use, t.cast(_since_first(value.use, first), "INTEGER"))
    return _date(_in_range(sql), value, raises=True)


def _in_range(sql: Any) -> Any:
    """Dates outside the years 1 to 9999 are errors in M."""
    low = t.cast(exp.Literal.string("0001-01-01"), "DATE")
    high = t.cast(exp.Literal.string("9999-12-31"), "DATE")
    outside = t.any_of([t.binary(exp.LT, sql.copy(), low), t.binary(exp.GT, sql.copy(), high)])
    return t.unless(outside, sql)


@folds("Date.AddDays")
def add_days(call: Call) -> Scalar:
    value, count = call.of(0, "date"), call.sure(1, "number")
    if not count.int53:
        raise Unfoldable("Date.AddDays with a number that may not be whole")
    limit = t.binary(exp.GT, t.function("abs", t.as_double(count)), t.double(4e6))
    days = t.cast(t.unless(limit, count.use), "INTEGER")
    return _date(_in_range(t.binary(exp.Add, value.use, days)), value, count, raises=True)


@folds("Date.AddMonths", "Date.AddYears", "Date.AddQuarters", "Date.AddWeeks")
def add_parts(call: Call) -> Scalar:
    value = call.of(0, "date")
    number = call.constant(1)
    if number.__class__ is not float or number != int(number) or abs(number) > 120_000:
        raise Unfoldable(f"{call.name} with a number that is not a constant whole number")
    count = int(number)
    if call.name == "Date.AddWeeks":
        sql = t.binary(exp.Add, value.use, t.whole(7 * count))
    else:
        months = count * {"Date.AddMonths": 1, "Date.AddYears": 12, "Date.AddQuarters": 3}[call.name]
        interval = exp.Interval(this=exp.Literal.string(str(months)), unit=exp.Var(this="MONTH"))
        sql = t.cast(t.binary(exp.Add, value.use, interval), "DATE")
    return _date(_in_range(sql), value, raises=True)


@folds("Date.From", "DateTime.Date")
def date_from(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    call.at_most(1)
    if value.kind == "date":
        return value
    return _date(t.cast(value.use, "DATE"), value)


@folds("Date.StartOfDay")
def start_of_day(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    call.at_most(1)
    if value.kind == "date":
        return value
    sql = t.cast(t.cast(value.use, "DATE"), "TIMESTAMP")
    return typed(sql, "datetime", "TIMESTAMP", value)


@folds("DateTime.From")
def datetime_from(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    call.at_most(1)
    if value.kind == "datetime":
        return value
    return typed(t.cast(value.use, "TIMESTAMP"), "datetime", "TIMESTAMP", value)


@folds("DateTime.Time")
def time_of(call: Call) -> Scalar:
    value = call.of(0, "datetime")
    return typed(t.cast(value.use, "TIME"), "time", "TIME", value)


@folds("Time.Hour", "Time.Minute")
def clock_part(call: Call) -> Scalar:
    value = call.of(0, "time", "datetime")
    return _whole(t.function("hour" if call.name == "Time.Hour" else "minute", value.use), value)


@folds("Duration.Days", "Duration.Hours", "Duration.Minutes")
def duration_part(call: Call) -> Scalar:
    value = call.of(0, "duration")
    unit, cycle = {
        "Duration.Days": (TICKS_PER_DAY, 0),
        "Duration.Hours": (TICKS_PER_DAY // 24, 24),
        "Duration.Minutes": (TICKS_PER_DAY // 1440, 60),
    }[call.name]
    sql: Any = t.binary(exp.IntDiv, value.use, t.whole(unit))
    if cycle:
        sql = t.binary(exp.Mod, sql, t.whole(cycle))
    return _whole(sql, value)
