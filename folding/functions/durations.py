"""SQL forms of ``Duration.*``, which are ticks (BIGINT), and of the arithmetic of moments and durations."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import instants
from folding import terms as t
from folding.functions import Call, folds
from folding.spelt import duration_of
from folding.terms import Scalar, typed
from mlang.values.temporal import DAY, DAYS_PER_TICK

_TOTALS = {
    "Duration.TotalDays": DAYS_PER_TICK, "Duration.TotalHours": 1.0 / 36e9, "Duration.TotalMinutes": 1.0 / 6e8,
    "Duration.TotalSeconds": 1.0 / 1e7,
}  # fmt: skip


@folds("Duration.Days", "Duration.Hours", "Duration.Minutes")
def duration_part(call: Call) -> Scalar:
    value = call.of(0, "duration")
    unit, cycle = {
        "Duration.Days": (DAY, 0),
        "Duration.Hours": (DAY // 24, 24),
        "Duration.Minutes": (DAY // 1440, 60),
    }[call.name]
    sql: Any = t.binary(exp.IntDiv, value.use, t.whole(unit))
    if cycle:
        sql = t.binary(exp.Mod, sql, t.whole(cycle))
    return typed(sql, "number", "BIGINT", value, nonan=True, int53=True)


@folds("Duration.Seconds")
def seconds(call: Call) -> Scalar:
    """With their fraction."""
    value = call.of(0, "duration")
    rest = t.cast(t.binary(exp.Mod, value.use, t.whole(600_000_000)), "DOUBLE")
    sql = exp.Div(this=rest, expression=t.double(1e7), typed=True)
    return typed(sql, "number", "DOUBLE", value, nonan=True)


@folds(*_TOTALS)
def total(call: Call) -> Scalar:
    """Ticks times the reciprocal of the unit, as the interpreter computes them."""
    value = call.of(0, "duration")
    sql = t.binary(exp.Mul, t.cast(value.use, "DOUBLE"), t.double(_TOTALS[call.name]))
    return typed(sql, "number", "DOUBLE", value, nonan=True)


@folds("Duration.From", "Duration.FromText")
def duration_from(call: Call) -> Scalar:
    """Of a number of days: ticks, half to even; of a text that is spelt plainly."""
    kinds = ("text",) if call.name == "Duration.FromText" else ("duration", "number", "text")
    value = call.of(0, *kinds)
    call.at_most(1)
    if value.kind == "duration":
        return value
    if value.kind == "text":
        return duration_of(value)
    return instants.ticks_of_double(t.binary(exp.Mul, t.as_double(value), t.double(864e9)), value)
