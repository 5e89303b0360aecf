"""SQL forms of `#date`, `#datetime`, `#time` and `#duration` of whole numbers of the row.

Numbers that make no such value stop the query: the interpreter raises, or knows better.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND

#: Days of a duration, and hours, minutes or seconds, above which the sum of ticks might leave 64 bits.
_MOST_DAYS, _MOST_OTHERS = 5_000_000, 100_000_000_000


def _outside(x: Scalar, low: int, high: int) -> list[Any]:
    """Conditions under which a number is not between two others."""
    if x.is_constant:
        return [] if low <= x.constant <= high else [exp.true()]
    return [t.binary(exp.LT, x.use, t.whole(low)), t.binary(exp.GT, x.use, t.whole(high))]


def _numbers(call: Call, count: int) -> list[Scalar]:
    if len(call.arguments) != count:
        raise Unfoldable(f"{call.name} with the wrong number of arguments")
    return [call.whole(index) for index in range(count)]


def _day(parts: list[Scalar], made: Any) -> Any:
    """``made``, where year, month and day are those of a date."""
    year, month, day = parts[:3]
    odd = [*_outside(year, 1, 9999), *_outside(month, 1, 12), *_outside(day, 1, 31)]
    branches = [(t.any_of(odd), t.error())] if odd else []
    if not (day.is_constant and day.constant <= 28):
        last = t.function(
            "day", t.function("last_day", t.function("make_date", year.use, month.use, t.whole(1)))
        )
        branches.append((t.binary(exp.GT, day.use, last), t.error()))
    return t.case(*branches, otherwise=made) if branches else made


@folds("#date")
def date(call: Call) -> Scalar:
    parts = _numbers(call, 3)
    sql = _day(parts, t.function("make_date", *[x.use for x in parts]))
    return typed(sql, "date", "DATE", *parts, raises=True)


def _clock(parts: list[Scalar]) -> list[Any]:
    hour, minute, second = parts
    return [*_outside(hour, 0, 23), *_outside(minute, 0, 59), *_outside(second, 0, 59)]


@folds("#datetime")
def datetime(call: Call) -> Scalar:
    parts = _numbers(call, 6)
    made = t.function("make_timestamp", *[x.use for x in parts[:5]], t.cast(parts[5].use, "DOUBLE"))
    odd = _clock(parts[3:])
    sql = _day(parts, t.unless(t.any_of(odd), made) if odd else made)
    return typed(sql, "datetime", "TIMESTAMP", *parts, raises=True)


@folds("#time")
def time(call: Call) -> Scalar:
    parts = _numbers(call, 3)
    made = t.function("make_time", parts[0].use, parts[1].use, t.cast(parts[2].use, "DOUBLE"))
    odd = _clock(parts)
    return typed(t.unless(t.any_of(odd), made) if odd else made, "time", "TIME", *parts, raises=True)


@folds("#duration")
def duration(call: Call) -> Scalar:
    parts = _numbers(call, 4)
    total, odd = None, []
    for x, unit, most in zip(
        parts, (DAY, HOUR, MINUTE, SECOND), (_MOST_DAYS, *[_MOST_OTHERS // 10] * 3), strict=True
    ):
        odd += _outside(x, -most, most)
        if x.is_constant and x.constant == 0:
            continue
        ticks = t.binary(exp.Mul, x.use, t.cast(t.whole(unit), "BIGINT"))
        total = ticks if total is None else t.binary(exp.Add, total, ticks)
    if total is None:
        raise Unfoldable("a duration of nothing")
    return typed(t.unless(t.any_of(odd), total) if odd else total, "duration", "BIGINT", *parts, raises=True)
