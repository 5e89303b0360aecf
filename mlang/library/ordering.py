"""Comparison criteria: what List.Sort, List.Max, Table.Sort and their kin accept (LST-46 to LST-49).

A criterion is an order, a key function, ``{key, order}``, a function of two items, or a
list of the former.  `comparison` reads them once; the `Ordering` then sorts.  Keys are
computed in Python loops and a user's two-argument function is driven by a merge sort
of our own, so that M code never runs below a C function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member
from mlang.library.comparer import comparer_sort_key, takes
from mlang.values.compare import sort_key
from mlang.values.functions import bind
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.thunk import force


class SortPart:
    """One criterion: a sort key of what is selected, or a comparison of two items; ``descending`` turns it round."""

    __slots__ = ("compare", "descending", "key", "select")

    def __init__(
        self,
        key: Callable[[Any], Any] | None = sort_key,
        compare: Callable[[Any, Any], int] | None = None,
        descending: bool = False,
        select: Callable[[Any], Any] | None = None,
    ) -> None:
        self.key, self.compare, self.descending, self.select = key, compare, descending, select

    def keys(self, values: list[Any]) -> list[Any]:
        """The sort key of each value; errors name a value and one that it is compared with, as tables do."""
        assert self.key is not None
        if self.select is not None:
            values = [strip(self.select(value)) for value in values]
        if self.key is not sort_key or len(values) < 2:
            return [self.key(value) for value in values]
        return [sort_key(value, values[0 if i else 1]) for i, value in enumerate(values)]


class Ordering:
    """An order made of criteria, the first one deciding first."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[SortPart]) -> None:
        self.parts = parts

    def sorted(self, values: list[Any], *, reverse: bool = False) -> list[Any]:
        """Forced values in order, equal ones as they came; ``reverse`` turns the whole order round."""
        order = self.permutation(values, reverse=reverse)
        return [values[i] for i in order]

    def permutation(self, values: list[Any], *, reverse: bool = False) -> list[int]:
        """The indexes of the values in sorted order."""
        order = list(range(len(values)))
        # Least significant criterion first: each pass is stable.
        for part in reversed(self.parts):
            descending = part.descending is not reverse
            if part.key is not None:
                keys = part.keys(values)
                order.sort(key=keys.__getitem__, reverse=descending)
            else:
                assert part.compare is not None
                order = _merge_sort(order, values, part.compare, -1 if descending else 1)
        return order

    def compare(self, a: Any, b: Any) -> int:
        """-1, 0 or 1 for two forced values."""
        for part in self.parts:
            if part.key is not None:
                x, y = part.keys([a, b])
                result = int(x > y) - int(x < y)
            else:
                assert part.compare is not None
                result = part.compare(a, b)
            if result:
                return -result if part.descending else result
        return 0


def _merge_sort(
    order: list[int], values: list[Any], compare: Callable[[Any, Any], int], sign: int
) -> list[int]:
    """A stable bottom-up merge sort of indexes."""
    width = 1
    while width < len(order):
        merged: list[int] = []
        for start in range(0, len(order), 2 * width):
            left, right = order[start : start + width], order[start + width : start + 2 * width]
            i = j = 0
            while i < len(left) and j < len(right):
                if compare(values[left[i]], values[right[j]]) * sign <= 0:
                    merged.append(left[i])
                    i += 1
                else:
                    merged.append(right[j])
                    j += 1
            merged.extend(left[i:])
            merged.extend(right[j:])
        order = merged
        width *= 2
    return order


# ---------------------------------------------------------------- reading criteria


def comparison(criteria: Any) -> Ordering:
    """Reads a ``comparisonCriteria`` argument."""
    criteria = strip(force(criteria))
    if criteria is None:
        return Ordering([SortPart()])
    if kind_of(criteria) != "list":
        return Ordering([_part(criteria)])
    items = [strip(item) for item in forced(criteria)]
    if len(items) == 2 and kind_of(items[0]) == "function" and is_number(items[1]):
        return Ordering([_pair(items)])
    if any(is_number(item) for item in items):
        raise errors.bad_sort_criteria()
    return Ordering([_part(item) for item in items])


def _part(criterion: Any) -> SortPart:
    if is_number(criterion):
        return SortPart(descending=bool(enum_member(criterion, "order", (0, 1))))
    kind = kind_of(criterion)
    if kind == "function":
        return _function_part(criterion)
    if kind == "list":
        return _pair([strip(item) for item in forced(criterion)])
    raise errors.bad_sort_criteria()


def _pair(items: list[Any]) -> SortPart:
    """``{key or comparison, order}``; one of them alone is fine too."""
    if not 1 <= len(items) <= 2 or kind_of(items[0]) != "function":
        raise errors.bad_sort_criteria()
    part = _function_part(items[0])
    if len(items) == 2 and items[1] is not None:
        if not is_number(items[1]):
            raise errors.bad_sort_criteria()
        part.descending = bool(enum_member(items[1], "order", (0, 1)))
    return part


def _function_part(function: Any) -> SortPart:
    key = comparer_sort_key(function)
    if key is not None:
        return SortPart(key)
    if takes(function, 1):
        return SortPart(select=bind(function, 1))
    return SortPart(None, sign_of(bind(function, 2)))


def sign_of(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], int]:
    """A two-argument M comparison as -1, 0 or 1; any number serves as its sign (LST-47)."""

    def apply(a: Any, b: Any) -> int:
        result = strip(compare(a, b))
        if not is_number(result):
            raise errors.cannot_convert(result, "Number")
        return int(result > 0) - int(result < 0)

    return apply
