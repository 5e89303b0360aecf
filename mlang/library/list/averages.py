"""List.*, averages: Average, StandardDeviation, Covariance (LST-35, LST-41)."""

from __future__ import annotations

import math
from typing import Any

from mlang import errors
from mlang.library import decimals
from mlang.library.arguments import enum_member
from mlang.library.list.shared import NOTHING, bare, numbers, of_column
from mlang.registry import builtin
from mlang.values import operators
from mlang.values import temporal as t
from mlang.values.kinds import kind_of


@builtin("List.Average(list as list, optional precision as nullable number) as any")
def average(items: Any, precision: Any = None) -> Any:
    """Gives the mean of numbers, durations, dates or times; nulls do not count."""
    if items.__class__ is not list and precision is None:
        found = of_column(items, "List.Average")
        if found is not NOTHING:
            return found
    values = [value for value in bare(items) if value is not None]
    if not values:
        return None
    kind = kind_of(values[0])
    if kind == "number":
        return _mean_of_numbers(values, bool(enum_member(precision, "precision", (0, 1))))
    if kind not in _TICKS:
        raise errors.cannot_convert(values[0], "Number")
    for value in values:
        if kind_of(value) != kind:
            raise errors.cannot_apply("+", values[0], value)
    read, make = _TICKS[kind]
    total = sum(read(value) for value in values)
    return make(_nearest(total, len(values)), values[0])


def _mean_of_numbers(values: list[Any], exact: bool) -> Any:
    if exact:
        return decimals.divide(decimals.total(values), float(len(values)))
    total: Any = 0.0
    for value in values:
        total = operators.add(total, value)
    return total / len(values)


def _nearest(total: int, count: int) -> int:
    """The quotient cut towards zero, as whole ticks are."""
    quotient = abs(total) // count
    return quotient if total >= 0 else -quotient


_TICKS: dict[str, tuple[Any, Any]] = {
    "duration": (lambda v: v.ticks, lambda n, first: t.Duration(n)),
    "date": (lambda v: v.days, lambda n, first: t.Date(n)),
    "time": (lambda v: v.ticks, lambda n, first: t.Time(n)),
    "datetime": (lambda v: v.ticks, lambda n, first: t.DateTime(n)),
    "datetimezone": (
        lambda v: v.utc_ticks,
        lambda n, first: t.DateTimeZone(n + first.offset * t.MINUTE, first.offset),
    ),
}


@builtin("List.StandardDeviation(numbersList as list) as nullable number")
def standard_deviation(items: Any) -> float | None:
    """Estimates the standard deviation from a sample (n - 1); nulls do not count."""
    if items.__class__ is not list:
        found = of_column(items, "List.StandardDeviation")
        if found is not NOTHING:
            return found  # type: ignore[no-any-return]
    values = [float(value) for value in numbers(items)]
    if not values:
        return None
    if len(values) == 1:
        return 0.0
    mean = _plain_sum(values) / len(values)
    return math.sqrt(_plain_sum([(value - mean) * (value - mean) for value in values]) / (len(values) - 1))


@builtin("List.Covariance(numberList1 as list, numberList2 as list) as nullable number")
def covariance(left: Any, right: Any) -> float | None:
    """Gives the covariance of two lists of equal length, taken as whole populations (n)."""
    xs, ys = numbers(left), numbers(right)
    if len(xs) != len(ys):
        raise errors.lists_of_different_length()
    if not xs:
        return None
    size = len(xs)
    products = [float(x) * float(y) / size for x, y in zip(xs, ys, strict=True)]
    return _plain_sum(products) - (_plain_sum(xs) / size) * (_plain_sum(ys) / size)


def _plain_sum(values: list[Any]) -> float:
    """Added from the left; Python's own sum compensates and gives other last digits."""
    total = 0.0
    for value in values:
        total += float(value)
    return total
