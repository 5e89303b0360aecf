"""Days since 1899-12-30: what numbers stand for as dates, datetimes and times, and the other way round.

The interpreter's side is `ole_serial` and `from_ole` in ``mlang/culture/dates.py``.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import instants
from folding import terms as t
from folding.terms import Scalar, Unfoldable, typed
from mlang.values.temporal import DAY, DAYS_PER_TICK, OLE_DAY

#: Milliseconds of a day, and microseconds from 1899-12-30 to 1970-01-01.
_MILLISECONDS = 86_400_000
_ORIGIN = (OLE_DAY * DAY - instants.EPOCH_TICKS) // 10
#: The first day that has a number: 0100-01-01.
_FIRST = -657_434 * _MILLISECONDS


def number_of(moment: Scalar) -> Scalar:
    """The days of a datetime, or the part of a day of a time."""
    if moment.kind == "time":
        ticks = t.binary(exp.Mul, t.function("epoch_us", moment.use), t.whole(10))
        sql: Any = t.binary(exp.Mul, t.cast(ticks, "DOUBLE"), t.double(DAYS_PER_TICK))
        return typed(sql, "number", "DOUBLE", moment, nonan=True)
    since = t.binary(exp.Sub, instants.ticks(moment), t.whole(OLE_DAY * DAY))
    whole = t.whole(DAY)
    rest = t.binary(exp.Mod, t.binary(exp.Add, exp.Paren(this=t.binary(exp.Mod, since, whole)), whole), whole)
    before = t.all_of([t.binary(exp.LT, since, t.whole(0)), t.binary(exp.NEQ, rest, t.whole(0))])
    forward = t.binary(exp.Sub, t.binary(exp.Mul, rest, t.whole(2)), since)
    per_day = t.double(864e9)
    ahead = exp.Div(this=t.cast(since, "DOUBLE"), expression=per_day, typed=True)
    behind = exp.Neg(
        this=exp.Paren(this=exp.Div(this=t.cast(forward, "DOUBLE"), expression=per_day, typed=True))
    )
    return typed(t.case((before, behind), otherwise=ahead), "number", "DOUBLE", moment, nonan=True)


def moment_of(number: Scalar, kind: str) -> Scalar:
    """The date, datetime or time of a number of days; one that has none stops the query."""
    x = t.as_double(t.need(t.plain_number(number), "number"))
    if kind == "time":
        return _time(x, number)
    outside = t.negation(
        t.all_of([t.binary(exp.GT, x, t.double(-657_435.0)), t.binary(exp.LT, x, t.double(2_958_466.0))])
    )
    half = t.case((t.binary(exp.GTE, x, t.double(0.0)), t.double(0.5)), otherwise=t.double(-0.5))
    nearest = t.function(
        "trunc", t.binary(exp.Add, t.binary(exp.Mul, x, t.double(float(_MILLISECONDS))), half)
    )
    whole = t.cast(t.unless(outside, nearest), "BIGINT")
    back = t.binary(exp.Mod, exp.Neg(this=t.operand(whole)), t.whole(_MILLISECONDS))
    mirrored = t.binary(exp.Add, whole, t.binary(exp.Mul, t.whole(2), back))
    passed = t.case((t.binary(exp.LT, whole, t.whole(0)), mirrored), otherwise=whole)
    beyond = t.binary(exp.LT, passed, t.whole(_FIRST))
    micros = t.binary(exp.Add, t.binary(exp.Mul, t.unless(beyond, passed), t.whole(1000)), t.whole(_ORIGIN))
    late = t.binary(exp.GTE, passed, t.whole(2_958_466 * _MILLISECONDS))
    sql = t.function("make_timestamp", t.unless(late, micros))
    if kind == "date":
        return typed(t.cast(sql, "DATE"), "date", "DATE", number, raises=True)
    return typed(sql, "datetime", "TIMESTAMP", number, raises=True)


def _time(x: Any, number: Scalar) -> Scalar:
    """What is finer than a microsecond is for the interpreter."""
    outside = t.negation(t.all_of([t.binary(exp.GTE, x, t.double(0.0)), t.binary(exp.LT, x, t.double(1.0))]))
    nearest = t.function("round_even", t.binary(exp.Mul, x, t.double(864e9)), t.whole(0))
    ticks = t.cast(t.unless(outside, nearest), "BIGINT")
    fine = t.any_of(
        [
            t.binary(exp.NEQ, t.binary(exp.Mod, ticks, t.whole(10)), t.whole(0)),
            t.binary(exp.GTE, ticks, t.whole(DAY)),
        ]
    )
    micros = t.binary(exp.IntDiv, t.unless(fine, ticks), t.whole(10))
    return typed(t.cast(t.function("make_timestamp", micros), "TIME"), "time", "TIME", number, raises=True)


def day_before_all(time: Scalar) -> Scalar:
    """The datetime of a time: that of 1899-12-30."""
    if time.kind != "time":
        raise Unfoldable("a datetime of something other than a time")
    day = t.cast(exp.Literal.string("1899-12-30"), "DATE")
    return typed(t.binary(exp.Add, day, time.use), "datetime", "TIMESTAMP", time)
