"""List.*, ordering: sorting, extremes, medians and percentiles (LST-39 to LST-49).

Criteria are read by ``library/ordering.py``.
"""

from __future__ import annotations

import math
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member, options
from mlang.library.comparer import criteria
from mlang.library.list.selection import first_n, remove_nulls
from mlang.library.list.shared import NOTHING, count_or_condition, is_column, of_column, unsigned
from mlang.library.ordering import comparison
from mlang.registry import builtin
from mlang.values import operators
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import Deferred, count, forced
from mlang.values.metadata import strip


@builtin("List.Sort(list as list, optional comparisonCriteria as any) as list")
def sort(items: Any, comparison_criteria: Any = None) -> Any:
    """Sorts a list: by value, by a key, in an order, or by a comparison of two items."""
    if is_column(items):
        from mlang.tables.asking import sorted_column

        column = sorted_column(items, comparison_criteria)
        if column is not NOTHING:
            return column
    ordering = comparison(comparison_criteria)
    return Deferred(lambda: ordering.sorted(list(forced(items))), lambda: count(items))


# ---------------------------------------------------------------- extremes


def _present(items: Any, include_nulls: Any) -> list[Any]:
    values = list(forced(items))
    if include_nulls:
        return values
    return [value for value in values if strip(value) is not None]


def _extreme(items: Any, default: Any, criterion: Any, include_nulls: Any, sign: int) -> Any:
    ordering = comparison(criterion)
    best: Any = None
    found = False
    for value in _present(items, include_nulls):
        if not found:
            best, found = value, True
        elif ordering.compare(value, best) * sign > 0:
            best = value
    return (unsigned(best) if criterion is None else best) if found else default


@builtin(
    "List.Max(list as list, optional default as any, optional comparisonCriteria as any, "
    "optional includeNulls as nullable logical) as any",
    keeps="default",
)
def maximum(items: Any, default: Any = None, criterion: Any = None, include_nulls: Any = None) -> Any:
    """Gives the greatest item, or a default when there is none; nulls do not take part."""
    if items.__class__ is not list and default is None and criterion is None and include_nulls is None:
        found = of_column(items, "List.Max")
        if found is not NOTHING:
            return found
    return _extreme(items, default, criterion, include_nulls, 1)


@builtin(
    "List.Min(list as list, optional default as any, optional comparisonCriteria as any, "
    "optional includeNulls as nullable logical) as any",
    keeps="default",
)
def minimum(items: Any, default: Any = None, criterion: Any = None, include_nulls: Any = None) -> Any:
    """Gives the least item, or a default when there is none; nulls do not take part unless asked for."""
    if items.__class__ is not list and default is None and criterion is None and include_nulls is None:
        found = of_column(items, "List.Min")
        if found is not NOTHING:
            return found
    return _extreme(items, default, criterion, include_nulls, -1)


def _extremes(items: Any, count_or_test: Any, criterion: Any, include_nulls: Any, reverse: bool) -> Any:
    number, test = count_or_condition(count_or_test, 1)
    if number is not None and criterion is None and not include_nulls and is_column(items):
        order = 1.0 if reverse else 0.0
        return first_n(sort(remove_nulls(items), order), float(number))
    ordering = comparison(criterion)

    def make() -> list[Any]:
        ordered = ordering.sorted(_present(items, include_nulls), reverse=reverse)
        if number is not None:
            return ordered[:number]
        assert test is not None
        end = 0
        while end < len(ordered) and test(ordered[end]):
            end += 1
        return ordered[:end]

    return Deferred(make)


@builtin(
    "List.MaxN(list as list, countOrCondition as any, optional comparisonCriteria as any, "
    "optional includeNulls as nullable logical) as list"
)
def maximum_n(items: Any, count_or_test: Any, criterion: Any = None, include_nulls: Any = None) -> Any:
    """Gives the greatest items, greatest first: so many (one for null), or as long as a condition holds."""
    return _extremes(items, count_or_test, criterion, include_nulls, True)


@builtin(
    "List.MinN(list as list, countOrCondition as any, optional comparisonCriteria as any, "
    "optional includeNulls as nullable logical) as list"
)
def minimum_n(items: Any, count_or_test: Any, criterion: Any = None, include_nulls: Any = None) -> Any:
    """Gives the least items, least first: so many (one for null), or as long as a condition holds."""
    return _extremes(items, count_or_test, criterion, include_nulls, False)


# ---------------------------------------------------------------- the middle

_AVERAGED = ({"number"}, {"duration"}, {"datetime"}, {"time"})


@builtin("List.Median(list as list, optional comparisonCriteria as any) as any")
def median(items: Any, comparison_criteria: Any = None) -> Any:
    """Gives the middle item; of an even count the mean of the two, or the smaller where no mean exists."""
    if items.__class__ is not list and comparison_criteria is None:
        found = of_column(items, "List.Median")
        if found is not NOTHING:
            return found
    ordering = comparison(comparison_criteria)
    ordered = [strip(v) for v in ordering.sorted(_present(items, False))]
    if not ordered:
        return None
    middle = (len(ordered) - 1) // 2
    low = ordered[middle]
    if len(ordered) % 2 or {kind_of(v) for v in ordered} not in _AVERAGED:
        return unsigned(low)
    return unsigned(_between(low, ordered[middle + 1], 0.5))


def _between(low: Any, high: Any, fraction: float) -> Any:
    """The value a fraction of the way from one to the other."""
    if is_number(low) and is_number(high):
        a, b = float(low), float(high)
        return (a + b) / 2 if fraction == 0.5 and math.isfinite(a + b) else a + (b - a) * fraction
    return operators.add(low, operators.multiply(operators.subtract(high, low), fraction))


@builtin("List.Percentile(list as list, percentiles as any, optional options as nullable record) as any")
def percentile(items: Any, percentiles: Any, chosen: Any = None) -> Any:
    """Gives the value below which a share of the items lies, or a list of them for several shares."""
    if items.__class__ is not list:
        found = of_column(items, "List.Percentile", percentiles, chosen)
        if found is not NOTHING:
            return found
    settings = options(chosen, "List.Percentile", {"PercentileMode": None})
    mode = enum_member(settings["PercentileMode"], "PercentileMode", (1, 2, 3, 4), 1)
    ordered = [strip(v) for v in comparison(None).sorted(_present(items, False))]
    if kind_of(percentiles) == "list":
        return [unsigned(_percentile(ordered, strip(share), mode)) for share in forced(percentiles)]
    return unsigned(_percentile(ordered, percentiles, mode))


def _percentile(ordered: list[Any], share: Any, mode: int) -> Any:
    if not is_number(share):
        raise errors.cannot_convert(share, "Number")
    p = float(share)
    if not 0 <= p <= 1:
        raise errors.argument_out_of_range("percentiles", share)
    size = len(ordered)
    if size == 0:
        return None
    if mode == 3:
        return ordered[max(0, math.ceil(p * size) - 1)]
    place = p * (size + 1) - 1 if mode == 2 else p * (size - 1)
    if not 0 <= place <= size - 1:
        raise errors.argument_out_of_range("percentiles", share)
    index = int(place)
    fraction = place - index
    if fraction == 0:
        return ordered[index]
    return _between(ordered[index], ordered[index + 1], fraction)


# ---------------------------------------------------------------- the most frequent


def _modes(items: Any, equation_criteria: Any, name: str) -> list[Any]:
    rule = criteria(equation_criteria, name)
    groups: dict[Any, list[Any]] = {}
    for value in forced(items):
        entry = groups.setdefault(rule.key(value), [value, 0])
        entry[1] += 1
    if not groups:
        return []
    most = max(entry[1] for entry in groups.values())
    return [value for value, times in groups.values() if times == most]


@builtin("List.Mode(list as list, optional equationCriteria as any) as any")
def mode_of(items: Any, equation_criteria: Any = None) -> Any:
    """Gives the most frequent item, of several the last; null for an empty list."""
    modes = _modes(items, equation_criteria, "List.Mode")
    return modes[-1] if modes else None


@builtin("List.Modes(list as list, optional equationCriteria as any) as list")
def modes_of(items: Any, equation_criteria: Any = None) -> list[Any]:
    """Gives all items that are most frequent, in order."""
    return _modes(items, equation_criteria, "List.Modes")
