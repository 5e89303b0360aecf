"""SQL forms of ``Date.*``, ``Time.*`` and ``DateTime.*``.

The last moment of a day or hour is finer than a microsecond: such datetimes travel as ticks (`terms.fine`).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import instants
from folding import terms as t
from folding.casts import text_to
from folding.functions import Call, folds
from folding.functions.formats import culture_of
from folding.serials import day_before_all, moment_of
from folding.spelt import by_format
from folding.spelt import time_of as time_of_text
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.data import culture
from mlang.values.temporal import DAY
from mlang.values.thunk import force


def _whole(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "number", "BIGINT", *parts, nonan=True, int53=True)


def _date(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "date", "DATE", *parts, **facts)


@folds("Date.Year", "Date.Month", "Date.Day", "Date.DayOfYear", "Date.QuarterOfYear")
def part(call: Call) -> Scalar:
    value = call.moment(0, "date", "datetime")
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
    """The first day of the week that was given, or the culture's."""
    value = call.constant(index) if call.count > index else None
    if value is None:
        return culture().first_day
    if value not in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        raise Unfoldable(f"{call.name} with a day that is none")
    return int(value)


@folds("Date.DayOfWeek")
def day_of_week(call: Call) -> Scalar:
    value = call.moment(0, "date", "datetime")
    return _whole(_since_first(value.use, _first_day(call)), value)


@folds("Date.WeekOfYear", "Date.WeekOfMonth")
def week(call: Call) -> Scalar:
    value, first = call.moment(0, "date", "datetime"), _first_day(call)
    unit, number = ("year", "dayofyear") if call.name == "Date.WeekOfYear" else ("month", "day")
    start = t.function("date_trunc", exp.Literal.string(unit), value.use)
    passed = t.binary(exp.Sub, t.function(number, value.use), t.whole(1))
    days = t.binary(exp.Add, passed, _since_first(start, first))
    sql = t.binary(exp.Add, exp.Paren(this=t.binary(exp.IntDiv, days, t.whole(7))), t.whole(1))
    return _whole(sql, value)


@folds("Date.DaysInMonth")
def days_in_month(call: Call) -> Scalar:
    value = call.moment(0, "date", "datetime")
    return _whole(t.function("day", t.function("last_day", value.use)), value)


@folds("Date.StartOfMonth", "Date.StartOfQuarter", "Date.StartOfYear")
def start(call: Call) -> Scalar:
    value = call.moment(0, "date", "datetime")
    unit = call.name.removeprefix("Date.StartOf").lower()
    sql = t.function("date_trunc", exp.Literal.string(unit), value.use)
    return typed(t.cast(sql, value.storage), value.kind, value.storage, value)


def _last_day(call: Call, value: Any) -> Any:
    """The last day of the month, quarter, year, week, or the day itself, as a DATE."""
    if call.name == "Date.EndOfDay":
        return t.cast(value, "DATE")
    if call.name == "Date.EndOfMonth":
        return t.function("last_day", value)
    if call.name == "Date.EndOfWeek":
        ahead = t.binary(exp.Sub, t.whole(6), _since_first(value, _first_day(call)))
        return t.binary(exp.Add, t.cast(value.copy(), "DATE"), t.cast(ahead, "INTEGER"))
    if call.name == "Date.EndOfYear":
        return t.function("make_date", t.function("year", value), t.whole(12), t.whole(31))
    quarter = t.function("date_trunc", exp.Literal.string("quarter"), value)
    later = exp.Interval(this=exp.Literal.string("2"), unit=exp.Var(this="MONTH"))
    return t.function("last_day", t.binary(exp.Add, quarter, later))


@folds("Date.EndOfMonth", "Date.EndOfYear", "Date.EndOfQuarter", "Date.EndOfWeek", "Date.EndOfDay")
def end(call: Call) -> Scalar:
    """The last day of a date; the last 100 ns of a datetime."""
    value = call.moment(0, "date", "datetime")
    may_leave = call.name == "Date.EndOfWeek"
    day = _last_day(call, value.use)
    if may_leave:
        day = _in_range(day)
    if value.kind == "date":
        return _date(day, value, raises=may_leave or value.raises)
    midnight = t.function("epoch_us", t.cast(day, "TIMESTAMP"))
    last = t.binary(
        exp.Add, t.binary(exp.Mul, midnight, t.whole(10)), t.whole(instants.EPOCH_TICKS + DAY - 1)
    )
    return instants.fine(last, value, raises=may_leave or value.raises)


@folds("Date.StartOfWeek")
def start_of_week(call: Call) -> Scalar:
    value, first = call.moment(0, "date", "datetime"), _first_day(call)
    day = t.cast(value.use, "DATE") if value.kind == "datetime" else value.use
    sql = _in_range(t.binary(exp.Sub, day, t.cast(_since_first(value.use, first), "INTEGER")))
    if value.kind == "datetime":
        sql = t.cast(sql, "TIMESTAMP")
    return typed(sql, value.kind, value.storage, value, raises=True)


def _in_range(sql: Any, storage: str = "DATE") -> Any:
    """Dates and datetimes outside the years 1 to 9999 are errors in M."""
    low = t.cast(exp.Literal.string("0001-01-01"), storage)
    high = t.cast(
        exp.Literal.string("9999-12-31" if storage == "DATE" else "9999-12-31 23:59:59.999999"), storage
    )
    outside = t.any_of([t.binary(exp.LT, sql.copy(), low), t.binary(exp.GT, sql.copy(), high)])
    return t.unless(outside, sql)


@folds("Date.AddDays")
def add_days(call: Call) -> Scalar:
    value, count = call.of(0, "date", "datetime"), call.sure(1, "number")
    if not count.int53:
        raise Unfoldable("Date.AddDays with a number that may not be whole")
    limit = t.binary(exp.GT, t.function("abs", t.as_double(count)), t.double(4e6))
    days = t.cast(t.unless(limit, count.use), "INTEGER")
    if value.kind == "datetime":
        later = t.binary(exp.Add, value.use, t.function("to_days", days))
        return typed(_in_range(later, "TIMESTAMP"), "datetime", "TIMESTAMP", value, count, raises=True)
    return _date(_in_range(t.binary(exp.Add, value.use, days)), value, count, raises=True)


@folds("Date.IsLeapYear")
def is_leap_year(call: Call) -> Scalar:
    value = call.moment(0, "date", "datetime")
    call.at_most(1)
    end = t.function("make_date", t.function("year", value.use), t.whole(12), t.whole(31))
    sql = t.binary(exp.EQ, t.function("dayofyear", end), t.whole(366))
    return typed(sql, "logical", "BOOLEAN", value)


def _months_of_row(call: Call, value: Scalar) -> Scalar:
    """Months, quarters or years that the row tells."""
    count = call.sure(1, "number")
    if not count.int53 or call.name == "Date.AddWeeks":
        raise Unfoldable(f"{call.name} with a number that may not be whole")
    unit = {"Date.AddMonths": 1, "Date.AddYears": 12, "Date.AddQuarters": 3}[call.name]
    many = t.binary(exp.GT, t.function("abs", t.as_double(count)), t.double(120_000.0))
    number = t.cast(t.unless(many, count.use), "INTEGER")
    months = t.function("to_months", t.binary(exp.Mul, number, t.whole(unit)) if unit > 1 else number)
    sql = t.binary(exp.Add, value.use, months)
    sql = t.cast(sql, "DATE") if value.kind == "date" else sql
    return typed(_in_range(sql, value.storage), value.kind, value.storage, value, count, raises=True)


@folds("Date.AddMonths", "Date.AddYears", "Date.AddQuarters", "Date.AddWeeks")
def add_parts(call: Call) -> Scalar:
    value = call.of(0, "date", "datetime")
    try:
        number = call.constant(1)
    except Unfoldable:
        return _months_of_row(call, value)
    if number.__class__ is not float or not number.is_integer() or abs(number) > 120_000:
        raise Unfoldable(f"{call.name} with a number that is not a constant whole number")
    count = int(number)
    if call.name == "Date.AddWeeks":
        days: Any = t.whole(7 * count)
        days = t.function("to_days", days) if value.kind == "datetime" else days
        sql = t.binary(exp.Add, value.use, days)
    else:
        months = count * {"Date.AddMonths": 1, "Date.AddYears": 12, "Date.AddQuarters": 3}[call.name]
        interval = exp.Interval(this=exp.Literal.string(str(months)), unit=exp.Var(this="MONTH"))
        sql = t.binary(exp.Add, value.use, interval)
        sql = t.cast(sql, "DATE") if value.kind == "date" else sql
    return typed(_in_range(sql, value.storage), value.kind, value.storage, value, raises=True)


def read_text(call: Call, text: Scalar, kind: str) -> Scalar:
    """A text as a moment: by the format that was given, or as every culture reads it."""
    format, name = None, call.constant(1) if call.count > 1 else None
    if name.__class__ is dict:
        if call.name.endswith(".From") or not set(name) <= {"Format", "Culture"}:
            raise Unfoldable(f"{call.name} with other options")
        format, name = force(name.get("Format")), force(name.get("Culture"))
    info = culture_of(name)
    if format is not None and format.__class__ is not str:
        raise Unfoldable(f"{call.name} with a format that is no text")
    if format:
        return by_format(text, kind, format, info)
    return time_of_text(text) if kind == "time" else text_to(kind, text)


@folds("Date.From", "Date.FromText", "DateTime.Date")
def date_from(call: Call) -> Scalar:
    kinds = {"Date.FromText": ("text",), "DateTime.Date": ("date", "datetime")}
    value = call.moment(0, *kinds.get(call.name, ("date", "datetime", "text", "number")))
    call.at_most(1 if call.name == "DateTime.Date" else 2)
    if value.kind == "date":
        return value
    if value.kind == "number":
        return moment_of(value, "date")
    if value.kind == "text":
        return read_text(call, value, "date")
    return _date(t.cast(value.use, "DATE"), value)


@folds("Date.StartOfDay")
def start_of_day(call: Call) -> Scalar:
    value = call.moment(0, "date", "datetime")
    call.at_most(1)
    if value.kind == "date":
        return value
    sql = t.cast(t.cast(value.use, "DATE"), "TIMESTAMP")
    return typed(sql, "datetime", "TIMESTAMP", value)


@folds("DateTime.From", "DateTime.FromText")
def datetime_from(call: Call) -> Scalar:
    kinds = ("text",) if call.name == "DateTime.FromText" else ("datetime", "date", "time", "text", "number")
    value = t.need(t.of_kind(call.term(0), kinds[0]), *kinds)
    call.at_most(2)
    if value.kind == "datetime":
        return value
    if value.kind == "text":
        return read_text(call, value, "datetime")
    if value.kind == "number":
        return moment_of(value, "datetime")
    if value.kind == "time":
        return day_before_all(value)
    return typed(t.cast(value.use, "TIMESTAMP"), "datetime", "TIMESTAMP", value)


@folds("DateTime.Time", "Time.From", "Time.FromText")
def time_of(call: Call) -> Scalar:
    kinds = {"DateTime.Time": ("datetime", "time"), "Time.FromText": ("text",)}
    value = call.of(0, *kinds.get(call.name, ("time", "datetime", "text", "number")))
    call.at_most(1 if call.name == "DateTime.Time" else 2)
    if value.kind == "time":
        return value
    if value.kind == "text":
        return read_text(call, value, "time")
    if value.kind == "number":
        return moment_of(value, "time")
    return typed(t.cast(value.use, "TIME"), "time", "TIME", value)


@folds("Time.Hour", "Time.Minute")
def clock_part(call: Call) -> Scalar:
    value = call.moment(0, "time", "datetime")
    return _whole(t.function("hour" if call.name == "Time.Hour" else "minute", value.use), value)


@folds("Time.Second")
def second(call: Call) -> Scalar:
    """With its fraction."""
    value = call.of(0, "time", "datetime")
    parts = t.binary(exp.Mul, t.function("microsecond", value.use), t.whole(10))
    sql = exp.Div(this=t.cast(parts, "DOUBLE"), expression=t.double(1e7), typed=True)
    return typed(sql, "number", "DOUBLE", value, nonan=True)


@folds("Time.StartOfHour", "Time.EndOfHour")
def hour_around(call: Call) -> Scalar:
    """The first and the last moment of the hour; of a time only the first."""
    if call.name == "Time.StartOfHour":
        value = call.moment(0, "datetime", "time")
        if value.kind == "time":
            sql = t.function("make_time", t.function("hour", value.use), t.whole(0), t.double(0.0))
            return typed(sql, "time", "TIME", value)
        return typed(_hour(value), "datetime", "TIMESTAMP", value)
    value = call.moment(0, "datetime")
    begin = t.binary(exp.Mul, t.function("epoch_us", _hour(value)), t.whole(10))
    return instants.fine(t.binary(exp.Add, begin, t.whole(instants.EPOCH_TICKS + DAY // 24 - 1)), value)


def _hour(value: Scalar) -> Any:
    return t.function("date_trunc", exp.Literal.string("hour"), value.use)
